"""The encoder of BERT-mini, in float32 as PyTorch exports it, or in int8 as QDQ.

The int8 network has weights of one symmetric scale each; the operands and the results of every
matrix product are int8, with scales from what the float network makes of sample inputs, and
everything else is float32: what ONNX Runtime's quantiser makes for its MatMul.

Source
------
Turc et al., Well-Read Students Learn Better, 2019, table 1: L = 4, H = 256.
"""

from dataclasses import dataclass
from math import erf, sqrt

import numpy as np
import numpy.typing as npt
import onnx

from .writer import Writer

__all__ = ["bert_mini", "bert_mini_int8"]

_LAYERS, _WIDTH, _HEADS, _TOKENS = 4, 256, 4, 128
_INNER = 4 * _WIDTH
_EPSILON = 1e-12
# Of weights and embeddings in BERT; larger here, so that attention is not the same everywhere.
_DEVIATION = 0.06
_SAMPLES = 2

Real = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Value:
    """A float32 value of the network, and what it is for the sample inputs."""

    name: str
    sample: Real


def bert_mini(seed: int | None, size: int = _TOKENS) -> tuple[onnx.ModelProto, int]:
    """Return the encoder for `size` tokens in float32, and its MACs."""
    return _Encoder("bert-mini-fp32", seed, size, quantized=False).build()


def bert_mini_int8(seed: int | None, size: int = _TOKENS) -> tuple[onnx.ModelProto, int]:
    """Return the encoder for `size` tokens in int8, and its MACs."""
    return _Encoder("bert-mini-int8", seed, size, quantized=True).build()


class _Encoder:
    """Writes the network."""

    def __init__(self, name: str, seed: int | None, tokens: int, *, quantized: bool) -> None:
        self._writer, self._tokens, self._quantized = Writer(name), tokens, quantized
        self._generator = None if seed is None else np.random.default_rng(seed)
        self._known: dict[str, _Value] = {}
        self._macs = 0

    def build(self) -> tuple[onnx.ModelProto, int]:
        """Return the network and its MACs."""
        shape = (self._tokens, _WIDTH)
        sample = np.zeros((0, *shape))
        if self._generator is not None:
            sample = self._generator.uniform(-1, 1, (_SAMPLES, *shape))
        x = _Value("embeddings", sample)
        for _ in range(_LAYERS):
            x = self._normalized(self._sum(x, self._attention(x)))
            y = self._gelu(self._dense(x, _INNER))
            x = self._normalized(self._sum(x, self._dense(y, _WIDTH)))
        made = self._writer.model(("embeddings", (1, *shape)), ("states", (1, *shape)))
        return made, self._macs

    def _attention(self, x: _Value) -> _Value:
        """Return softmax(q k / sqrt(d)) v of every head, put together and projected."""
        query, key, value = (
            self._heads(self._dense(x, _WIDTH), axes)
            for axes in ((0, 2, 1, 3), (0, 2, 3, 1), (0, 2, 1, 3))
        )
        scores = self._product(query, key)
        root = sqrt(_WIDTH // _HEADS)
        name = self._writer.node("Div", [scores.name, self._writer.scalar("root", root)])
        powers = np.exp(scores.sample / root)
        name = self._writer.node("Softmax", [name], axis=-1)
        mixed = self._product(_Value(name, powers / powers.sum(axis=-1, keepdims=True)), value)
        name = self._writer.node("Transpose", [mixed.name], perm=(0, 2, 1, 3))
        turned = _Value(name, mixed.sample.transpose(0, 2, 1, 3))
        return self._dense(self._reshaped(turned, (self._tokens, _WIDTH)), _WIDTH)

    def _heads(self, x: _Value, axes: tuple[int, ...]) -> _Value:
        """Return x[n, tokens, width] as heads, its axes n, tokens, heads, rest in another order."""
        parted = self._reshaped(x, (self._tokens, _HEADS, _WIDTH // _HEADS))
        name = self._writer.node("Transpose", [parted.name], perm=axes)
        return _Value(name, parted.sample.transpose(axes))

    def _reshaped(self, x: _Value, shape: tuple[int, ...]) -> _Value:
        """Return `x` in another shape, given without the batch."""
        constant = self._writer.constant("shape", np.array((1, *shape)))
        name = self._writer.node("Reshape", [x.name, constant])
        return _Value(name, x.sample.reshape(len(x.sample), *shape))

    def _product(self, left: _Value, right: _Value) -> _Value:
        """Return a matrix product of two activations."""
        self._macs += self._tokens * self._tokens * _WIDTH
        names = [self._int8(left).name, self._int8(right).name]
        product = left.sample @ right.sample
        return self._int8(_Value(self._writer.node("MatMul", names), product))

    def _dense(self, x: _Value, units: int) -> _Value:
        """Return x W + b."""
        inputs = x.sample.shape[-1]
        weight = self._drawn((inputs, units), _DEVIATION)
        bias = self._drawn((units,), _DEVIATION)
        self._macs += self._tokens * inputs * units
        names = [self._int8(x).name, self._weight(weight)]
        product = self._int8(_Value(self._writer.node("MatMul", names), x.sample @ weight))
        held = self._writer.constant("bias", bias.astype(np.float32))
        name = self._writer.node("Add", [held, product.name])
        return _Value(name, product.sample + bias)

    def _sum(self, left: _Value, right: _Value) -> _Value:
        name = self._writer.node("Add", [right.name, left.name])
        return _Value(name, left.sample + right.sample)

    def _normalized(self, x: _Value) -> _Value:
        """Return layer normalisation."""
        gamma = 1 + self._drawn((_WIDTH,), _DEVIATION)
        beta = self._drawn((_WIDTH,), _DEVIATION)
        parameters = [
            self._writer.constant("gamma", gamma.astype(np.float32)),
            self._writer.constant("beta", beta.astype(np.float32)),
        ]
        name = self._writer.node(
            "LayerNormalization", [x.name, *parameters], axis=-1, epsilon=_EPSILON
        )
        centred = x.sample - x.sample.mean(axis=-1, keepdims=True)
        deviation = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + _EPSILON)
        return _Value(name, centred / deviation * gamma + beta)

    def _gelu(self, x: _Value) -> _Value:
        """Return x / 2 * (1 + erf(x / sqrt(2))), as PyTorch writes it."""
        node, scalar = self._writer.node, self._writer.scalar
        part = node("Div", [x.name, scalar("root2", sqrt(2))])
        part = node("Add", [node("Erf", [part]), scalar("one", 1.0)])
        name = node("Mul", [node("Mul", [x.name, part]), scalar("half", 0.5)])
        return _Value(name, x.sample * (1 + np.vectorize(erf, [float])(x.sample / sqrt(2))) / 2)

    def _drawn(self, shape: tuple[int, ...], deviation: float) -> Real:
        if self._generator is None:
            return np.zeros(shape)
        drawn = self._generator.standard_normal(shape, dtype=np.float32)
        return (drawn * np.float32(deviation)).astype(np.float64)

    def _weight(self, weight: Real) -> str:
        """Write a weight, in the int8 network as integers with a DequantizeLinear."""
        if not self._quantized:
            return self._writer.constant("weight", weight.astype(np.float32))
        scale = _rounded(float(np.abs(weight).max(initial=0.0)) / 127)
        steps = np.clip(np.rint(weight / scale), -127, 127).astype(np.int8)
        name = self._writer.constant("weight", steps)
        return self._writer.node("DequantizeLinear", [name, *self._parameters(scale, 0)])

    def _int8(self, x: _Value) -> _Value:
        """Return a value through QuantizeLinear and DequantizeLinear, in the int8 network."""
        if not self._quantized:
            return x
        if x.name not in self._known:
            low, high = float(x.sample.min(initial=0.0)), float(x.sample.max(initial=0.0))
            scale = _rounded((high - low) / 255)
            zero_point = int(np.clip(np.rint(-128 - low / scale), -128, 127))
            parameters = self._parameters(scale, zero_point)
            name = self._writer.node("QuantizeLinear", [x.name, *parameters])
            name = self._writer.node("DequantizeLinear", [name, *parameters])
            self._known[x.name] = _Value(name, x.sample)
        return self._known[x.name]

    def _parameters(self, scale: float, zero_point: int) -> list[str]:
        return [
            self._writer.constant("scale", np.array(scale, np.float32)),
            self._writer.constant("zero_point", np.array(zero_point, np.int8)),
        ]


def _rounded(scale: float) -> float:
    """Return a scale of three digits: the last bits of sums are each matrix library's own."""
    return float(f"{scale:.2e}") or 1.0
