"""What a network's layers make of sample images, in exact integers: where its scales come from.

Sums of products of int8 values stay far below 2**53, so that float64 holds them exactly in whatever
order a matrix library adds them up. Hence the scales, and with them the file's bytes, are the same
on every computer.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["Int8", "Real", "convolve", "depthwise", "max_pool", "multiply", "normal_int8"]

Int8 = npt.NDArray[np.int8]
Real = npt.NDArray[np.float64]
_T = TypeVar("_T", bound=np.generic)

# Standard deviation of the weights in steps: the largest of a channel is then about 127.
_WEIGHT_DEVIATION = 32.0
# Rows of a weight matrix that are held as float64 at once, in elements.
_CHUNK_ELEMENTS = 1 << 24


def normal_int8(generator: np.random.Generator, shape: tuple[int, ...]) -> Int8:
    """Return symmetric int8 weights of `shape`, normally distributed."""
    drawn = generator.standard_normal(shape, dtype=np.float32)
    weight: Int8 = np.clip(np.rint(drawn * _WEIGHT_DEVIATION), -127, 127).astype(np.int8)
    return weight


def convolve(x: Real, weight: Int8, stride: int) -> Real:
    """Return the sums of a convolution.

    Parameters
    ----------
    x : float64[n, h, w, c], integers, already padded
    weight : int8[o, c, kh, kw]

    Returns
    -------
    float64[n, h', w', o]
    """
    taps = weight.transpose(2, 3, 1, 0).astype(np.float64)
    total: Real = np.zeros((*_extent(x, weight.shape[2:], stride), weight.shape[0]), np.float64)
    for (i, j), part in _taps(x, weight.shape[2:], stride):
        flat = np.ascontiguousarray(part).reshape(-1, x.shape[3])
        total += (flat @ taps[i, j]).reshape(total.shape)
    return total


def depthwise(x: Real, weight: Int8, stride: int) -> Real:
    """Return the sums of a convolution of each channel with its own kernel int8[c, 1, kh, kw]."""
    taps = weight[:, 0].transpose(1, 2, 0).astype(np.float64)
    total: Real = np.zeros((*_extent(x, weight.shape[2:], stride), x.shape[3]), np.float64)
    for (i, j), part in _taps(x, weight.shape[2:], stride):
        total += part * taps[i, j]
    return total


def max_pool(x: Int8, size: int, stride: int) -> Int8:
    """Return the largest value of each window of x, int8[n, h, w, c], already padded."""
    parts = [part for _, part in _taps(x, (size, size), stride)]
    largest: Int8 = np.maximum.reduce(parts)
    return largest


def multiply(x: Real, weight: Int8) -> Real:
    """Return x[n, k] times the transpose of int8 weight[units, k]."""
    total: Real = np.empty((len(x), len(weight)), np.float64)
    step = max(1, _CHUNK_ELEMENTS // weight.shape[1])
    for top in range(0, len(weight) if len(x) else 0, step):
        total[:, top : top + step] = x @ weight[top : top + step].T.astype(np.float64)
    return total


def _extent(
    x: npt.NDArray[np.generic], kernel: tuple[int, ...], stride: int
) -> tuple[int, int, int]:
    """Return images, height and width of the result."""
    height, width = (
        (size - taps) // stride + 1 for size, taps in zip(x.shape[1:3], kernel, strict=True)
    )
    return x.shape[0], height, width


def _taps(
    x: npt.NDArray[_T], kernel: tuple[int, ...], stride: int
) -> list[tuple[tuple[int, int], npt.NDArray[_T]]]:
    """Return for each tap of the kernel what it meets, [n, h', w', c]."""
    _, height, width = _extent(x, kernel, stride)
    reach = (height - 1) * stride + 1, (width - 1) * stride + 1
    return [
        ((i, j), x[:, i : i + reach[0] : stride, j : j + reach[1] : stride])
        for i in range(kernel[0])
        for j in range(kernel[1])
    ]
