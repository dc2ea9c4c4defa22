"""Types of Relay's core.

::

    type ::= Tensor[(dim, ...), dtype]            dim ::= int | ? | expression of symbols
           | (type, ...)
           | fn (type, ...) -> type
           | name                                 a type parameter of an enclosing function
           | name[type, ...]                      an algebraic data type of the module
           | ref(type)                            a cell that can be written
           | _                                    not known yet (only during inference)

A scalar tensor is written as its dtype alone. Types are values: they compare and hash by content,
and `str` gives their text form.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .dims import Any, Dim

__all__ = [
    "DTYPES",
    "Any",
    "Dim",
    "FuncType",
    "IncompleteType",
    "RefType",
    "TensorType",
    "TupleType",
    "Type",
    "TypeCall",
    "TypeVar",
    "incomplete_types",
    "map_types",
]

DTYPES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
)


@dataclass(frozen=True, slots=True)
class TensorType:
    """Type of an array.

    Attributes
    ----------
    shape : tuple of Dim
        Sizes >= 0; empty for a scalar.
    dtype : str
        One of `DTYPES`.
    """

    shape: tuple[Dim, ...]
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, not {self.dtype!r}")
        for size in self.shape:
            if isinstance(size, int) and size < 0:
                raise ValueError(f"a dimension must be >= 0, not {size}: use Any() for unknown")

    def __str__(self) -> str:
        if not self.shape:
            return self.dtype
        return f"Tensor[({', '.join(map(str, self.shape))}), {self.dtype}]"


@dataclass(frozen=True, slots=True)
class TupleType:
    """Type of a tuple of values."""

    fields: tuple["Type", ...]

    def __str__(self) -> str:
        comma = "," if len(self.fields) == 1 else ""
        return f"({', '.join(map(str, self.fields))}{comma})"


@dataclass(frozen=True, slots=True)
class TypeVar:
    """A type parameter of a function, used inside that function."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class FuncType:
    """Type of a function; a quantified one is instantiated anew at each call."""

    params: tuple["Type", ...]
    ret: "Type"
    type_params: tuple[TypeVar, ...] = ()

    def __str__(self) -> str:
        return f"fn ({', '.join(map(str, self.params))}) -> {self.ret}"


@dataclass(frozen=True, slots=True)
class TypeCall:
    """Type of the values of an algebraic data type of the module.

    Attributes
    ----------
    name : str
        Of the data type.
    args : tuple of Type
        One for each of its type parameters.
    """

    name: str
    args: tuple["Type", ...] = ()

    def __str__(self) -> str:
        return f"{self.name}[{', '.join(map(str, self.args))}]" if self.args else self.name


@dataclass(frozen=True, slots=True)
class RefType:
    """Type of a cell that holds a value and can be written."""

    value: "Type"

    def __str__(self) -> str:
        return f"ref({self.value})"


@dataclass(frozen=True, slots=True)
class IncompleteType:
    """A type that inference has still to find; `number` tells them apart."""

    number: int

    def __str__(self) -> str:
        return "_"


Type = TensorType | TupleType | FuncType | TypeVar | TypeCall | RefType | IncompleteType


def incomplete_types(root: Type) -> Iterator[IncompleteType]:
    """Yield every incomplete type inside `root`."""
    pending: list[Type] = [root]
    while pending:
        match pending.pop():
            case IncompleteType() as found:
                yield found
            case TupleType(fields):
                pending.extend(fields)
            case FuncType(params, ret):
                pending.extend(params)
                pending.append(ret)
            case TypeCall(_, args):
                pending.extend(args)
            case RefType(value):
                pending.append(value)
            case _:
                pass


def map_types(root: Type, function: Callable[[Type], Type]) -> Type:
    """Return `root` made of ``function(part)`` for each part; itself if none differs."""
    match root:
        case TupleType(fields):
            parts = tuple(map(function, fields))
            return root if _same(parts, fields) else TupleType(parts)
        case FuncType(params, ret, own):
            parts, result = tuple(map(function, params)), function(ret)
            same = result is ret and _same(parts, params)
            return root if same else FuncType(parts, result, own)
        case TypeCall(name, args):
            parts = tuple(map(function, args))
            return root if _same(parts, args) else TypeCall(name, parts)
        case RefType(value):
            inner = function(value)
            return root if inner is value else RefType(inner)
        case _:
            return root


def _same(new: tuple[Type, ...], old: tuple[Type, ...]) -> bool:
    """Return whether two tuples hold the very same types."""
    return all(a is b for a, b in zip(new, old, strict=True))
