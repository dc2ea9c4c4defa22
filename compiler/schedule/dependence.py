"""Which iterations of a loop may run at once: none touches what another one writes."""

from math import gcd, inf

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
    accesses = accesses_of(loop.body)
    for buffer in dict.fromkeys(buffer for buffer, _, writing, _ in accesses if writing):
        uses = [(indices, extents) for one, indices, _, extents in accesses if one == buffer]
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


Use = tuple[tuple[Expr, ...], dict[str, Expr]]


def _apart(loop: For, buffer: Buffer, uses: list[Use]) -> bool:
    """Return whether some axis keeps the uses of different iterations apart."""
    axes = range(len(buffer.shape))
    if any(
        _axis_apart(loop, [(indices[axis], extents) for indices, extents in uses]) for axis in axes
    ):
        return True
    return any(
        _fused_apart(loop, [(indices[left], indices[right]) for indices, _ in uses])
        for left in axes
        for right in axes
        if left != right
    )


def _axis_apart(loop: For, uses: list[tuple[Expr, dict[str, Expr]]]) -> bool:
    """Return whether indices c * variable + rest of iterations differ, whatever the rests are.

    Two places are the same only if c times the distance of their iterations is made up by their
    rests. It is not if the rests spread less than c; nor if they are multiples of what is more than
    all iterations reach, and a part that spreads less than c.
    """
    factors: set[int] = set()
    shared: set[Expr] = set()
    rests: list[tuple[int, list[tuple[Expr, int]], dict[str, Expr]]] = []
    for index, extents in uses:
        found = split_index(index, loop.variable)
        if found is None or not found[0]:
            return False
        factors.add(found[0])
        # What lies outside of the loop is the same everywhere.
        form = linear(found[1])
        shared.add(_sum([(a, n) for a, n in form.terms if not _inner_atom(a, extents)]))
        inside = [(a, n) for a, n in form.terms if _inner_atom(a, extents)]
        rests.append((form.constant, inside, extents))
    if len(factors) != 1 or len(shared) != 1:
        return False
    factor = abs(factors.pop())
    reach = factor * (interval(loop.extent, {})[1] - 1)
    steps = {abs(n) for _, inside, _ in rests for _, n in inside}
    for least in (inf, *steps):
        spread = _spread(rests, least)
        large = [step for step in steps if step >= least]
        if spread < factor and (not large or gcd(*large) > reach + spread):
            return True
    return False


def _spread(
    rests: list[tuple[int, list[tuple[Expr, int]], dict[str, Expr]]], least: float
) -> float:
    """Return how far apart rests can be, terms of `least` and more left out."""
    low, high = inf, -inf
    for constant, terms, extents in rests:
        small = _sum([(atom, n) for atom, n in terms if abs(n) < least])
        first, last = interval(small + constant, extents)
        low, high = min(low, first), max(high, last)
    return high - low


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
