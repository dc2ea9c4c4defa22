"""Unpacks operators that only training needs whole, as inference computes them.

before -> after (m: mean, v: variance over the operator's axes; g, b: gamma, beta, each expanded)::

    (nn.batch_norm(x, g, b, m, v)).0   ->  x * s + (b - m * s), s = g / sqrt(v + epsilon)
    nn.layer_norm(x, g, b)             ->  (x - m) * rsqrt(v + epsilon) * g + b
    nn.instance_norm(x, g, b)          ->  the same, over all axes but the batch and `axis`
    nn.group_norm(x, g, b)             ->  the same, over each group of channels
    nn.l2_normalize(x)                 ->  x / sqrt(maximum(sum(x * x), eps))
    (nn.dropout(x)).0                  ->  x

The other fields of the tuples become what they are in inference: the given mean and variance, ones.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np

from ..ir.module import Module
from ..ir.nodes import Call, Constant, Expr, Op, Tuple, TupleGetItem
from ..ir.types import TensorType
from ..ops.registry import call
from .functions import map_bodies, rewrite_typed

__all__ = ["simplify_inference"]


def simplify_inference(module: Module) -> Module:
    """Return `module` without the operators above, where the rank of their data is known."""
    return map_bodies(module, lambda body: rewrite_typed(body, _unpack))


def _unpack(node: Expr) -> Expr:
    if isinstance(node, TupleGetItem) and isinstance(node.value, Tuple):
        return node.value.fields[node.index]
    if not (isinstance(node, Call) and isinstance(node.op, Op) and node.op.name in _RULES):
        return node
    kind = node.args[0].type
    return _RULES[node.op.name](node, kind) if isinstance(kind, TensorType) else node


def _batch_norm(node: Call, kind: TensorType) -> Expr:
    data, gamma, beta, mean, variance = node.args
    inverse = call("rsqrt", call("add", variance, _epsilon(node, kind)))
    scale = call("multiply", gamma, inverse) if node.attrs["scale"] else inverse
    shift = call("negative", call("multiply", mean, scale))
    if node.attrs["center"]:
        shift = call("add", beta, shift)
    axis = cast(int, node.attrs["axis"])
    scaled = call("multiply", data, _expand(scale, axis, kind))
    return Tuple((call("add", scaled, _expand(shift, axis, kind)), mean, variance), span=node.span)


def _layer_norm(node: Call, kind: TensorType) -> Expr:
    axis = cast(int, node.attrs["axis"])
    return _affine(node, _normal(node.args[0], (axis,), _epsilon(node, kind)), kind)


def _instance_norm(node: Call, kind: TensorType) -> Expr:
    rank = len(kind.shape)
    kept = (0, cast(int, node.attrs["axis"]) % rank)
    axes = tuple(axis for axis in range(rank) if axis not in kept)
    return _affine(node, _normal(node.args[0], axes, _epsilon(node, kind)), kind)


def _group_norm(node: Call, kind: TensorType) -> Expr:
    rank, groups = len(kind.shape), cast(int, node.attrs["num_groups"])
    axis = cast(int, node.attrs["axis"]) % rank
    sizes = kind.shape
    if not all(isinstance(size, int) for size in sizes):
        return node
    channels = cast(int, sizes[axis])
    split = (*sizes[:axis], groups, channels // groups, *sizes[axis + 1 :])
    axes = tuple(place for place in range(rank + 1) if place not in (0, axis))
    grouped = call("reshape", node.args[0], newshape=split)
    normal = _normal(grouped, axes, _epsilon(node, kind))
    return _affine(node, call("reshape", normal, newshape=sizes), kind)


def _l2_normalize(node: Call, kind: TensorType) -> Expr:
    data, axes = node.args[0], node.attrs["axis"]
    square = call("sum", call("multiply", data, data), axis=axes or None, keepdims=True)
    floor = _number(cast(float, node.attrs["eps"]), kind)
    return call("divide", data, call("sqrt", call("maximum", square, floor)), span=node.span)


def _dropout(node: Call, kind: TensorType) -> Expr:
    ones = call("add", call("multiply", node.args[0], _number(0.0, kind)), _number(1.0, kind))
    known = all(isinstance(size, int) for size in kind.shape)
    if known:
        ones = call("ones", shape=kind.shape, dtype=kind.dtype)
    return Tuple((node.args[0], ones), span=node.span)


def _normal(data: Expr, axes: Sequence[int], epsilon: Constant) -> Expr:
    """Return `data` less its mean over `axes`, over its standard deviation."""
    centred = call("subtract", data, call("mean", data, axis=tuple(axes), keepdims=True))
    variance = call("mean", call("multiply", centred, centred), axis=tuple(axes), keepdims=True)
    return call("multiply", centred, call("rsqrt", call("add", variance, epsilon)))


def _affine(node: Call, normal: Expr, kind: TensorType) -> Expr:
    """Return `normal` scaled and moved along the operator's axis, as its attributes say."""
    _, gamma, beta = node.args
    axis = cast(int, node.attrs["axis"])
    if node.attrs["scale"]:
        normal = call("multiply", normal, _expand(gamma, axis, kind))
    if node.attrs["center"]:
        normal = call("add", normal, _expand(beta, axis, kind))
    return normal


def _expand(vector: Expr, axis: int, kind: TensorType) -> Expr:
    """Return a vector so that it broadcasts along `axis` of `kind`."""
    after = len(kind.shape) - 1 - axis % len(kind.shape)
    return call("expand_dims", vector, axis=1, num_newaxis=after) if after else vector


def _epsilon(node: Call, kind: TensorType) -> Constant:
    return _number(cast(float, node.attrs["epsilon"]), kind)


def _number(value: float, kind: TensorType) -> Constant:
    return Constant(np.asarray(value, kind.dtype))


_RULES = {
    "nn.batch_norm": _batch_norm,
    "nn.dropout": _dropout,
    "nn.group_norm": _group_norm,
    "nn.instance_norm": _instance_norm,
    "nn.l2_normalize": _l2_normalize,
    "nn.layer_norm": _layer_norm,
}
