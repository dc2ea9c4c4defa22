"""Operators that give the same elements another shape, and those that make tensors."""

from typing import cast

import numpy as np

from ..ir.types import Dim, FuncType, TensorType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .shapes import axes_in, element_count, product, require_broadcast, require_sizes, shape_text
from .windows import ints

__all__ = ["ROWS", "reshaped"]


def reshaped(shape: tuple[Dim, ...], newshape: tuple[int, ...], allowzero: bool) -> tuple[Dim, ...]:
    """Return the shape that ``reshape`` gives.

    Parameters
    ----------
    newshape : tuple of int
        A size; 0 copies the size at this place (with `allowzero` it is a size); -1 is what
        remains, at most once; -2 copies all remaining sizes; -3 multiplies the next two; -4
        splits the next into the two sizes that follow, one of which may be -1.

    Raises
    ------
    Mismatch
        The number of elements would change, or `newshape` is malformed.

    Source
    ------
    relay.reshape's documentation (the special codes).
    """
    result: list[Dim] = []
    # Sizes that are copied are in both shapes, known or not: only the others need to agree.
    copied: set[int] = set()
    codes, source, unknown = list(newshape), 0, -1
    own: list[Dim] = []
    while codes:
        code = codes.pop(0)
        if code > 0 or (code == 0 and allowzero):
            result.append(code)
            own.append(code)
            source += 1
        elif code == -1:
            if unknown >= 0:
                raise Mismatch(f"newshape {list(newshape)} has -1 twice", "name all sizes but one")
            unknown = len(result)
            result.append(1)
            source += 1
        elif code == -2:
            copied.update(range(source, len(shape)))
            result.extend(shape[source:])
            source = len(shape)
        elif code in (0, -3):
            count = 1 if code == 0 else 2
            result.append(product(_take(shape, source, count, newshape)))
            copied.update(range(source, source + count))
            source += count
        elif code == -4 and len(codes) >= 2:
            (whole,) = _take(shape, source, 1, newshape)
            result.extend(_split(whole, codes.pop(0), codes.pop(0), newshape))
            copied.add(source)
            source += 1
        else:
            raise Mismatch(f"newshape {list(newshape)} cannot be read at {code}", "write sizes")
    left = tuple(size for axis, size in enumerate(shape) if axis not in copied)
    _fill_unknown(shape, result, unknown, newshape, (left, tuple(own)))
    return tuple(result)


def _take(
    shape: tuple[Dim, ...], start: int, count: int, newshape: tuple[int, ...]
) -> tuple[Dim, ...]:
    """Return `count` sizes of the data from `start`."""
    if start + count > len(shape):
        raise Mismatch(
            f"newshape {list(newshape)} copies an axis that data {shape_text(shape)} does not have",
            "write the size instead of 0, -3 or -4",
        )
    return shape[start : start + count]


def _split(whole: Dim, left: int, right: int, newshape: tuple[int, ...]) -> tuple[Dim, Dim]:
    """Return the two sizes that code -4 splits `whole` into."""
    if isinstance(whole, int) and -1 in (left, right):
        part = right if left == -1 else left
        if part > 0 and whole % part == 0:
            return (whole // part, part) if left == -1 else (part, whole // part)
    elif -1 in (left, right) and max(left, right) > 0:
        part = max(left, right)
        return (whole // part, part) if left == -1 else (part, whole // part)
    elif left > 0 and right > 0 and (not isinstance(whole, int) or left * right == whole):
        return left, right
    raise Mismatch(
        f"newshape {list(newshape)} splits {whole} into {left} and {right}", "correct the sizes"
    )


def _fill_unknown(
    shape: tuple[Dim, ...],
    result: list[Dim],
    unknown: int,
    newshape: tuple[int, ...],
    remaining: tuple[tuple[Dim, ...], tuple[Dim, ...]],
) -> None:
    """Put the size of code -1 into `result`, after checking the number of elements.

    Parameters
    ----------
    remaining : sizes of the data that are not copied, sizes of the result that are not
    """
    have, want = product(remaining[0]), product(remaining[1])
    both = isinstance(have, int) and isinstance(want, int)
    if unknown < 0:
        if have == want or not both:
            return
    elif want != 0 and (not both or cast(int, have) % cast(int, want) == 0):
        result[unknown] = have // want
        return
    raise Mismatch(
        f"data {shape_text(shape)} has {product(shape)} elements, which newshape "
        f"{list(newshape)} cannot hold",
        "make the product of newshape equal to the number of elements",
    )


def _reshape_type(attrs: Attributes, data: TensorType) -> Type:
    shape = reshaped(data.shape, ints(attrs, "newshape"), bool(attrs["allowzero"]))
    return TensorType(shape, data.dtype)


def _reshape(attrs: Attributes, data: Array) -> Array:
    shape = reshaped(data.shape, ints(attrs, "newshape"), bool(attrs["allowzero"]))
    return data.reshape(cast(tuple[int, ...], shape))


def _permutation(attrs: Attributes, rank: int) -> tuple[int, ...]:
    """Return the axes of a transpose; reversed if none are given."""
    given = cast(tuple[int, ...] | None, attrs["axes"])
    if not given:
        return tuple(reversed(range(rank)))
    axes = axes_in(given, rank)
    if len(axes) != rank:
        raise Mismatch(
            f"axes must name all {rank} axes of data, not {list(given)}", "name each axis once"
        )
    return axes


def _transpose_type(attrs: Attributes, data: TensorType) -> Type:
    axes = _permutation(attrs, len(data.shape))
    return TensorType(tuple(data.shape[axis] for axis in axes), data.dtype)


def _transpose(attrs: Attributes, data: Array) -> Array:
    return np.ascontiguousarray(np.transpose(data, _permutation(attrs, data.ndim))).reshape(
        [data.shape[axis] for axis in _permutation(attrs, data.ndim)]
    )


def _squeezed_axes(attrs: Attributes, shape: tuple[Dim, ...]) -> tuple[int, ...]:
    """Return the axes that a squeeze removes."""
    given = cast(tuple[int, ...] | None, attrs["axis"])
    if given is None:
        if element_count(shape) is None:
            raise Mismatch(f"axis must be given for unknown sizes {shape_text(shape)}", "name them")
        return tuple(axis for axis, size in enumerate(shape) if size == 1)
    axes = axes_in(given, len(shape))
    for axis in axes:
        if isinstance(shape[axis], int) and shape[axis] != 1:
            raise Mismatch(
                f"axis {axis} must have size 1 to be squeezed, not {shape[axis]}",
                "use reshape, or another axis",
            )
    return axes


def _squeeze_type(attrs: Attributes, data: TensorType) -> Type:
    axes = _squeezed_axes(attrs, data.shape)
    shape = tuple(size for axis, size in enumerate(data.shape) if axis not in axes)
    return TensorType(shape, data.dtype)


def _squeeze(attrs: Attributes, data: Array) -> Array:
    return np.squeeze(data, _squeezed_axes(attrs, data.shape))


def _expand_dims_type(attrs: Attributes, data: TensorType) -> Type:
    axis, count = cast(int, attrs["axis"]), cast(int, attrs["num_newaxis"])
    rank = len(data.shape)
    if not -rank - 1 <= axis <= rank or count < 0:
        raise Mismatch(
            f"axis must be in {-rank - 1}..{rank} and num_newaxis >= 0, not {axis} and {count}",
            f"the data has {rank} axes",
        )
    place = axis if axis >= 0 else axis + rank + 1
    shape = (*data.shape[:place], *(1,) * count, *data.shape[place:])
    return TensorType(shape, data.dtype)


def _expand_dims(attrs: Attributes, data: Array) -> Array:
    axis, count = cast(int, attrs["axis"]), cast(int, attrs["num_newaxis"])
    place = axis if axis >= 0 else axis + data.ndim + 1
    return data.reshape(*data.shape[:place], *(1,) * count, *data.shape[place:])


def _broadcast_to_type(attrs: Attributes, data: TensorType) -> Type:
    shape = ints(attrs, "shape")
    require_sizes("shape", shape)
    require_broadcast(data.shape, shape, ("data", "shape"))
    if attrs["dtype"] not in ("", data.dtype):
        raise Mismatch(f"dtype must be {data.dtype}, as data is, not {attrs['dtype']}", "cast it")
    return TensorType(shape, data.dtype)


def _broadcast_to(attrs: Attributes, data: Array) -> Array:
    return np.broadcast_to(data, ints(attrs, "shape")).copy()


def _made_type(types: tuple[Type, ...], attrs: Attributes) -> FuncType:
    require_sizes("shape", ints(attrs, "shape"))
    return FuncType((), TensorType(ints(attrs, "shape"), str(attrs["dtype"])))


def _full_type(attrs: Attributes, fill_value: TensorType) -> Type:
    if fill_value.shape:
        raise Mismatch(f"fill_value must be a scalar, not {fill_value}", "use broadcast_to")
    require_sizes("shape", ints(attrs, "shape"))
    return TensorType(ints(attrs, "shape"), str(attrs["dtype"]) or fill_value.dtype)


def _full(attrs: Attributes, fill_value: Array) -> Array:
    return np.full(ints(attrs, "shape"), fill_value, str(attrs["dtype"]) or fill_value.dtype)


_SHAPE = Attribute("ints", required=True)

ROWS = (
    Operator(
        "reshape",
        ("data",),
        from_tensors(_reshape_type),
        _reshape,
        Kind.INJECTIVE,
        {"newshape": _SHAPE, "allowzero": Attribute("bool", False)},
    ),
    Operator(
        "transpose",
        ("data",),
        from_tensors(_transpose_type),
        _transpose,
        Kind.INJECTIVE,
        {"axes": Attribute("ints")},
    ),
    Operator(
        "squeeze",
        ("data",),
        from_tensors(_squeeze_type),
        _squeeze,
        Kind.INJECTIVE,
        {"axis": Attribute("ints")},
    ),
    Operator(
        "expand_dims",
        ("data",),
        from_tensors(_expand_dims_type),
        _expand_dims,
        Kind.BROADCAST,
        {"axis": Attribute("int", required=True), "num_newaxis": Attribute("int", 1)},
    ),
    Operator(
        "broadcast_to",
        ("data",),
        from_tensors(_broadcast_to_type),
        _broadcast_to,
        Kind.BROADCAST,
        {"shape": _SHAPE, "dtype": Attribute("dtype", "")},
    ),
    Operator(
        "full",
        ("fill_value",),
        from_tensors(_full_type),
        _full,
        Kind.ELEMENTWISE,
        {"shape": _SHAPE, "dtype": Attribute("dtype", "")},
    ),
    *(
        Operator(
            name,
            (),
            _made_type,
            lambda attrs, value=value: np.full(ints(attrs, "shape"), value, str(attrs["dtype"])),
            Kind.ELEMENTWISE,
            {"shape": _SHAPE, "dtype": Attribute("dtype", required=True)},
        )
        for name, value in (("zeros", 0), ("ones", 1))
    ),
)
