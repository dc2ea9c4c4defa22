"""Emission of expressions, in one lane or in all."""

from ....schedule.expressions import Apply, Constant, Expr, Load, Symbol, Variable
from ....schedule.linear import interval, linear
from ....schedule.walk import subexpressions
from ..builder import Index, llvm_type
from ..formula import Node
from ..operations import OPERATIONS
from ..site import Site, literal
from .frame import Frame
from .memory import load

__all__ = ["Values"]


class Values:
    """Emits expressions at one point.

    Parameters
    ----------
    frame : Frame
    """

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._build = frame.build

    def narrow(self, expr: Expr) -> str:
        """Return the value of an expression that is the same in all lanes."""
        assert not self._frame.is_wide(expr), f"{expr} differs between lanes"
        match expr:
            case Constant(value, dtype):
                return literal(value, dtype)
            case Variable() | Symbol():
                return str(self.index(expr))
            case Load():
                return load(self._frame, self, expr, wide=False)
            case Apply("add" | "subtract" | "multiply", "int64", _) if _is_index(expr):
                return str(self.index(expr))
            case Apply(_, _, operands):
                return self._apply(expr, [self.narrow(one) for one in operands], 1)
            case _:
                raise AssertionError(f"{expr!r} is no expression")

    def wide(self, expr: Expr) -> str:
        """Return the value of an expression in all lanes."""
        frame, lanes = self._frame, self._frame.lanes
        if lanes == 1:
            return self.narrow(expr)
        if isinstance(expr, Constant):
            return f"splat ({llvm_type(expr.dtype)} {literal(expr.value, expr.dtype)})"
        if not frame.is_wide(expr):
            return self._build.splat(expr.dtype, self.narrow(expr), lanes)
        match expr:
            case Variable(name):
                first = self._build.splat("int64", str(frame.indices[name]), lanes)
                steps = ", ".join(f"i64 {lane}" for lane in range(lanes))
                return self._build.value(f"add nsw <{lanes} x i64> {first}, <{steps}>")
            case Load():
                return load(frame, self, expr, wide=True)
            case Apply(_, _, operands):
                return self._apply(expr, [self.wide(one) for one in operands], lanes)
            case _:
                raise AssertionError(f"{expr!r} is no expression")

    def index(self, expr: Expr) -> Index:
        """Return an index that is the same in all lanes; the vector loop's is its first lane's."""
        form = linear(expr)
        total: Index = 0
        for atom, factor in form.terms:
            total = self._build.add(total, self._build.multiply(self._atom(atom), factor))
        return self._build.add(total, form.constant)

    def _atom(self, atom: Expr) -> Index:
        match atom:
            case Variable(name):
                return self._frame.indices[name]
            case Symbol(name):
                return self._frame.symbols[name]
            case Apply("multiply", _, (left, right)):
                return self._build.value(f"mul nsw i64 {self.index(left)}, {self.index(right)}")
            case _:
                return self.narrow(atom)

    def _apply(self, expr: Apply, values: list[str], lanes: int) -> str:
        """Return an operation on values that are there."""
        quick = self._divide(expr, values, lanes)
        if quick is not None:
            return quick
        dtypes = tuple(operand.dtype for operand in expr.operands)
        node = Node(expr.operation, expr.dtype, value=expr.detail)
        return OPERATIONS[expr.operation](Site(self._build, node, dtypes, tuple(values), lanes))

    def _divide(self, expr: Apply, values: list[str], lanes: int) -> str | None:
        """Return a quotient or remainder of what is never negative by a positive number."""
        name = {"floor_divide": "udiv", "floor_mod": "urem"}.get(expr.operation)
        if name is None or expr.dtype != "int64":
            return None
        left, right = expr.operands
        positive = isinstance(right, Constant) and right.value > 0
        if not positive or interval(left, self._frame.extents)[0] < 0:
            return None
        return self._build.value(f"{name} {llvm_type('int64', lanes)} {values[0]}, {values[1]}")


def _is_index(expr: Expr) -> bool:
    """Return whether an expression is made of sizes and indices, which do not overflow."""
    return not any(
        isinstance(one, Load) or (isinstance(one, Apply) and one.operation == "cast")
        for one in subexpressions(expr)
    )
