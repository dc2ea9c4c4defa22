"""A reduction in several partial results."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..expressions import Apply, Buffer, Constant, Expr, Load, Variable, apply, constant
from ..functions import highest, lowest, number
from ..nodes import Allocate, Block, For, Nest, Sequence, Statement, Store
from ..regions import refreshed
from ..walk import loads_of, substitute, variables_of
from .place import fresh, kept, loop_of, refuse, replaced
from .split import put_in

__all__ = ["Reduced", "reductions", "split_reduction"]

_OPERATIONS = frozenset({"add", "multiply", "maximum", "minimum"})


@dataclass(frozen=True, slots=True)
class Reduced:
    """A store that combines an element with a value.

    Attributes
    ----------
    store : Store
    operation : str
        Associative and commutative, as far as rounding allows.
    value : Expr
    """

    store: Store
    operation: str
    value: Expr

    @property
    def first(self) -> Expr:
        """What changes nothing when it is combined."""
        dtype = self.store.buffer.dtype
        match self.operation:
            case "add":
                return constant(-0.0 if dtype.startswith("float") else 0, dtype)
            case "multiply":
                return constant(1, dtype)
            case "maximum":
                return lowest(dtype)
            case _:
                return highest(dtype)


def split_reduction(nest: Nest, loop: str, lanes: int) -> Nest:
    """Let `lanes` partial results take the iterations of a reduction in turn.

    ::

        for k in n: t = t + f(k)
        ->
        allocate p[lanes]
        for l in lanes: p[l] = 0                                          vector
        for k_outer in n // lanes:
          for k_inner in lanes: p[k_inner] = p[k_inner] + f(k_outer * lanes + k_inner)   vector
        for e in lanes / 2: p[e] = p[e] + p[e + lanes / 2]                vector; while even
        for r in the rest: t = t + p[r]
        for k_rest in n % lanes: t = t + f(n // lanes * lanes + k_rest)

    Integers come out the same. A floating-point sum is rounded in another order, which is as
    good, and better for long ones.

    Raises
    ------
    InvalidSchedule
        The loop does something other than to combine values, by +, *, minimum or maximum, into
        elements that do not depend on it; or `lanes` is not positive.
    """
    found = loop_of(nest, "split_reduction", loop)
    parts = reductions(found)
    if parts is None:
        raise refuse(
            nest,
            "split_reduction",
            f"loop {loop}",
            "its body must be stores t = t + value, or *, minimum, maximum, where t is the same in "
            "every iteration",
        )
    if lanes < 1:
        raise refuse(nest, "split_reduction", f"loop {loop}", f"lanes must be positive: {lanes}")
    made = _Split(nest, found, lanes).statement(parts)
    return kept(nest, "split_reduction", f"loop {loop}", replaced(nest, found, refreshed(made)))


def reductions(loop: For) -> tuple[Reduced, ...] | None:
    """Return the stores of a loop that is nothing but reductions, None if it is more."""
    body = loop.body
    while isinstance(body, Block):
        body = body.body
    parts = body.parts if isinstance(body, Sequence) else (body,)
    found: list[Reduced] = []
    for part in parts:
        one = _reduced(part, loop.variable)
        if one is None:
            return None
        found.append(one)
    buffers = [one.store.buffer for one in found]
    values = [load.buffer for one in found for load in loads_of(one.value)]
    if not found or len(set(buffers)) != len(buffers) or set(buffers) & set(values):
        return None
    return tuple(found)


def _reduced(statement: Statement, variable: str) -> Reduced | None:
    """Return the reduction that a statement is."""
    if not isinstance(statement, Store):
        return None
    place = Load(statement.buffer, statement.indices)
    if any(variable in variables_of(index) for index in statement.indices):
        return None
    match statement.value:
        case Apply(operation, _, (left, right)) if operation in _OPERATIONS:
            if left == place:
                return Reduced(statement, operation, right)
            if right == place:
                return Reduced(statement, operation, left)
    return None


class _Split:
    """Writes the loops of a split reduction."""

    def __init__(self, nest: Nest, loop: For, lanes: int) -> None:
        self._nest, self._loop, self._lanes = nest, loop, lanes

    def statement(self, parts: tuple[Reduced, ...]) -> Statement:
        """Return what takes the place of the loop."""
        loop, size = self._loop, number(self._lanes, "int64")
        names = [fresh(self._nest, f"{loop.variable}_partial{n}") for n in range(len(parts))]
        partial = [
            Buffer(name, (self._lanes,), one.store.buffer.dtype)
            for name, one in zip(names, parts, strict=True)
        ]
        pairs = list(zip(parts, partial, strict=True))
        whole = loop.extent // size
        outer, inner, start, end, rest = (
            fresh(self._nest, f"{loop.variable}_{part}")
            for part in ("outer", "inner", "start", "end", "rest")
        )
        steps: list[Statement] = [
            self._loop_of(
                start,
                "vector",
                [Store(buffer, (Variable(start),), one.first) for one, buffer in pairs],
            ),
            For(
                outer,
                whole,
                "serial",
                self._loop_of(
                    inner,
                    "vector",
                    [
                        self._combined(
                            buffer,
                            (Variable(inner),),
                            one.operation,
                            substitute(
                                one.value,
                                {loop.variable: Variable(outer) * self._lanes + Variable(inner)},
                            ),
                        )
                        for one, buffer in pairs
                    ],
                ),
            ),
        ]
        steps.extend(self._folded(end, pairs))
        remainder = loop.extent - whole * size
        if remainder != Constant(0, "int64"):
            body = put_in(loop.body, {loop.variable: whole * size + Variable(rest)})
            steps.append(For(rest, remainder, "serial", body))
        made: Statement = Sequence(tuple(steps))
        for buffer in reversed(partial):
            made = Allocate(buffer, made)
        return made

    def _folded(self, name: str, pairs: list[tuple[Reduced, Buffer]]) -> Iterator[Statement]:
        """Yield the loops that combine the partial results, by halves while there are even."""
        count = self._lanes
        while count % 2 == 0 and count > 2:
            count //= 2
            loop = fresh(self._nest, f"{name}{count}")
            yield self._loop_of(
                loop,
                "vector",
                [
                    self._combined(
                        buffer, (Variable(loop),), one.operation, buffer[Variable(loop) + count]
                    )
                    for one, buffer in pairs
                ],
                count,
            )
        last = [
            self._combined(
                one.store.buffer, one.store.indices, one.operation, buffer[Variable(name)]
            )
            for one, buffer in pairs
        ]
        yield self._loop_of(name, "unrolled", last, count)

    def _loop_of(self, name: str, kind: str, stores: list[Store], count: int = 0) -> For:
        body: Statement = stores[0] if len(stores) == 1 else Sequence(tuple(stores))
        return For(name, number(count or self._lanes, "int64"), kind, body)

    def _combined(
        self, buffer: Buffer, indices: tuple[Expr, ...], operation: str, value: Expr
    ) -> Store:
        """Return the store that combines an element with a value."""
        return Store(buffer, indices, apply(operation, Load(buffer, indices), value))
