"""ONNX pooling and resizing as Relay's; images stay NC...."""

from collections.abc import Mapping
from math import prod

import numpy as np

from ..errors import ImportFailed, Unsupported
from ..ir import Expr
from ..ops import call
from .onnx_node import OnnxContext, OnnxConverter

__all__ = ["POOLING", "RESIZING", "max_pool", "pool_attributes"]

_SLIDING = {1: "W", 2: "HW", 3: "DHW"}


def _count(context: OnnxContext) -> int:
    """Return along how many axes windows slide."""
    return len(context.value(0).shape) - 2


def _layout(context: OnnxContext) -> str:
    count = _count(context)
    if count not in _SLIDING:
        raise Unsupported(
            f"{context.kind} of {count + 2} axes is not supported; the nearest supported ones "
            "have 3, 4 or 5",
            context.span,
        )
    return f"NC{_SLIDING[count]}"


def pool_attributes(context: OnnxContext) -> dict[str, object]:
    """Return the attributes of Relay's pooling for MaxPool, AveragePool and global ones."""
    layout = _layout(context)
    if context.kind.startswith("Global"):
        return {"pool_size": context.value(0).shape[2:], "layout": layout}
    size = tuple(context.attribute("kernel_shape", ()))
    if len(size) != len(layout) - 2:
        raise ImportFailed(
            f"kernel_shape must have {len(layout) - 2} elements, not {len(size)}; export again",
            context.span,
        )
    context.require("storage_order", 0, 0)
    attrs: dict[str, object] = {
        "pool_size": size,
        "layout": layout,
        "ceil_mode": bool(context.attribute("ceil_mode", 0)),
        **context.window(size),
    }
    if context.kind == "AveragePool":
        attrs["count_include_pad"] = bool(context.attribute("count_include_pad", 0))
    return attrs


def _pool(context: OnnxContext, name: str, data: Expr) -> Expr:
    attrs = pool_attributes(context)
    return call(f"nn.{name}_pool{_count(context)}d", data, span=context.span, **attrs)


def _average_pool(context: OnnxContext) -> Expr:
    return _pool(context, "avg", *context.floats(0))


def max_pool(context: OnnxContext) -> Expr:
    """Convert MaxPool, of any data type."""
    return _pool(context, "max", context.value(0).expr)


def _resize(context: OnnxContext) -> Expr:
    """Convert Resize of the axes that windows slide along; the result's shape is known.

    Source
    ------
    ONNX operator specification, Resize-13; antialias and keep_aspect_ratio_policy (18) are not.
    """
    layout = _layout(context)
    source, target = context.value(0).shape, context.result.shape
    if source[:2] != target[:2]:
        raise Unsupported(
            f"Resize must keep the first two axes, but makes {target} of {source}; the nearest "
            "supported form resizes the others",
            context.span,
        )
    context.require("antialias", 0, 0)
    context.require("keep_aspect_ratio_policy", "stretch", "stretch")
    old = context.kind == "Upsample" or context.version < 11
    mode = context.attribute("mode", "nearest")
    place = (
        "asymmetric" if old else context.attribute("coordinate_transformation_mode", "half_pixel")
    )
    _require_whole_scale(context, layout, place)
    if place == "half_pixel_symmetric":
        place = "half_pixel"
    attrs: dict[str, object] = {
        "size": target[2:],
        "layout": layout,
        "method": {"nearest": "nearest_neighbor"}.get(mode, mode),
        "coordinate_transformation_mode": place,
        "cubic_alpha": float(context.attribute("cubic_coeff_a", -0.75)),
        "cubic_exclude": int(context.attribute("exclude_outside", 0)),
        "extrapolation_value": float(context.attribute("extrapolation_value", 0.0)),
    }
    if mode == "nearest":
        rounding = "floor" if old else context.attribute("nearest_mode", "round_prefer_floor")
        attrs["rounding_method"] = rounding
    if place == "tf_crop_and_resize":
        attrs["roi"] = _region(context)
    data = context.numbers(0)
    return call(f"image.resize{len(layout) - 2}d", *data, span=context.span, **attrs)


def _region(context: OnnxContext) -> tuple[float, ...]:
    """Return the starts and the ends of the region of interest along the axes that slide."""
    given = context.constant(1, "roi").astype(np.float64)
    rank = len(context.value(0).shape)
    axes = list(context.attribute("axes", range(rank)))
    starts, ends = np.zeros(rank), np.ones(rank)
    starts[axes], ends[axes] = given[: len(axes)], given[len(axes) :]
    return (*map(float, starts[2:]), *map(float, ends[2:]))


def _require_whole_scale(context: OnnxContext, layout: str, place: str) -> None:
    """Raise Unsupported for scales that the shapes do not tell: Relay has no others."""
    number = 1 if context.kind == "Upsample" or context.version < 11 else 2
    if not context.has(number) or place == "tf_crop_and_resize":
        return
    scales = context.constant(number, "the scales").astype(np.float64)
    if not scales.size:
        return
    source = context.value(0).shape
    axes = context.attribute("axes", range(len(source)))
    every = np.ones(len(source))
    every[list(axes)] = scales
    exact = every[2:] * source[2:]
    if not np.allclose(exact, context.result.shape[2:], atol=1e-3):
        raise Unsupported(
            f"Resize by {scales.tolist()} of {context.value(0).shape} does not give whole sizes; "
            "the nearest supported form gives the sizes",
            context.span,
        )


def _lp_pool(context: OnnxContext) -> Expr:
    """Convert LpPool: the p-th root of the sum of p-th powers, by an average."""
    (data,) = context.floats(0)
    power = int(context.attribute("p", 2))
    attrs = {**pool_attributes(context), "count_include_pad": True}
    span = context.span
    exponent = context.scalar(float(power))
    powers = call("power", call("abs", data, span=span), exponent, span=span)
    mean = call(f"nn.avg_pool{_count(context)}d", powers, span=span, **attrs)
    size = attrs["pool_size"]
    assert isinstance(size, tuple)
    total = call("multiply", mean, context.scalar(float(prod(size))), span=span)
    return call("power", total, context.scalar(1.0 / power), span=span)


POOLING: Mapping[str, OnnxConverter] = {
    "AveragePool": _average_pool,
    "GlobalAveragePool": _average_pool,
    "GlobalLpPool": _lp_pool,
    "LpPool": _lp_pool,
}

RESIZING: Mapping[str, OnnxConverter] = {"Resize": _resize, "Upsample": _resize}
