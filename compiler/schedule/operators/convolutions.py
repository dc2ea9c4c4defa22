"""Convolutions that no kernel of the backend takes: over 1 and 3 axes, transposed, deformable.

Sums are made in float32, or float64 for that; those of integers wrap as the result does. Images are
put into a border first, so that the sums have no conditions in them: then they are products of
matrices, or vectors of them.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ...ops.operator import Attributes
from ...ops.spatial import AXES
from ..expressions import Buffer, Constant, Expr
from ..functions import call, cast, clamp, equal, inside, size_of
from .axes import Define, fixed, indices_of, ints, real, text, whole, widened
from .definition import Definition

__all__ = ["ROWS", "bilinear"]


def _sizes(buffer: Buffer, layout: str, letters: str) -> tuple[int, ...]:
    """Return the sizes of axes, which must be known."""
    return tuple(fixed(buffer.shape[layout.index(letter)]) for letter in letters)


def _sums(data: Buffer, out: Buffer) -> str:
    """Return the data type in which products of `data` are added up for `out`."""
    if data.dtype.startswith("float"):
        return "float64" if data.dtype == "float64" else "float32"
    return "int64" if out.dtype.endswith("64") else "int32"


def _convolution(count: int) -> Define:
    """Return the definition of a convolution over `count` axes."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (data, weight), (out,) = nest.inputs, nest.outputs
        letters, layout = AXES[count], text(attrs, "data_layout")
        source, groups = text(attrs, "kernel_layout"), whole(attrs, "groups")
        strides, dilation = ints(attrs, "strides"), ints(attrs, "dilation")
        padding = ints(attrs, "padding")
        inputs, outputs = _sizes(weight, source, "IO")
        image = _surrounded(nest, layout, letters, padding)
        dtype = _sums(data, out)
        # Steps in the order of the weights: their places are then multiples of one step.
        order = [letter for letter in source if letter != "O"]
        with nest.loops(*out.shape) as at:
            to = dict(zip(layout, at, strict=True))
            group = to["C"] // (outputs // groups)
            total = nest.local(dtype, 0)
            with nest.loops(*_sizes(weight, source, "".join(order))) as steps:
                tap = dict(zip(order, steps, strict=True))
                place = {"N": to["N"], "C": group * inputs + tap["I"]}
                for axis, letter in enumerate(letters):
                    place[letter] = to[letter] * strides[axis] + tap[letter] * dilation[axis]
                left = cast(image[indices_of(layout, place)], dtype)
                right = cast(weight[indices_of(source, {"O": to["C"], **tap})], dtype)
                nest.store(total, total + left * right)
            nest.store(out[at], cast(total, out.dtype))

    return define


def _surrounded(nest: Definition, layout: str, letters: str, padding: tuple[int, ...]) -> Buffer:
    """Return the data with zeros around it; `padding` is before all axes, then behind."""
    data = nest.inputs[0]
    if not any(padding):
        return data
    before = dict(zip(letters, padding, strict=False))
    behind = dict(zip(letters, padding[len(letters) :], strict=True))
    sizes = [
        size + before.get(letter, 0) + behind.get(letter, 0)
        for letter, size in zip(layout, data.shape, strict=True)
    ]
    image = nest.scratch(data.dtype, *sizes)
    with nest.loops(*sizes) as at:
        moved = [x - before.get(letter, 0) for letter, x in zip(layout, at, strict=True)]
        nest.store(image[at], inside(data, moved))
    return image


def _transposed(count: int, quantized: bool = False) -> Define:
    """Return the definition of a transposed convolution over `count` axes.

    It is a convolution of the image with zeros (or zero points) between and around its elements.
    """

    def define(nest: Definition, attrs: Attributes) -> None:
        (data, weight), (out,) = nest.inputs[:2], nest.outputs
        letters, layout = AXES[count], text(attrs, "data_layout")
        source, groups = text(attrs, "kernel_layout"), whole(attrs, "groups")
        dilation, padding = ints(attrs, "dilation"), ints(attrs, "padding")
        inputs, outputs = _sizes(weight, source, "IO")
        kernel = _sizes(weight, source, letters)
        # Elements of the spread image before the first: no place of a tap is then negative.
        shift = [
            max(0, (kernel[axis] - 1) * dilation[axis] - padding[axis]) for axis in range(count)
        ]
        image = _spread(nest, attrs, shift, quantized)
        dtype = _sums(data, out)
        with nest.loops(*out.shape) as at:
            to = dict(zip(layout, at, strict=True))
            group, own = to["C"] // outputs, to["C"] % outputs
            total = nest.local(dtype, 0)
            with nest.loops(inputs // groups, *kernel) as (number, *taps):
                channel = group * (inputs // groups) + number
                place = {"N": to["N"], "C": channel}
                for axis, letter in enumerate(letters):
                    reach = to[letter] + (padding[axis] + shift[axis])
                    place[letter] = reach - taps[axis] * dilation[axis]
                tap = {"O": own, "I": channel, **dict(zip(letters, taps, strict=True))}
                left = cast(image[indices_of(layout, place)], dtype)
                right = cast(weight[indices_of(source, tap)], dtype)
                if quantized:
                    point = nest.inputs[3]
                    right = right - cast(point[own] if point.shape else point[()], dtype)
                    left = left - cast(nest.inputs[2][()], dtype)
                nest.store(total, total + left * right)
            nest.store(out[at], cast(total, out.dtype))

    return define


def _spread(nest: Definition, attrs: Attributes, shift: list[int], quantized: bool) -> Buffer:
    """Return the data of a transposed convolution, its elements a stride apart."""
    data, out = nest.inputs[0], nest.outputs[0]
    layout = text(attrs, "data_layout")
    letters = [letter for letter in layout if letter not in "NC"]
    strides, padding = ints(attrs, "strides"), ints(attrs, "padding")
    sizes = {
        letter: out.shape[layout.index(letter)] + padding[axis] + shift[axis]
        for axis, letter in enumerate(letters)
    }
    shape = [sizes.get(letter, size) for letter, size in zip(layout, data.shape, strict=True)]
    image = nest.scratch(data.dtype, *shape)
    with nest.loops(*image.shape) as at:
        place = dict(zip(layout, at, strict=True))
        hits: list[Expr] = []
        for axis, letter in enumerate(letters):
            moved = place[letter] - shift[axis]
            if strides[axis] > 1:
                hits.append(equal(moved % strides[axis], 0))
            place[letter] = moved // strides[axis]
        otherwise = _point_of(data, nest) if quantized else 0
        nest.store(image[at], inside(data, indices_of(layout, place), otherwise, *hits))
    return image


def _point_of(data: Buffer, nest: Definition) -> Expr:
    """Return the zero point of quantised data, in its data type."""
    return cast(nest.inputs[2][()], data.dtype)


def bilinear(
    image: Buffer,
    lead: tuple[Expr, ...],
    at: Sequence[Expr],
    order: Sequence[int],
    outside: bool,
) -> Expr:
    """Return a value between the pixels of an image, float64.

    Parameters
    ----------
    lead : (batch, channel)
    at : y and x, float64
    order : from the axes of the image to batch, channel, row, column
    outside : whether a pixel outside of the image is 0; otherwise it is the nearest one inside
    """
    lows = [call("floor", place) for place in at]
    sizes = [size_of(image.shape[order.index(axis)]) for axis in (2, 3)]
    total: Expr | None = None
    for step_y in (0, 1):
        for step_x in (0, 1):
            factors: list[Expr] = []
            places: list[Expr] = []
            for step, place, low, size in zip((step_y, step_x), at, lows, sizes, strict=True):
                part = place - low
                factors.append(part if step else 1.0 - part)
                index = cast(low, "int64") + step
                places.append(index if outside else clamp(index, 0, size - 1))
            named = (*lead, *places)
            here = tuple(named[axis] for axis in order)
            pixel = real(inside(image, here) if outside else image[here])
            part = factors[0] * factors[1] * pixel
            total = part if total is None else total + part
    assert total is not None, "a place has four pixels around it"
    return total


def _deformable(nest: Definition, attrs: Attributes) -> None:
    (data, offset, weight), (out,) = nest.inputs, nest.outputs
    layout, source = text(attrs, "data_layout"), text(attrs, "kernel_layout")
    groups, parts = whole(attrs, "groups"), whole(attrs, "deformable_groups")
    strides, dilation = ints(attrs, "strides"), ints(attrs, "dilation")
    padding = ints(attrs, "padding")
    inputs, outputs, height, width = _sizes(weight, source, "IOHW")
    (channels,) = _sizes(data, layout, "C")
    order = ["NCHW".index(letter) for letter in layout]
    with nest.loops(*out.shape) as at:
        to = dict(zip(layout, at, strict=True))
        group = to["C"] // (outputs // groups)
        total = nest.local("float64", 0)
        with nest.loops(inputs, height, width) as (number, row, column):
            channel = group * inputs + number
            part = channel // (channels // parts)
            first = ((part * height + row) * width + column) * 2
            places: list[Expr] = []
            for axis, (letter, tap) in enumerate((("H", row), ("W", column))):
                moved = offset[indices_of(layout, to | {"C": first + axis})]
                fixed = to[letter] * strides[axis] + tap * dilation[axis] - padding[axis]
                places.append(cast(fixed, "float64") + widened(moved))
            value = bilinear(data, (to["N"], channel), places, order, outside=True)
            taps = {"O": to["C"], "I": number, "H": row, "W": column}
            nest.store(total, total + value * widened(weight[indices_of(source, taps)]))
        nest.store(out[at], cast(total, out.dtype))


def _matmul(nest: Definition, attrs: Attributes) -> None:
    """Rows times a matrix, either of them perhaps stored transposed."""
    (left, right), (out,) = nest.inputs, nest.outputs
    inner, columns = right.shape[:2]
    matrix, dtype = right, _sums(left, out)
    if attrs["transpose_b"]:
        inner, columns = columns, inner
        matrix = nest.scratch(right.dtype, inner, columns)
        with nest.loops(inner, columns) as (k, column):
            nest.store(matrix[k, column], right[column, k])
    with nest.loops(*out.shape) as at:
        total = nest.local(dtype, 0)
        with nest.loop(inner) as k:
            row = (*at[:-2], k, at[-2]) if attrs["transpose_a"] else (*at[:-1], k)
            product = cast(left[row], dtype) * cast(matrix[k, at[-1]], dtype)
            nest.store(total, total + product)
        nest.store(out[at], cast(total, out.dtype))


def _quantized_batch_matmul(nest: Definition, attrs: Attributes) -> None:
    (x, y, x_point, y_point), (out,) = nest.inputs[:4], nest.outputs
    inner = x.shape[1 if attrs["transpose_a"] else 2]
    zero = Constant(0, "int64")
    with nest.loops(*out.shape) as (batch, row, column):
        total = nest.local("int64", 0)
        with nest.loop(inner) as k:
            of_x = zero if x.shape[0] == 1 else batch
            of_y = zero if y.shape[0] == 1 else batch
            left = x[(of_x, k, row) if attrs["transpose_a"] else (of_x, row, k)]
            right = y[(of_y, column, k) if attrs["transpose_b"] else (of_y, k, column)]
            offsets = widened(left) - widened(x_point[()]), widened(right) - widened(y_point[()])
            nest.store(total, total + offsets[0] * offsets[1])
        nest.store(out[batch, row, column], cast(total, out.dtype))


ROWS: Mapping[str, Define] = MappingProxyType(
    {
        **{f"nn.conv{count}d": _convolution(count) for count in (1, 2, 3)},
        **{f"nn.conv{count}d_transpose": _transposed(count) for count in (1, 2, 3)},
        "nn.deformable_conv2d": _deformable,
        "nn.matmul": _matmul,
        "qnn.batch_matmul": _quantized_batch_matmul,
        "qnn.conv2d_transpose": _transposed(2, quantized=True),
    }
)
