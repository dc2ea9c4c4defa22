"""What a statement touches, as boxes of buffers."""

from collections.abc import Mapping

from .expressions import Buffer, Constant, Expr, Load, Variable
from .functions import size_of
from .linear import Linear, linear
from .nodes import Allocate, Block, For, Region, Sequence, Statement, Store
from .walk import expressions_of, inner, loads_of, map_statements, subexpressions, variables_of

__all__ = ["accesses_of", "box_of", "refreshed", "regions_of", "with_blocks"]

Extents = Mapping[str, Expr]


def regions_of(statement: Statement) -> tuple[tuple[Region, ...], tuple[Region, ...]]:
    """Return what `statement` reads and writes outside of its own buffers.

    Its own loops are taken whole. A box that several accesses of one buffer need is the whole
    buffer unless all are the same.
    """
    reads: dict[Buffer, set[Region]] = {}
    writes: dict[Buffer, set[Region]] = {}
    for buffer, indices, writing, extents in accesses_of(statement):
        box = Region(
            buffer,
            tuple(
                box_of(index, extents) or (Constant(0, "int64"), size_of(size))
                for index, size in zip(indices, buffer.shape, strict=True)
            ),
        )
        (writes if writing else reads).setdefault(buffer, set()).add(box)
    return tuple(map(_hull, reads.values())), tuple(map(_hull, writes.values()))


def _hull(boxes: set[Region]) -> Region:
    """Return one box that holds all of one buffer."""
    first = next(iter(boxes))
    if len(boxes) == 1:
        return first
    ranges: list[tuple[Expr, Expr]] = []
    for axis, size in enumerate(first.buffer.shape):
        pairs = {box.ranges[axis] for box in boxes}
        ranges.append(_around(pairs) or (Constant(0, "int64"), size_of(size)))
    return Region(first.buffer, tuple(ranges))


def _around(pairs: set[tuple[Expr, Expr]]) -> tuple[Expr, Expr] | None:
    """Return one range that holds all, if they lie at known distances from each other."""
    starts = [linear(start) for start, _ in pairs]
    lengths = [linear(extent) for _, extent in pairs]
    if len(pairs) == 1:
        return next(iter(pairs))
    if any(form.terms for form in lengths) or len({frozenset(one.terms) for one in starts}) != 1:
        return None
    low = min(one.constant for one in starts)
    ends = [one.constant + length.constant for one, length in zip(starts, lengths, strict=True)]
    return Linear(low, starts[0].terms).expr(), Constant(max(ends) - low, "int64")


def refreshed(statement: Statement) -> Statement:
    """Return `statement` with the regions of every block found anew."""

    def visit(one: Statement) -> Statement | None:
        if not isinstance(one, Block):
            return None
        reads, writes = regions_of(one.body)
        return Block(one.name, reads, writes, one.body)

    return map_statements(statement, visit)


Access = tuple[Buffer, tuple[Expr, ...], bool, dict[str, Expr]]
"""Buffer, indices, whether it is written, and the loops inside of the statement around it."""


def accesses_of(statement: Statement) -> list[Access]:
    """Return every access of a buffer that `statement` does not allocate itself."""
    found: list[Access] = []
    own: set[Buffer] = set()

    def visit(one: Statement, extents: dict[str, Expr]) -> None:
        for expr in expressions_of(one):
            for load in loads_of(expr):
                found.append((load.buffer, load.indices, False, extents))
        match one:
            case For(variable, extent, _, body):
                visit(body, {**extents, variable: extent})
                return
            case Store(buffer, indices, _):
                found.append((buffer, indices, True, extents))
            case Allocate(buffer, _):
                own.add(buffer)
            case _:
                pass
        for part in inner(one):
            visit(part, extents)

    visit(statement, {})
    return [access for access in found if access[0] not in own]


def box_of(index: Expr, extents: Extents) -> tuple[Expr, Expr] | None:
    """Return (start, extent) of an index while the loops of `extents` run.

    None where that depends on data or is no plain sum.
    """
    form = linear(index)
    start, span = Linear(form.constant, ()), Constant(1, "int64") + 0
    for atom, factor in form.terms:
        if isinstance(atom, Variable) and atom.name in extents:
            extent = extents[atom.name]
            if variables_of(extent) & set(extents) or any(
                isinstance(part, Load) for part in subexpressions(extent)
            ):
                return None
            span = span + (extent - 1) * abs(factor)
            if factor < 0:
                start = start.plus(linear((extent - 1) * factor))
        elif variables_of(atom) & set(extents) or any(
            isinstance(part, Load) for part in subexpressions(atom)
        ):
            return None
        else:
            start = start.plus(Linear(0, ((atom, factor),)))
    return start.expr(), linear(span).expr()


def with_blocks(body: Statement) -> Statement:
    """Return `body` with a block in each loop nest that has none, named as what it writes."""
    if any(isinstance(one, Block) for one in _all(body)):
        return body
    taken: dict[str, int] = {}

    def wrap(statement: Statement) -> Statement:
        match statement:
            case Sequence(parts):
                return Sequence(tuple(map(wrap, parts)))
            case Allocate(buffer, inside):
                return Allocate(buffer, wrap(inside))
            case For(variable, extent, kind, inside):
                return For(
                    variable,
                    extent,
                    kind,
                    wrap(inside) if isinstance(inside, For) else _block(inside),
                )
            case _:
                return _block(statement)

    def _block(statement: Statement) -> Block:
        reads, writes = regions_of(statement)
        name = writes[0].buffer.name if writes else "nothing"
        number = taken.get(name, 0)
        taken[name] = number + 1
        return Block(name if number == 0 else f"{name}_{number}", reads, writes, statement)

    return wrap(body)


def _all(statement: Statement) -> list[Statement]:
    found = [statement]
    for part in inner(statement):
        found.extend(_all(part))
    return found
