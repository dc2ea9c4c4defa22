"""Writes LLVM's text, instruction by instruction: values, memory, branches, arithmetic."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from .records import Kind, kind_of

__all__ = ["BOOL", "FLOAT", "INT", "Builder", "Value"]

INT, FLOAT, BOOL = kind_of(int), kind_of(float), kind_of(bool)
_BINARY: Mapping[type[ast.operator], tuple[str, str | None]] = MappingProxyType(
    {
        ast.Add: ("add", "fadd"),
        ast.Sub: ("sub", "fsub"),
        ast.Mult: ("mul", "fmul"),
        ast.LShift: ("shl", None),
        ast.RShift: ("ashr", None),
        ast.BitAnd: ("and", None),
        ast.BitOr: ("or", None),
        ast.BitXor: ("xor", None),
    }
)
_COMPARE: Mapping[type[ast.cmpop], tuple[str, str]] = MappingProxyType(
    {
        ast.Lt: ("slt", "olt"),
        ast.LtE: ("sle", "ole"),
        ast.Gt: ("sgt", "ogt"),
        ast.GtE: ("sge", "oge"),
        ast.Eq: ("eq", "oeq"),
        ast.NotEq: ("ne", "une"),
    }
)


@dataclass(frozen=True)
class Value:
    """A value in a register, or a constant; `text` is LLVM's notation."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind.llvm} {self.text}"


class Builder:
    """The instructions of one function.

    Attributes
    ----------
    lines : list of str
    slots : list of str, those that must come first: memory for values
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.slots: list[str] = []
        self._count = 0

    def fresh(self, prefix: str = "v") -> str:
        """Return a name that is not used yet."""
        self._count += 1
        return f"{prefix}{self._count}"

    def emit(self, kind: Kind, text: str) -> Value:
        """Add an instruction; return its result."""
        name = f"%{self.fresh()}"
        self.lines.append(f"  {name} = {text}")
        return Value(kind, name)

    def slot(self, kind: Kind) -> Value:
        """Return memory for a value of `kind`; the optimiser makes registers of it."""
        name = f"%{self.fresh('s')}"
        self.slots.append(f"  {name} = alloca {kind.llvm}")
        return Value(kind, name)

    def load(self, place: Value) -> Value:
        """Return what lies at a place."""
        return self.emit(place.kind, f"load {place.kind.llvm}, ptr {place.text}")

    def store(self, place: Value, value: Value) -> None:
        """Put a value at a place."""
        self.lines.append(f"  store {self.cast(value, place.kind)}, ptr {place.text}")

    def label(self, name: str, reached: bool = True) -> None:
        """Begin a block; the one before it goes on there, unless it does not reach it."""
        if reached:
            self.jump(name)
        self.lines.append(f"{name}:")

    def branch(self, condition: Value, yes: str, no: str) -> None:
        """Go on at one of two labels."""
        self.lines.append(f"  br {condition}, label %{yes}, label %{no}")

    def call(self, kind: Kind, symbol: str, values: Sequence[Value]) -> Value:
        """Call a function; return its result, whose kind it is."""
        text = f"call {kind.llvm} {symbol}({', '.join(str(value) for value in values)})"
        if kind.llvm != "void":
            return self.emit(kind, text)
        self.lines.append(f"  {text}")
        return Value(kind, "")

    def text(self, head: str) -> str:
        """Return the function; `head` is all before its body."""
        return "\n".join([f"{head} {{", "begin:", *self.slots, *self.lines, "}"])

    def jump(self, name: str) -> None:
        """Go on at a label."""
        self.lines.append(f"  br label %{name}")

    def leave(self, instruction: str) -> None:
        """End a block; what follows in the source is never reached from here."""
        self.lines += [f"  {instruction}", f"{self.fresh('after')}:"]

    def cast(self, value: Value, kind: Kind) -> Value:
        """Return the value as another kind: bool to int to float, as Python does.

        Raises
        ------
        TypeError
            Python would not, or would lose what is behind the point.
        """
        if value.kind == kind:
            return value
        if value.kind == BOOL:
            value = self.emit(INT, f"zext {value} to i64")
        if value.kind == INT and kind == FLOAT:
            return self.emit(kind, f"sitofp {value} to double")
        if value.kind != kind:
            raise TypeError(f"a value must be of the kind {kind.llvm}, not {value.kind.llvm}")
        return value

    def same(self, left: Value, right: Value) -> tuple[Value, Value]:
        """Return two numbers as floats if one of them is a float, else as ints."""
        kind = FLOAT if FLOAT in (left.kind, right.kind) else INT
        return self.cast(left, kind), self.cast(right, kind)

    def binary(self, op: ast.operator, left: Value, right: Value) -> Value:
        """Return the value of an operator with two operands.

        Raises
        ------
        TypeError
            There is no such operator for these kinds.
        """
        if isinstance(op, ast.Div):
            left, right = self.cast(left, FLOAT), self.cast(right, FLOAT)
            return self.emit(FLOAT, f"fdiv {left}, {right.text}")
        left, right = self.same(left, right)
        floats = left.kind == FLOAT
        if isinstance(op, ast.FloorDiv | ast.Mod) and not floats:
            return self._divide(isinstance(op, ast.Mod), left, right)
        name = _BINARY.get(type(op), (None, None))[floats]
        if name is None:
            raise TypeError("an operator must be one that native code has for these numbers")
        return self.emit(left.kind, f"{name} {left}, {right.text}")

    def compare(self, op: ast.cmpop, left: Value, right: Value) -> Value:
        """Return how two numbers compare.

        Raises
        ------
        TypeError
            They are no numbers, or the comparison is not one of numbers.
        """
        if type(op) not in _COMPARE:
            raise TypeError("a comparison must be of numbers")
        left, right = self.same(left, right)
        floats = left.kind == FLOAT
        how = _COMPARE[type(op)][floats]
        return self.emit(BOOL, f"{'fcmp' if floats else 'icmp'} {how} {left}, {right.text}")

    def extreme(self, largest: bool, values: list[Value]) -> Value:
        """Return the first of the smallest values, or of the largest."""
        result, *others = values
        for value in others:
            result, other = self.same(result, value)
            better = self.compare(ast.Gt() if largest else ast.Lt(), other, result)
            result = self.emit(result.kind, f"select {better}, {other}, {result}")
        return result

    def _divide(self, rest_wanted: bool, left: Value, right: Value) -> Value:
        """Return the quotient towards minus infinity, or the rest, which has the divisor's sign."""
        rest = self.emit(INT, f"srem {left}, {right.text}")
        signs = self.emit(INT, f"xor {rest}, {right.text}")
        differ = self.emit(BOOL, f"icmp slt {signs}, 0")
        some = self.emit(BOOL, f"icmp ne {rest}, 0")
        wrong = self.emit(BOOL, f"and {differ}, {some.text}")
        if rest_wanted:
            more = self.emit(INT, f"select {wrong}, {right}, i64 0")
            return self.emit(INT, f"add {rest}, {more.text}")
        quotient = self.emit(INT, f"sdiv {left}, {right.text}")
        less = self.emit(INT, f"zext {wrong} to i64")
        return self.emit(INT, f"sub {quotient}, {less.text}")
