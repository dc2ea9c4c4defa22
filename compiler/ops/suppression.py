"""vision.all_class_non_max_suppression: the boxes of each class that no better one overlaps.

Source
------
ONNX, NonMaxSuppression.
"""

from typing import cast

import numpy as np

from ..ir.types import TensorType, TupleType, Type
from .operator import Array, Attribute, Attributes, Kind, Operator, Value, from_tensors
from .shapes import (
    require_equal,
    require_float,
    require_integer,
    require_rank,
    require_scalar,
    same_dtype,
)
from .vision import overlaps

__all__ = ["ROWS"]


def _result_type(
    attrs: Attributes,
    boxes: TensorType,
    scores: TensorType,
    limit: TensorType,
    iou_threshold: TensorType,
    score_threshold: TensorType,
) -> Type:
    require_float(boxes, "boxes")
    require_rank("boxes", boxes, 3)
    require_rank("scores", scores, 3)
    same_dtype(("boxes", "scores"), boxes, scores)
    require_equal("axis 2 of boxes", boxes.shape[2], 4, "two corners", "check it")
    require_equal("axis 0 of scores", scores.shape[0], boxes.shape[0], "the batch", "check it")
    require_equal("axis 2 of scores", scores.shape[2], boxes.shape[1], "boxes", "check it")
    require_integer(limit, "max_output_boxes_per_class")
    named = (
        ("max_output_boxes_per_class", limit),
        ("iou_threshold", iou_threshold),
        ("score_threshold", score_threshold),
    )
    for name, given in named:
        require_scalar(given, name)
    batch, classes, count = scores.shape
    rows = TensorType((batch * classes * count, 3), "int64")
    return TupleType((rows, TensorType((1,), "int64")))


def _suppress(
    attrs: Attributes,
    boxes: Array,
    scores: Array,
    limit: Array,
    iou_threshold: Array,
    score_threshold: Array,
) -> Value:
    """Rows of batch, class and box, best first in each class; then how many; the rest is -1."""
    found: list[tuple[int, int, int]] = []
    for batch, label in np.ndindex(*scores.shape[:2]):
        score, corners = scores[batch, label], boxes[batch].astype(np.float64)
        left = [place for place in _falling(score) if score[place] > score_threshold]
        kept: list[int] = []
        while left and (int(limit) < 0 or len(kept) < int(limit)):
            best = left.pop(0)
            kept.append(best)
            near = overlaps(corners[best], corners[left]) > iou_threshold
            left = [place for place, hit in zip(left, near, strict=True) if not hit]
        found += [(batch, label, place) for place in kept]
    rows = np.full((scores.size, 3), -1, np.int64)
    rows[: len(found)] = np.asarray(found, np.int64).reshape(-1, 3)
    return rows, np.asarray([len(found)], np.int64)


def _falling(score: Array) -> list[int]:
    """Return the places of scores from the largest on, the first of equal ones first."""
    order = len(score) - 1 - np.argsort(score[::-1], kind="stable")[::-1]
    return cast(list[int], order.tolist())


ROWS = (
    Operator(
        "vision.all_class_non_max_suppression",
        ("boxes", "scores", "max_output_boxes_per_class", "iou_threshold", "score_threshold"),
        from_tensors(_result_type),
        _suppress,
        Kind.OPAQUE,
        {"output_format": Attribute("str", "onnx", choices=("onnx",))},
    ),
)
