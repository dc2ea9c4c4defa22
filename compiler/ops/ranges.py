"""Numbers made of sizes: ranges, shapes and numbers of elements of tensors."""

from typing import cast

import numpy as np

from ..ir.types import Any, Dim, TensorType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .shapes import require_equal, require_integer, require_rank, require_scalar, same_dtype

__all__ = ["ROWS"]


def _range_size(start: float, stop: float, step: float) -> int:
    """Return how many elements a range has."""
    if step == 0:
        raise Mismatch("step must not be 0", "give the distance of the elements")
    return max(0, int(np.ceil((stop - start) / step)))


def _arange_type(attrs: Attributes, start: TensorType, stop: TensorType, step: TensorType) -> Type:
    for name, given in (("start", start), ("stop", stop), ("step", step)):
        require_scalar(given, name)
        same_dtype(("start", name), start, given)
    given_ends = [attrs[name] for name in ("start", "stop", "step")]
    size: Dim = Any()
    if all(end is not None for end in given_ends):
        size = _range_size(*(cast(float, end) for end in given_ends))
    return TensorType((size,), str(attrs["dtype"]) or start.dtype)


def _arange_shape(
    attrs: Attributes, start: Array, stop: Array, step: Array
) -> tuple[tuple[int, ...], ...]:
    return ((_range_size(start.item(), stop.item(), step.item()),),)


def _arange(attrs: Attributes, start: Array, stop: Array, step: Array) -> Array:
    ends = start.item(), stop.item(), step.item()
    given = tuple(attrs[name] for name in ("start", "stop", "step"))
    if None not in given and given != ends:
        raise Mismatch(
            f"attributes start, stop and step must be as the arguments {ends}, not {given}",
            "leave them out",
        )
    dtype = str(attrs["dtype"]) or start.dtype
    places = np.arange(_range_size(*ends)).astype(start.dtype)
    return np.asarray(start + places * step).astype(dtype)


def _shape_type(attrs: Attributes, data: TensorType) -> Type:
    return TensorType((len(data.shape),), str(attrs["dtype"]) or "int32")


def _size_type(attrs: Attributes, data: TensorType) -> Type:
    return TensorType((), str(attrs["dtype"]) or "int32")


def _sequence_mask_type(attrs: Attributes, data: TensorType, valid: TensorType) -> Type:
    require_integer(valid, "valid_length")
    require_rank("valid_length", valid, 1)
    if attrs["axis"] not in (0, 1) or len(data.shape) < 2:
        raise Mismatch(
            f"axis must be 0 or 1 of data with 2 axes or more, not {attrs['axis']} of "
            f"{len(data.shape)}",
            "transpose data first",
        )
    batch, length = data.shape[1 - cast(int, attrs["axis"])], valid.shape[0]
    if isinstance(batch, int) and isinstance(length, int) and batch != length:
        raise Mismatch(f"the length of valid_length must be {batch}, not {length}", "one a batch")
    return data


def _sequence_mask(attrs: Attributes, data: Array, valid: Array) -> Array:
    axis = cast(int, attrs["axis"])
    places = np.expand_dims(np.arange(data.shape[axis]), 1 - axis)
    inside = places < np.expand_dims(valid, axis)
    mask = inside.reshape(inside.shape + (1,) * (data.ndim - 2))
    value = np.asarray(attrs["mask_value"]).astype(data.dtype)
    return np.where(mask, data, value)


def _trilu_type(attrs: Attributes, data: TensorType, k: TensorType) -> Type:
    require_scalar(k, "k")
    require_integer(k, "k")
    if len(data.shape) < 2:
        raise Mismatch(f"data must have at least 2 axes, not {len(data.shape)}", "reshape it")
    return data


def _trilu(attrs: Attributes, data: Array, k: Array) -> Array:
    rows, columns = (np.arange(size) for size in data.shape[-2:])
    distance = columns[None, :] - rows[:, None]
    kept = distance >= k if attrs["upper"] else distance <= k
    return np.where(kept, data, np.zeros((), data.dtype))


def _diagonal_type(attrs: Attributes, data: TensorType, diagonal: TensorType) -> Type:
    first, last = cast(int, attrs["k1"]), cast(int, attrs["k2"])
    if len(data.shape) < 2 or first > last:
        raise Mismatch(
            f"input must have 2 axes or more and k1 be <= k2, not {len(data.shape)}, {first} and "
            f"{last}",
            "k1 is the lowest diagonal, k2 the highest",
        )
    require_rank("diagonal", diagonal, len(data.shape) - (first == last))
    same_dtype(("input", "diagonal"), data, diagonal)
    stack: tuple[Dim, ...] = () if first == last else (last - first + 1,)
    expected = (*data.shape[:-2], *stack)
    for axis, (size, want) in enumerate(zip(diagonal.shape, expected, strict=False)):
        require_equal(f"axis {axis} of diagonal", size, want, "input and k1..k2", "check it")
    rows, columns = data.shape[-2:]
    if isinstance(rows, int) and isinstance(columns, int):
        lengths = [_diagonal_length(rows, columns, k) for k in range(first, last + 1)]
        if min(lengths) < 1:
            raise Mismatch(f"k1 and k2 must be diagonals of {rows} x {columns}", "correct them")
        longest, why = max(lengths), "the longest diagonal"
        require_equal("the last axis of diagonal", diagonal.shape[-1], longest, why, "pad it")
    return data


def _diagonal_length(rows: int, columns: int, k: int) -> int:
    """Return the length of the `k`-th diagonal; k counts to the right."""
    return min(rows + min(k, 0), columns - max(k, 0))


def _matrix_set_diag(attrs: Attributes, data: Array, diagonal: Array) -> Array:
    first, last = cast(int, attrs["k1"]), cast(int, attrs["k2"])
    lines = diagonal[..., None, :] if first == last else diagonal
    result = data.copy()
    rows, columns = data.shape[-2:]
    for k in range(first, last + 1):
        length = _diagonal_length(rows, columns, k)
        line = lines[..., last - k, :]
        right = attrs["super_diag_right_align" if k >= 0 else "sub_diag_right_align"]
        begin = line.shape[-1] - length if right else 0
        steps = np.arange(length)
        result[..., steps - min(k, 0), steps + max(k, 0)] = line[..., begin : begin + length]
    return result


_END = Attribute("float")

ROWS = (
    Operator(
        "arange",
        ("start", "stop", "step"),
        from_tensors(_arange_type),
        _arange,
        Kind.OPAQUE,
        {"start": _END, "stop": _END, "step": _END, "dtype": Attribute("dtype", "")},
        result_shape=_arange_shape,
    ),
    Operator(
        "shape_of",
        ("data",),
        from_tensors(_shape_type),
        lambda attrs, data: np.asarray(data.shape, str(attrs["dtype"]) or "int32"),
        Kind.OPAQUE,
        {"dtype": Attribute("dtype", "")},
    ),
    Operator(
        "ndarray_size",
        ("data",),
        from_tensors(_size_type),
        lambda attrs, data: np.asarray(data.size, str(attrs["dtype"]) or "int32"),
        Kind.INJECTIVE,
        {"dtype": Attribute("dtype", "")},
    ),
    Operator(
        "sequence_mask",
        ("data", "valid_length"),
        from_tensors(_sequence_mask_type),
        _sequence_mask,
        Kind.INJECTIVE,
        {"mask_value": Attribute("float", 0.0), "axis": Attribute("int", 0)},
    ),
    Operator(
        "trilu",
        ("data", "k"),
        from_tensors(_trilu_type),
        _trilu,
        Kind.INJECTIVE,
        {"upper": Attribute("bool", True)},
    ),
    Operator(
        "matrix_set_diag",
        ("input", "diagonal"),
        from_tensors(_diagonal_type),
        _matrix_set_diag,
        Kind.INJECTIVE,
        {
            "k1": Attribute("int", 0),
            "k2": Attribute("int", 0),
            "super_diag_right_align": Attribute("bool", True),
            "sub_diag_right_align": Attribute("bool", False),
        },
    ),
)
