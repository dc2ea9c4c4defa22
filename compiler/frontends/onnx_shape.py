"""ONNX operators that move, take or count elements, as Relay's."""

from collections.abc import Mapping

import numpy as np

from ..errors import ImportFailed, Unsupported
from ..ir import Constant, Expr, Tuple, TupleGetItem
from ..ops import call
from .common import Array
from .onnx_node import OnnxContext, OnnxConverter, OnnxSplitter
from .onnx_open import newshape
from .onnx_pooling import max_pool

__all__ = ["MOVEMENT", "SEVERAL", "SHAPE"]


def _reshape(context: OnnxContext) -> Expr:
    """Convert what changes the shape alone; the checker's shape inference knows the result."""
    data = context.value(0)
    codes = newshape(context, data.shape, context.result.shape)
    return call("reshape", data.expr, span=context.span, newshape=codes)


def _transpose(context: OnnxContext) -> Expr:
    value = context.value(0)
    axes = tuple(context.attribute("perm", tuple(reversed(range(len(value.shape))))))
    return call("transpose", value.expr, span=context.span, axes=axes)


def _concat(context: OnnxContext) -> Expr:
    numbers = [n for n in range(len(context.inputs)) if 0 not in context.value(n).shape]
    parts = context.numbers(*(numbers or [0]))
    if len(parts) == 1:
        return parts[0]
    joined = Tuple(parts, span=context.span)
    return call("concatenate", joined, span=context.span, axis=context.attribute("axis", 1))


def _slice(context: OnnxContext) -> Expr:
    """Convert Slice; its ends are brought into the data, as Relay wants them."""
    shape = context.value(0).shape
    steps = np.ones(len(shape), np.int64)
    if context.version < 10:
        starts, ends = (np.asarray(context.attribute(name, ())) for name in ("starts", "ends"))
        axes = np.asarray(context.attribute("axes", range(len(starts))))
    else:
        starts, ends = context.constant(1, "starts"), context.constant(2, "ends")
        axes = context.constant(3, "axes") if context.has(3) else np.arange(len(starts))
        if context.has(4):
            steps = context.constant(4, "steps").astype(np.int64)
    begin, end, strides = [0] * len(shape), list(shape), [1] * len(shape)
    for start, stop, axis, step in zip(
        *(map(int, values) for values in (starts, ends, axes, steps[: len(starts)])), strict=True
    ):
        first, last, stride = slice(start, stop, step).indices(shape[axis])
        # Before the first element there is none to name: beyond all of them, from the end.
        begin[axis], strides[axis] = first, stride
        end[axis] = -shape[axis] - 1 if last < 0 else last
    attrs = {"begin": tuple(begin), "end": tuple(end), "strides": tuple(strides)}
    return call("strided_slice", context.value(0).expr, span=context.span, **attrs)


def _split(context: OnnxContext) -> tuple[Expr, ...]:
    axis = context.attribute("axis", 0)
    sizes = [result.shape[axis] for result in context.results]
    places = tuple(int(place) for place in np.cumsum(sizes)[:-1])
    data = context.value(0).expr
    if not places:
        return (data,)
    made = call("split", data, span=context.span, indices_or_sections=places, axis=axis)
    return tuple(TupleGetItem(made, n, span=context.span) for n in range(len(sizes)))


def _indices(context: OnnxContext, number: int, size: int) -> Expr:
    """Return integers of input `number`, those below 0 counted from the end of `size`."""
    value = context.value(number)
    if value.array is not None:
        array = value.array.astype(np.int64)
        if array.any():
            array = np.where(array < 0, array + size, array)
        return Constant(array, span=context.span)
    zero, whole = (Constant(np.array(n, value.dtype), span=context.span) for n in (0, size))
    behind = call("add", value.expr, whole, span=context.span)
    negative = call("less", value.expr, zero, span=context.span)
    return call("where", negative, behind, value.expr, span=context.span)


def _gather(context: OnnxContext) -> Expr:
    axis = context.attribute("axis", 0)
    places = _indices(context, 1, context.value(0).shape[axis])
    return call("take", context.value(0).expr, places, span=context.span, axis=axis)


def _gather_elements(context: OnnxContext) -> Expr:
    axis = context.attribute("axis", 0)
    places = _indices(context, 1, context.value(0).shape[axis])
    return call("gather", context.value(0).expr, places, span=context.span, axis=axis)


def _axis_first(context: OnnxContext, number: int, sizes: tuple[int, ...]) -> Expr:
    """Return indices[..., k] of input `number` with their last axis first, as Relay has it."""
    value = context.value(number)
    bounds = np.array(sizes, np.int64)
    if value.array is not None:
        array = value.array.astype(np.int64)
        array = np.where(array < 0, array + bounds, array)
        return Constant(np.ascontiguousarray(np.moveaxis(array, -1, 0)), span=context.span)
    axes = (len(value.shape) - 1, *range(len(value.shape) - 1))
    return call("transpose", value.expr, span=context.span, axes=axes)


def _gather_nd(context: OnnxContext) -> Expr:
    batch = context.attribute("batch_dims", 0)
    depth = context.value(1).shape[-1]
    sizes = context.value(0).shape[batch : batch + depth]
    places = _axis_first(context, 1, sizes)
    return call(
        "gather_nd",
        context.value(0).expr,
        places,
        span=context.span,
        batch_dims=batch,
        index_rank=depth,
    )


def _scatter_elements(context: OnnxContext) -> Expr:
    axis = context.attribute("axis", 0)
    places = _indices(context, 1, context.value(0).shape[axis])
    how = context.attribute("reduction", "none")
    return call(
        "scatter_elements",
        context.value(0).expr,
        places,
        context.value(2).expr,
        span=context.span,
        axis=axis,
        reduction="update" if how == "none" else how,
    )


def _scatter_nd(context: OnnxContext) -> Expr:
    depth = context.value(1).shape[-1]
    places = _axis_first(context, 1, context.value(0).shape[:depth])
    how = context.attribute("reduction", "none")
    return call(
        "scatter_nd",
        context.value(0).expr,
        places,
        context.value(2).expr,
        span=context.span,
        mode="update" if how == "none" else how,
    )


def _expand(context: OnnxContext) -> Expr:
    data = context.value(0)
    if data.shape == context.result.shape:
        return data.expr
    return call("broadcast_to", data.expr, span=context.span, shape=context.result.shape)


def _tile(context: OnnxContext) -> Expr:
    repeats = tuple(map(int, context.constant(1, "repeats")))
    return call("tile", context.value(0).expr, span=context.span, reps=repeats)


def _pad(context: OnnxContext) -> Expr:
    """Convert Pad; negative padding cuts."""
    shape, span = context.value(0).shape, context.span
    data = context.value(0).expr
    if context.version < 11:
        pads = np.asarray(context.attribute("pads", ()))
        fill: Expr = context.scalar(context.attribute("value", 0.0))
    else:
        pads = context.constant(1, "pads")
        fill = context.value(2).expr if context.has(2) else context.scalar(0)
        if context.has(2) and context.value(2).shape:
            fill = call("reshape", fill, span=span, newshape=())
    axes = context.constant(3, "axes") if context.has(3) else np.arange(len(shape))
    before, after = [0] * len(shape), [0] * len(shape)
    for number, axis in enumerate(map(int, axes)):
        before[axis], after[axis] = int(pads[number]), int(pads[number + len(axes)])
    if min(*before, *after, 0) < 0:
        begin = tuple(max(0, -less) for less in before)
        end = tuple(size - max(0, -less) for size, less in zip(shape, after, strict=True))
        data = call("strided_slice", data, span=span, begin=begin, end=end)
    width = tuple((max(0, b), max(0, a)) for b, a in zip(before, after, strict=True))
    mode = context.attribute("mode", "constant")
    if mode not in ("constant", "edge", "reflect"):
        raise Unsupported(
            f"Pad of mode {mode} is not supported; the nearest supported one is edge", span
        )
    return call("nn.pad", data, fill, span=span, pad_width=width, pad_mode=mode)


def _depth_to_space(context: OnnxContext) -> Expr:
    size = int(context.attribute("blocksize", 0))
    if context.kind == "SpaceToDepth":
        return call("nn.space_to_depth", context.value(0).expr, span=context.span, block_size=size)
    mode = context.attribute("mode", "DCR")
    return call(
        "nn.depth_to_space", context.value(0).expr, span=context.span, block_size=size, mode=mode
    )


def _one_hot(context: OnnxContext) -> Expr:
    depth = int(context.constant(1, "depth").reshape(()))
    values = context.value(2)
    pair = context.constant(2, "values")
    off, on = (Constant(np.array(value, values.dtype), span=context.span) for value in pair)
    indices = context.value(0)
    places = context.cast(indices.expr, indices.dtype, "int64")
    places = call(
        "where",
        call("less", places, Constant(np.array(0, np.int64), span=context.span), span=context.span),
        call(
            "add",
            places,
            Constant(np.array(depth, np.int64), span=context.span),
            span=context.span,
        ),
        places,
        span=context.span,
    )
    axis = context.attribute("axis", -1)
    return call(
        "one_hot", places, on, off, span=context.span, depth=depth, axis=axis, dtype=values.dtype
    )


def _trilu(context: OnnxContext) -> Expr:
    diagonal = int(context.constant(1, "k").reshape(())) if context.has(1) else 0
    k = Constant(np.array(diagonal, np.int32), span=context.span)
    upper = bool(context.attribute("upper", 1))
    return call("trilu", context.value(0).expr, k, span=context.span, upper=upper)


def _cumulative_sum(context: OnnxContext) -> Expr:
    axis = int(context.constant(1, "axis").reshape(()))
    data, span = context.value(0).expr, context.span
    backwards = context.attribute("reverse", 0)
    if backwards:
        data = call("reverse", data, span=span, axis=axis)
    exclusive = bool(context.attribute("exclusive", 0))
    made = call("cumsum", data, span=span, axis=axis, exclusive=exclusive)
    return call("reverse", made, span=span, axis=axis) if backwards else made


def _reverse_sequence(context: OnnxContext) -> Expr:
    lengths = context.value(1)
    return call(
        "reverse_sequence",
        context.value(0).expr,
        lengths.expr,
        span=context.span,
        seq_axis=context.attribute("time_axis", 0),
        batch_axis=context.attribute("batch_axis", 1),
    )


def _top_k(context: OnnxContext) -> tuple[Expr, ...]:
    axis = context.attribute("axis", -1)
    made = call(
        "topk",
        context.value(0).expr,
        span=context.span,
        k=context.results[0].shape[axis],
        axis=axis,
        ret_type="both",
        is_ascend=not context.attribute("largest", 1),
        dtype="int64",
    )
    return tuple(TupleGetItem(made, n, span=context.span) for n in range(2))


def _shape(context: OnnxContext) -> Expr:
    return Constant(_shape_array(context), span=context.span)


def _shape_array(context: OnnxContext) -> Array:
    shape = np.array(context.value(0).shape, np.int64)
    if context.kind == "Size":
        return np.array(int(np.prod(shape)), np.int64)
    end = context.attribute("end", None)
    return shape[slice(context.attribute("start", 0), end)]


def _filled(context: OnnxContext) -> Expr:
    """Convert ConstantOfShape, whose result's shape is known."""
    value = context.attributes.get("value")
    number = np.zeros(1, np.float32) if value is None else np.asarray(value)
    if number.size != 1:
        raise ImportFailed(
            "the value must have one element; export the network again", context.span
        )
    array = np.full(context.result.shape, number.reshape(()))
    return Constant(array.astype(context.result.dtype), span=context.span)


def _eye(context: OnnxContext) -> Expr:
    rows, columns = context.result.shape
    array = np.eye(rows, columns, context.attribute("k", 0)).astype(context.result.dtype)
    return Constant(array, span=context.span)


# Each takes elements of its first input unchanged, whatever their type.
MOVEMENT: Mapping[str, OnnxConverter] = {
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "Flatten": _reshape,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "MaxPool": max_pool,
    "GlobalMaxPool": max_pool,
    "Reshape": _reshape,
    "Slice": _slice,
    "SpaceToDepth": _depth_to_space,
    "Squeeze": _reshape,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _reshape,
}

SHAPE: Mapping[str, OnnxConverter] = {
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "CumSum": _cumulative_sum,
    "EyeLike": _eye,
    "OneHot": _one_hot,
    "Pad": _pad,
    "ReverseSequence": _reverse_sequence,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
    "Shape": _shape,
    "Size": _shape,
    "Trilu": _trilu,
}

SEVERAL: Mapping[str, OnnxSplitter] = {"Split": _split, "TopK": _top_k}
