"""Pools over one and three axes, adaptive pools, and the gradients of 2-D pools."""

from collections.abc import Callable
from typing import cast

import numpy as np

from ..ir.types import Dim, TensorType, Type
from .elementwise import cast as cast_array
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .pooling import AVG_POOL2D_ATTRIBUTES, MAX_POOL2D_ATTRIBUTES, lowest, pool_type
from .shapes import known, require_equal, require_rank, same_dtype
from .spatial import (
    AXES,
    check_layout,
    from_channels_last,
    image_windows,
    require_one_layout,
    sizes_of,
    to_channels_last,
    window_counts,
    with_sizes,
)
from .windows import ints

__all__ = ["ROWS"]


def _attributes(count: int, average: bool) -> dict[str, Attribute]:
    """Return the attributes of a pool over `count` axes."""
    many, padding = {1: ("single", "padding1"), 3: ("triple", "padding3")}[count]
    attributes = {
        "pool_size": Attribute(many, required=True),
        "strides": Attribute(many, (1,) * count),
        "dilation": Attribute(many, (1,) * count),
        "padding": Attribute(padding, (0,) * (2 * count)),
        "layout": Attribute("str", f"NC{AXES[count]}"),
        "out_layout": Attribute("str", ""),
        "ceil_mode": Attribute("bool", False),
    }
    return {**attributes, "count_include_pad": Attribute("bool", False)} if average else attributes


def _pool_type(count: int) -> Callable[..., Type]:
    """Return the result type of a pool over `count` axes."""

    def result(attrs: Attributes, data: TensorType) -> Type:
        layout, window, padding = str(attrs["layout"]), ints(attrs, "pool_size"), attrs["padding"]
        check_layout("layout", layout, f"NC{AXES[count]}")
        require_one_layout(attrs, "layout")
        sizes = sizes_of(data, layout, AXES[count])
        pads = cast(tuple[int, ...], padding)
        if any(max(pads[a], pads[a + count]) >= window[a] for a in range(count)):
            raise Mismatch(
                f"padding {pads} must be smaller than pool_size {window}",
                "a window must cover at least one element of data",
            )
        counts = window_counts(sizes, window, attrs)
        return TensorType(with_sizes(data, layout, AXES[count], counts), data.dtype)

    return result


def _max_pool(count: int) -> Callable[..., Array]:
    """Return the meaning of a maximum over windows."""

    def meaning(attrs: Attributes, data: Array) -> Array:
        layout = str(attrs["layout"])
        image = to_channels_last(data, layout, AXES[count])
        windows = image_windows(image, ints(attrs, "pool_size"), attrs, lowest(data.dtype))
        largest = windows.max(axis=tuple(range(1 + count, 1 + 2 * count)))
        return from_channels_last(largest, layout, AXES[count])

    return meaning


def _avg_pool(count: int) -> Callable[..., Array]:
    """Return the meaning of a mean over windows; that of integers truncates towards zero."""

    def meaning(attrs: Attributes, data: Array) -> Array:
        layout, taps = str(attrs["layout"]), tuple(range(1 + count, 1 + 2 * count))
        wide = np.float64 if data.dtype.kind == "f" else np.int64
        image = to_channels_last(data, layout, AXES[count]).astype(wide)
        window = ints(attrs, "pool_size")
        sums = image_windows(image, window, attrs, 0).sum(axis=taps)
        ones = np.ones((1, *image.shape[1:-1], 1), np.int64)
        inner = attrs
        if attrs["count_include_pad"]:
            pads = ints(attrs, "padding")
            around = [(pads[a], pads[a + count]) for a in range(count)]
            ones = np.pad(ones, ((0, 0), *around, (0, 0)), constant_values=1)
            inner = {**attrs, "padding": (0,) * (2 * count)}
        counts = image_windows(ones, window, inner, 0).sum(axis=taps)
        return from_channels_last(_mean(sums, counts).astype(data.dtype), layout, AXES[count])

    return meaning


def _mean(sums: Array, counts: Array) -> Array:
    """Return sums / counts, truncated for integers."""
    if sums.dtype.kind == "f":
        return np.asarray(sums / counts)
    return np.asarray(np.sign(sums) * (np.abs(sums) // counts))


def _adaptive_sizes(attrs: Attributes, sizes: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Return the sizes that an adaptive pool gives: as data if none are given."""
    given = ints(attrs, "output_size")
    if not given:
        return sizes
    if len(given) not in (1, len(sizes)) or min(given) < 1:
        raise Mismatch(
            f"output_size must be 1 or {len(sizes)} numbers >= 1, not {list(given)}",
            "one number stands for all axes",
        )
    return given * (len(sizes) // len(given))


def _adaptive_type(count: int) -> Callable[..., Type]:
    """Return the result type of an adaptive pool over `count` axes."""

    def result(attrs: Attributes, data: TensorType) -> Type:
        layout = str(attrs["layout"])
        check_layout("layout", layout, f"NC{AXES[count]}")
        require_one_layout(attrs, "layout")
        sizes = sizes_of(data, layout, AXES[count])
        if 0 in sizes:
            raise Mismatch(f"data must not be empty, but is {data}", "check it")
        new = _adaptive_sizes(attrs, sizes)
        return TensorType(with_sizes(data, layout, AXES[count], new), data.dtype)

    return result


def _adaptive(count: int, average: bool) -> Callable[..., Array]:
    """Return the meaning of an adaptive pool: windows that share the axis evenly.

    Window i of m over n elements is floor(i * n / m) .. ceil((i + 1) * n / m).
    """

    def meaning(attrs: Attributes, data: Array) -> Array:
        layout = str(attrs["layout"])
        image = to_channels_last(data, layout, AXES[count])
        sizes = image.shape[1:-1]
        new = cast(tuple[int, ...], _adaptive_sizes(attrs, sizes))
        wide = np.float64 if data.dtype.kind == "f" else np.int64
        result = np.empty((image.shape[0], *new, image.shape[-1]), data.dtype)
        axes = tuple(range(1, 1 + count))
        for place in np.ndindex(*new):
            cut = tuple(
                slice(i * n // m, -(-(i + 1) * n // m))
                for i, n, m in zip(place, sizes, new, strict=True)
            )
            part = image[(slice(None), *cut)]
            number = np.asarray(np.prod(part.shape[1:-1]))
            result[(slice(None), *place)] = (
                _mean(part.sum(axis=axes, dtype=wide), number) if average else part.max(axis=axes)
            )
        return from_channels_last(result, layout, AXES[count])

    return meaning


def _gradient_type(attrs: Attributes, data: TensorType, grad: TensorType) -> Type:
    pooled = pool_type(attrs, data)
    same_dtype(("data", "grad"), data, grad)
    require_rank("grad", grad, 4)
    for axis, (size, expected) in enumerate(zip(grad.shape, pooled.shape, strict=True)):
        require_equal(f"axis {axis} of grad", size, expected, "of the pool", "check it")
    for axis in range(4):
        known(data.shape[axis], f"axis {axis} of data")
    return data


def _gradient(average: bool) -> Callable[..., Array]:
    """Return the meaning of a 2-D pool's gradient: each window gives back what it took.

    A maximum gives to its first largest element, in rows; a mean to all elements it counts.
    """

    def meaning(attrs: Attributes, data: Array, grad: Array) -> Array:
        layout, window = str(attrs["layout"]), ints(attrs, "pool_size")
        image, back = (to_channels_last(x, layout, "HW") for x in (data, grad))
        windows = image_windows(image, window, attrs, lowest(data.dtype))
        taps = windows.reshape(*windows.shape[:3], -1, windows.shape[-1])
        places = np.arange(image[0, ..., 0].size).reshape(1, *image.shape[1:3], 1)
        where = image_windows(places, window, attrs, -1).reshape(1, *taps.shape[1:4], 1)
        inside = where >= 0
        if average:
            counts = np.asarray(taps.shape[3]) if attrs["count_include_pad"] else inside.sum(axis=3)
            share = np.expand_dims(back / np.maximum(counts, 1), 3) * inside
        else:
            best = np.expand_dims(taps.argmax(axis=3), 3)
            hit = np.arange(taps.shape[3])[:, None] == best
            share = hit * np.expand_dims(back, 3)
        total = np.zeros((image.shape[0], image[0, ..., 0].size, image.shape[3]), np.float64)
        rows = np.arange(image.shape[0]).reshape(-1, 1, 1, 1, 1)
        columns = np.arange(image.shape[3])
        np.add.at(total, (rows, np.maximum(where, 0), columns), share * inside)
        summed = cast_array(total.reshape(image.shape), str(grad.dtype))
        return from_channels_last(summed, layout, "HW")

    return meaning


_DATA = ("data",)

ROWS = (
    *(
        Operator(
            f"nn.{kind}_pool{count}d",
            _DATA,
            from_tensors(_pool_type(count)),
            (_avg_pool if kind == "avg" else _max_pool)(count),
            Kind.ANCHOR,
            _attributes(count, kind == "avg"),
        )
        for count in (1, 3)
        for kind in ("max", "avg")
    ),
    *(
        Operator(
            f"nn.adaptive_{kind}_pool{count}d",
            _DATA,
            from_tensors(_adaptive_type(count)),
            _adaptive(count, kind == "avg"),
            Kind.ANCHOR,
            {
                "output_size": Attribute("ints", ()),
                "layout": Attribute("str", f"NC{AXES[count]}"),
                "out_layout": Attribute("str", ""),
            },
        )
        for count in (1, 2, 3)
        for kind in ("avg", "max")
    ),
    *(
        Operator(
            f"nn.{kind}_pool2d_grad",
            ("data", "grad"),
            from_tensors(_gradient_type),
            _gradient(kind == "avg"),
            Kind.ANCHOR,
            attributes,
        )
        for kind, attributes in (("max", MAX_POOL2D_ATTRIBUTES), ("avg", AVG_POOL2D_ATTRIBUTES))
    ),
)
