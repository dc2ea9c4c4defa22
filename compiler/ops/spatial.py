"""Windows over one, two or three axes of an image in any layout: what convolutions and pools share.

The axes of an image are letters: N and C, and of D, H, W as many as it has. Inside it is
channels-last here; 1-D is "NWC", 3-D "NDHWC".
"""

from typing import cast

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..ir.types import Dim, TensorType
from .operator import Array, Attributes, Mismatch
from .shapes import require_padding, require_rank, window_count
from .windows import ints

__all__ = [
    "AXES",
    "check_layout",
    "from_channels_last",
    "image_windows",
    "require_one_layout",
    "sizes_of",
    "to_channels_last",
    "window_counts",
    "with_sizes",
]

AXES = {1: "W", 2: "HW", 3: "DHW"}


def check_layout(name: str, layout: str, letters: str) -> None:
    """Raise Mismatch unless the attribute `name` orders exactly `letters`."""
    if sorted(layout) != sorted(letters):
        raise Mismatch(
            f'{name} must order {", ".join(letters[:-1])} and {letters[-1]}, not be "{layout}"',
            f'use "{letters}"',
        )


def require_one_layout(attrs: Attributes, name: str) -> None:
    """Raise Mismatch if the result shall have another layout than the data, attribute `name`."""
    if attrs["out_layout"] not in ("", attrs[name]):
        raise Mismatch(
            f'out_layout must be as {name} "{attrs[name]}", not "{attrs["out_layout"]}"',
            "transpose the result instead",
        )


def sizes_of(data: TensorType, layout: str, letters: str) -> tuple[Dim, ...]:
    """Return the sizes of some axes of an image; Mismatch if it has another number of axes."""
    require_rank("data", data, len(layout))
    return tuple(data.shape[layout.index(letter)] for letter in letters)


def with_sizes(
    data: TensorType, layout: str, letters: str, sizes: tuple[Dim, ...]
) -> tuple[Dim, ...]:
    """Return the shape of an image with other sizes of some axes."""
    new = dict(zip(letters, sizes, strict=True))
    return tuple(new.get(letter, size) for letter, size in zip(layout, data.shape, strict=True))


def to_channels_last(x: Array, layout: str, spatial: str) -> Array:
    """Return an image as [n, spatial axes, c]."""
    return np.transpose(x, [layout.index(letter) for letter in f"N{spatial}C"])


def from_channels_last(x: Array, layout: str, spatial: str) -> Array:
    """Return an image [n, spatial axes, c] in `layout`."""
    source = f"N{spatial}C"
    return np.ascontiguousarray(np.transpose(x, [source.index(letter) for letter in layout]))


def window_counts(
    sizes: tuple[Dim, ...], window: tuple[int, ...], attrs: Attributes
) -> tuple[Dim, ...]:
    """Return how many windows fit along each axis, from strides, dilation, padding, ceil_mode."""
    strides, dilation = ints(attrs, "strides"), ints(attrs, "dilation")
    padding, count = ints(attrs, "padding"), len(sizes)
    require_padding(padding)
    round_up = bool(attrs.get("ceil_mode", False))
    return tuple(
        window_count(
            sizes[axis],
            window[axis],
            strides[axis],
            dilation[axis],
            padding[axis] + padding[axis + count],
            round_up,
        )
        for axis in range(count)
    )


def image_windows(x: Array, window: tuple[int, ...], attrs: Attributes, fill: object) -> Array:
    """Return every window of a channels-last image.

    Parameters
    ----------
    x : [n, axes, c]
    window : tuple of int, one an axis
    attrs : strides, dilation, padding and perhaps ceil_mode of a call
    fill : scalar
        Value of the padding.

    Returns
    -------
    [n, windows along each axis, taps along each axis, c], a view of the padded image
    """
    count = len(window)
    strides, dilation = ints(attrs, "strides"), ints(attrs, "dilation")
    padding = ints(attrs, "padding")
    sizes = x.shape[1 : 1 + count]
    counts = cast(tuple[int, ...], window_counts(sizes, window, attrs))
    spans = tuple((size - 1) * step + 1 for size, step in zip(window, dilation, strict=True))
    around = [(0, 0)]
    for axis in range(count):
        reach = (counts[axis] - 1) * strides[axis] + spans[axis] - sizes[axis] - padding[axis]
        around.append((padding[axis], max(padding[axis + count], reach)))
    if any(pair != (0, 0) for pair in around):
        x = np.pad(x, (*around, (0, 0)), constant_values=np.asarray(fill, x.dtype))
    views = sliding_window_view(x, spans, tuple(range(1, 1 + count)))
    steps = tuple(
        slice(0, (number - 1) * step + 1, step)
        for number, step in zip(counts, strides, strict=True)
    )
    taps = tuple(slice(None, None, step) for step in dilation)
    return np.moveaxis(views[(slice(None), *steps, slice(None), *taps)], 1 + count, -1)
