"""Forward and backward of the layers the digit network is made of, in numpy.

All tensors are float32 in NCHW. A convolution has stride 1 and keeps the size of its map; each
backward takes what its forward took, and the gradient of the result.
"""

import numpy as np
import numpy.typing as npt

__all__ = [
    "convolution",
    "convolution_backward",
    "cross_entropy",
    "depthwise",
    "depthwise_backward",
    "max_pool",
    "max_pool_backward",
]

Array = npt.NDArray[np.float32]


def _windows(x: Array, size: int) -> Array:
    """Return float32[n, c, h, w, size, size]: the zero-padded window around each pixel."""
    margin = size // 2
    padded = np.pad(x, ((0, 0), (0, 0), (margin, margin), (margin, margin)))
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))


def convolution(x: Array, weight: Array) -> Array:
    """Return the convolution of x[n, c, h, w] with weight[o, c, k, k]; k is odd."""
    y = np.tensordot(_windows(x, weight.shape[2]), weight, axes=((1, 4, 5), (1, 2, 3)))
    return y.transpose(0, 3, 1, 2)


def convolution_backward(x: Array, weight: Array, dy: Array) -> tuple[Array, Array]:
    """Return the gradients of x and of weight."""
    dweight = np.tensordot(dy, _windows(x, weight.shape[2]), axes=((0, 2, 3), (0, 2, 3)))
    turned = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    return convolution(dy, turned), dweight


def depthwise(x: Array, weight: Array) -> Array:
    """Return the convolution of each channel of x[n, c, h, w] with its own weight[c, 1, k, k]."""
    return np.einsum("nchwij,cij->nchw", _windows(x, weight.shape[2]), weight[:, 0], optimize=True)


def depthwise_backward(x: Array, weight: Array, dy: Array) -> tuple[Array, Array]:
    """Return the gradients of x and of weight."""
    windows = _windows(x, weight.shape[2])
    dweight = np.einsum("nchwij,nchw->cij", windows, dy, optimize=True)[:, None]
    return depthwise(dy, weight[:, :, ::-1, ::-1]), dweight


def max_pool(x: Array) -> Array:
    """Return the largest of each 2 x 2 square of x[n, c, h, w]."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))


def max_pool_backward(x: Array, dy: Array) -> Array:
    """Return the gradient of x: each square's goes to its largest pixels, in equal parts."""
    n, c, h, w = x.shape
    squares = x.reshape(n, c, h // 2, 2, w // 2, 2)
    largest = squares == squares.max(axis=(3, 5), keepdims=True)
    share = dy[:, :, :, None, :, None] / largest.sum(axis=(3, 5), keepdims=True)
    return (largest * share).astype(np.float32).reshape(x.shape)


def cross_entropy(logits: Array, labels: npt.NDArray[np.int64]) -> tuple[float, Array]:
    """Return the mean cross entropy of softmax(logits[n, classes]), and its gradient."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    probability = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -float(np.log(probability[rows, labels] + 1e-12).mean())
    gradient = probability.copy()
    gradient[rows, labels] -= 1
    return loss, gradient / np.float32(len(labels))
