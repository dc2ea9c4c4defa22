"""nn.conv2d: its relation and the convolution itself, which qnn.conv2d uses as well."""

from typing import cast

import numpy as np

from ..ir.types import Dim, FuncType, IncompleteType, TensorType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator
from .shapes import require_equal, require_rank
from .windows import (
    from_channels_last,
    image_axes,
    ints,
    permutation,
    sliding_windows,
    to_channels_last,
    window_extents,
)

__all__ = ["CONV2D_ATTRIBUTES", "ROWS", "convolution_type", "convolve", "multiply_accumulate"]

KERNEL_LAYOUTS = ("OIHW", "HWIO", "HWOI", "OHWI")

CONV2D_ATTRIBUTES = {
    "strides": Attribute("pair", (1, 1)),
    "padding": Attribute("padding", (0, 0, 0, 0)),
    "dilation": Attribute("pair", (1, 1)),
    "groups": Attribute("int", 1),
    "channels": Attribute("int"),
    "kernel_size": Attribute("pair"),
    "data_layout": Attribute("str", "NCHW"),
    "kernel_layout": Attribute("str", "OIHW", choices=KERNEL_LAYOUTS),
    "out_layout": Attribute("str", ""),
    "out_dtype": Attribute("dtype", ""),
}


def convolution_type(data: Type, weight: Type, attrs: Attributes) -> tuple[Type, Type] | None:
    """Return the types of the weight and of the result of a convolution.

    Returns
    -------
    (weight, result), or None while `data` is unknown, or `weight` is and cannot be told from
    the attributes ``channels`` and ``kernel_size``.

    Raises
    ------
    Mismatch
        Data, weight and attributes contradict each other.
    """
    if isinstance(data, IncompleteType):
        return None
    if not isinstance(data, TensorType):
        raise Mismatch(f"data must be a tensor, not {data}", "pass a tensor")
    layout = str(attrs["data_layout"])
    n, h, w, c = image_axes(layout)
    if attrs["out_layout"] not in ("", layout):
        raise Mismatch(
            f'out_layout must be as data_layout "{layout}", not "{attrs["out_layout"]}"',
            "transpose the result instead",
        )
    require_rank("data", data, 4)
    groups = cast(int, attrs["groups"])
    inputs = data.shape[c]
    if groups < 1 or (isinstance(inputs, int) and inputs % groups):
        raise Mismatch(
            f"groups must divide the {inputs} channels of data, not be {groups}", "correct groups"
        )
    per_group = inputs // groups if isinstance(inputs, int) else inputs
    kernel = _weight_type(weight, per_group, data.dtype, attrs)
    if kernel is None:
        return None
    outputs, _, height, width = _kernel_shape(kernel, attrs)
    if isinstance(outputs, int) and outputs % groups:
        raise Mismatch(
            f"groups must divide the {outputs} channels of weight, not be {groups}",
            "correct groups",
        )
    rows, columns = window_extents((data.shape[h], data.shape[w]), (height, width), attrs)
    shape: list[Dim] = [0, 0, 0, 0]
    shape[n], shape[h], shape[w], shape[c] = data.shape[n], rows, columns, outputs
    return kernel, TensorType(tuple(shape), str(attrs["out_dtype"]) or data.dtype)


def _weight_type(weight: Type, per_group: Dim, dtype: str, attrs: Attributes) -> TensorType | None:
    """Return the checked type of the weight, made from the attributes where it is unknown."""
    channels, size = attrs["channels"], cast(tuple[int, int] | None, attrs["kernel_size"])
    layout = str(attrs["kernel_layout"])
    if isinstance(weight, IncompleteType):
        if not isinstance(channels, int) or size is None:
            return None
        sizes: dict[str, Dim] = {"O": channels, "I": per_group, "H": size[0], "W": size[1]}
        return TensorType(tuple(sizes[letter] for letter in layout), dtype)
    if not isinstance(weight, TensorType):
        raise Mismatch(f"weight must be a tensor, not {weight}", "pass a tensor")
    require_rank("weight", weight, 4)
    outputs, inputs, height, width = _kernel_shape(weight, attrs)
    require_equal(
        f'axis {layout.index("I")} (I of layout "{layout}") of weight',
        inputs,
        per_group,
        "the channels of data by groups",
        "transpose the weight or correct kernel_layout",
    )
    if isinstance(channels, int):
        require_equal(
            f'axis {layout.index("O")} (O of layout "{layout}") of weight',
            outputs,
            channels,
            "attribute channels",
            "correct channels or leave it out",
        )
    if size is not None and (height, width) != size:
        raise Mismatch(
            f"weight must have a window of {size}, attribute kernel_size, not {(height, width)}",
            "correct kernel_size or leave it out",
        )
    return weight


def _kernel_shape(weight: TensorType, attrs: Attributes) -> tuple[Dim, Dim, int, int]:
    """Return output channels, input channels of a group, height and width of the kernel."""
    layout = str(attrs["kernel_layout"])
    outputs, inputs, height, width = (weight.shape[layout.index(letter)] for letter in "OIHW")
    if not (isinstance(height, int) and isinstance(width, int)):
        raise Mismatch(f"the window of weight must be known, not {weight}", "annotate its type")
    return outputs, inputs, height, width


def multiply_accumulate(left: Array, right: Array) -> Array:
    """Return the matrix product, exact for integers (int64), in float64 otherwise.

    Products of integers of up to 16 bits go through float64, which holds sums of 2**21 of them
    exactly and is an order of magnitude faster than integer matrix multiplication in numpy.
    """
    exact_in_float = left.dtype.kind == "f" or max(left.itemsize, right.itemsize) <= 2
    if exact_in_float:
        product = np.asarray(np.matmul(left.astype(np.float64), right.astype(np.float64)))
        return product if left.dtype.kind == "f" else product.astype(np.int64)
    return np.asarray(np.matmul(left.astype(np.int64), right.astype(np.int64)))


def convolve(data: Array, weight: Array, attrs: Attributes, fill: object = 0) -> Array:
    """Return the convolution in the data's layout: exact int64 for integers, else float64.

    Parameters
    ----------
    data : image tensor in ``data_layout``
    weight : kernel in ``kernel_layout``
    attrs : complete attributes of a conv2d
    fill : scalar
        Value of the padding.
    """
    layout, groups = str(attrs["data_layout"]), cast(int, attrs["groups"])
    kernel = np.transpose(weight, permutation(str(attrs["kernel_layout"]), "HWIO"))
    height, width, per_group, outputs = kernel.shape
    windows = sliding_windows(
        to_channels_last(data, layout),
        (height, width),
        ints(attrs, "strides"),
        ints(attrs, "dilation"),
        ints(attrs, "padding"),
        fill,
    )
    if groups == 1:
        places = windows.shape[:3]
        rows = windows.reshape(-1, height * width * per_group)
        result = multiply_accumulate(rows, kernel.reshape(-1, outputs)).reshape(*places, outputs)
    elif per_group == 1:
        result = _depthwise(windows, kernel)
    else:
        result = _grouped(windows, kernel, groups)
    return from_channels_last(result, layout)


def _depthwise(windows: Array, kernel: Array) -> Array:
    """Return the convolution where each channel makes its own outputs, tap by tap."""
    height, width, _, outputs = kernel.shape
    channels = windows.shape[-1]
    wide = np.float64 if windows.dtype.kind == "f" else np.int64
    taps = kernel.reshape(height, width, channels, outputs // channels).astype(wide)
    total = np.zeros((*windows.shape[:3], channels, outputs // channels), wide)
    for y in range(height):
        for x in range(width):
            total += windows[:, :, :, y, x, :, None].astype(wide) * taps[y, x]
    return total.reshape(*windows.shape[:3], outputs)


def _grouped(windows: Array, kernel: Array, groups: int) -> Array:
    """Return the convolution of `groups` groups of channels, as one batch of products."""
    height, width, per_group, outputs = kernel.shape
    split = windows.reshape(*windows.shape[:5], groups, per_group)
    rows = np.moveaxis(split, 5, 0).reshape(groups, -1, height * width * per_group)
    columns = np.moveaxis(
        kernel.reshape(height * width * per_group, groups, outputs // groups), 1, 0
    )
    result = np.moveaxis(multiply_accumulate(rows, columns), 0, 1)
    return result.reshape(*windows.shape[:3], outputs)


def _conv2d_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    data, weight = types
    found = convolution_type(data, weight, attrs)
    if found is None:
        return None
    assert isinstance(data, TensorType) and isinstance(found[0], TensorType)
    if found[0].dtype != data.dtype:
        raise Mismatch(
            f"weight must be {data.dtype}, as data is, not {found[0].dtype}", "cast one of them"
        )
    return FuncType((data, found[0]), found[1])


def _conv2d(attrs: Attributes, data: Array, weight: Array) -> Array:
    return convolve(data, weight, attrs).astype(str(attrs["out_dtype"]) or data.dtype)


ROWS = (
    Operator(
        "nn.conv2d", ("data", "weight"), _conv2d_relation, _conv2d, Kind.ANCHOR, CONV2D_ATTRIBUTES
    ),
)
