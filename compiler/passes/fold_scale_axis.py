"""Moves factors of channels into the weights of convolutions and matrix products.

before -> after (s: a constant that differs along the channel axis only)::

    backward   multiply(nn.conv2d(%x, w), s)               ->  nn.conv2d(%x, w * s)
               multiply(add(nn.conv2d(%x, w), b), s)       ->  add(nn.conv2d(%x, w * s), b * s)
               multiply(nn.relu(nn.conv2d(%x, w)), s)      ->  nn.relu(nn.conv2d(%x, w * s))  s > 0
    forward    nn.conv2d(multiply(%x, s), w)               ->  nn.conv2d(%x, s * w)
               nn.conv2d(nn.relu(multiply(%x, s)), w)      ->  nn.conv2d(nn.relu(%x), s * w)  s > 0

The same with `nn.dense`, `nn.bias_add`, `nn.max_pool2d` and `nn.leaky_relu`. What another
expression uses too is left alone. Only floating point is touched: the results differ by rounding.
"""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ..ir.module import Module
from ..ir.nodes import Call, Constant, Expr, Op
from ..ir.types import TensorType
from ..ir.visitor import count_uses
from ..ops.registry import call
from .functions import map_bodies, rewrite_calls

__all__ = ["fold_scale_axis"]

Factor = npt.NDArray[Any]

_POSITIVE = ("nn.relu", "nn.leaky_relu", "nn.max_pool2d")
_HEAVY = ("nn.conv2d", "nn.dense")


def fold_scale_axis(module: Module) -> Module:
    """Return `module` with factors in the weights, first backward, then forward."""
    return map_bodies(map_bodies(module, _backward), _forward)


def _backward(body: Expr) -> Expr:
    uses = count_uses(body)
    return rewrite_calls(body, {"multiply": lambda node: _absorb(node, uses)}, uses)


def _forward(body: Expr) -> Expr:
    uses = count_uses(body)
    return rewrite_calls(body, dict.fromkeys(_HEAVY, lambda node: _pull(node, uses)), uses)


def _absorb(node: Call, uses: Mapping[int, int]) -> Expr | None:
    """Return what is multiplied with the factor inside, None if it cannot take it."""
    for data, factor in (node.args, node.args[::-1]):
        if isinstance(factor, Constant) and data.type == node.type and _is_float(data):
            found = _scaled(data, factor.value, uses)
            if found is not None:
                return found
    return None


def _scaled(node: Expr, factor: Factor, uses: Mapping[int, int]) -> Expr | None:
    """Return `node` times `factor`, which broadcasts to it, without a multiplication."""
    if not (isinstance(node, Call) and isinstance(node.op, Op)) or uses.get(id(node), 1) > 1:
        return None
    name = node.op.name
    if name in _HEAVY:
        channels = _along(factor, node, _channel_axis(node))
        return None if channels is None else _with_weight(node, channels, output=True)
    if name in ("add", "nn.bias_add"):
        return _scaled_sum(node, name, factor, uses)
    if name in ("nn.relu", "nn.leaky_relu") and np.all(factor > 0):
        inner = _scaled(node.args[0], factor, uses)
        return None if inner is None else call(name, inner, span=node.span, **node.attrs)
    return None


def _scaled_sum(node: Call, name: str, factor: Factor, uses: Mapping[int, int]) -> Expr | None:
    """Return a product and an addend, both times `factor`."""
    data, addend = node.args
    if not isinstance(addend, Constant) or data.type != node.type:
        return None
    vector = factor
    if name == "nn.bias_add":
        channels = _along(factor, node, cast(int, node.attrs["axis"]))
        if channels is None:
            return None
        vector = channels
    inner = _scaled(data, factor, uses)
    if inner is None:
        return None
    scaled = Constant((addend.value * vector).astype(addend.value.dtype), span=addend.span)
    return call(name, inner, scaled, span=node.span, **node.attrs)


def _pull(node: Call, uses: Mapping[int, int]) -> Expr | None:
    """Return a product that takes the factor of its data into its weight."""
    found = _unscaled(node.args[0], uses)
    if found is None:
        return None
    data, factor = found
    channels = _along(factor, node.args[0], _channel_axis(node))
    if channels is None or node.attrs.get("groups", 1) != 1:
        return None
    scaled = _with_weight(node, channels, output=False)
    if scaled is None:
        return None
    return call(_name(node), data, scaled.args[1], span=node.span, **node.attrs)


def _unscaled(node: Expr, uses: Mapping[int, int]) -> tuple[Expr, Factor] | None:
    """Return an expression and the factor that makes `node` of it."""
    if not (isinstance(node, Call) and isinstance(node.op, Op)) or uses.get(id(node), 1) > 1:
        return None
    if node.op.name == "multiply" and _is_float(node):
        for data, factor in (node.args, node.args[::-1]):
            if isinstance(factor, Constant) and data.type == node.type:
                return data, factor.value
    if node.op.name in _POSITIVE:
        inner = _unscaled(node.args[0], uses)
        if inner is not None and np.all(inner[1] > 0) and inner[1].size > 0:
            return call(node.op.name, inner[0], span=node.span, **node.attrs), inner[1]
    return None


def _with_weight(node: Call, channels: Factor, output: bool) -> Call | None:
    """Return a product whose weight is multiplied along output or input channels."""
    weight = node.args[1]
    if not isinstance(weight, Constant):
        return None
    layout = str(node.attrs.get("kernel_layout", "OI"))
    axis = layout.find("O" if output else "I")
    if axis < 0 or channels.size not in (1, weight.value.shape[axis]):
        return None
    shape = [1] * weight.value.ndim
    shape[axis] = -1
    scaled = (weight.value * channels.reshape(shape)).astype(weight.value.dtype)
    return call(
        _name(node), node.args[0], Constant(scaled, span=weight.span), span=node.span, **node.attrs
    )


def _along(factor: Factor, node: Expr, axis: int) -> Factor | None:
    """Return `factor` as a vector along `axis` of `node`, None if it differs along another."""
    kind = node.type
    if not isinstance(kind, TensorType) or factor.ndim > len(kind.shape):
        return None
    place = axis % len(kind.shape) - (len(kind.shape) - factor.ndim)
    sizes = factor.shape
    if any(size != 1 for number, size in enumerate(sizes) if number != place):
        return None
    return factor.reshape(-1)


def _channel_axis(node: Call) -> int:
    """Return the axis of the channels in the result, and in the data, of a product."""
    return str(node.attrs["data_layout"]).index("C") if "data_layout" in node.attrs else -1


def _name(node: Call) -> str:
    assert isinstance(node.op, Op)
    return node.op.name


def _is_float(node: Expr) -> bool:
    kind = node.type
    return isinstance(kind, TensorType) and kind.dtype.startswith("float")
