"""Long short-term memory in float32, two layers, as PyTorch exports nn.LSTM."""

import numpy as np
import numpy.typing as npt
import onnx

from .writer import Writer

__all__ = ["lstm"]

_STEPS, _WIDTH, _LAYERS = 32, 256, 2
# Input, output, forget gate and cell.
_GATES = 4

Real32 = npt.NDArray[np.float32]


def lstm(seed: int | None, size: int = _STEPS) -> tuple[onnx.ModelProto, int]:
    """Return two layers of 256 units over `size` steps of 256 values, and the MACs.

    Weights are uniform, as nn.LSTM draws them.
    """
    net = Writer("lstm")
    generator = None if seed is None else np.random.default_rng(seed)
    bound = 1 / np.sqrt(_WIDTH)

    def draw(*shape: int) -> Real32:
        if generator is None:
            return np.zeros(shape, np.float32)
        return generator.uniform(-bound, bound, shape).astype(np.float32)

    name = "sequence"
    for _ in range(_LAYERS):
        parameters = [
            net.constant("W", draw(1, _GATES * _WIDTH, _WIDTH)),
            net.constant("R", draw(1, _GATES * _WIDTH, _WIDTH)),
            net.constant("B", draw(1, 2 * _GATES * _WIDTH)),
        ]
        zero = net.constant("state", np.zeros((1, 1, _WIDTH), np.float32))
        name = net.node("LSTM", [name, *parameters, "", zero, zero], hidden_size=_WIDTH)
        name = net.node("Squeeze", [name, net.constant("axes", np.array([1]))])
    shape = (size, 1, _WIDTH)
    macs = _LAYERS * size * _GATES * _WIDTH * 2 * _WIDTH
    return net.model(("sequence", shape), ("states", shape)), macs
