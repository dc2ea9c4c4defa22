"""Vector values that are written like numbers: arithmetic on them emits instructions.

A value has a dtype and a number of lanes. Plain numbers beside it become constants of its dtype.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..builder import Builder, llvm_type
from ..site import is_float, is_signed, literal, type_suffix

__all__ = ["Value", "choose", "polynomial"]

_FLOATING = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_BITS = {"float32": "int32", "float64": "int64", "int32": "float32", "int64": "float64"}


@dataclass(frozen=True, slots=True)
class Value:
    """A register.

    Attributes
    ----------
    build : Builder
    dtype : str
    lanes : int
    name : str
    """

    build: Builder
    dtype: str
    lanes: int
    name: str

    @property
    def type(self) -> str:
        """LLVM type."""
        return llvm_type(self.dtype, self.lanes)

    def like(self, name: str, dtype: str | None = None) -> "Value":
        """Return another register with as many lanes."""
        return Value(self.build, dtype or self.dtype, self.lanes, name)

    def number(self, value: float) -> "Value":
        """Return a constant of the same type."""
        text = literal(value, self.dtype)
        if self.lanes > 1:
            text = f"splat ({llvm_type(self.dtype)} {text})"
        return self.like(text)

    def __add__(self, other: "Value | float") -> "Value":
        return self._binary("add", other)

    def __sub__(self, other: "Value | float") -> "Value":
        return self._binary("sub", other)

    def __rsub__(self, other: float) -> "Value":
        return self.number(other)._binary("sub", self)

    def __mul__(self, other: "Value | float") -> "Value":
        return self._binary("mul", other)

    def __truediv__(self, other: "Value | float") -> "Value":
        return self._binary("div", other)

    def __rtruediv__(self, other: float) -> "Value":
        return self.number(other)._binary("div", self)

    def __neg__(self) -> "Value":
        return self.like(self.build.value(f"fneg {self.type} {self.name}"))

    def __abs__(self) -> "Value":
        return self.intrinsic("fabs")

    def __and__(self, other: "Value | int") -> "Value":
        return self._binary("and", other)

    def __or__(self, other: "Value | int") -> "Value":
        return self._binary("or", other)

    def __xor__(self, other: "Value | int") -> "Value":
        return self._binary("xor", other)

    def __lshift__(self, other: "Value | int") -> "Value":
        return self._binary("shl", other)

    def __rshift__(self, other: "Value | int") -> "Value":
        return self._binary("ashr", other)

    def __lt__(self, other: "Value | float") -> "Value":
        return self._compare("olt", "slt", other)

    def __le__(self, other: "Value | float") -> "Value":
        return self._compare("ole", "sle", other)

    def __gt__(self, other: "Value | float") -> "Value":
        return self._compare("ogt", "sgt", other)

    def __ge__(self, other: "Value | float") -> "Value":
        return self._compare("oge", "sge", other)

    def equals(self, other: "Value | float") -> "Value":
        """Return where both are equal; never where one is not a number."""
        return self._compare("oeq", "eq", other)

    def times_plus(self, factor: "Value | float", addend: "Value | float") -> "Value":
        """Return self * factor + addend, rounded once where the machine has such an instruction."""
        return self.intrinsic("fmuladd", self._same(factor), self._same(addend))

    def sign_of(self, other: "Value") -> "Value":
        """Return the magnitude with the sign of `other`."""
        return self.intrinsic("copysign", other)

    def root(self) -> "Value":
        """Return the square root."""
        return self.intrinsic("sqrt")

    def bits(self) -> "Value":
        """Return the same bits as integers, or those of integers as floats."""
        return self.convert("bitcast", _BITS[self.dtype])

    def without_tail(self, bits: int) -> "Value":
        """Return the float with the last `bits` of its mantissa cleared."""
        return (self.bits() & -(1 << bits)).bits()

    def convert(self, instruction: str, dtype: str) -> "Value":
        """Return the value converted by an instruction."""
        kind = llvm_type(dtype, self.lanes)
        return self.like(
            self.build.value(f"{instruction} {self.type} {self.name} to {kind}"), dtype
        )

    def resize(self, dtype: str) -> "Value":
        """Return a float as another float."""
        if dtype == self.dtype:
            return self
        wider = np.dtype(dtype).itemsize > np.dtype(self.dtype).itemsize
        return self.convert("fpext" if wider else "fptrunc", dtype)

    def intrinsic(self, name: str, *others: "Value") -> "Value":
        """Return the result of an LLVM intrinsic of values that are all of one type."""
        suffix = type_suffix(self.dtype, self.lanes)
        arguments = [(self.type, value.name) for value in (self, *others)]
        return self.like(self.build.call(self.type, f"llvm.{name}.{suffix}", *arguments))

    def any(self) -> str:
        """Return the name of an i1: whether any lane of a bool holds."""
        if self.lanes == 1:
            return self.name
        return self.build.call(
            "i1", f"llvm.vector.reduce.or.v{self.lanes}i1", (self.type, self.name)
        )

    def _same(self, other: "Value | float") -> "Value":
        return other if isinstance(other, Value) else self.number(other)

    def _binary(self, name: str, other: "Value | float") -> "Value":
        right = self._same(other)
        instruction = _FLOATING[name] if is_float(self.dtype) else name
        text = f"{instruction} {self.type} {self.name}, {right.name}"
        return self.like(self.build.value(text))

    def _compare(self, floating: str, signed: str, other: "Value | float") -> "Value":
        assert is_float(self.dtype) or is_signed(self.dtype)
        name = f"fcmp {floating}" if is_float(self.dtype) else f"icmp {signed}"
        text = f"{name} {self.type} {self.name}, {self._same(other).name}"
        return self.like(self.build.value(text), "bool")


def choose(condition: Value, yes: Value | float, no: Value | float) -> Value:
    """Return `yes` where `condition` holds, else `no`; at least one is a `Value`."""
    one = yes if isinstance(yes, Value) else no
    assert isinstance(one, Value)
    left, right = one._same(yes), one._same(no)
    return one.like(
        one.build.value(
            f"select {condition.type} {condition.name}, {one.type} {left.name}, "
            f"{one.type} {right.name}"
        )
    )


def polynomial(x: Value, coefficients: Sequence[float]) -> Value:
    """Return the sum of coefficients[k] * x**k, by Horner's rule.

    Joining neighbours first (Estrin) has shorter chains, but was measured to be no faster: vectors
    beside each other do not wait for each other.
    """
    total = x.number(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total.times_plus(x, coefficient)
    return total
