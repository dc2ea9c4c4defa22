"""What the integers of a quantised expression stand for, and the rules that carry it through
operators: the table of `fake_quantization_to_integer`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ..ir.nodes import Call, Constant, Expr, Op, Tuple
from ..ir.types import TensorType
from ..ops.quantized import along_axis
from ..ops.registry import call

__all__ = ["RULES", "Affine", "Quantised", "Rule"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Affine:
    """The integer q stands for (q - zero_point) * scale.

    Attributes
    ----------
    scale : float32 or float64, a scalar or a vector along `axis`
    zero_point : int32, a scalar
    dtype : str, of q
    axis : int
    """

    scale: Array
    zero_point: Array
    dtype: str
    axis: int = -1

    def operands(self) -> tuple[Constant, Constant]:
        """Return scale and zero point as operands of qnn operators."""
        return Constant(self.scale), Constant(self.zero_point)

    @property
    def by_tensor(self) -> bool:
        """Whether one scale serves all."""
        return self.scale.ndim == 0


@dataclass(frozen=True, eq=False)
class Quantised:
    """An integer expression and what it stands for."""

    expr: Expr
    affine: Affine


Rule = Callable[[Call, Sequence[Quantised | Expr], Affine], Quantised | None]
"""``rule(call, operands, target)``: the call on integers, or None if it has no such form.

Operands that are quantised come as `Quantised`, constants as they are. `target` is what the
expression will be quantised to at its end; operators that must choose a scale choose that one.
"""


def _unchanged(
    node: Call, operands: Sequence[Quantised | Expr], target: Affine
) -> Quantised | None:
    """An operator that moves elements: the same on integers."""
    first = operands[0]
    if not isinstance(first, Quantised) or not first.affine.by_tensor:
        return None
    return Quantised(_again(node, first.expr), first.affine)


def _pad(node: Call, operands: Sequence[Quantised | Expr], target: Affine) -> Quantised | None:
    data, value = operands
    if not isinstance(data, Quantised) or not isinstance(value, Constant):
        return None
    if not data.affine.by_tensor:
        return None
    filled = _steps(value.value, data.affine)
    return None if filled is None else Quantised(_again(node, data.expr, filled), data.affine)


def _relu(node: Call, operands: Sequence[Quantised | Expr], target: Affine) -> Quantised | None:
    data = operands[0]
    if not isinstance(data, Quantised):
        return None
    zero = Constant(data.affine.zero_point.astype(data.affine.dtype))
    return Quantised(call("maximum", data.expr, zero, span=node.span), data.affine)


def _clip(node: Call, operands: Sequence[Quantised | Expr], target: Affine) -> Quantised | None:
    data = operands[0]
    if not isinstance(data, Quantised) or not data.affine.by_tensor:
        return None
    bounds = np.array([node.attrs["a_min"], node.attrs["a_max"]], np.float64)
    steps = np.rint(bounds / data.affine.scale) + data.affine.zero_point
    limits = np.iinfo(data.affine.dtype)
    low, high = np.clip(steps, limits.min, limits.max).tolist()
    return Quantised(call("clip", data.expr, a_min=low, a_max=high, span=node.span), data.affine)


def _product(name: str, channel_axis: Callable[[Call], int]) -> Rule:
    """Return the rule of a product of data and weight."""

    def rule(node: Call, operands: Sequence[Quantised | Expr], target: Affine) -> Quantised | None:
        data, weight = operands
        if not isinstance(data, Quantised) or not isinstance(weight, Quantised):
            return None
        left, right = data.affine, weight.affine
        if not left.by_tensor or "int8" not in left.dtype or "int8" not in right.dtype:
            return None
        scale = np.asarray(left.scale, np.float64) * np.asarray(right.scale, np.float64)
        points = Constant(left.zero_point), Constant(right.zero_point)
        scales = Constant(left.scale), Constant(right.scale)
        attrs = {**node.attrs, "out_dtype": "int32"}
        result = call(name, data.expr, weight.expr, *points, *scales, span=node.span, **attrs)
        zero = np.zeros((), np.int32)
        return Quantised(result, Affine(scale, zero, "int32", channel_axis(node)))

    return rule


def _bias(node: Call, operands: Sequence[Quantised | Expr], target: Affine) -> Quantised | None:
    """A bias on int32 sums: as many steps of their scale."""
    data, bias = operands
    if not isinstance(data, Quantised) or data.affine.dtype != "int32":
        return None
    if isinstance(bias, Quantised):
        same = np.allclose(np.asarray(bias.affine.scale, np.float64), data.affine.scale, rtol=1e-6)
        whole = bias.affine.dtype == "int32" and not np.any(bias.affine.zero_point)
        return (
            Quantised(_again(node, data.expr, bias.expr), data.affine) if same and whole else None
        )
    if not isinstance(bias, Constant) or not isinstance(node.type, TensorType):
        return None
    value, axis = bias.value.astype(np.float64), data.affine.axis
    if cast(Op, node.op).name == "nn.bias_add":
        scale = data.affine.scale
    else:
        scale = along_axis(data.affine.scale, len(node.type.shape), axis)
    steps = np.rint(value / scale)
    if steps.shape != value.shape or np.abs(steps).max(initial=0) > np.iinfo(np.int32).max:
        return None
    return Quantised(_again(node, data.expr, Constant(steps.astype(np.int32))), data.affine)


def _binary(name: str) -> Rule:
    def rule(node: Call, operands: Sequence[Quantised | Expr], target: Affine) -> Quantised | None:
        if name == "qnn.add" and (summed := _bias(node, operands, target)) is not None:
            return summed
        lhs, rhs = operands
        if not isinstance(lhs, Quantised) or not isinstance(rhs, Quantised):
            return None
        dtypes = {lhs.affine.dtype, rhs.affine.dtype, target.dtype}
        if len(dtypes) > 1 or not (lhs.affine.by_tensor and rhs.affine.by_tensor):
            return None
        parameters = (*lhs.affine.operands(), *rhs.affine.operands(), *target.operands())
        return Quantised(call(name, lhs.expr, rhs.expr, *parameters, span=node.span), target)

    return rule


def _average(node: Call, operands: Sequence[Quantised | Expr], target: Affine) -> Quantised | None:
    data = operands[0]
    if not isinstance(data, Quantised) or not isinstance(node.args[0].type, TensorType):
        return None
    if data.affine.dtype not in ("int8", "uint8") or not data.affine.by_tensor:
        return None
    attrs = dict(node.attrs)
    if cast(Op, node.op).name == "nn.global_avg_pool2d":
        layout, shape = str(attrs["layout"]), node.args[0].type.shape
        height, width = shape[layout.index("H")], shape[layout.index("W")]
        if not (isinstance(height, int) and isinstance(width, int)):
            return None
        attrs = {"layout": layout, "pool_size": (height, width)}
    affine = data.affine
    parameters = (*affine.operands(), *affine.operands())
    return Quantised(
        call("qnn.avg_pool2d", data.expr, *parameters, span=node.span, **attrs), affine
    )


def _steps(value: Array, affine: Affine) -> Constant | None:
    """Return the integers that stand for `value`, None if it is out of their range."""
    steps = np.rint(value.astype(np.float64) / affine.scale) + affine.zero_point
    limits = np.iinfo(affine.dtype)
    inside = bool(np.all((steps >= limits.min) & (steps <= limits.max)))
    return Constant(steps.astype(affine.dtype)) if inside else None


def concatenated(fields: Sequence[Quantised], node: Call, target: Affine) -> Quantised | None:
    """Return the concatenation of quantised tensors, at the scale of `target`."""
    if any(not field.affine.by_tensor or field.affine.dtype != target.dtype for field in fields):
        return None
    data = Tuple(tuple(field.expr for field in fields))
    scales = Tuple(tuple(Constant(field.affine.scale) for field in fields))
    points = Tuple(tuple(Constant(field.affine.zero_point) for field in fields))
    operands = (data, scales, points, *target.operands())
    axis = node.attrs["axis"]
    return Quantised(call("qnn.concatenate", *operands, axis=axis, span=node.span), target)


def _again(node: Call, *operands: Expr) -> Call:
    """Return `node` with other operands."""
    return call(cast(Op, node.op).name, *operands, span=node.span, **node.attrs)


_MOVES = (
    *("reshape", "transpose", "squeeze", "expand_dims", "strided_slice", "nn.batch_flatten"),
    *("nn.max_pool2d", "nn.global_max_pool2d", "max", "min", "copy", "broadcast_to", "tile"),
    *("repeat", "reverse", "nn.depth_to_space", "nn.space_to_depth"),
)

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_MOVES, _unchanged),
    "nn.pad": _pad,
    "nn.relu": _relu,
    "clip": _clip,
    "nn.conv2d": _product("qnn.conv2d", lambda node: str(node.attrs["data_layout"]).index("C")),
    "nn.dense": _product("qnn.dense", lambda node: -1),
    "nn.bias_add": _bias,
    "add": _binary("qnn.add"),
    "subtract": _binary("qnn.subtract"),
    "multiply": _binary("qnn.mul"),
    "nn.avg_pool2d": _average,
    "nn.global_avg_pool2d": _average,
}
