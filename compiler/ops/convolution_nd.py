"""nn.conv1d and nn.conv3d, and the transposed convolutions of one, two and three axes.

nn.conv2d has a file of its own, for speed: networks consist of it.
"""

from collections.abc import Callable
from typing import cast

import numpy as np

from ..ir.types import Dim, FuncType, IncompleteType, TensorType, Type
from .convolution import multiply_accumulate
from .operator import (
    Array,
    Attribute,
    Attributes,
    Kind,
    Mismatch,
    Operator,
    Relation,
)
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

__all__ = ["ROWS", "TRANSPOSE2D_ATTRIBUTES", "transpose_type", "transposed"]


def _attributes(count: int, kernel_layout: str) -> dict[str, Attribute]:
    """Return the attributes of a convolution over `count` axes."""
    many = {1: "single", 2: "pair", 3: "triple"}[count]
    padding = {1: "padding1", 2: "padding", 3: "padding3"}[count]
    return {
        "strides": Attribute(many, (1,) * count),
        "padding": Attribute(padding, (0,) * (2 * count)),
        "dilation": Attribute(many, (1,) * count),
        "groups": Attribute("int", 1),
        "channels": Attribute("int"),
        "kernel_size": Attribute(many),
        "data_layout": Attribute("str", f"NC{AXES[count]}"),
        "kernel_layout": Attribute("str", kernel_layout),
        "out_layout": Attribute("str", ""),
        "out_dtype": Attribute("dtype", ""),
    }


def _transpose_attributes(count: int) -> dict[str, Attribute]:
    """Return the attributes of a transposed convolution over `count` axes."""
    many = {1: "single", 2: "pair", 3: "triple"}[count]
    attributes = _attributes(count, f"IO{AXES[count]}")
    return {**attributes, "output_padding": Attribute(many, (0,) * count)}


TRANSPOSE2D_ATTRIBUTES = _transpose_attributes(2)


def _kernel(
    types: tuple[Type, Type], attrs: Attributes, count: int, inputs: Dim, outputs: Dim | None
) -> TensorType | None:
    """Return the checked type of the weight, None while it cannot be known.

    Parameters
    ----------
    inputs : Dim
        What axis I of the weight must be.
    outputs : Dim, optional
        What axis O must be, if the call says it.
    """
    data, weight = types
    assert isinstance(data, TensorType)
    layout, size = str(attrs["kernel_layout"]), cast(tuple[int, ...] | None, attrs["kernel_size"])
    check_layout("kernel_layout", layout, f"OI{AXES[count]}")
    if isinstance(weight, IncompleteType):
        if outputs is None or size is None:
            return None
        sizes: dict[str, Dim] = {"O": outputs, "I": inputs}
        sizes |= dict(zip(AXES[count], size, strict=True))
        return TensorType(tuple(sizes[letter] for letter in layout), data.dtype)
    if not isinstance(weight, TensorType):
        raise Mismatch(f"weight must be a tensor, not {weight}", "pass a tensor")
    require_rank("weight", weight, count + 2)
    axis = dict(zip(layout, weight.shape, strict=True))
    remedy = "transpose the weight or correct kernel_layout"
    require_equal("axis I of weight", axis["I"], inputs, "the channels of data", remedy)
    if outputs is not None:
        require_equal("axis O of weight", axis["O"], outputs, "attribute channels", remedy)
    for number, letter in enumerate(AXES[count]):
        length = known(axis[letter], f"axis {letter} of weight")
        if size is not None:
            require_equal(f"axis {letter} of weight", length, size[number], "kernel_size", remedy)
    return weight


def _image(data: Type, attrs: Attributes, count: int) -> TensorType | None:
    """Return the checked type of the data, None while it is unknown."""
    if isinstance(data, IncompleteType):
        return None
    if not isinstance(data, TensorType):
        raise Mismatch(f"data must be a tensor, not {data}", "pass a tensor")
    layout = str(attrs["data_layout"])
    check_layout("data_layout", layout, f"NC{AXES[count]}")
    require_one_layout(attrs, "data_layout")
    (channels,) = sizes_of(data, layout, "C")
    groups = cast(int, attrs["groups"])
    if groups < 1 or (isinstance(channels, int) and channels % groups):
        raise Mismatch(
            f"groups must divide the {channels} channels of data, not be {groups}",
            "correct groups",
        )
    return data


def _convolution_relation(count: int) -> Relation:
    """Return the relation of a convolution over `count` axes."""

    def relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
        data = _image(types[0], attrs, count)
        if data is None:
            return None
        layout, groups = str(attrs["data_layout"]), cast(int, attrs["groups"])
        (inputs,) = sizes_of(data, layout, "C")
        outputs = cast(int | None, attrs["channels"])
        weight = _kernel((data, types[1]), attrs, count, inputs // groups, outputs)
        if weight is None:
            return None
        same_dtype(("data", "weight"), data, weight)
        kernel = dict(zip(str(attrs["kernel_layout"]), weight.shape, strict=True))
        if isinstance(kernel["O"], int) and kernel["O"] % groups:
            raise Mismatch(f"groups must divide the {kernel['O']} channels of weight", "correct")
        window = tuple(cast(int, kernel[letter]) for letter in AXES[count])
        counts = window_counts(sizes_of(data, layout, AXES[count]), window, attrs)
        shape = with_sizes(data, layout, f"{AXES[count]}C", (*counts, kernel["O"]))
        result = TensorType(shape, str(attrs["out_dtype"]) or data.dtype)
        return FuncType((data, weight), result)

    return relation


def _grouped(windows: Array, kernel: Array, groups: int, count: int) -> Array:
    """Return products of windows [n, places, taps, c] and a kernel [taps, c / groups, o]."""
    places, taps = windows.shape[: 1 + count], windows.shape[1 + count : -1]
    per_group, outputs = kernel.shape[-2:]
    length = int(np.prod(taps)) * per_group
    split = np.moveaxis(windows.reshape(*places, *taps, groups, per_group), -2, 0)
    rows = split.reshape(groups, int(np.prod(places)), length)
    parts = np.moveaxis(kernel.reshape(length, groups, outputs // groups), 1, 0)
    result = np.moveaxis(multiply_accumulate(rows, parts), 0, 1)
    return result.reshape(*places, outputs)


def _convolution(count: int) -> Callable[..., Array]:
    """Return the meaning of a convolution over `count` axes."""

    def meaning(attrs: Attributes, data: Array, weight: Array) -> Array:
        axes, layout = AXES[count], str(attrs["data_layout"])
        source = str(attrs["kernel_layout"])
        kernel = weight.transpose([source.index(letter) for letter in f"{axes}IO"])
        image = to_channels_last(data, layout, axes)
        windows = image_windows(image, kernel.shape[:count], attrs, 0)
        total = _grouped(windows, kernel, cast(int, attrs["groups"]), count)
        result = from_channels_last(total, layout, axes)
        return result.astype(str(attrs["out_dtype"]) or data.dtype)

    return meaning


def transpose_type(
    types: tuple[Type, Type], attrs: Attributes, count: int
) -> tuple[TensorType, TensorType] | None:
    """Return the types of weight and result of a transposed convolution, None while unknown.

    Raises
    ------
    Mismatch
        Data, weight and attributes contradict each other.
    """
    data = _image(types[0], attrs, count)
    if data is None:
        return None
    layout, groups = str(attrs["data_layout"]), cast(int, attrs["groups"])
    (inputs,) = sizes_of(data, layout, "C")
    channels = cast(int | None, attrs["channels"])
    if channels is not None and channels % groups:
        raise Mismatch(f"channels must be a multiple of groups {groups}, not {channels}", "correct")
    per_group = None if channels is None else channels // groups
    weight = _kernel((data, types[1]), attrs, count, inputs, per_group)
    if weight is None:
        return None
    kernel = dict(zip(str(attrs["kernel_layout"]), weight.shape, strict=True))
    window = tuple(cast(int, kernel[letter]) for letter in AXES[count])
    sizes = _transposed_sizes(sizes_of(data, layout, AXES[count]), window, attrs)
    shape = with_sizes(data, layout, f"{AXES[count]}C", (*sizes, kernel["O"] * groups))
    return weight, TensorType(shape, str(attrs["out_dtype"]) or data.dtype)


def _transposed_sizes(
    sizes: tuple[Dim, ...], window: tuple[int, ...], attrs: Attributes
) -> tuple[Dim, ...]:
    """Return the sizes of the result: those whose convolution has the sizes of the data."""
    strides, dilation = ints(attrs, "strides"), ints(attrs, "dilation")
    padding, extra = ints(attrs, "padding"), ints(attrs, "output_padding")
    if min(*strides, *dilation, *window) < 1 or min(*padding, *extra) < 0:
        raise Mismatch(
            "window, strides and dilation must be >= 1, padding and output_padding >= 0",
            "correct the attributes",
        )
    found: list[Dim] = []
    for axis, size in enumerate(sizes):
        span = (window[axis] - 1) * dilation[axis] + 1
        around = padding[axis] + padding[axis + len(sizes)]
        made = (size - 1) * strides[axis] + span - around + extra[axis]
        if extra[axis] >= max(strides[axis], dilation[axis]) or (
            isinstance(made, int) and (made < 0 or size == 0)
        ):
            raise Mismatch(
                f"output_padding {extra[axis]} must be less than strides or dilation, and data "
                f"of {size} leave a result behind padding {around}",
                "correct the attributes",
            )
        found.append(made)
    return tuple(found)


def transposed(attrs: Attributes, data: Array, weight: Array, count: int) -> Array:
    """Return the transposed convolution: exact int64 for integers, else float64."""
    axes, layout, groups = AXES[count], str(attrs["data_layout"]), cast(int, attrs["groups"])
    strides, dilation = ints(attrs, "strides"), ints(attrs, "dilation")
    source = str(attrs["kernel_layout"])
    kernel = weight.transpose([source.index(letter) for letter in f"{axes}IO"])
    window, (inputs, per_group) = kernel.shape[:count], kernel.shape[-2:]
    # Each group of inputs makes its own outputs; the taps are used from the last to the first.
    kernel = np.flip(kernel, tuple(range(count)))
    kernel = np.moveaxis(kernel.reshape(*window, groups, inputs // groups, per_group), count, -2)
    kernel = kernel.reshape(*window, inputs // groups, groups * per_group)
    image = to_channels_last(data, layout, axes)
    sizes = image.shape[1:-1]
    spread = tuple((size - 1) * step + 1 for size, step in zip(sizes, strides, strict=True))
    spans = tuple((size - 1) * step + 1 for size, step in zip(window, dilation, strict=True))
    extra = ints(attrs, "output_padding")
    around = [spans[a] - 1 for a in range(count)]
    total = tuple(spread[a] + 2 * around[a] + extra[a] for a in range(count))
    canvas = np.zeros((image.shape[0], *total, inputs), data.dtype)
    steps = tuple(slice(around[a], around[a] + spread[a], strides[a]) for a in range(count))
    canvas[(slice(None), *steps)] = image
    plain = {"strides": (1,) * count, "dilation": dilation, "padding": (0,) * (2 * count)}
    whole = _grouped(image_windows(canvas, window, plain, 0), kernel, groups, count)
    padding = ints(attrs, "padding")
    cuts = tuple(slice(padding[a], whole.shape[1 + a] - padding[a + count]) for a in range(count))
    return from_channels_last(whole[(slice(None), *cuts)], layout, axes)


def _transpose_relation(count: int) -> Relation:
    """Return the relation of a transposed convolution over `count` axes."""

    def relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
        found = transpose_type((types[0], types[1]), attrs, count)
        if found is None:
            return None
        assert isinstance(types[0], TensorType)
        same_dtype(("data", "weight"), types[0], found[0])
        return FuncType((types[0], found[0]), found[1])

    return relation


def _transpose(count: int) -> Callable[..., Array]:
    """Return the meaning of a transposed convolution over `count` axes."""

    def meaning(attrs: Attributes, data: Array, weight: Array) -> Array:
        total = transposed(attrs, data, weight, count)
        return total.astype(str(attrs["out_dtype"]) or data.dtype)

    return meaning


ROWS = (
    *(
        Operator(
            f"nn.conv{count}d",
            ("data", "weight"),
            _convolution_relation(count),
            _convolution(count),
            Kind.ANCHOR,
            _attributes(count, f"OI{AXES[count]}"),
        )
        for count in (1, 3)
    ),
    *(
        Operator(
            f"nn.conv{count}d_transpose",
            ("data", "weight"),
            _transpose_relation(count),
            _transpose(count),
            Kind.ANCHOR,
            _transpose_attributes(count),
        )
        for count in (1, 2, 3)
    ),
)
