"""What training minimises: nn.cross_entropy, nn.cross_entropy_with_logits, nn.nll_loss."""

from typing import cast

import numpy as np

from ..ir.types import TensorType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .shapes import require_equal, require_float, require_integer, require_rank, same_dtype

__all__ = ["ROWS"]


def _entropy_type(attrs: Attributes, x: TensorType, y: TensorType) -> Type:
    require_float(x, "x")
    dtype = same_dtype(("x", "y"), x, y)
    require_rank("x", x, 2)
    require_rank("y", y, 2)
    for axis in range(2):
        require_equal(f"axis {axis} of y", y.shape[axis], x.shape[axis], "as of x", "check it")
    return TensorType((), dtype)


def _cross_entropy(attrs: Attributes, x: Array, y: Array) -> Array:
    return _cross_entropy_with_logits(attrs, np.log(x.astype(np.float64)), y)


def _cross_entropy_with_logits(attrs: Attributes, x: Array, y: Array) -> Array:
    total = (x.astype(np.float64) * y.astype(np.float64)).sum()
    return np.asarray(-total / x.shape[0]).astype(y.dtype)


def _nll_type(
    attrs: Attributes, predictions: TensorType, targets: TensorType, weights: TensorType
) -> Type:
    require_float(predictions, "predictions")
    require_integer(targets, "targets")
    dtype = same_dtype(("predictions", "weights"), predictions, weights)
    rank = len(predictions.shape)
    if rank == 0:
        raise Mismatch(f"predictions must have 1 axis or more, not {rank}", "expand_dims it")
    classes = predictions.shape[0 if rank == 1 else 1]
    places = () if rank == 1 else (predictions.shape[0], *predictions.shape[2:])
    require_rank("targets", targets, len(places))
    for axis, (size, want) in enumerate(zip(targets.shape, places, strict=True)):
        require_equal(f"axis {axis} of targets", size, want, "as of predictions", "check it")
    require_rank("weights", weights, 1)
    require_equal("the length of weights", weights.shape[0], classes, "classes", "one a class")
    return TensorType(targets.shape if attrs["reduction"] == "none" else (), dtype)


def _nll_loss(attrs: Attributes, predictions: Array, targets: Array, weights: Array) -> Array:
    classes = weights.shape[0]
    ignored = targets == cast(int, attrs["ignore_index"])
    if not (ignored | ((targets >= 0) & (targets < classes))).all():
        raise Mismatch(
            f"targets must be in 0..{classes - 1} or ignore_index, not {targets.min()}.."
            f"{targets.max()}",
            "check them",
        )
    safe = np.where(ignored, 0, targets).astype(np.int64)
    scores = predictions.astype(np.float64)
    if predictions.ndim == 1:
        picked = scores[safe]
    else:
        picked = np.take_along_axis(scores, np.expand_dims(safe, 1), 1).squeeze(1)
    factor = np.where(ignored, 0.0, weights.astype(np.float64)[safe])
    loss = np.asarray(-picked * factor)
    if attrs["reduction"] == "none":
        return loss.astype(predictions.dtype)
    total = loss.sum() / (factor.sum() if attrs["reduction"] == "mean" else 1.0)
    return np.asarray(total).astype(predictions.dtype)


ROWS = (
    *(
        Operator(name, ("x", "y"), from_tensors(_entropy_type), meaning, Kind.OPAQUE)
        for name, meaning in (
            ("nn.cross_entropy", _cross_entropy),
            ("nn.cross_entropy_with_logits", _cross_entropy_with_logits),
        )
    ),
    Operator(
        "nn.nll_loss",
        ("predictions", "targets", "weights"),
        from_tensors(_nll_type),
        _nll_loss,
        Kind.ANCHOR,
        {
            "reduction": Attribute("str", "mean", choices=("mean", "sum", "none")),
            "ignore_index": Attribute("int", -100),
        },
    ),
)
