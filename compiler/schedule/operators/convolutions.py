"""Convolutions that no kernel of the backend takes: over 1 and 3 axes, transposed, deformable.

Sums are made in float64, or exactly in int64, and converted once.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ...ops.operator import Attributes
from ...ops.spatial import AXES
from ..expressions import Buffer, Constant, Expr
from ..functions import call, cast, clamp, equal, inside, size_of
from .axes import Define, fixed, ints, real, text, whole, widened
from .definition import Definition

__all__ = ["ROWS", "bilinear"]


def _at(layout: str, places: Mapping[str, Expr]) -> tuple[Expr, ...]:
    """Return the indices of an element whose axes are named."""
    return tuple(places[letter] for letter in layout)


def _sizes(buffer: Buffer, layout: str, letters: str) -> tuple[int, ...]:
    """Return the sizes of axes, which must be known."""
    return tuple(fixed(buffer.shape[layout.index(letter)]) for letter in letters)


def _convolution(count: int) -> Define:
    """Return the definition of a convolution over `count` axes."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (data, weight), (out,) = nest.inputs, nest.outputs
        letters, layout = AXES[count], text(attrs, "data_layout")
        source, groups = text(attrs, "kernel_layout"), whole(attrs, "groups")
        strides, dilation = ints(attrs, "strides"), ints(attrs, "dilation")
        padding = ints(attrs, "padding")
        inputs, outputs = _sizes(weight, source, "IO")
        with nest.loops(*out.shape) as at:
            to = dict(zip(layout, at, strict=True))
            group = to["C"] // (outputs // groups)
            total = nest.local("float64" if data.dtype.startswith("float") else "int64", 0)
            with nest.loops(inputs, *_sizes(weight, source, letters)) as (channel, *taps):
                place = {"N": to["N"], "C": group * inputs + channel}
                for axis, letter in enumerate(letters):
                    moved = to[letter] * strides[axis] + taps[axis] * dilation[axis]
                    place[letter] = moved - padding[axis]
                tap = {"O": to["C"], "I": channel, **dict(zip(letters, taps, strict=True))}
                left = widened(inside(data, _at(layout, place)))
                nest.store(total, total + left * widened(weight[_at(source, tap)]))
            nest.store(out[at], cast(total, out.dtype))

    return define


def _transposed(count: int, quantized: bool = False) -> Define:
    """Return the definition of a transposed convolution over `count` axes."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (data, weight), (out,) = nest.inputs[:2], nest.outputs
        letters, layout = AXES[count], text(attrs, "data_layout")
        source, groups = text(attrs, "kernel_layout"), whole(attrs, "groups")
        strides, dilation = ints(attrs, "strides"), ints(attrs, "dilation")
        padding = ints(attrs, "padding")
        inputs, outputs = _sizes(weight, source, "IO")
        with nest.loops(*out.shape) as at:
            to = dict(zip(layout, at, strict=True))
            group, own = to["C"] // outputs, to["C"] % outputs
            wide = "float64" if data.dtype.startswith("float") else "int64"
            total = nest.local(wide, 0)
            with nest.loops(inputs // groups, *_sizes(weight, source, letters)) as (number, *taps):
                channel = group * (inputs // groups) + number
                place, hits = {"N": to["N"], "C": channel}, []
                for axis, letter in enumerate(letters):
                    reach = to[letter] + padding[axis] - taps[axis] * dilation[axis]
                    if strides[axis] > 1:
                        hits.append(equal(reach % strides[axis], 0))
                    place[letter] = reach // strides[axis]
                tap = {"O": own, "I": channel, **dict(zip(letters, taps, strict=True))}
                right = widened(weight[_at(source, tap)])
                where = _at(layout, place)
                if quantized:
                    point = widened(nest.inputs[2][()])
                    kernel_point = nest.inputs[3]
                    right = right - widened(
                        kernel_point[own] if kernel_point.shape else kernel_point[()]
                    )
                    # Beside the image is the zero point, so that nothing is added.
                    left = widened(inside(data, where, _point_of(data, nest), *hits)) - point
                else:
                    left = widened(inside(data, where, 0, *hits))
                nest.store(total, total + left * right)
            nest.store(out[at], cast(total, out.dtype))

    return define


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
                moved = offset[_at(layout, to | {"C": first + axis})]
                fixed = to[letter] * strides[axis] + tap * dilation[axis] - padding[axis]
                places.append(cast(fixed, "float64") + widened(moved))
            value = bilinear(data, (to["N"], channel), places, order, outside=True)
            taps = {"O": to["C"], "I": number, "H": row, "W": column}
            nest.store(total, total + value * widened(weight[_at(source, taps)]))
        nest.store(out[at], cast(total, out.dtype))


def _matmul(nest: Definition, attrs: Attributes) -> None:
    """Rows times a matrix, either of them perhaps stored transposed."""
    (left, right), (out,) = nest.inputs, nest.outputs
    inner = right.shape[1 if attrs["transpose_b"] else 0]
    with nest.loops(*out.shape) as at:
        total = nest.local("float64" if left.dtype.startswith("float") else "int64", 0)
        with nest.loop(inner) as k:
            row = (*at[:-2], k, at[-2]) if attrs["transpose_a"] else (*at[:-1], k)
            column = (at[-1], k) if attrs["transpose_b"] else (k, at[-1])
            nest.store(total, total + widened(left[row]) * widened(right[column]))
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
