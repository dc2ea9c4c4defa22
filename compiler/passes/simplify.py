"""Local rewrites that make a program smaller and keep every bit of its results.

before -> after (c: a constant)::

    add(x, 0), subtract(x, 0), multiply(x, 1), divide(x, 1)    ->  x
    reshape(reshape(x)), reshape(squeeze(x)), ...              ->  reshape(x)
    reshape(x), transpose(x), cast(x) that change nothing      ->  x
    transpose(transpose(x))                                    ->  transpose(x)
    clip(clip(x, a, b), c, d)          ->  clip(x, clip(a, c, d), clip(b, c, d))
    clip(x) wider than the data type   ->  x
    nn.relu(nn.relu(x))                ->  nn.relu(x)
    qnn.requantize(x) between equal scales, zero points and narrow types  ->  x
    qnn.dense(reshape(transpose(x)), c)  ->  qnn.dense(reshape(x), c'), a matrix of each row of x;
                                             c' has the columns of c in the order of x

A floating-point ``x + 0`` stays unless the zero is negative, because it makes -0 a +0.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from ..ir.module import Module
from ..ir.nodes import Call, Constant, Expr, Op
from ..ir.pattern import Pattern, constant, op, wildcard
from ..ir.pattern_match import Match, match
from ..ir.types import TensorType
from ..ir.visitor import children, post_order, with_children
from ..ops.registry import call
from .functions import map_bodies

__all__ = ["RULES", "Rule", "apply_rules", "simplify"]

Rule = tuple[Pattern, Callable[[Match], Expr | None]]
"""A pattern, and what replaces its root; None if nothing does after all."""


def simplify(module: Module) -> Module:
    """Return `module` with `RULES` applied wherever they match."""
    return map_bodies(module, lambda body: apply_rules(body, RULES))


def apply_rules(body: Expr, rules: Sequence[Rule]) -> Expr:
    """Return a typed expression with rules applied bottom-up until none matches.

    Every rule keeps the type of what it replaces.
    """
    done: dict[int, Expr] = {}
    for node in post_order(body):
        new = with_children(node, tuple(done[id(part)] for part in children(node)))
        new = new if new is node else replace(new, type=node.type)
        found = _apply_first(new, rules)
        while found is not None:
            new = found
            found = _apply_first(new, rules)
        done[id(node)] = new
    return done[id(body)]


def _apply_first(node: Expr, rules: Sequence[Rule]) -> Expr | None:
    """Return what the first rule that matches makes of `node`, with its type."""
    for pattern, function in rules:
        found = match(pattern, node)
        new = None if found is None else function(found)
        if new is not None:
            return new if new.type is not None else replace(new, type=node.type, span=node.span)
    return None


def _neutral(value: int, x: Pattern, c: Pattern) -> Callable[[Match], Expr | None]:
    """Return the rule that leaves out an operand of which all elements are `value`."""

    def rule(found: Match) -> Expr | None:
        other, number = found[x], cast(Constant, found[c]).value
        if other.type != found.root.type or not np.all(number == value):
            return None
        is_float_sum = number.dtype.kind == "f" and value == 0
        adds = cast(Op, cast(Call, found.root).op).name == "add"
        if is_float_sum and not np.all(np.signbit(number) == adds):
            return None
        return other

    return rule


def _merge_reshapes(found: Match) -> Expr | None:
    kind = found.root.type
    if not isinstance(kind, TensorType) or not all(isinstance(size, int) for size in kind.shape):
        return None
    return call("reshape", found[_X], newshape=kind.shape, allowzero=0 in kind.shape)


def _if_same_type(found: Match) -> Expr | None:
    kind = found.root.type
    known = isinstance(kind, TensorType) and all(isinstance(size, int) for size in kind.shape)
    return found[_X] if known and found[_X].type == kind else None


def _merge_transposes(found: Match) -> Expr | None:
    outer, inner = cast(Call, found.root), cast(Call, found[_INNER_TRANSPOSE])
    kind = inner.type
    if not isinstance(kind, TensorType):
        return None
    first, second = (_axes(node, len(kind.shape)) for node in (inner, outer))
    return call("transpose", found[_X], axes=tuple(first[axis] for axis in second))


def _drop_transpose(found: Match) -> Expr | None:
    root = cast(Call, found.root)
    if not isinstance(root.type, TensorType):
        return None
    axes = _axes(root, len(root.type.shape))
    return found[_X] if axes == tuple(range(len(axes))) else None


def _axes(transpose: Call, rank: int) -> tuple[int, ...]:
    """Return the axes of a transpose, counted from 0."""
    given = cast(tuple[int, ...] | None, transpose.attrs["axes"])
    return tuple(axis % rank for axis in given) if given else tuple(reversed(range(rank)))


def _merge_clips(found: Match) -> Expr:
    inner, outer = cast(Call, found[_INNER_CLIP]), cast(Call, found.root)
    low, high = cast(float, outer.attrs["a_min"]), cast(float, outer.attrs["a_max"])
    bounds = (cast(float, inner.attrs[name]) for name in ("a_min", "a_max"))
    a_min, a_max = (min(max(bound, low), high) for bound in bounds)
    return call("clip", found[_X], a_min=a_min, a_max=a_max)


def _drop_clip(found: Match) -> Expr | None:
    root = cast(Call, found.root)
    if not isinstance(root.type, TensorType) or "int" not in root.type.dtype:
        return None
    limits = np.iinfo(root.type.dtype)
    low, high = cast(float, root.attrs["a_min"]), cast(float, root.attrs["a_max"])
    return found[_X] if low <= limits.min and high >= limits.max else None


def _drop_requantize(found: Match) -> Expr | None:
    values = [cast(Constant, found[part]).value for part in _PARAMETERS]
    kind = found.root.type
    # Of int32 TFLite's rounding doubles first, which overflows: only narrow types are safe.
    narrow = isinstance(kind, TensorType) and kind.dtype in ("int8", "uint8", "int16")
    if not narrow or found[_X].type != kind or any(value.ndim for value in values):
        return None
    same_scale = float(values[0]) == float(values[2])
    return found[_X] if same_scale and int(values[1]) == int(values[3]) else None


def _order_columns(found: Match) -> Expr | None:
    """Let a product take the values in the order they stand in; sums of integers have none."""
    dense, data, weight = cast(Call, found.root), found[_X], cast(Constant, found[_C]).value
    kind, flat = data.type, found[_FLAT].type
    if not isinstance(kind, TensorType) or not isinstance(flat, TensorType):
        return None
    shape, axes = kind.shape, _axes(cast(Call, found[_INNER_TRANSPOSE]), len(kind.shape))
    if not all(isinstance(size, int) for size in shape) or axes[0] or flat.shape[0] != shape[0]:
        return None
    sizes = cast(tuple[int, ...], shape)
    back = tuple(axes.index(axis) for axis in range(len(axes)))
    moved = weight.reshape(-1, *(sizes[axis] for axis in axes[1:])).transpose(back)
    columns = Constant(np.ascontiguousarray(moved).reshape(weight.shape), span=found[_C].span)
    row = call("reshape", data, span=found[_FLAT].span, newshape=flat.shape)
    typed = replace(row, type=flat), replace(columns, type=found[_C].type)
    return replace(dense, args=(*typed, *dense.args[2:]))


_X, _C = wildcard(), constant()
_PARAMETERS = (constant(), constant(), constant(), constant())
_INNER_TRANSPOSE = op("transpose")(_X)
_FLAT = op("reshape")(_INNER_TRANSPOSE) | op("nn.batch_flatten")(_INNER_TRANSPOSE)
_INNER_CLIP = op("clip")(_X)
_RESHAPING = (
    op("reshape")(_X) | op("squeeze")(_X) | op("expand_dims")(_X) | op("nn.batch_flatten")(_X)
)

RULES: tuple[Rule, ...] = (
    *((op(name)(_X, _C), _neutral(0, _X, _C)) for name in ("add", "subtract")),
    *((op(name)(_X, _C), _neutral(1, _X, _C)) for name in ("multiply", "divide")),
    (op("add")(_C, _X), _neutral(0, _X, _C)),
    (op("multiply")(_C, _X), _neutral(1, _X, _C)),
    (op("reshape")(_RESHAPING), _merge_reshapes),
    (op("nn.batch_flatten")(_RESHAPING), _merge_reshapes),
    (_RESHAPING, _if_same_type),
    (op("transpose")(_INNER_TRANSPOSE), _merge_transposes),
    (op("transpose")(_X), _drop_transpose),
    (op("cast")(_X), _if_same_type),
    (op("clip")(_INNER_CLIP), _merge_clips),
    (op("clip")(_X), _drop_clip),
    (op("nn.relu")(op("nn.relu")(_X)), lambda found: call("nn.relu", found[_X])),
    (op("qnn.requantize")(_X, *_PARAMETERS), _drop_requantize),
    (op("qnn.dense")(_FLAT, _C, *_PARAMETERS), _order_columns),
)
