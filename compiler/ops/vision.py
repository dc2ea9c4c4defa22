"""vision.*: anchors, boxes and their suppression, regions of interest.

Boxes are rows of data; what a result does not use is -1. A box is kept or dropped as a whole.
"""

from typing import cast

import numpy as np

from ..ir.types import TensorType, TupleType, Type
from .operator import (
    Array,
    Attribute,
    Attributes,
    Kind,
    Mismatch,
    Missing,
    Operator,
    Value,
    from_tensors,
)
from .shapes import (
    require_equal,
    require_float,
    require_integer,
    require_rank,
    require_scalar,
    same_dtype,
)

__all__ = ["ROWS", "overlaps"]


def _floats(attrs: Attributes, name: str) -> tuple[float, ...]:
    """Return the attribute `name`, a tuple of floats."""
    return cast(tuple[float, ...], attrs[name])


def _prior_type(attrs: Attributes, data: TensorType) -> Type:
    require_rank("data", data, 4)
    if len(_floats(attrs, "steps")) != 2 or len(_floats(attrs, "offsets")) != 2:
        raise Mismatch("steps and offsets must be two numbers, of y and x", "correct them")
    sizes, ratios = _floats(attrs, "sizes"), _floats(attrs, "ratios")
    if not sizes or not ratios or min(ratios) <= 0:
        raise Mismatch("sizes and ratios must not be empty and ratios be > 0", "correct them")
    _, _, height, width = data.shape
    count = height * width * (len(sizes) + len(ratios) - 1)
    return TensorType((1, count, 4), "float32")


def _multibox_prior(attrs: Attributes, data: Array) -> Array:
    height, width = data.shape[2:]
    sizes, ratios = _floats(attrs, "sizes"), _floats(attrs, "ratios")
    steps, offsets = _floats(attrs, "steps"), _floats(attrs, "offsets")
    step_y = steps[0] if steps[0] > 0 else 1.0 / max(height, 1)
    step_x = steps[1] if steps[1] > 0 else 1.0 / max(width, 1)
    y = (np.arange(height) + offsets[0]) * step_y
    x = (np.arange(width) + offsets[1]) * step_x
    square = height / max(width, 1)
    half = [(size / 2, size * square / 2) for size in sizes]
    roots = [np.sqrt(ratio) for ratio in ratios[1:]]
    half += [(sizes[0] / root / 2, sizes[0] * square * root / 2) for root in roots]
    h, w = np.asarray(half).T
    grid_y, grid_x = (g[..., None] for g in np.meshgrid(y, x, indexing="ij"))
    corners = np.stack((grid_x - w, grid_y - h, grid_x + w, grid_y + h), -1)
    boxes = corners.reshape(1, -1, 4)
    return (np.clip(boxes, 0, 1) if attrs["clip"] else boxes).astype(np.float32)


def _transform_type(
    attrs: Attributes, cls_prob: TensorType, loc_pred: TensorType, anchor: TensorType
) -> Type:
    if attrs["keep_background"]:
        raise Missing("keep_background is not supported", "drop class 0 as background")
    require_float(cls_prob, "cls_prob")
    same_dtype(("cls_prob", "loc_pred"), cls_prob, loc_pred)
    same_dtype(("cls_prob", "anchor"), cls_prob, anchor)
    require_rank("cls_prob", cls_prob, 3)
    require_rank("loc_pred", loc_pred, 2)
    require_rank("anchor", anchor, 3)
    batch, _, count = cls_prob.shape
    require_equal("axis 0 of loc_pred", loc_pred.shape[0], batch, "the batch", "check it")
    require_equal("axis 1 of loc_pred", loc_pred.shape[1], count * 4, "4 an anchor", "check it")
    require_equal("axis 0 of anchor", anchor.shape[0], 1, "one for all batches", "check it")
    require_equal("axis 1 of anchor", anchor.shape[1], count, "axis 2 of cls_prob", "check it")
    require_equal("axis 2 of anchor", anchor.shape[2], 4, "left, top, right, bottom", "check it")
    if len(_floats(attrs, "variances")) != 4:
        raise Mismatch("variances must be 4 numbers: of x, y, width and height", "correct them")
    boxes = TensorType((batch, count, 6), loc_pred.dtype)
    return TupleType((boxes, TensorType((batch,), "int32")))


def _transform_loc(attrs: Attributes, cls_prob: Array, loc_pred: Array, anchor: Array) -> Value:
    batch, classes, count = cls_prob.shape
    result = np.full((batch, count, 6), -1.0)
    valid = np.zeros(batch, np.int32)
    left, top, right, bottom = anchor[0].astype(np.float64).T
    width, height = right - left, bottom - top
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    for number in range(batch if classes > 1 else 0):
        move = loc_pred[number].astype(np.float64).reshape(count, 4) * _floats(attrs, "variances")
        x, y = move[:, 0] * width + middle_x, move[:, 1] * height + middle_y
        w, h = np.exp(move[:, 2]) * width / 2, np.exp(move[:, 3]) * height / 2
        boxes = np.stack((x - w, y - h, x + w, y + h), 1)
        boxes = np.clip(boxes, 0.0, 1.0) if attrs["clip"] else boxes
        best = cls_prob[number, 1:].argmax(axis=0)
        score = cls_prob[number, 1:].max(axis=0)
        kept = np.flatnonzero(score >= cast(float, attrs["threshold"]))
        valid[number] = len(kept)
        rows = np.column_stack((best[kept], score[kept], boxes[kept]))
        result[number, : len(kept)] = rows
    return result.astype(loc_pred.dtype), valid


def _boxes(attrs: Attributes, data: TensorType, ends: dict[str, int]) -> None:
    """Raise Mismatch unless data is boxes [batch, boxes, entries] that hold the indexed entries."""
    require_float(data)
    require_rank("data", data, 3)
    entries = data.shape[2]
    for name, past in ends.items():
        place = cast(int, attrs[name])
        low = -1 if name == "id_index" else 0
        if place < low or (isinstance(entries, int) and place + past > entries):
            raise Mismatch(
                f"{name} must lie in the {entries} entries of a box, not {place}", "correct it"
            )


def _counts_type(attrs: Attributes, data: TensorType, threshold: TensorType) -> Type:
    _boxes(attrs, data, {"id_index": 1, "score_index": 1})
    require_scalar(threshold, "score_threshold")
    indices = TensorType(data.shape[:2], "int32")
    return TupleType((TensorType(data.shape[:1], "int32"), data, indices))


def _valid_counts(attrs: Attributes, data: Array, threshold: Array) -> Value:
    valid = data[..., cast(int, attrs["score_index"])] > threshold
    if cast(int, attrs["id_index"]) >= 0:
        valid &= data[..., cast(int, attrs["id_index"])] >= 0
    boxes, indices = np.full_like(data, -1), np.full(data.shape[:2], -1, np.int32)
    for number, kept in enumerate(valid):
        places = np.flatnonzero(kept)
        boxes[number, : len(places)] = data[number, places]
        indices[number, : len(places)] = places
    return valid.sum(axis=1).astype(np.int32), boxes, indices


def _nms_type(
    attrs: Attributes,
    data: TensorType,
    valid_count: TensorType,
    indices: TensorType,
    max_output_size: TensorType,
    iou_threshold: TensorType,
) -> Type:
    _boxes(attrs, data, {"id_index": 1, "score_index": 1, "coord_start": 4})
    for name, given, rank in (("valid_count", valid_count, 1), ("indices", indices, 2)):
        require_integer(given, name)
        require_rank(name, given, rank)
        for axis in range(rank):
            size, want = given.shape[axis], data.shape[axis]
            require_equal(f"axis {axis} of {name}", size, want, "as of data", "check it")
    require_scalar(max_output_size, "max_output_size")
    require_integer(max_output_size, "max_output_size")
    require_scalar(iou_threshold, "iou_threshold")
    if not attrs["return_indices"]:
        return data
    count = TensorType((data.shape[0], 1), "int32")
    return TupleType((TensorType(data.shape[:2], "int32"), count))


def overlaps(box: Array, others: Array) -> Array:
    """Return intersection over union of a box [4] with others [n, 4]."""
    low = np.maximum(np.minimum(box[:2], box[2:]), np.minimum(others[:, :2], others[:, 2:]))
    high = np.minimum(np.maximum(box[:2], box[2:]), np.maximum(others[:, :2], others[:, 2:]))
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    area = np.prod(np.abs(others[:, 2:] - others[:, :2]), axis=1)
    union = area + np.prod(np.abs(box[2:] - box[:2])) - shared
    return np.where(union > 0, shared / np.where(union > 0, union, 1), 0.0)


def _kept_boxes(attrs: Attributes, data: Array, limit: int, threshold: float) -> Array:
    """Return for boxes [n, entries] in falling order which are kept, bool[n]."""
    start, id_index = cast(int, attrs["coord_start"]), cast(int, attrs["id_index"])
    corners = data[:, start : start + 4].astype(np.float64)
    alive = np.ones(len(data), bool)
    if id_index >= 0:
        alive &= data[:, id_index] >= 0
    kept = np.zeros(len(data), bool)
    for place in range(len(data)):
        if not alive[place]:
            continue
        if 0 <= limit <= kept.sum():
            break
        kept[place] = True
        hit = overlaps(corners[place], corners) >= threshold
        if id_index >= 0 and not attrs["force_suppress"]:
            hit &= data[:, id_index] == data[place, id_index]
        alive &= ~hit
    return kept


def _nms(
    attrs: Attributes,
    data: Array,
    valid_count: Array,
    indices: Array,
    max_output_size: Array,
    iou_threshold: Array,
) -> Value:
    boxes, places = np.full_like(data, -1), np.full(data.shape[:2], -1, np.int32)
    counts = np.zeros((len(data), 1), np.int32)
    for number, count in enumerate(valid_count):
        rows = data[number, : int(count)]
        score = rows[:, cast(int, attrs["score_index"])]
        order = len(rows) - 1 - np.argsort(score[::-1], kind="stable")[::-1]
        top = cast(int, attrs["top_k"])
        order = order[:top] if top > 0 else order
        limit, threshold = int(max_output_size), float(iou_threshold)
        kept = _kept_boxes(attrs, rows[order], limit, threshold)
        total = int(kept.sum())
        counts[number] = total
        places[number, :total] = indices[number, order[kept]]
        to_top = attrs["invalid_to_bottom"]
        target = np.arange(total) if to_top else np.flatnonzero(kept)
        boxes[number, target] = rows[order[kept]]
    return (places, counts) if attrs["return_indices"] else boxes


def _reorg_type(attrs: Attributes, data: TensorType) -> Type:
    require_rank("data", data, 4)
    stride = cast(int, attrs["stride"])
    batch, channels, height, width = data.shape
    square = stride * stride
    for name, size, parts in (("C", channels, square), ("H", height, stride), ("W", width, stride)):
        if stride < 1 or (isinstance(size, int) and size % parts):
            raise Mismatch(
                f"stride must be >= 1 and axis {name} of data a multiple of {parts}, not {stride} "
                f"and {size}",
                "correct stride",
            )
    shape = (batch, channels * square, height // stride, width // stride)
    return TensorType(shape, data.dtype)


def _yolo_reorg(attrs: Attributes, data: Array) -> Array:
    stride = cast(int, attrs["stride"])
    batch, channels, height, width = data.shape
    groups, square = channels // stride**2, stride * stride
    # Darknet reads the tensor as a larger image of fewer channels and takes every stride-th pixel.
    large = data.reshape(batch, groups, height, stride, width, stride)
    taken = large.transpose(0, 3, 5, 1, 2, 4)
    return taken.reshape(batch, channels * square, height // stride, width // stride)


ROWS = (
    Operator(
        "vision.multibox_prior",
        ("data",),
        from_tensors(_prior_type),
        _multibox_prior,
        Kind.OPAQUE,
        {
            "sizes": Attribute("floats", (1.0,)),
            "ratios": Attribute("floats", (1.0,)),
            "steps": Attribute("floats", (-1.0, -1.0)),
            "offsets": Attribute("floats", (0.5, 0.5)),
            "clip": Attribute("bool", False),
        },
    ),
    Operator(
        "vision.multibox_transform_loc",
        ("cls_prob", "loc_pred", "anchor"),
        from_tensors(_transform_type),
        _transform_loc,
        Kind.OPAQUE,
        {
            "clip": Attribute("bool", True),
            "threshold": Attribute("float", 0.01),
            "variances": Attribute("floats", (0.1, 0.1, 0.2, 0.2)),
            "keep_background": Attribute("bool", False),
        },
    ),
    Operator(
        "vision.get_valid_counts",
        ("data", "score_threshold"),
        from_tensors(_counts_type),
        _valid_counts,
        Kind.OPAQUE,
        {"id_index": Attribute("int", 0), "score_index": Attribute("int", 1)},
    ),
    Operator(
        "vision.non_max_suppression",
        ("data", "valid_count", "indices", "max_output_size", "iou_threshold"),
        from_tensors(_nms_type),
        _nms,
        Kind.OPAQUE,
        {
            "force_suppress": Attribute("bool", False),
            "top_k": Attribute("int", -1),
            "coord_start": Attribute("int", 2),
            "score_index": Attribute("int", 1),
            "id_index": Attribute("int", 0),
            "return_indices": Attribute("bool", True),
            "invalid_to_bottom": Attribute("bool", False),
        },
    ),
    Operator(
        "vision.yolo_reorg",
        ("data",),
        from_tensors(_reorg_type),
        _yolo_reorg,
        Kind.INJECTIVE,
        {"stride": Attribute("int", 1)},
    ),
)
