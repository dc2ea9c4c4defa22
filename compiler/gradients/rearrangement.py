"""Gradients of operators that move, repeat, join or choose elements."""

from itertools import accumulate
from math import prod
from typing import cast

import numpy as np

from ..errors import Unsupported
from ..ir.nodes import Call, Expr, Op, Tuple
from ..ir.types import TensorType, TupleType
from ..ops.registry import call, lookup
from .site import Gradient, Rule, Site, indices, reduce_to, reshape, scatter_flat, transpose, zeros

__all__ = ["RULES"]


def _reshaped(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    if not site.is_float():
        return (None,) * len(site.args)
    return (reshape(grad, site.shape()), *(None,) * (len(site.args) - 1))


def _transpose(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    rank = len(site.tensor().shape)
    given = cast(tuple[int, ...] | None, site.attrs["axes"])
    axes = [axis % rank for axis in given] if given else list(reversed(range(rank)))
    return (transpose(grad, [axes.index(axis) for axis in range(rank)]),)


def _broadcast_to(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    if not site.is_float():
        return (None,) * len(site.args)
    return (reduce_to(grad, site, 0), *(None,) * (len(site.args) - 1))


def _moved(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Where each result element comes from, the operator itself says, asked about the places."""
    if not site.is_float():
        return (None,) * len(site.args)
    shape = site.shape()
    places = np.arange(prod(shape)).reshape(shape)
    came = cast(np.ndarray, lookup(site.name).meaning(site.attrs, places))
    found = scatter_flat(grad, indices(came), came.size, shape, site.tensor().dtype)
    return (found, *(None,) * (len(site.args) - 1))


def _moved_among(fill: str) -> Rule:
    """Return the rule of an operator that moves elements and fills up with the attribute `fill`."""

    def rule(site: Site, grad: Expr) -> tuple[Gradient, ...]:
        if not site.is_float():
            return (None,)
        shape, dtype = site.shape(), site.tensor().dtype
        # Places count from 1: what is filled up comes from place 0, which is dropped.
        places = np.arange(1, prod(shape) + 1).reshape(shape)
        meaning = lookup(site.name).meaning
        came = cast(np.ndarray, meaning({**site.attrs, fill: 0.0}, places))
        count = (prod(shape) + 1,)
        found = scatter_flat(grad, indices(came.astype(np.int64)), came.size, count, dtype)
        return (reshape(call("strided_slice", found, begin=(1,), end=count), shape),)

    return rule


def _slice_like(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    if not site.is_float():
        return (None, None)
    sizes = zip(site.shape(), site.result_shape, strict=True)
    widths = tuple((0, size - taken) for size, taken in sizes)
    return call("nn.pad", grad, site.constant(0), pad_width=widths), None


def _collapse(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    if not site.is_float():
        return (None, None)
    return call("broadcast_to", grad, shape=site.shape()), None


def _masked(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Let through what the operator lets through."""
    if not site.is_float():
        return (None, None)
    attrs = {name: value for name, value in site.attrs.items() if name != "mask_value"}
    zero = {"mask_value": 0.0} if "mask_value" in site.attrs else {}
    return Call(Op(site.name), (grad, site.args[1]), {**attrs, **zero}), None


def _strided_slice(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    steps = cast(tuple[int, ...] | None, site.attrs["strides"]) or (1,)
    if any(step != 1 for step in steps) or not site.is_float():
        return _moved(site, grad)
    firsts = [_first(site, axis) for axis in range(len(site.shape()))]
    sizes = zip(firsts, site.shape(), site.result_shape, strict=True)
    widths = tuple((first, size - first - taken) for first, size, taken in sizes)
    if any(min(pair) < 0 for pair in widths) or 0 in site.result_shape:
        return _moved(site, grad)
    return (call("nn.pad", grad, site.constant(0), pad_width=widths),)


def _first(site: Site, axis: int) -> int:
    """Return the first place that a slice takes along an axis, 0 of an empty one."""
    shape = site.shape()
    along = np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    whole = np.broadcast_to(along, shape)
    taken = cast(np.ndarray, lookup(site.name).meaning(site.attrs, whole))
    return int(taken.flat[0]) if taken.size else 0


def _pad(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    widths = cast(tuple[tuple[int, int], ...], site.attrs["pad_width"])
    if site.attrs["pad_mode"] != "constant":
        shape = site.shape()
        places = np.arange(prod(shape)).reshape(shape)
        came = np.pad(places, widths, mode=cast(str, site.attrs["pad_mode"]))  # type: ignore[call-overload]
        found = scatter_flat(grad, indices(came), came.size, shape, site.tensor().dtype)
        return (found, *(None,) * (len(site.args) - 1))
    begin = tuple(low for low, _ in widths)
    end = tuple(low + size for low, size in zip(begin, site.shape(), strict=True))
    inner = call("strided_slice", grad, begin=begin, end=end)
    if not site.is_float(1):
        return inner, None
    return inner, call("subtract", call("sum", grad), call("sum", inner))


def _concatenate(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    fields = site.types[0]
    assert isinstance(fields, TupleType)
    axis = cast(int, site.attrs["axis"]) % len(site.result_shape)
    sizes = [site.known(field)[axis] for field in fields.fields]
    ends = list(accumulate(sizes))
    parts = [
        call("strided_slice", grad, begin=(end - size,), end=(end,), axes=(axis,))
        for size, end in zip(sizes, ends, strict=True)
    ]
    return (tuple(parts),)


def _stack(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    fields = site.types[0]
    assert isinstance(fields, TupleType)
    axis = cast(int, site.attrs["axis"]) % len(site.result_shape)
    parts = [
        call("squeeze", _cut(grad, axis, place, place + 1), axis=(axis,))
        for place in range(len(fields.fields))
    ]
    return (tuple(parts),)


def _cut(expr: Expr, axis: int, first: int, last: int) -> Expr:
    return call("strided_slice", expr, begin=(first,), end=(last,), axes=(axis,))


def _split(site: Site, grads: tuple[Gradient, ...]) -> tuple[Gradient, ...]:
    result = site.result
    assert isinstance(result, TupleType)
    if not site.is_float() or all(grad is None for grad in grads):
        return (None,)
    parts = [
        zeros(kind, site.output) if grad is None else cast(Expr, grad)
        for grad, kind in zip(grads, result.fields, strict=True)
    ]
    return (call("concatenate", Tuple(tuple(parts)), axis=site.attrs["axis"]),)


def _take(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Add the gradient in at the places taken: flat places are computed as the program runs."""
    if not site.is_float():
        return (None, None)
    shape, chosen = site.shape(), site.shape(1)
    axis = cast(int | None, site.attrs["axis"])
    size = prod(shape) if axis is None else shape[axis]
    places = call("cast", site.args[1], dtype="int64")
    if site.attrs["mode"] == "wrap":
        places = call("floor_mod", places, indices(size))
    else:
        places = call("clip", places, a_min=0.0, a_max=float(size - 1))
    if axis is None:
        found = scatter_flat(grad, places, prod(chosen), shape, site.tensor().dtype)
        return found, None
    axis %= len(shape)
    # Place in the flat data = (before * size + place) * inner + after.
    before, after = prod(shape[:axis]), prod(shape[axis + 1 :])
    rows = indices(np.arange(before).reshape(before, 1, 1) * size)
    column = indices(np.arange(after).reshape(1, 1, after))
    middle = call("add", rows, reshape(places, (1, prod(chosen), 1)))
    flat = call("add", call("multiply", middle, indices(after)), column)
    count = before * prod(chosen) * after
    return scatter_flat(grad, flat, count, shape, site.tensor().dtype), None


def _gather(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    if not site.is_float():
        return (None, None)
    whole = call("zeros", shape=site.shape(), dtype=site.tensor().dtype)
    axis = site.attrs["axis"]
    return call("scatter_elements", whole, site.args[1], grad, axis=axis, reduction="add"), None


def _gather_nd(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    _require(site, site.attrs["batch_dims"] == 0, "batch_dims=0")
    if not site.is_float():
        return (None, None)
    whole = call("zeros", shape=site.shape(), dtype=site.tensor().dtype)
    return call("scatter_nd", whole, site.args[1], grad, mode="add"), None


def _scatter_elements(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    _require(site, site.attrs["reduction"] == "add", 'reduction="add"')
    return grad, None, call("gather", grad, site.args[1], axis=site.attrs["axis"])


def _scatter_nd(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    _require(site, site.attrs["mode"] == "add", 'mode="add"')
    return grad, None, call("gather_nd", grad, site.args[1])


def _require(site: Site, holds: bool, what: str) -> None:
    """Raise Unsupported unless a call has attributes that the rule covers."""
    if not holds:
        raise Unsupported(f"the gradient of {site.name} is known with {what} only", site.span)


def _meshgrid(site: Site, grads: tuple[Gradient, ...]) -> tuple[Gradient, ...]:
    """Each grid holds one vector, repeated along all axes but its own."""
    fields = site.types[0]
    assert isinstance(fields, TupleType)
    swapped = site.attrs["indexing"] == "xy" and len(fields.fields) > 1
    order = list(range(len(fields.fields)))
    if swapped:
        order[0], order[1] = 1, 0
    found: list[Gradient] = []
    for axis, grad, kind in zip(order, grads, fields.fields, strict=True):
        assert isinstance(kind, TensorType)
        if grad is None:
            found.append(None)
            continue
        others = tuple(number for number in order if number != axis)
        total = call("sum", cast(Expr, grad), axis=tuple(sorted(others))) if others else grad
        found.append(reshape(cast(Expr, total), site.known(kind)))
    return (tuple(found),)


_RESHAPES = (
    *("reshape", "squeeze", "expand_dims", "nn.batch_flatten", "reshape_like"),
    "contrib_reverse_reshape",
)
_MASKS = ("trilu", "sequence_mask", "reverse_sequence")
_MOVES = (
    *("reverse", "tile", "repeat", "layout_transform", "nn.mirror_pad", "nn.depth_to_space"),
    *("nn.space_to_depth", "nn.batch_to_space_nd", "sliding_window", "vision.yolo_reorg"),
)

RULES: dict[str, Rule] = {
    **dict.fromkeys(_RESHAPES, _reshaped),
    **dict.fromkeys(_MOVES, _moved),
    **dict.fromkeys(_MASKS, _masked),
    **dict.fromkeys(("collapse_sum_like", "collapse_sum_to"), _collapse),
    "nn.space_to_batch_nd": _moved_among("pad_value"),
    "nn.dilate": _moved_among("dilation_value"),
    "slice_like": _slice_like,
    "transpose": _transpose,
    "broadcast_to": _broadcast_to,
    "broadcast_to_like": _broadcast_to,
    "strided_slice": _strided_slice,
    "nn.pad": _pad,
    "concatenate": _concatenate,
    "stack": _stack,
    "split": cast(Rule, _split),
    "meshgrid": cast(Rule, _meshgrid),
    "take": _take,
    "gather": _gather,
    "gather_nd": _gather_nd,
    "scatter_elements": _scatter_elements,
    "scatter_nd": _scatter_nd,
}
