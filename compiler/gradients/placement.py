"""Gradients of operators that put elements at places which other arguments say.

Where each element of the result comes from, the operator itself says as the program runs: it is
asked once more, about the numbers of the elements instead of the elements.
"""

from math import prod
from typing import cast

import numpy as np

from ..ir.nodes import Call, Expr, Op, Tuple, TupleGetItem
from ..ir.types import TensorType, TupleType, Type
from ..ops.registry import call
from .site import Gradient, Rule, Site, indices, reshape

__all__ = ["RULES"]


def _placed(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    if not (_is_float(site.result) and any(map(_has_floats, site.types))):
        return (None,) * len(site.args)
    # Numbers count from 1: what comes from no argument, which is 0, is dropped.
    total = 1
    asked: list[Expr] = []
    for arg, kind in zip(site.args, site.types, strict=True):
        expr, total = _numbered(site, arg, kind, total)
        asked.append(expr)
    attrs = {**site.attrs, "dtype": "int64"} if "dtype" in site.attrs else site.attrs
    came = call("reshape", Call(Op(site.name), tuple(asked), attrs), newshape=(-1,))
    assert isinstance(site.result, TensorType)
    whole = call("zeros", shape=(total,), dtype=site.result.dtype)
    flat = call("reshape", grad, newshape=(-1,))
    sums = call("scatter_elements", whole, came, flat, axis=0, reduction="add")
    found: list[Gradient] = []
    first = 1
    for kind in site.types:
        part, first = _cut(site, sums, kind, first)
        found.append(part)
    return tuple(found)


def _is_float(kind: Type) -> bool:
    return isinstance(kind, TensorType) and kind.dtype.startswith("float")


def _has_floats(kind: Type) -> bool:
    return any(map(_has_floats, kind.fields)) if isinstance(kind, TupleType) else _is_float(kind)


def _numbered(site: Site, arg: Expr, kind: Type, first: int) -> tuple[Expr, int]:
    """Return an argument with numbers for floating-point elements, and the number after them."""
    if isinstance(kind, TupleType):
        fields: list[Expr] = []
        for place, field in enumerate(kind.fields):
            expr, first = _numbered(site, TupleGetItem(arg, place), field, first)
            fields.append(expr)
        return Tuple(tuple(fields)), first
    if not _is_float(kind):
        return arg, first
    shape = site.known(kind)
    count = prod(shape)
    return indices(np.arange(first, first + count).reshape(shape)), first + count


def _cut(site: Site, sums: Expr, kind: Type, first: int) -> tuple[Gradient, int]:
    """Return the gradient of an argument, whose elements have the numbers from `first` on."""
    if isinstance(kind, TupleType):
        fields: list[Gradient] = []
        for field in kind.fields:
            part, first = _cut(site, sums, field, first)
            fields.append(part)
        return tuple(fields), first
    if not _is_float(kind):
        return None, first
    shape = site.known(kind)
    end = first + prod(shape)
    own = call("strided_slice", sums, begin=(first,), end=(end,), axes=(0,))
    assert isinstance(kind, TensorType) and isinstance(site.result, TensorType)
    same = kind.dtype == site.result.dtype
    return reshape(own if same else call("cast", own, dtype=kind.dtype), shape), end


def _dynamic_topk(site: Site, grad: Expr | tuple[Gradient, ...]) -> tuple[Gradient, ...]:
    """The values go back to where they came from; their places have no gradient."""
    of_values = grad[0] if isinstance(grad, tuple) else grad
    if not site.is_float() or of_values is None or site.attrs["ret_type"] == "indices":
        return (None, None)
    places = Call(Op(site.name), site.args, {**site.attrs, "ret_type": "indices"})
    whole = call("zeros", shape=site.shape(), dtype=site.tensor().dtype)
    axis = cast(int, site.attrs["axis"]) % len(site.shape())
    back = cast(Expr, of_values)
    return call("scatter_elements", whole, places, back, axis=axis, reduction="add"), None


_STATIC = (
    *("adv_index", "matrix_set_diag", "nn.fifo_buffer", "one_hot", "sparse_to_dense"),
    "strided_set",
)
_DYNAMIC = (
    *("broadcast_to", "expand_dims", "full", "nn.pad", "one_hot", "reshape", "sparse_to_dense"),
    *("squeeze", "strided_slice", "tile"),
)

RULES: dict[str, Rule] = {
    **dict.fromkeys(_STATIC, _placed),
    **dict.fromkeys((f"dyn.{name}" for name in _DYNAMIC), _placed),
    "dyn.topk": cast(Rule, _dynamic_topk),
}
