"""Gradient of nn.deformable_conv2d: of the samples that its taps take, and of products with them.

Source
------
Dai et al., Deformable Convolutional Networks (ICCV 2017), equations 2 to 4.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np

from ..ir.nodes import Constant, Expr, Tuple
from ..ops.registry import call
from ..ops.windows import ints, permutation
from .sampling import corners, sampled, written_back
from .site import Gradient, Rule, Site, add, indices, reshape, transpose

__all__ = ["RULES"]


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Sizes of a call: of data, of the result, of the kernel, and how channels are shared."""

    batch: int
    height: int
    width: int
    inputs: int
    rows: int
    columns: int
    outputs: int
    taps: tuple[int, int]
    parts: int
    groups: int

    @property
    def places(self) -> int:
        """How many samples a part of an image takes."""
        return self.rows * self.columns * self.taps[0] * self.taps[1]


def _sizes(site: Site) -> _Sizes:
    layout, order = str(site.attrs["data_layout"]), str(site.attrs["kernel_layout"])
    batch, height, width, inputs = (site.shape()[layout.index(letter)] for letter in "NHWC")
    rows, columns, outputs = (site.result_shape[layout.index(letter)] for letter in "HWC")
    taps = site.shape(2)[order.index("H")], site.shape(2)[order.index("W")]
    parts, groups = (cast(int, site.attrs[name]) for name in ("deformable_groups", "groups"))
    return _Sizes(batch, height, width, inputs, rows, columns, outputs, taps, parts, groups)


def _deformable_conv2d(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Sample, as the operator does; then the gradient of products; then that of the samples."""
    size, dtype = _sizes(site), site.tensor().dtype
    layout = str(site.attrs["data_layout"])
    share = size.inputs // size.parts
    y, x = _places(site, size)
    images = size.batch * size.parts
    around = corners(
        y, x, indices(np.arange(images)[:, None]), (size.height, size.width), True, dtype
    )
    split = (size.batch, size.height, size.width, size.parts, share)
    image = reshape(transpose(site.args[0], permutation(layout, "NHWC")), split)
    lines = images * size.height * size.width
    pixels = reshape(transpose(image, (0, 3, 1, 2, 4)), (lines, share))
    by_samples, by_weight = _products(site, size, sampled(pixels, around), grad)
    shape = (lines, images * size.places, share)
    by_pixels, by_y, by_x = written_back(pixels, around, by_samples, shape, dtype)
    back = reshape(by_pixels, (size.batch, size.parts, size.height, size.width, share))
    whole = (size.batch, size.height, size.width, size.inputs)
    by_data = reshape(transpose(back, (0, 2, 3, 1, 4)), whole)
    return (
        transpose(by_data, permutation("NHWC", layout)),
        _by_offset(site, size, by_y, by_x),
        by_weight,
    )


def _places(site: Site, size: _Sizes) -> tuple[Expr, Expr]:
    """Return y and x of all samples, Tensor[(batch * parts, places)]."""
    layout, dtype = str(site.attrs["data_layout"]), site.tensor().dtype
    strides, dilation, padding = (
        ints(site.attrs, name) for name in ("strides", "dilation", "padding")
    )
    moved = transpose(site.args[1], permutation(layout, "NHWC"))
    split = (size.batch, size.rows, size.columns, size.parts, *size.taps, 2)
    apart = transpose(reshape(moved, split), (6, 0, 3, 1, 2, 4, 5))
    flat = reshape(apart, (2, size.batch * size.parts, size.places))
    found: list[Expr] = []
    for axis, count in enumerate((size.rows, size.columns)):
        line = np.arange(count)[:, None] * strides[axis] - padding[axis]
        line = line + np.arange(size.taps[axis]) * dilation[axis]
        wide = line[:, None, :, None] if axis == 0 else line[None, :, None, :]
        still = np.broadcast_to(wide, (size.rows, size.columns, *size.taps))
        own = call("strided_slice", flat, begin=(axis,), end=(axis + 1,), axes=(0,))
        start = Constant(np.asarray(still, dtype).reshape(1, size.places))
        found.append(add(call("squeeze", own, axis=(0,)), start))
    return found[0], found[1]


def _products(site: Site, size: _Sizes, samples: Expr, grad: Expr) -> tuple[Expr, Expr]:
    """Return the gradients of samples, of their shape, and of the weight.

    The samples of each group of channels, a line for each result place, times a kernel.
    """
    layout, order = str(site.attrs["data_layout"]), str(site.attrs["kernel_layout"])
    share, groups = size.inputs // size.parts, size.groups
    own, outputs = size.inputs // groups, size.outputs // groups
    window = size.taps[0] * size.taps[1]
    count = size.batch * size.rows * size.columns
    split = (size.batch, size.parts, size.rows * size.columns, window, share)
    parts = transpose(reshape(samples, split), (0, 2, 3, 1, 4))
    lines = transpose(reshape(parts, (count, window, groups, own)), (2, 0, 1, 3))
    lines = reshape(lines, (groups, count, window * own))
    kernel = transpose(site.args[2], permutation(order, "HWIO"))
    kernel = transpose(reshape(kernel, (window * own, groups, outputs)), (1, 0, 2))
    given = reshape(transpose(grad, permutation(layout, "NHWC")), (count, groups, outputs))
    given = transpose(given, (1, 0, 2))
    by_lines = call("nn.batch_matmul", given, kernel, transpose_a=False, transpose_b=True)
    by_kernel = call("nn.batch_matmul", lines, given, transpose_a=True, transpose_b=False)
    back = transpose(reshape(by_lines, (groups, count, window, own)), (1, 2, 0, 3))
    back = reshape(back, (size.batch, size.rows * size.columns, window, size.parts, share))
    by_samples = reshape(
        transpose(back, (0, 3, 1, 2, 4)), (size.batch * size.parts, size.places, share)
    )
    weight = reshape(transpose(by_kernel, (1, 0, 2)), (*size.taps, own, size.outputs))
    return by_samples, transpose(weight, permutation("HWIO", order))


def _by_offset(site: Site, size: _Sizes, by_y: Expr, by_x: Expr) -> Expr:
    """Return the gradient of the argument `offset`."""
    layout = str(site.attrs["data_layout"])
    split = (size.batch, size.parts, size.rows, size.columns, *size.taps)
    both = call("stack", Tuple((reshape(by_y, split), reshape(by_x, split))), axis=6)
    channels = 2 * size.parts * size.taps[0] * size.taps[1]
    whole = (size.batch, size.rows, size.columns, channels)
    back = reshape(transpose(both, (0, 2, 3, 1, 4, 5, 6)), whole)
    return transpose(back, permutation("NHWC", layout))


RULES: dict[str, Rule] = {"nn.deformable_conv2d": _deformable_conv2d}
