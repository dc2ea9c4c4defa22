"""Layouts, Einstein sums, and other ways to look at or to fill a tensor."""

import re
from collections import Counter
from typing import cast

import numpy as np

from ..ir.types import Dim, FuncType, TensorType, Type
from .operator import (
    Array,
    Attribute,
    Attributes,
    Kind,
    Mismatch,
    Missing,
    Operator,
    from_tensors,
)
from .shape import reshaped
from .shapes import (
    broadcast,
    known,
    require_equal,
    require_integer,
    require_rank,
    require_scalar,
    require_sizes,
    same_dtype,
)
from .slicing import tensors_of
from .windows import ints

__all__ = ["ROWS", "einsum_sides", "layouts_of"]

Layout = tuple[tuple[str, int], ...]
"""Axes by letter, each with its factor: 0 for a whole axis, else the size of a split one."""


def _layout(name: str, text: str) -> Layout:
    """Return the axes that a layout such as NCHW16c names."""
    parts = re.findall(r"(\d*)([A-Za-z])", text)
    axes = tuple((letter, int(factor or 0)) for factor, letter in parts)
    letters = [letter for letter, _ in axes]
    bad = [
        letter
        for letter, factor in axes
        if letter.islower() != (factor > 0) or letter.upper() not in letters
    ]
    read = "".join(factor + letter for factor, letter in parts)
    if not axes or bad or read != text or len(set(letters)) != len(letters):
        raise Mismatch(
            f'{name} must name axes by capitals and their parts by factors, not "{text}"',
            'write for instance "NCHW" or "NCHW16c"',
        )
    return axes


def layouts_of(attrs: Attributes, rank: int) -> tuple[Layout, Layout]:
    """Return source and target layout."""
    source = _layout("src_layout", str(attrs["src_layout"]))
    target = _layout("dst_layout", str(attrs["dst_layout"]))
    if len(source) != rank:
        raise Mismatch(
            f'data must have {len(source)} axes as src_layout "{attrs["src_layout"]}", not {rank}',
            "correct src_layout",
        )
    capitals = [{letter for letter, _ in side if letter.isupper()} for side in (source, target)]
    if capitals[0] != capitals[1]:
        raise Mismatch(
            f'src_layout "{attrs["src_layout"]}" and dst_layout "{attrs["dst_layout"]}" must name '
            f"the same axes",
            "both need each capital once",
        )
    return source, target


def _layout_shape(attrs: Attributes, shape: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Return the shape in the target layout."""
    source, target = layouts_of(attrs, len(shape))
    whole: dict[str, Dim] = {}
    for (letter, factor), size in zip(source, shape, strict=True):
        if factor:
            require_equal(f"axis {letter} of data", size, factor, "src_layout", "correct it")
        whole[letter.upper()] = whole.get(letter.upper(), 1) * (factor or size)
    parts = {letter.upper(): factor for letter, factor in target if factor}
    for letter, factor in parts.items():
        size = whole[letter]
        if isinstance(size, int) and size % factor:
            raise Mismatch(f"axis {letter} of {size} does not split into {factor}", "pad it first")
    return tuple(factor or whole[letter] // parts.get(letter, 1) for letter, factor in target)


def _layout_transform_type(attrs: Attributes, data: TensorType) -> Type:
    return TensorType(_layout_shape(attrs, data.shape), data.dtype)


def _layout_transform(attrs: Attributes, data: Array) -> Array:
    source, target = layouts_of(attrs, data.ndim)
    letters = [letter for letter, _ in source]
    capitals = sorted({letter.upper() for letter in letters})
    order = [letters.index(name) for c in capitals for name in (c, c.lower()) if name in letters]
    sizes = dict.fromkeys(capitals, 1)
    for letter, size in zip(letters, data.shape, strict=True):
        sizes[letter.upper()] *= size
    parts = {letter.upper(): factor for letter, factor in target if factor}
    split: dict[str, int] = {}
    for c in capitals:
        split[c] = sizes[c] // parts.get(c, 1)
        if c in parts:
            split[c.lower()] = parts[c]
    pieces = data.transpose(order).reshape(tuple(split.values()))
    names = list(split)
    return np.ascontiguousarray(pieces.transpose([names.index(letter) for letter, _ in target]))


def einsum_sides(equation: str, count: int) -> tuple[list[str], str]:
    """Return the letters of the operands and of the result."""
    text = equation.replace(" ", "")
    if "." in text:
        raise Missing(f'equation "{equation}" with ... is not supported', "name every axis")
    if not re.fullmatch(r"[A-Za-z]*(,[A-Za-z]*)*(->[A-Za-z]*)?", text):
        raise Mismatch(f'equation "{equation}" cannot be read', 'write for instance "ij,jk->ik"')
    left, arrow, result = text.partition("->")
    operands = left.split(",")
    if len(operands) != count:
        raise Mismatch(
            f'equation "{equation}" must name {count} operands, not {len(operands)}',
            "one for each field of data",
        )
    counts = Counter("".join(operands))
    if not arrow:
        result = "".join(sorted(letter for letter, number in counts.items() if number == 1))
    if len(set(result)) != len(result) or not set(result) <= set(counts):
        raise Mismatch(f'the result of "{equation}" must use operands\' letters once', "check it")
    return operands, result


def _einsum_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    tensors = tensors_of("data", types[0])
    if tensors is None:
        return None
    operands, result = einsum_sides(str(attrs["equation"]), len(tensors))
    sizes: dict[str, Dim] = {}
    for number, (letters, tensor) in enumerate(zip(operands, tensors, strict=True)):
        same_dtype(("field 0", f"field {number}"), tensors[0], tensor)
        require_rank(f"field {number}", tensor, len(letters))
        for letter, size in zip(letters, tensor.shape, strict=True):
            (sizes[letter],) = broadcast((sizes.get(letter, 1),), (size,))
    return FuncType(types, TensorType(tuple(sizes[letter] for letter in result), tensors[0].dtype))


def _einsum(attrs: Attributes, data: tuple[Array, ...]) -> Array:
    floating = data[0].dtype.kind == "f"
    wide = [part.astype(np.float64) if floating else part for part in data]
    operands, result = einsum_sides(str(attrs["equation"]), len(data))
    total = np.einsum(f"{','.join(operands)}->{result}", *wide)
    return np.asarray(total).astype(data[0].dtype)


def _reverse_reshape_type(attrs: Attributes, data: TensorType) -> Type:
    newshape = ints(attrs, "newshape")[::-1]
    shape = reshaped(data.shape[::-1], newshape, bool(attrs["allowzero"]))[::-1]
    return TensorType(shape, data.dtype)


def _reverse_reshape(attrs: Attributes, data: Array) -> Array:
    result = _reverse_reshape_type(attrs, TensorType(data.shape, str(data.dtype)))
    return data.reshape(cast(tuple[int, ...], cast(TensorType, result).shape))


def _reinterpret_type(attrs: Attributes, data: TensorType) -> Type:
    dtype = str(attrs["dtype"])
    if np.dtype(dtype).itemsize != np.dtype(data.dtype).itemsize:
        raise Mismatch(f"dtype must be as wide as {data.dtype}, not {dtype}", "cast it instead")
    return TensorType(data.shape, dtype)


def _permutation_type(attrs: Attributes, data: TensorType) -> Type:
    require_integer(data)
    require_rank("data", data, 1)
    return data


def _invert_permutation(attrs: Attributes, data: Array) -> Array:
    if not np.array_equal(np.sort(data), np.arange(data.size)):
        raise Mismatch(f"data must hold each of 0..{data.size - 1} once", "check it")
    return np.argsort(data).astype(data.dtype)


def _strided_set_type(
    attrs: Attributes, data: TensorType, v: TensorType, *ends: TensorType
) -> Type:
    same_dtype(("data", "v"), data, v)
    require_rank("v", v, len(data.shape))
    for name, given in zip(("begin", "end", "strides"), ends, strict=True):
        require_integer(given, name)
        require_rank(name, given, 1)
        size = known(given.shape[0], f"the length of {name}")
        if size > len(data.shape):
            raise Mismatch(f"{name} must name at most {len(data.shape)} axes, not {size}", "cut it")
    return data


def _strided_set(
    attrs: Attributes, data: Array, v: Array, begin: Array, end: Array, strides: Array
) -> Array:
    steps = strides.tolist() + [1] * (begin.size - strides.size)
    if 0 in steps:
        raise Mismatch(f"strides must not be 0, but are {steps}", "leave them out for 1")
    cuts = tuple(slice(*ends) for ends in zip(begin.tolist(), end.tolist(), steps, strict=False))
    result = data.copy()
    if result[cuts].shape != v.shape:
        raise Mismatch(f"v must have shape {result[cuts].shape}, not {v.shape}", "as the slice")
    result[cuts] = v
    return result


def _sparse_type(
    attrs: Attributes, indices: TensorType, values: TensorType, default: TensorType
) -> Type:
    require_integer(indices, "sparse_indices")
    require_scalar(default, "default_value")
    dtype = same_dtype(("sparse_values", "default_value"), values, default)
    shape = ints(attrs, "output_shape")
    require_sizes("output_shape", shape)
    if len(indices.shape) > 2 or len(values.shape) > 1:
        raise Mismatch("sparse_indices must have at most 2 axes, sparse_values 1", "reshape them")
    if len(indices.shape) == 2:
        require_equal("axis 1 of sparse_indices", indices.shape[1], len(shape), "axes", "check it")
    elif len(shape) != 1:
        raise Mismatch("sparse_indices must have 2 axes, places and axes, for this shape", "stack")
    return TensorType(shape, dtype)


def _sparse_to_dense(attrs: Attributes, indices: Array, values: Array, default: Array) -> Array:
    result = np.full(ints(attrs, "output_shape"), default, default.dtype)
    places = indices.reshape(-1, result.ndim)
    if values.ndim and len(places) != values.size:
        raise Mismatch(
            f"sparse_indices must name one place for each of {values.size} values, not "
            f"{len(places)}",
            "check it",
        )
    if places.size and not ((places >= 0) & (places < result.shape)).all():
        raise Mismatch(f"sparse_indices must lie inside {list(result.shape)}", "check them")
    result[tuple(places.T.astype(np.int64))] = values
    return result


_NEWSHAPE = {"newshape": Attribute("ints", required=True), "allowzero": Attribute("bool", False)}

ROWS = (
    Operator(
        "layout_transform",
        ("data",),
        from_tensors(_layout_transform_type),
        _layout_transform,
        Kind.INJECTIVE,
        {
            "src_layout": Attribute("str", required=True),
            "dst_layout": Attribute("str", required=True),
        },
    ),
    Operator(
        "einsum",
        ("data",),
        _einsum_relation,
        _einsum,
        Kind.INJECTIVE,
        {"equation": Attribute("str", required=True)},
    ),
    Operator(
        "contrib_reverse_reshape",
        ("data",),
        from_tensors(_reverse_reshape_type),
        _reverse_reshape,
        Kind.INJECTIVE,
        _NEWSHAPE,
    ),
    Operator(
        "reinterpret",
        ("data",),
        from_tensors(_reinterpret_type),
        lambda attrs, data: data.view(attrs["dtype"]),
        Kind.ELEMENTWISE,
        {"dtype": Attribute("dtype", required=True)},
    ),
    Operator(
        "invert_permutation",
        ("data",),
        from_tensors(_permutation_type),
        _invert_permutation,
        Kind.INJECTIVE,
    ),
    Operator(
        "strided_set",
        ("data", "v", "begin", "end", "strides"),
        from_tensors(_strided_set_type),
        _strided_set,
        Kind.INJECTIVE,
    ),
    Operator(
        "sparse_to_dense",
        ("sparse_indices", "sparse_values", "default_value"),
        from_tensors(_sparse_type),
        _sparse_to_dense,
        Kind.OPAQUE,
        {"output_shape": Attribute("ints", required=True)},
    ),
)
