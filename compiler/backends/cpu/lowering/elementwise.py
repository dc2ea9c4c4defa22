"""Element-wise operators as formulas."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from isa.arithmetic import Rounding

from ....ops.elementwise import cast as cast_array
from ....ops.quantized import add_parameters, along_axis, requantize_parameters, rounding_of
from ..formula import FormulaBuilder
from ..graph import Step, Tensor
from ..operations import OPERATIONS
from .context import constant_of, operand

__all__ = [
    "ELEMENTWISE",
    "Place",
    "follow",
    "moved_to_scale",
    "rescaled",
    "saturated",
    "without_zero_point",
]

Array = npt.NDArray[Any]

# Two int8 less their zero points, times up to 2**20, sum up without leaving int32.
_SMALL_SHIFT = 20
# Zero points shifted left by 31 more stay within int64.
_SMALLEST_SHIFT = -19


@dataclass(frozen=True, slots=True)
class Place:
    """A step that shall become nodes of a formula.

    Attributes
    ----------
    build : FormulaBuilder
    step : Step
    known : Mapping of Tensor to int
        Nodes of the operands that the formula computes itself.
    """

    build: FormulaBuilder
    step: Step
    known: Mapping[Tensor, int]

    @property
    def dtype(self) -> str:
        """Data type of the result."""
        assert isinstance(self.step.result, Tensor)
        return self.step.result.dtype

    def operand(self, number: int) -> int:
        """Return the node of an operand, broadcast."""
        tensor = operand(self.step, number)
        return self.known[tensor] if tensor in self.known else self.build.load(tensor)

    def along(self, number: int, axis: int) -> int:
        """Return the node of an operand that is a scalar, or a vector along `axis`."""
        tensor = operand(self.step, number)
        return self.known[tensor] if tensor in self.known else self.build.along(tensor, axis)

    def parameter(self, number: int, name: str) -> Array:
        """Return a scale or zero point, which must be known, so that it broadcasts."""
        value = constant_of(self.step, number, name)
        axis = cast(int, self.step.attrs.get("axis", -1))
        return along_axis(value, len(self.build.shape), axis)


def follow(build: FormulaBuilder, steps: tuple[Step, ...], known: dict[Tensor, int]) -> int:
    """Return the node of the last of `steps`; `known` has nodes of their operands."""
    node = -1
    for step in steps:
        node = ELEMENTWISE[step.name](Place(build, step, known))
        assert isinstance(step.result, Tensor)
        known[step.result] = node
    return node


def rescaled(
    build: FormulaBuilder,
    node: int,
    in_scale: Array,
    out_scale: Array,
    rounding: Rounding,
) -> int:
    """Return the int32 node of `node` brought from one scale to another."""
    multiplier, shift = requantize_parameters(in_scale, out_scale)
    return _scaled(build, node, multiplier, shift, rounding)


def _scaled(
    build: FormulaBuilder,
    node: int,
    multiplier: Array,
    shift: Array,
    rounding: Rounding,
) -> int:
    """Return the int32 node of `node` times multiplier * 2**(shift - 31)."""
    factors = build.constant(multiplier), build.constant(shift.astype(np.int32))
    where = "left" if np.any(shift > 0) else "none"
    if np.all(shift < 0) and np.all(shift >= _SMALLEST_SHIFT):
        where = "right"
    if rounding == Rounding.UPWARD:
        if build.nodes[node].dtype != "int64":
            node = build.cast(node, "int32")
        return build.apply("requantize_upward", "int32", node, *factors, value=where)
    narrow = build.cast(node, "int32")
    return build.apply("requantize_tflite", "int32", narrow, *factors, value=where)


def saturated(build: FormulaBuilder, node: int, zero_point: int, dtype: str) -> int:
    """Return node + zero point, clamped to `dtype`."""
    scaled = build.nodes[node]
    if scaled.operation.startswith("requantize_") and scaled.value == "right":
        narrow = build.nodes[scaled.operands[0]].dtype == "int32" and dtype in ("int8", "uint8")
        if narrow:
            name = scaled.operation.removeprefix("re")
            return build.apply(name, dtype, *scaled.operands, value=zero_point)
    if dtype == "int32":
        node = build.cast(node, "int64")
    point = build.constant(np.asarray(zero_point, build.nodes[node].dtype))
    return build.apply("saturate", dtype, node, point)


def _plain(place: Place) -> int:
    """Return the operation of the operator's own name."""
    operands = [place.operand(number) for number in range(len(place.step.operands))]
    return place.build.apply(place.step.name, place.dtype, *operands)


def _clip(place: Place) -> int:
    dtype = place.dtype
    bounds = [
        place.build.immediate(cast_array(np.asarray(place.step.attrs[name]), dtype).item(), dtype)
        for name in ("a_min", "a_max")
    ]
    return place.build.apply("clip", dtype, place.operand(0), *bounds)


def _cast(place: Place) -> int:
    return place.build.cast(place.operand(0), place.dtype)


def _leaky_relu(place: Place) -> int:
    alpha = float(np.asarray(place.step.attrs["alpha"], place.dtype))
    return place.build.apply("nn.leaky_relu", place.dtype, place.operand(0), value=alpha)


def _bias_add(place: Place) -> int:
    bias = place.along(1, cast(int, place.step.attrs["axis"]))
    return place.build.apply("add", place.dtype, place.operand(0), bias)


def _batch_norm(place: Place) -> int:
    """(data - mean) / sqrt(variance + epsilon) * gamma + beta."""
    build, dtype, attrs = place.build, place.dtype, place.step.attrs
    axis = cast(int, attrs["axis"])
    gamma, beta, mean, variance = (place.along(number, axis) for number in range(1, 5))
    epsilon = build.immediate(cast(float, attrs["epsilon"]), dtype)
    root = build.apply("sqrt", dtype, build.apply("add", dtype, variance, epsilon))
    centred = build.apply("subtract", dtype, place.operand(0), mean)
    normal = build.apply("divide", dtype, centred, root)
    if attrs["scale"]:
        normal = build.apply("multiply", dtype, normal, gamma)
    return build.apply("add", dtype, normal, beta) if attrs["center"] else normal


def _quantize(place: Place) -> int:
    """Round data / scale half away from zero, add the zero point, saturate."""
    build = place.build
    scale = place.parameter(1, "output_scale").astype(np.float32)
    point = place.parameter(2, "output_zero_point")
    scaled = _divided(build, place.operand(0), scale)
    rounded = build.apply("round", "float32", scaled)
    wide = "int64" if place.dtype == "int32" else "int32"
    node = build.cast(rounded, wide)
    return build.apply("saturate", place.dtype, node, build.constant(point.astype(wide)))


def _divided(build: FormulaBuilder, node: int, divisor: Array) -> int:
    """Return a float32 node divided by a known number, or by several."""
    if divisor.size == 1 and np.isfinite(divisor).all() and divisor.all():
        return build.apply("divide_by", "float32", node, value=float(divisor.item()))
    return build.apply("divide", "float32", node, build.constant(divisor))


def _divide(place: Place) -> int:
    """Divide; float32 by a known number without a division."""
    divisor = operand(place.step, 1).constant
    if place.dtype == "float32" and divisor is not None and divisor.size == 1:
        return _divided(place.build, place.operand(0), divisor)
    return _plain(place)


def _power(place: Place) -> int:
    """Raise to a power; to a small whole one that is known by products."""
    exponent = operand(place.step, 1).constant
    if exponent is None or exponent.size != 1 or float(exponent.item()) not in (1.0, 2.0, 3.0):
        return _plain(place)
    node = product = place.operand(0)
    for _ in range(int(exponent.item()) - 1):
        product = place.build.apply("multiply", place.dtype, product, node)
    return product


def _dequantize(place: Place) -> int:
    build = place.build
    scale = place.parameter(1, "input_scale").astype(np.float32)
    point = place.parameter(2, "input_zero_point")
    data = place.operand(0)
    wide = "int64" if build.nodes[data].dtype == "int32" else "int32"
    offset = build.apply(
        "subtract", wide, build.cast(data, wide), build.constant(point.astype(wide))
    )
    return build.apply("multiply", "float32", build.cast(offset, "float32"), build.constant(scale))


def without_zero_point(build: FormulaBuilder, node: int, zero_point: object) -> int:
    """Return node - zero point, exactly."""
    point = np.asarray(zero_point)
    if not point.any():
        return node
    wide = "int64" if build.nodes[node].dtype == "int32" else "int32"
    return build.apply("subtract", wide, build.cast(node, wide), build.constant(point.astype(wide)))


def moved_to_scale(
    build: FormulaBuilder,
    node: int,
    source: tuple[Array, npt.ArrayLike],
    target: tuple[Array, int],
    rounding: Rounding,
    dtype: str,
) -> int:
    """Return a quantised node at another scale and zero point, saturated to `dtype`."""
    offset = without_zero_point(build, node, source[1])
    return saturated(
        build, rescaled(build, offset, source[0], target[0], rounding), *target[1:], dtype
    )


def _requantize(place: Place) -> int:
    source = place.parameter(1, "input_scale"), place.parameter(2, "input_zero_point")
    target = constant_of(place.step, 3, "output_scale"), _scalar(place, 4)
    rounding = rounding_of(place.step.attrs)
    return moved_to_scale(place.build, place.operand(0), source, target, rounding, place.dtype)


def _scalar(place: Place, number: int) -> int:
    """Return an operand that is a known zero point."""
    return int(constant_of(place.step, number, "a zero point").item())


def _quantized_sum(sign: int) -> Callable[[Place], int]:
    """Return qnn.add (`sign` 1) or qnn.subtract (-1)."""
    operation = "add" if sign > 0 else "subtract"

    def build_sum(place: Place) -> int:
        build, step = place.build, place.step
        scales = [constant_of(step, number, "a scale") for number in (2, 4, 6)]
        parts = [
            build.cast(
                without_zero_point(build, place.operand(number), _scalar(place, 3 + 2 * number)),
                "int32",
            )
            for number in (0, 1)
        ]
        rounding = rounding_of(step.attrs)
        if rounding == Rounding.UPWARD:
            moved = [
                rescaled(build, part, scale, scales[2], rounding)
                for part, scale in zip(parts, scales[:2], strict=True)
            ]
            shifts = [requantize_parameters(scale, scales[2])[1] for scale in scales[:2]]
            if place.dtype == "int32" or max(int(shift.max()) for shift in shifts) > _SMALL_SHIFT:
                moved = [build.cast(node, "int64") for node in moved]
            total = build.apply(operation, build.nodes[moved[0]].dtype, *moved)
            return saturated(build, total, _scalar(place, 7), place.dtype)
        parameters = add_parameters(*scales)
        twenty = build.immediate(20, "int32")
        raised = [build.apply("shift_left", "int32", part, twenty) for part in parts]
        left = _scaled(build, raised[0], *parameters[0:2], rounding)
        right = _scaled(build, raised[1], *parameters[2:4], rounding)
        total = build.apply(operation, "int32", left, right)
        scaled = _scaled(build, total, *parameters[4:6], rounding)
        return saturated(build, scaled, _scalar(place, 7), place.dtype)

    return build_sum


def _quantized_mul(place: Place) -> int:
    build, step = place.build, place.step
    parts = [
        build.cast(
            without_zero_point(build, place.operand(number), _scalar(place, 3 + 2 * number)),
            "int32",
        )
        for number in (0, 1)
    ]
    lhs, rhs, out = (constant_of(step, number, "a scale") for number in (2, 4, 6))
    scale = lhs.astype(np.float64) * rhs.astype(np.float64)
    product = build.apply("multiply", "int32", *parts)
    node = rescaled(build, product, scale, out, rounding_of(step.attrs))
    return saturated(build, node, _scalar(place, 7), place.dtype)


_SPECIAL: Mapping[str, Callable[[Place], int]] = {
    "broadcast_to": lambda place: place.operand(0),
    "broadcast_to_like": lambda place: place.operand(0),
    "cast": _cast,
    "cast_like": _cast,
    "clip": _clip,
    "divide": _divide,
    "full": _cast,
    "full_like": lambda place: place.build.cast(place.operand(1), place.dtype),
    "nn.batch_norm": _batch_norm,
    "nn.bias_add": _bias_add,
    "nn.leaky_relu": _leaky_relu,
    "power": _power,
    "ones_like": lambda place: place.build.immediate(1, place.dtype),
    "qnn.add": _quantized_sum(1),
    "qnn.dequantize": _dequantize,
    "qnn.mul": _quantized_mul,
    "qnn.quantize": _quantize,
    "qnn.requantize": _requantize,
    "qnn.subtract": _quantized_sum(-1),
    "zeros_like": lambda place: place.build.immediate(0, place.dtype),
}

_INTERNAL = frozenset(
    {
        "divide_by",
        "larger",
        "move_sign",
        "quantize_tflite",
        "quantize_upward",
        "requantize_tflite",
        "requantize_upward",
        "saturate",
        "shift_left",
    }
)
ELEMENTWISE: Mapping[str, Callable[[Place], int]] = MappingProxyType(
    {**{name: _plain for name in OPERATIONS if name not in _INTERNAL}, **_SPECIAL}
)
"""From an operator's name to the function that adds it to a formula and returns its node."""
