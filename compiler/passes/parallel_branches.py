"""Makes one product of several of the same data: what the passes combine_parallel_* share.

The weights are joined along their output axis; each branch takes its part of the result. Operators
that follow in every branch alike, element by element, are joined too, before the parts are taken.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from ..ir.nodes import Call, Constant, Expr, Function, Op, Tuple, Var
from ..ir.types import TensorType
from ..ir.visitor import children
from ..ops.operator import Kind
from ..ops.registry import call, lookup
from .functions import Scope, replace_nodes, scopes

__all__ = ["LEAST_BRANCHES", "Product", "combine_branches"]

LEAST_BRANCHES = 3
"""Fewer products than this are left alone: taking the result apart costs more than it saves."""


@dataclass(frozen=True)
class Product:
    """An operator with data, a weight, and an output axis.

    Attributes
    ----------
    name : str
    weight_axis, result_axis : callables of a call, where its outputs are; None if nowhere
    ignored : attributes that follow from the weight
    """

    name: str
    weight_axis: Callable[[Call], int | None]
    result_axis: Callable[[Call], int]
    ignored: tuple[str, ...] = ()


def combine_branches(function: Function, product: Product, least: int) -> Function:
    """Return a typed function with at least `least` products of the same data made one."""
    changed: dict[int, Expr] = {}
    for scope in scopes(function):
        for branches in _siblings(scope, product):
            if len(branches) >= least:
                changed.update(_combine(branches, product, _users(scope), scope.function))
    if not changed:
        return function
    result = replace_nodes(function, changed)
    assert isinstance(result, Function)
    return result


def _siblings(scope: Scope, product: Product) -> list[list[Call]]:
    """Return the products of `scope` that can be one, by what they have in common."""
    found: defaultdict[Hashable, list[Call]] = defaultdict(list)
    for node in scope.nodes:
        if isinstance(node, Call) and isinstance(node.op, Op) and node.op.name == product.name:
            key = _key(node, product, scope.function)
            if key is not None:
                found[key].append(node)
    return list(found.values())


def _key(node: Call, product: Product, function: Function) -> Hashable | None:
    data, weight = node.args
    kind, axis = weight.type, product.weight_axis(node)
    free = isinstance(weight, Constant) or weight in function.params
    if axis is None or not free or not isinstance(kind, TensorType):
        return None
    if not all(isinstance(size, int) for size in kind.shape):
        return None
    others = tuple(size for place, size in enumerate(kind.shape) if place != axis)
    attrs = tuple(
        (name, value) for name, value in node.attrs.items() if name not in product.ignored
    )
    return id(data), others, kind.dtype, attrs


def _users(scope: Scope) -> Mapping[int, list[Expr]]:
    """Return who uses each node in its scope, the scope's own function for its result."""
    users: defaultdict[int, list[Expr]] = defaultdict(list)
    for node in scope.nodes:
        for part in children(node):
            users[id(part)].append(node)
    users[id(scope.function.body)].append(scope.function)
    return users


def _combine(
    branches: Sequence[Call],
    product: Product,
    users: Mapping[int, list[Expr]],
    function: Function,
) -> dict[int, Expr]:
    """Return what replaces the last node of each branch."""
    first = branches[0]
    axis = cast(int, product.weight_axis(first))
    weights = [branch.args[1] for branch in branches]
    attrs = {name: v for name, v in first.attrs.items() if name not in product.ignored}
    joined: Expr = call(product.name, first.args[0], _join(weights, axis), span=first.span, **attrs)
    result_axis = product.result_axis(first)
    sizes = [cast(int, cast(TensorType, w.type).shape[axis]) for w in weights]
    ends: list[Call] = list(branches)
    while (step := _next(ends, users, result_axis, sizes, function)) is not None:
        ends = step
        joined = _follow(joined, ends, result_axis, sizes)
    starts = np.cumsum([0, *sizes]).tolist()
    return {
        id(end): _part(joined, result_axis, starts[place], starts[place + 1], end)
        for place, end in enumerate(ends)
    }


def _join(parts: Sequence[Expr], axis: int) -> Expr:
    if all(isinstance(part, Constant) for part in parts):
        arrays = [cast(Constant, part).value for part in parts]
        return Constant(np.concatenate(arrays, axis), span=parts[0].span)
    return call("concatenate", Tuple(tuple(parts)), axis=axis)


def _next(
    ends: Sequence[Call],
    users: Mapping[int, list[Expr]],
    axis: int,
    sizes: Sequence[int],
    function: Function,
) -> list[Call] | None:
    """Return the operator that follows each branch, None if they differ."""
    found: list[Call] = []
    for end, size in zip(ends, sizes, strict=True):
        following = users.get(id(end), [])
        if len(following) != 1 or not isinstance(following[0], Call):
            return None
        node = following[0]
        if not _can_join(node, end, axis, size, function):
            return None
        found.append(node)
    heads = {(cast(Op, node.op).name, tuple(node.attrs.items())) for node in found}
    return found if len(heads) == 1 else None


def _can_join(node: Call, end: Call, axis: int, size: int, function: Function) -> bool:
    """Return whether `node` treats each channel of `end` alone."""
    if not isinstance(node.op, Op) or node.type != end.type or node.args[0] is not end:
        return False
    if len(node.args) == 1:
        return lookup(node.op.name).kind is Kind.ELEMENTWISE
    if len(node.args) != 2 or not isinstance(node.type, TensorType):
        return False
    other = node.args[1]
    rank = len(node.type.shape)
    if node.op.name == "nn.bias_add":
        free = isinstance(other, Constant | Var) and (
            isinstance(other, Constant) or other in function.params
        )
        return free and cast(int, node.attrs["axis"]) % rank == axis
    vector = (1,) * axis + (size,) + (1,) * (rank - 1 - axis)
    return (
        lookup(node.op.name).kind is Kind.BROADCAST
        and isinstance(other, Constant)
        and np.broadcast_shapes(other.value.shape, vector) == vector
    )


def _follow(joined: Expr, ends: Sequence[Call], axis: int, sizes: Sequence[int]) -> Expr:
    """Return the operator that ends every branch, of all branches at once."""
    first = ends[0]
    name, attrs = cast(Op, first.op).name, first.attrs
    if len(first.args) == 1:
        return call(name, joined, span=first.span, **attrs)
    others = [end.args[1] for end in ends]
    if name == "nn.bias_add":
        return call(name, joined, _join(others, 0), span=first.span, **attrs)
    rank = len(cast(TensorType, first.type).shape)
    vectors: list[Expr] = []
    for other, size in zip(others, sizes, strict=True):
        shape = (1,) * axis + (size,) + (1,) * (rank - 1 - axis)
        vectors.append(Constant(np.broadcast_to(cast(Constant, other).value, shape)))
    return call(name, joined, _join(vectors, axis), span=first.span, **attrs)


def _part(joined: Expr, axis: int, start: int, end: int, node: Call) -> Expr:
    taken = call("strided_slice", joined, begin=[start], end=[end], axes=[axis], span=node.span)
    return replace(taken, type=node.type)
