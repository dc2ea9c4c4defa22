"""Expressions of the loop IR: what is computed for one element, and where it stands.

::

    Expr ::= Constant(value, dtype)
           | Variable(name)                      int64: the index of a loop
           | Symbol(name)                        int64: a size known when the program runs, >= 0
           | Load(buffer, indices, where)        an element; 0 where `where` does not hold
           | Apply(operation, dtype, operands, detail)

An index is an expression of int64. The operations are element-wise operators of `compiler.ops`,
which say what they compute, and those of `scalars.INTERNAL`. Python's + - * // % < <= > >= and
unary - make expressions; what has no sign
is a function of `functions`. Arithmetic of known indices is folded as it is built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..ir.dims import Dim

__all__ = [
    "COMPARISONS",
    "Apply",
    "Buffer",
    "Constant",
    "Detail",
    "Expr",
    "Load",
    "Operand",
    "Symbol",
    "Variable",
    "apply",
    "combine",
    "constant",
]

Detail = int | float | bool | str | None
"""What an operation is told beside its operands."""


class Expr:
    """What all expressions share: a data type, and Python's signs."""

    __slots__ = ()

    dtype: str

    def __add__(self, other: Operand) -> Expr:
        return combine("add", self, other)

    def __radd__(self, other: Operand) -> Expr:
        return combine("add", other, self)

    def __sub__(self, other: Operand) -> Expr:
        return combine("subtract", self, other)

    def __rsub__(self, other: Operand) -> Expr:
        return combine("subtract", other, self)

    def __mul__(self, other: Operand) -> Expr:
        return combine("multiply", self, other)

    def __rmul__(self, other: Operand) -> Expr:
        return combine("multiply", other, self)

    def __truediv__(self, other: Operand) -> Expr:
        return combine("divide", self, other)

    def __rtruediv__(self, other: Operand) -> Expr:
        return combine("divide", other, self)

    def __floordiv__(self, other: Operand) -> Expr:
        return combine("floor_divide", self, other)

    def __mod__(self, other: Operand) -> Expr:
        return combine("floor_mod", self, other)

    def __neg__(self) -> Expr:
        return combine("subtract", 0, self)

    def __lt__(self, other: Operand) -> Expr:
        return combine("less", self, other)

    def __le__(self, other: Operand) -> Expr:
        return combine("less_equal", self, other)

    def __gt__(self, other: Operand) -> Expr:
        return combine("greater", self, other)

    def __ge__(self, other: Operand) -> Expr:
        return combine("greater_equal", self, other)

    def __bool__(self) -> bool:
        raise TypeError("an expression has no truth value here; use select, equal or both")


Operand = Expr | int | float | bool
"""A number stands for a constant of the other operand's data type."""


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Expr):
    """A number.

    Attributes
    ----------
    value : int, float or bool
        Equal constants have the same sign and bits: 0.0 is not -0.0.
    dtype : str
    """

    value: float | bool
    dtype: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[str, str]:
        return repr(self.value), self.dtype


@dataclass(frozen=True, slots=True)
class Variable(Expr):
    """The index of the loop that bears its name."""

    name: str
    dtype: str = field(default="int64", init=False)


@dataclass(frozen=True, slots=True)
class Symbol(Expr):
    """A size that is known when the program runs; at least 0."""

    name: str
    dtype: str = field(default="int64", init=False)


@dataclass(frozen=True, slots=True)
class Buffer:
    """A row-major array.

    Attributes
    ----------
    name : str
    shape : tuple of int or Size
    dtype : str
    """

    name: str
    shape: tuple[Dim, ...]
    dtype: str

    def __getitem__(self, indices: Operand | tuple[Operand, ...]) -> Load:
        """Return the element at `indices`; ``buffer[()]`` that of a scalar."""
        places = indices if isinstance(indices, tuple) else (indices,)
        if len(places) != len(self.shape):
            raise TypeError(f"{self.name} has {len(self.shape)} axes, not {len(places)}")
        return Load(self, tuple(constant(place, "int64") for place in places))

    def __iter__(self) -> Iterator[Expr]:
        raise TypeError(f"{self.name} is indexed, not iterated over")


@dataclass(frozen=True, slots=True)
class Load(Expr):
    """An element of a buffer.

    Attributes
    ----------
    buffer : Buffer
    indices : tuple of Expr
        One int64 for each axis.
    where : Expr, optional
        A bool; where it does not hold nothing is read, and the value is 0.
    """

    buffer: Buffer
    indices: tuple[Expr, ...]
    where: Expr | None = None
    dtype: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", self.buffer.dtype)


@dataclass(frozen=True, slots=True)
class Apply(Expr):
    """An operation on values.

    Attributes
    ----------
    operation : str
    dtype : str
        Of the result.
    operands : tuple of Expr
    detail : Detail
        The slope of a leaky_relu, for one.
    """

    operation: str
    dtype: str
    operands: tuple[Expr, ...]
    detail: Detail = None


COMPARISONS = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"})


def constant(value: Operand, dtype: str) -> Expr:
    """Return `value`; a number as a constant of `dtype`."""
    if isinstance(value, Expr):
        return value
    if dtype == "bool":
        return Constant(bool(value), dtype)
    return Constant(float(value) if dtype.startswith("float") else int(value), dtype)


def apply(operation: str, *operands: Expr, dtype: str = "", detail: Detail = None) -> Expr:
    """Return an operation on values, folded where it is arithmetic of known indices.

    Parameters
    ----------
    dtype : str
        Of the result; by default bool for a comparison, else that of the first operand.
    """
    dtype = dtype or ("bool" if operation in COMPARISONS else operands[0].dtype)
    if len(operands) == 2 and operands[0].dtype == "int64":
        folded = _fold(operation, *operands)
        if folded is not None:
            return folded
    return Apply(operation, dtype, operands, detail)


def combine(operation: str, left: Operand, right: Operand) -> Expr:
    """Return a binary operation; a number takes the data type of the other operand.

    Raises
    ------
    TypeError
        The data types differ.
    """
    typed = left if isinstance(left, Expr) else right
    assert isinstance(typed, Expr), "one operand must be an expression"
    operands = constant(left, typed.dtype), constant(right, typed.dtype)
    if operands[0].dtype != operands[1].dtype:
        raise TypeError(
            f"{operation} needs operands of one data type, not {operands[0].dtype} and "
            f"{operands[1].dtype}: cast one"
        )
    return apply(operation, *operands)


_EXACT: Mapping[str, Callable[[int, int], int]] = MappingProxyType(
    {
        "add": lambda x, y: x + y,
        "subtract": lambda x, y: x - y,
        "multiply": lambda x, y: x * y,
        "floor_divide": lambda x, y: x // y if y else 0,
        "floor_mod": lambda x, y: x % y if y else 0,
        "minimum": min,
        "maximum": max,
    }
)
_TESTS: Mapping[str, Callable[[int, int], bool]] = MappingProxyType(
    {
        "less": lambda x, y: x < y,
        "less_equal": lambda x, y: x <= y,
        "greater": lambda x, y: x > y,
        "greater_equal": lambda x, y: x >= y,
        "equal": lambda x, y: x == y,
        "not_equal": lambda x, y: x != y,
    }
)
_LIMIT = 1 << 63


def _fold(operation: str, left: Expr, right: Expr) -> Expr | None:
    """Return what int64 arithmetic gives if that is simpler."""
    if isinstance(left, Constant) and isinstance(right, Constant):
        x, y = int(left.value), int(right.value)
        if operation in _TESTS:
            return Constant(_TESTS[operation](x, y), "bool")
        if operation in _EXACT and -_LIMIT <= (value := _EXACT[operation](x, y)) < _LIMIT:
            return Constant(value, "int64")
        return None
    match operation, left, right:
        case ("add" | "subtract", _, Constant(0)) | ("multiply", _, Constant(1)):
            return left
        case ("add", Constant(0), _) | ("multiply", Constant(1), _):
            return right
        case ("multiply", _, Constant(0)) | ("multiply", Constant(0), _):
            return Constant(0, "int64")
        case ("floor_divide", _, Constant(1)):
            return left
        case ("floor_mod", _, Constant(1)):
            return Constant(0, "int64")
        case _:
            return None
