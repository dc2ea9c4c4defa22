"""What makes a nest well formed, checked without running it."""

from collections.abc import Mapping

from ..errors import InvalidModule
from .dependence import parallel_obstacle
from .expressions import Buffer, Expr, Load, Symbol, Variable
from .functions import size_of
from .linear import at_least_zero, facts_of, interval
from .nodes import KINDS, Allocate, Block, For, If, Nest, Sequence, Statement, Store, Tensor, While
from .products import recognise
from .walk import expressions_of, inner, statements_of, subexpressions

__all__ = ["verify"]

Extents = Mapping[str, Expr]


def verify(nest: Nest) -> None:
    """Raise InvalidModule unless `nest` is well formed.

    Every name means one thing, data types fit, every index is proved to be inside of its buffer,
    the iterations of parallel and vector loops do not touch each other's elements, inputs are not
    written, and blocks name all buffers that they touch.
    """
    _Checker(nest).check()


class _Checker:
    """Walks one nest."""

    def __init__(self, nest: Nest) -> None:
        self._nest = nest
        self._symbols = set(nest.symbols)

    def check(self) -> None:
        """Check everything."""
        names = [one.name for one in (*self._nest.inputs, *self._nest.outputs)]
        for statement in statements_of(self._nest.body):
            match statement:
                case For(variable):
                    names.append(variable)
                case Allocate(buffer):
                    names.append(buffer.name)
                case _:
                    pass
        for number, name in enumerate(names):
            self._require(name not in names[:number], f"name {name} must be used once, not twice")
        buffers = {one.name: one for one in (*self._nest.inputs, *self._nest.outputs)}
        self._visit(self._nest.body, {}, buffers)

    def _require(self, holds: bool, problem: str) -> None:
        if not holds:
            raise InvalidModule(f"nest {self._nest.name}: {problem}")

    def _visit(
        self,
        statement: Statement,
        extents: Extents,
        buffers: Mapping[str, Buffer],
        facts: tuple[Expr, ...] = (),
    ) -> None:
        """Check a statement where `facts` are not negative."""
        for expr in expressions_of(statement):
            self._expression(expr, extents, buffers, facts)
        match statement:
            case For(variable, extent, kind, body):
                self._require(kind in KINDS, f"loop {variable} must be {', '.join(KINDS)}: {kind}")
                self._require(extent.dtype == "int64", f"the extent of {variable} must be int64")
                if kind in ("parallel", "vector"):
                    reason = parallel_obstacle(statement)
                    self._require(reason is None, f"loop {variable} cannot be {kind}: {reason}")
                self._visit(body, {**extents, variable: extent}, buffers, facts)
                return
            case Store(buffer, indices, value):
                self._require(
                    buffer not in self._nest.inputs, f"input {buffer.name} must not be written"
                )
                self._require(
                    value.dtype == buffer.dtype,
                    f"what is stored to {buffer.name} must be {buffer.dtype}, not {value.dtype}",
                )
                self._access(buffer, indices, None, extents, buffers, facts)
            case If(condition, then, otherwise):
                self._require(condition.dtype == "bool", "a condition must be bool")
                self._visit(then, extents, buffers, (*facts, *facts_of(condition)))
                self._visit(otherwise, extents, buffers, facts)
                return
            case While(condition):
                self._require(condition.dtype == "bool", "a condition must be bool")
            case Allocate(buffer, body):
                self._visit(body, extents, {**buffers, buffer.name: buffer}, facts)
                return
            case Tensor(intrinsic, loop):
                found = recognise(loop) if intrinsic == "contraction" else "there is none such"
                self._require(
                    not isinstance(found, str), f"loop {loop.variable} is no {intrinsic}: {found}"
                )
            case Block() | Sequence():
                pass
        for part in inner(statement):
            self._visit(part, extents, buffers, facts)

    def _expression(
        self,
        expr: Expr,
        extents: Extents,
        buffers: Mapping[str, Buffer],
        facts: tuple[Expr, ...],
    ) -> None:
        for one in subexpressions(expr):
            match one:
                case Variable(name):
                    self._require(name in extents, f"{name} is used outside of its loop")
                case Symbol(name):
                    self._require(one in self._symbols, f"symbol {name} is not declared")
                case Load(buffer, indices, where):
                    self._access(buffer, indices, where, extents, buffers, facts)
                case _:
                    pass

    def _access(
        self,
        buffer: Buffer,
        indices: tuple[Expr, ...],
        where: Expr | None,
        extents: Extents,
        buffers: Mapping[str, Buffer],
        facts: tuple[Expr, ...],
    ) -> None:
        """Check that an access is inside of its buffer."""
        self._require(
            buffers.get(buffer.name) == buffer, f"{buffer.name} is used where it does not exist"
        )
        if where is not None:
            facts = (*facts, *facts_of(where))
        for axis, (index, size) in enumerate(zip(indices, buffer.shape, strict=True)):
            self._require(index.dtype == "int64", f"indices of {buffer.name} must be int64")
            extent = size_of(size)
            low = at_least_zero(index, extents, facts)
            high = at_least_zero(extent - 1 - index, extents, facts)
            if not (low and high) and not _never(extents):
                first, last = interval(index, extents)
                self._require(
                    False,
                    f"index {axis} of {buffer.name} must be in 0..{size} - 1, and is in "
                    f"{first:g}..{last:g} as far as is known: clamp it",
                )


def _never(extents: Extents) -> bool:
    """Return whether a loop around has no iterations."""
    return any(interval(extent, extents)[1] <= 0 for extent in extents.values())
