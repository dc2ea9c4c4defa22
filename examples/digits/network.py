"""The digit network: its parameters, forward, backward, and training with Adam.

image 1x8x8 -> stem: 3x3 convolution, 16 -> block: 3x3 depthwise, 1x1 convolution, residual add
-> 2x2 max pool -> head: 3x3 convolution, 32 -> global average -> dense, 10
"""

import numpy as np
import numpy.typing as npt

from .layers import (
    convolution,
    convolution_backward,
    cross_entropy,
    depthwise,
    depthwise_backward,
    max_pool,
    max_pool_backward,
)

__all__ = ["accuracy", "forward", "gradients", "initial_parameters", "train"]

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Parameters = dict[str, Array]

_SHAPES = {
    "stem": (16, 1, 3, 3),
    "spatial": (16, 1, 3, 3),
    "pointwise": (16, 16, 1, 1),
    "head": (32, 16, 3, 3),
    "dense": (10, 32),
}


def initial_parameters(seed: int) -> Parameters:
    """Return "<layer>.weight" and "<layer>.bias" of each layer.

    Source
    ------
    He et al., "Delving Deep into Rectifiers", 2015, equation 10: standard deviation
    sqrt(2 / fan in).
    """
    random = np.random.default_rng(seed)
    parameters = {}
    for layer, shape in _SHAPES.items():
        deviation = np.sqrt(2 / np.prod(shape[1:]))
        weight = random.normal(0, deviation, shape)
        parameters[f"{layer}.weight"] = weight.astype(np.float32)
        parameters[f"{layer}.bias"] = np.zeros(shape[0], np.float32)
    return parameters


def forward(parameters: Parameters, image: Array) -> Parameters:
    """Return every activation by its name, "logits" last.

    Parameters
    ----------
    image : float32[n, 1, 8, 8], in 0..1

    Returns
    -------
    image, stem, spatial, block, pooled, head, average[n, 32], logits[n, 10]; all after their relu.
    """
    p = parameters

    def bias(layer: str) -> Array:
        return p[f"{layer}.bias"][None, :, None, None]

    stem = np.maximum(convolution(image, p["stem.weight"]) + bias("stem"), 0)
    spatial = np.maximum(depthwise(stem, p["spatial.weight"]) + bias("spatial"), 0)
    pointwise = convolution(spatial, p["pointwise.weight"]) + bias("pointwise")
    block = np.maximum(stem + pointwise, 0)
    pooled = max_pool(block)
    head = np.maximum(convolution(pooled, p["head.weight"]) + bias("head"), 0)
    average = head.mean(axis=(2, 3))
    logits = average @ p["dense.weight"].T + p["dense.bias"]
    return {
        "image": image,
        "stem": stem,
        "spatial": spatial,
        "pointwise": pointwise,
        "block": block,
        "pooled": pooled,
        "head": head,
        "average": average,
        "logits": logits,
    }


def gradients(parameters: Parameters, image: Array, labels: Labels) -> tuple[float, Parameters]:
    """Return the mean loss of a batch and the gradient of each parameter."""
    p, a = parameters, forward(parameters, image)
    loss, dlogits = cross_entropy(a["logits"], labels)
    daverage = dlogits @ p["dense.weight"]
    pixels = a["head"].shape[2] * a["head"].shape[3]
    dhead = (a["head"] > 0) * daverage[:, :, None, None] / np.float32(pixels)
    dpooled, whead = convolution_backward(a["pooled"], p["head.weight"], dhead)
    dblock = (a["block"] > 0) * max_pool_backward(a["block"], dpooled)
    dspatial, wpointwise = convolution_backward(a["spatial"], p["pointwise.weight"], dblock)
    dspatial = (a["spatial"] > 0) * dspatial
    dstem, wspatial = depthwise_backward(a["stem"], p["spatial.weight"], dspatial)
    dstem = (a["stem"] > 0) * (dstem + dblock)
    _, wstem = convolution_backward(a["image"], p["stem.weight"], dstem)
    weights = {
        "stem": wstem,
        "spatial": wspatial,
        "pointwise": wpointwise,
        "head": whead,
        "dense": dlogits.T @ a["average"],
    }
    biases = {
        "stem": dstem,
        "spatial": dspatial,
        "pointwise": dblock,
        "head": dhead,
        "dense": dlogits,
    }
    result = {f"{layer}.weight": value for layer, value in weights.items()}
    for layer, value in biases.items():
        result[f"{layer}.bias"] = value.sum(axis=(0, *range(2, value.ndim)))
    return loss, result


def train(
    image: Array, labels: Labels, *, epochs: int, seed: int, rate: float = 1e-2, batch: int = 32
) -> tuple[Parameters, list[float]]:
    """Return trained parameters and the mean loss of each epoch.

    Source
    ------
    Kingma and Ba, "Adam", 2015, algorithm 1; the rate falls to zero as a half cosine.
    """
    random = np.random.default_rng(seed)
    parameters = initial_parameters(seed)
    mean = {name: np.zeros_like(value) for name, value in parameters.items()}
    square = {name: np.zeros_like(value) for name, value in parameters.items()}
    steps = epochs * -(-len(image) // batch)
    losses, step = [], 0
    for _ in range(epochs):
        order = random.permutation(len(image))
        total = 0.0
        for chosen in np.array_split(order, -(-len(image) // batch)):
            loss, gradient = gradients(parameters, image[chosen], labels[chosen])
            total += loss * len(chosen)
            step += 1
            now = rate * 0.5 * (1 + np.cos(np.pi * step / steps))
            for name, value in gradient.items():
                mean[name] = 0.9 * mean[name] + 0.1 * value
                square[name] = 0.999 * square[name] + 0.001 * value * value
                direction = mean[name] / (1 - 0.9**step)
                scale = np.sqrt(square[name] / (1 - 0.999**step)) + 1e-8
                parameters[name] = (parameters[name] - now * direction / scale).astype(np.float32)
        losses.append(total / len(image))
    return parameters, losses


def accuracy(parameters: Parameters, image: Array, labels: Labels) -> float:
    """Return the share of images whose largest logit is their label's."""
    return float((forward(parameters, image)["logits"].argmax(axis=1) == labels).mean())
