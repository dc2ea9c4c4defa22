"""Which iterations of a loop may run at once: none touches what another one writes."""

from dataclasses import dataclass
from math import ceil, gcd, inf

from .expressions import Apply, Buffer, Constant, Expr
from .linear import interval, linear, split_index
from .nodes import Allocate, For
from .regions import accesses_of
from .walk import loads_of, statements_of, variables_of

__all__ = ["lanes_obstacle", "parallel_obstacle"]


def parallel_obstacle(loop: For) -> str | None:
    """Return why the iterations of `loop` may not run at once, None if they may.

    They may if every buffer that is written there, and lives longer than an iteration, has an
    axis in which all its accesses of one iteration stay apart from those of any other.
    """
    if isinstance(loop.extent, Constant) and loop.extent.value <= 1:
        return None
    accesses = accesses_of(loop.body)
    for buffer in dict.fromkeys(buffer for buffer, _, writing, _ in accesses if writing):
        uses = [access[1:] for access in accesses if access[0] == buffer]
        if not _apart(loop, buffer, uses):
            return (
                f"iterations of {loop.variable} may write the same elements of {buffer.name}, or "
                "read what another one writes"
            )
    return None


def lanes_obstacle(loop: For) -> str | None:
    """Return why the iterations of `loop` cannot be lanes of a vector, None if they can."""
    reason = parallel_obstacle(loop)
    if reason is not None:
        return reason
    own = {one.buffer for one in statements_of(loop.body) if isinstance(one, Allocate)}
    for statement in statements_of(loop.body):
        if isinstance(statement, For) and _differs(statement.extent, loop.variable, own):
            return (
                f"the extent of loop {statement.variable} differs between iterations of "
                f"{loop.variable}"
            )
    return None


def _differs(expr: Expr, variable: str, own: set[Buffer]) -> bool:
    """Return whether an expression may differ between iterations."""
    return variable in variables_of(expr) or any(load.buffer in own for load in loads_of(expr))


Use = tuple[tuple[Expr, ...], bool, dict[str, Expr]]
"""Indices, whether it writes, and the loops inside of the loop in question around it."""


def _apart(loop: For, buffer: Buffer, uses: list[Use]) -> bool:
    """Return whether some axis keeps the uses of different iterations apart."""
    axes = range(len(buffer.shape))
    if any(_axis_apart(loop, [(use[0][axis], *use[1:]) for use in uses]) for axis in axes):
        return True
    return any(
        _fused_apart(loop, [(use[0][left], use[0][right]) for use in uses])
        for left in axes
        for right in axes
        if left != right
    )


def _axis_apart(loop: For, uses: list[tuple[Expr, bool, dict[str, Expr]]]) -> bool:
    """Return whether indices c * variable + rest of iterations differ, whatever the rests are.

    Two places are the same only if c times the distance of their iterations is made up by their
    rests. It is not if these differ by no multiple of c that is within reach; nor if they are
    multiples of what is beyond reach, and a part that differs by none.
    """
    factors: set[int] = set()
    shared: set[Expr] = set()
    rests: list[_Rest] = []
    for index, writes, extents in uses:
        found = split_index(index, loop.variable)
        if found is None or not found[0]:
            return False
        factors.add(found[0])
        # What lies outside of the loop is the same everywhere.
        form = linear(found[1])
        shared.add(_sum([(a, n) for a, n in form.terms if not _inner_atom(a, extents)]))
        inside = tuple((a, n) for a, n in form.terms if _inner_atom(a, extents))
        rests.append(_Rest(form.constant, inside, writes, extents))
    if len(factors) != 1 or len(shared) != 1:
        return False
    factor = abs(factors.pop())
    reach = factor * (interval(loop.extent, {})[1] - 1)
    steps = {abs(n) for rest in rests for _, n in rest.terms}
    return any(
        _no_meeting(rests, factor, reach, least, [step for step in steps if step >= least])
        for least in (inf, *steps)
    )


@dataclass(frozen=True, slots=True)
class _Rest:
    """What of an index does not follow from the loop in question.

    Attributes
    ----------
    constant : int
    terms : tuple of (atom, coefficient)
    writes : bool
    extents : dict
        Loops inside of the loop.
    """

    constant: int
    terms: tuple[tuple[Expr, int], ...]
    writes: bool
    extents: dict[str, Expr]

    def range(self, least: float) -> tuple[float, float]:
        """Return where it lies, terms of `least` and more left out."""
        small = _sum([(atom, n) for atom, n in self.terms if abs(n) < least])
        return interval(small + self.constant, self.extents)


def _no_meeting(
    rests: list[_Rest], factor: int, reach: float, least: float, large: list[int]
) -> bool:
    """Return whether no two rests, one of them written, differ as two iterations do."""
    ranges = [rest.range(least) for rest in rests]
    for number, (low, high) in enumerate(ranges):
        for other in range(number, len(ranges)):
            if not (rests[number].writes or rests[other].writes):
                continue
            first, last = low - ranges[other][1], high - ranges[other][0]
            if large and gcd(*large) <= reach + max(abs(first), abs(last)):
                return False
            # The multiples of the factor nearest to 0 on both sides that lie in first..last.
            above = factor * max(1, ceil(first / factor)) if first > -inf else factor
            below = factor * max(1, ceil(-last / factor)) if last < inf else factor
            if above <= min(last, reach) or below <= min(-first, reach):
                return False
    return True


def _sum(terms: list[tuple[Expr, int]]) -> Expr:
    total: Expr = Constant(0, "int64")
    for atom, factor in sorted(terms, key=repr):
        total = total + atom * factor
    return total


def _inner_atom(atom: Expr, extents: dict[str, Expr]) -> bool:
    """Return whether an atom may change within an iteration: by an inner loop, or by data."""
    return bool(variables_of(atom) & set(extents)) or any(True for _ in loads_of(atom))


def _fused_apart(loop: For, uses: list[tuple[Expr, Expr]]) -> bool:
    """Return whether all uses have the indices (x // n, x % n) with one x that keeps apart."""
    wholes: set[tuple[Expr, Expr]] = set()
    for pair in uses:
        match pair:
            case (
                Apply("floor_divide", _, (dividend, divisor)),
                Apply("floor_mod", _, (same, modulus)),
            ) if dividend == same and divisor == modulus:
                wholes.add((dividend, divisor))
            case _:
                return False
    if len(wholes) != 1:
        return False
    found = split_index(wholes.pop()[0], loop.variable)
    return found is not None and found[0] != 0 and not variables_of(found[1])
