"""Shapes and axes: the arithmetic that relations share. An unknown size (`Any`) stays unknown."""

from math import prod

from ..ir.types import Any, Dim, TensorType
from .operator import Mismatch

__all__ = [
    "axis_in",
    "axes_in",
    "broadcast",
    "element_count",
    "known",
    "product",
    "require_broadcast",
    "require_equal",
    "require_float",
    "require_integer",
    "require_padding",
    "require_rank",
    "require_scalar",
    "require_sizes",
    "same_dtype",
    "shape_text",
    "window_count",
]


def shape_text(shape: tuple[Dim, ...]) -> str:
    """Return `shape` as the text format writes it."""
    return f"({', '.join(map(str, shape))})"


def require_rank(name: str, tensor: TensorType, rank: int) -> None:
    """Raise Mismatch unless the argument called `name` has `rank` axes."""
    if len(tensor.shape) != rank:
        raise Mismatch(
            f"{name} must have {rank} axes, not {len(tensor.shape)}", f"reshape {name} first"
        )


def require_equal(what: str, size: Dim, expected: Dim, why: str, remedy: str) -> None:
    """Raise Mismatch if two sizes differ whatever their symbols stand for."""
    difference = size - expected
    if isinstance(difference, int) and difference != 0:
        raise Mismatch(f"{what} must be {expected} ({why}), not {size}", remedy)


def same_dtype(names: tuple[str, str], left: TensorType, right: TensorType) -> str:
    """Return the data type that two arguments share; Mismatch if they do not."""
    if left.dtype != right.dtype:
        raise Mismatch(
            f"{names[0]} and {names[1]} must have one data type, "
            f"not {left.dtype} and {right.dtype}",
            f'cast one of them: cast(..., dtype="{left.dtype}")',
        )
    return left.dtype


def axis_in(axis: int, rank: int) -> int:
    """Return `axis`, which may count from the end, as 0..rank - 1."""
    if not -rank <= axis < rank:
        if not rank:
            raise Mismatch(f"axis {axis} does not exist: data is a scalar", "expand_dims it first")
        raise Mismatch(
            f"axis must be in {-rank}..{rank - 1}, not {axis}", f"the data has {rank} axes"
        )
    return axis % rank if rank else 0


def axes_in(axes: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Return `axes` as numbers 0..rank - 1, all different."""
    found = tuple(axis_in(axis, rank) for axis in axes)
    if len(set(found)) != len(found):
        raise Mismatch(f"axes must differ, not be {list(axes)}", "name each axis once")
    return found


def broadcast(left: tuple[Dim, ...], right: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Return the shape of an element-wise result, operands aligned at their last axes.

    A size of 1 stretches. An unknown size beside a known one is taken for 1 or it; two different
    symbols give an unknown size.

    Raises
    ------
    Mismatch
        Sizes differ and none is 1.
    """
    if left == right:
        return left
    rank = max(len(left), len(right))
    padded = [(1,) * (rank - len(shape)) + shape for shape in (left, right)]
    shape: list[Dim] = []
    for axis, (a, b) in enumerate(zip(*padded, strict=True)):
        if a == b or b == 1:
            shape.append(a)
        elif a == 1:
            shape.append(b)
        elif not (isinstance(a, int) and isinstance(b, int)):
            # One that is known stands for both; of two symbols either may be the 1.
            shape.append(b if isinstance(b, int) else a if isinstance(a, int) else Any())
        else:
            raise Mismatch(
                f"shapes {shape_text(left)} and {shape_text(right)} do not broadcast: "
                f"axis {axis - rank} is {a} and {b}",
                "sizes must be equal, or one of them 1",
            )
    return tuple(shape)


def require_broadcast(
    small: tuple[Dim, ...], large: tuple[Dim, ...], names: tuple[str, str]
) -> None:
    """Raise Mismatch unless the shape `small` broadcasts to `large`."""
    found = broadcast(small, large)
    unequal = len(found) != len(large) or any(
        isinstance(a, int) and isinstance(b, int) and a != b
        for a, b in zip(found, large, strict=True)
    )
    if unequal:
        raise Mismatch(
            f"{names[0]} {shape_text(small)} does not broadcast to {names[1]} {shape_text(large)}",
            "each size must be equal, or 1",
        )


def product(sizes: tuple[Dim, ...]) -> Dim:
    """Return the product of sizes: a number, an expression, or unknown."""
    total: Dim = 1
    for size in sizes:
        total = total * size
    return total


def known(size: Dim, what: str) -> int:
    """Return `size` if it is a number; Mismatch, naming `what`, if not."""
    if not isinstance(size, int):
        raise Mismatch(f"{what} must be known, not {size}", "annotate its type")
    return size


def require_float(data: TensorType, name: str = "data") -> None:
    """Raise Mismatch unless the argument called `name` is floating point."""
    if not data.dtype.startswith("float"):
        raise Mismatch(
            f"{name} must be floating point, not {data.dtype}", 'cast it: cast(..., "float32")'
        )


def require_integer(data: TensorType, name: str = "data") -> None:
    """Raise Mismatch unless the argument called `name` holds integers."""
    if "int" not in data.dtype:
        raise Mismatch(f"{name} must be integers, not {data.dtype}", "cast it")


def require_sizes(name: str, shape: tuple[int, ...]) -> None:
    """Raise Mismatch unless the attribute `name` is a shape."""
    if any(size < 0 for size in shape):
        raise Mismatch(f"{name} must be sizes >= 0, not {list(shape)}", "write each size")


def require_scalar(data: TensorType, name: str) -> None:
    """Raise Mismatch unless the argument called `name` is a scalar."""
    if data.shape:
        raise Mismatch(f"{name} must be a scalar, not {data}", "take one element out of it")


def element_count(shape: tuple[Dim, ...]) -> int | None:
    """Return the number of elements, None if a size is unknown."""
    sizes = [size for size in shape if isinstance(size, int)]
    return prod(sizes) if len(sizes) == len(shape) else None


def require_padding(padding: tuple[int, ...]) -> None:
    """Raise Mismatch if padding is negative."""
    if min(padding, default=0) < 0:
        raise Mismatch(f"padding must be >= 0, not {list(padding)}", "use strided_slice to crop")


def window_count(
    size: Dim, window: int, stride: int, dilation: int, padding: int, round_up: bool = False
) -> Dim:
    """Return how many places a window takes along one axis.

    Parameters
    ----------
    size : Dim
        Elements of the data along the axis.
    window, stride, dilation : int
        Taps of the window, step between windows, step between taps.
    padding : int
        Elements added on both sides together.
    round_up : bool
        A last window may reach over the end (Relay's ``ceil_mode``).
    """
    if min(window, stride, dilation) < 1 or padding < 0:
        raise Mismatch(
            f"window {window}, stride {stride} and dilation {dilation} must be >= 1 and "
            f"padding {padding} >= 0",
            "correct the attributes",
        )
    span = (window - 1) * dilation + 1
    room = size + padding - span
    if isinstance(room, int) and room < 0:
        raise Mismatch(
            f"a window of {span} does not fit into {size} elements with {padding} of padding",
            "make the window smaller or add padding",
        )
    return (room + (stride - 1 if round_up else 0)) // stride + 1
