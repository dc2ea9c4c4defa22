"""dyn.*: operators whose shape is an argument, known when the program runs.

Each is an operator without ``dyn.`` one of whose attributes became an argument: its meaning is the
other's, with the argument's values in place of the attribute. The number of axes of the result
follows from types, their sizes from values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from ..ir.nodes import AttributeValue
from ..ir.types import Any, Dim, TensorType, TupleType, Type
from . import gathering, nn, rearrangement, repetition, resampling, shape, slicing, sorting
from .operator import (
    Array,
    Attribute,
    Attributes,
    Kind,
    Mismatch,
    Operator,
    Value,
    from_tensors,
)
from .shapes import axis_in, known, require_integer, require_rank, require_scalar
from .spatial import check_layout, sizes_of, with_sizes

__all__ = ["ROWS"]

Result = Callable[..., Type]


@dataclass(frozen=True, slots=True)
class _Moved:
    """An attribute that became an argument.

    Attributes
    ----------
    attribute, argument : str
        Its names there and here.
    rank : int
        Axes of the argument: 0 gives a number, 1 a tuple, 2 a tuple of tuples.
    floating : bool
        Whether the values may be fractions.
    """

    attribute: str
    argument: str
    rank: int = 1
    floating: bool = False


def _value(array: Array, moved: _Moved) -> AttributeValue:
    """Return the values of an argument as the attribute."""
    convert = float if moved.floating else int

    def nested(part: object) -> AttributeValue:
        return tuple(map(nested, part)) if isinstance(part, list) else convert(cast(float, part))

    return nested(array.tolist())


def _unknown(rank: int, dtype: str) -> TensorType:
    """Return the type of a tensor of which no size is known."""
    return TensorType((Any(),) * rank, dtype)


def _length(shape: TensorType, name: str) -> int:
    """Return how many entries the vector called `name` has."""
    return known(shape.shape[0], f"the length of {name}")


def _reshape(attrs: Attributes, data: TensorType, newshape: TensorType) -> Type:
    return _unknown(_length(newshape, "newshape"), data.dtype)


def _tile(attrs: Attributes, data: TensorType, reps: TensorType) -> Type:
    return _unknown(max(len(data.shape), _length(reps, "reps")), data.dtype)


def _to_shape(attrs: Attributes, data: TensorType, shape: TensorType) -> Type:
    return _unknown(_length(shape, "shape"), str(attrs.get("dtype") or data.dtype))


def _made(attrs: Attributes, shape: TensorType) -> Type:
    return _unknown(_length(shape, "shape"), str(attrs["dtype"]))


def _one_hot(
    attrs: Attributes, indices: TensorType, on: TensorType, off: TensorType, depth: TensorType
) -> Type:
    place = axis_in(cast(int, attrs["axis"]), len(indices.shape) + 1)
    sizes = (*indices.shape[:place], Any(), *indices.shape[place:])
    return TensorType(sizes, str(attrs["dtype"]) or on.dtype)


def _slice(
    attrs: Attributes, data: TensorType, begin: TensorType, end: TensorType, strides: TensorType
) -> Type:
    axes = cast(tuple[int, ...] | None, attrs["axes"]) or range(_length(begin, "begin"))
    cut = {axis_in(axis, len(data.shape)) for axis in axes}
    sizes = (Any() if axis in cut else size for axis, size in enumerate(data.shape))
    return TensorType(tuple(sizes), data.dtype)


def _expand(attrs: Attributes, data: TensorType, axis: TensorType) -> Type:
    return _unknown(len(data.shape) + cast(int, attrs["num_newaxis"]), data.dtype)


def _squeeze(attrs: Attributes, data: TensorType, axes: TensorType) -> Type:
    left = len(data.shape) - _length(axes, "axes")
    if left < 0:
        raise Mismatch(f"axes must be at most {len(data.shape)}, the axes of data", "name fewer")
    return _unknown(left, data.dtype)


def _topk(attrs: Attributes, data: TensorType, k: TensorType) -> Type:
    return sorting.topk_type(attrs, data, Any())


def _pad(attrs: Attributes, data: TensorType, width: TensorType, value: TensorType) -> Type:
    return _unknown(len(data.shape), data.dtype)


def _resized(letters: str) -> Result:
    """Return the result type of an image whose axes `letters` get another size."""

    def result(attrs: Attributes, data: TensorType, *rest: TensorType) -> Type:
        layout = str(attrs["layout"])
        check_layout("layout", layout, f"NC{letters}")
        sizes_of(data, layout, letters)
        sizes: tuple[Dim, ...] = (Any(),) * len(letters)
        dtype = str(attrs.get("out_dtype") or data.dtype)
        return TensorType(with_sizes(data, layout, letters, sizes), dtype)

    return result


def _sparse(attrs: Attributes, *given: TensorType) -> Type:
    return _unknown(_length(given[3], "output_shape"), given[1].dtype)


_SIZES = _Moved("size", "size"), _Moved("roi", "roi", 1, True)
_FACTORS = tuple(_Moved(f"scale_{letter}", f"scale_{letter}", 0, True) for letter in "dhw")
_CUTS = tuple(_Moved(name, name) for name in ("begin", "end", "strides"))

_TABLE: tuple[tuple[tuple[Operator, ...], str, tuple[_Moved, ...], tuple[str, ...], Result], ...]
_TABLE = (
    (shape.ROWS, "reshape", (_Moved("newshape", "newshape"),), ("data", "newshape"), _reshape),
    (repetition.ROWS, "tile", (_Moved("reps", "reps"),), ("data", "reps"), _tile),
    (shape.ROWS, "broadcast_to", (_Moved("shape", "shape"),), ("data", "shape"), _to_shape),
    (shape.ROWS, "full", (_Moved("shape", "shape"),), ("fill_value", "shape"), _to_shape),
    (shape.ROWS, "zeros", (_Moved("shape", "shape"),), ("shape",), _made),
    (shape.ROWS, "ones", (_Moved("shape", "shape"),), ("shape",), _made),
    (
        gathering.ROWS,
        "one_hot",
        (_Moved("depth", "depth", 0),),
        ("indices", "on_value", "off_value", "depth"),
        _one_hot,
    ),
    (slicing.ROWS, "strided_slice", _CUTS, ("data", "begin", "end", "strides"), _slice),
    (shape.ROWS, "expand_dims", (_Moved("axis", "axis", 0),), ("data", "axis"), _expand),
    (shape.ROWS, "squeeze", (_Moved("axis", "axes"),), ("data", "axes"), _squeeze),
    (sorting.ROWS, "topk", (_Moved("k", "k", 0),), ("data", "k"), _topk),
    (
        nn.ROWS,
        "nn.pad",
        (_Moved("pad_width", "pad_width", 2),),
        ("data", "pad_width", "pad_value"),
        _pad,
    ),
    (
        resampling.ROWS,
        "nn.upsampling",
        _FACTORS[1:],
        ("data", "scale_h", "scale_w"),
        _resized("HW"),
    ),
    (
        resampling.ROWS,
        "nn.upsampling3d",
        _FACTORS,
        ("data", "scale_d", "scale_h", "scale_w"),
        _resized("DHW"),
    ),
    (resampling.ROWS, "image.resize2d", _SIZES, ("data", "size", "roi"), _resized("HW")),
    (
        rearrangement.ROWS,
        "sparse_to_dense",
        (_Moved("output_shape", "output_shape"),),
        ("sparse_indices", "sparse_values", "default_value", "output_shape"),
        _sparse,
    ),
)


def _rank(given: Type) -> int | None:
    """Return how many axes a tensor has, None of anything else."""
    return len(given.shape) if isinstance(given, TensorType) else None


@dataclass(frozen=True, slots=True)
class _Form:
    """The dynamic form of an operator.

    Attributes
    ----------
    static : Operator
    moved : tuple of _Moved
    arguments : tuple of str
        Names of all arguments, in order.
    result : Result
        From attributes and types of the arguments to the type of the result.
    """

    static: Operator
    moved: tuple[_Moved, ...]
    arguments: tuple[str, ...]
    result: Result

    def type_of(self, attrs: Attributes, *types: TensorType) -> Type:
        """Return the type of the result; Mismatch if an argument cannot be a shape."""
        for part in self.moved:
            given = types[self.arguments.index(part.argument)]
            if attrs[part.attribute] not in (None, ()):
                raise Mismatch(
                    f"attribute {part.attribute} must be left out: {part.argument} says it",
                    f"use {self.static.name} for one that is known",
                )
            if not part.floating:
                require_integer(given, part.argument)
            if part.rank == 0:
                require_scalar(given, part.argument)
            else:
                require_rank(part.argument, given, part.rank)
        return self.result(attrs, *types)

    def split(
        self, attrs: Attributes, values: tuple[Array, ...]
    ) -> tuple[Attributes, tuple[Array, ...]]:
        """Return the attributes and operands of the operator without ``dyn.``."""
        named = dict(zip(self.arguments, values, strict=True))
        found = {part.attribute: _value(named.pop(part.argument), part) for part in self.moved}
        return {**attrs, **found}, tuple(named.values())

    def concrete(self, attrs: Attributes, values: tuple[Array, ...]) -> Type:
        """Return the type of the result for values; Mismatch if they do not fit."""
        complete, operands = self.split(attrs, values)
        found = self.static.relation(tuple(map(_type_of, operands)), complete)
        assert found is not None
        rank, expected = (
            _rank(given) for given in (found.ret, self.result(attrs, *map(_type_of, values)))
        )
        if rank != expected:
            raise Mismatch(f"the result must have {expected} axes, not {rank}", "write sizes")
        return found.ret

    def meaning(self, attrs: Attributes, *values: Array) -> Value:
        """Return what the operator without ``dyn.`` gives."""
        self.concrete(attrs, values)
        complete, operands = self.split(attrs, values)
        return self.static.meaning(complete, *operands)

    def result_shape(self, attrs: Attributes, *values: Array) -> tuple[tuple[int, ...], ...]:
        """Return the shape of each result."""
        found = self.concrete(attrs, values)
        fields = found.fields if isinstance(found, TupleType) else (found,)
        return tuple(cast(tuple[int, ...], cast(TensorType, field).shape) for field in fields)

    def row(self) -> Operator:
        """Return the row of this form."""
        # Relay writes the attributes of old, empty.
        names = {part.attribute for part in self.moved}
        attributes = {
            name: Attribute(attribute.kind) if name in names else attribute
            for name, attribute in self.static.attributes.items()
        }
        name = self.static.name
        return Operator(
            f"dyn.{name}",
            self.arguments,
            from_tensors(self.type_of),
            self.meaning,
            Kind.INJECTIVE if name in ("tile", "expand_dims") else self.static.kind,
            attributes,
            result_shape=self.result_shape,
        )


def _type_of(value: Array) -> TensorType:
    """Return the type of an array."""
    return TensorType(value.shape, str(value.dtype))


ROWS = tuple(
    _Form(next(row for row in rows if row.name == name), moved, arguments, result).row()
    for rows, name, moved, arguments, result in _TABLE
)
