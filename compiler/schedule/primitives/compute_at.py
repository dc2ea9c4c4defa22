"""A buffer computed where it is used."""

from dataclasses import dataclass, replace

from ..expressions import Buffer, Expr, Variable
from ..functions import size_of
from ..nodes import Allocate, Block, For, If, Nest, Sequence, Statement, Store
from ..regions import accesses_of, refreshed
from ..walk import inner, map_statements, statements_of
from .place import around, block_of, fresh, kept, loop_of, refuse
from .redirect import Box, box_in, copied, outside, redirected
from .split import put_in

__all__ = ["compute_at"]


def compute_at(nest: Nest, block: str, loop: str) -> Nest:
    """Compute of a buffer only what each iteration of a later loop reads, just before it does.

    ::

        allocate t[n]
        for i in n: t[i] = P(i)
        for j in m: S(t[j + 0 .. j + 2])
        ->
        for j in m:
          allocate t_part[3]
          for c in 3: t_part[c] = P(j + c)
          S(t_part[0 .. 2])

    What several iterations read is computed again for each.

    Raises
    ------
    InvalidSchedule
        The block does not fill a buffer of the nest's own, one element an iteration; or the loop
        does not come after it, or is not the only reader; or what the block reads is written
        again before.
    """
    producer = _producer(nest, block)
    what = f"block {block} at loop {loop}"
    target = loop_of(nest, "compute_at", loop)
    whole = producer.buffer
    if target not in [one for part in producer.after for one in statements_of(part)]:
        raise refuse(nest, "compute_at", what, f"the loop does not come after block {block}")
    inside = [one for one in accesses_of(target.body) if one[0] == whole]
    everywhere = [one for part in producer.after for one in accesses_of(part) if one[0] == whole]
    if len(inside) != len(everywhere) or any(writing for _, _, writing, _ in everywhere):
        raise refuse(nest, "compute_at", what, f"{whole.name} is used outside of loop {loop}")
    _require_kept(nest, what, producer)
    box = box_in(target.body, whole, writing=False)
    if isinstance(box, str):
        raise refuse(nest, "compute_at", what, box)
    small = Buffer(fresh(nest, f"{whole.name}_part"), tuple(size for _, size in box), whole.dtype)
    extents = {**around(nest, target), loop: target.extent}
    fill = _computed(nest, producer, small, box, extents)
    body = Allocate(small, Sequence((fill, redirected(target.body, whole, small, box))))
    moved = For(target.variable, target.extent, target.kind, refreshed(body))

    def change(one: Statement) -> Statement | None:
        if one == target:
            return moved
        if isinstance(one, Allocate) and one.buffer == whole:
            assert isinstance(one.body, Sequence)
            parts = tuple(part for part in one.body.parts if part != producer.statement)
            return parts[0] if len(parts) == 1 else Sequence(parts)
        return None

    return kept(nest, "compute_at", what, replace(nest, body=map_statements(nest.body, change)))


@dataclass(frozen=True, slots=True)
class _Producer:
    """A block that fills a buffer.

    Attributes
    ----------
    buffer : Buffer
    statement : Statement
        Its loops and itself.
    loops : tuple of str
        The loop of each axis of the buffer.
    block : Block
    after : tuple of Statement
        What follows in the life of the buffer.
    """

    buffer: Buffer
    statement: Statement
    loops: tuple[str, ...]
    block: Block
    after: tuple[Statement, ...]


def _producer(nest: Nest, name: str) -> _Producer:
    """Return the producer that block `name` is."""
    block = block_of(nest, "compute_at", name)
    for one in statements_of(nest.body):
        if not isinstance(one, Allocate) or not isinstance(one.body, Sequence):
            continue
        for number, part in enumerate(one.body.parts):
            loops = _loops_above(part, block)
            if loops is None or not _fills(one.buffer, block, loops):
                continue
            index = next(
                s.indices
                for s in statements_of(block)
                if isinstance(s, Store) and s.buffer == one.buffer
            )
            names = tuple(axis.name for axis in index if isinstance(axis, Variable))
            return _Producer(one.buffer, part, names, block, one.body.parts[number + 1 :])
    raise refuse(
        nest,
        "compute_at",
        f"block {name}",
        "it must fill a buffer of the nest's own, one element for each iteration of the loops "
        "right around it, one loop an axis",
    )


def _loops_above(statement: Statement, block: Block) -> list[For] | None:
    """Return the loops between a statement and a block, if there is nothing else."""
    loops: list[For] = []
    while isinstance(statement, For):
        loops.append(statement)
        statement = statement.body
    return loops if statement == block else None


def _fills(buffer: Buffer, block: Block, loops: list[For]) -> bool:
    """Return whether a block stores element [i, j, ..] of a buffer under loops i, j, .. alone."""
    extents = {loop.variable: loop.extent for loop in loops}
    stores = [one for one in statements_of(block) if isinstance(one, Store)]
    own = {one.buffer for one in statements_of(block) if isinstance(one, Allocate)}
    others = [one for one in stores if one.buffer != buffer and one.buffer not in own]
    mine = {one.indices for one in stores if one.buffer == buffer}
    if others or len(mine) != 1 or _conditional(block, buffer):
        return False
    indices = mine.pop()
    sizes = [size_of(size) for size in buffer.shape]
    found = [extents.get(one.name) if isinstance(one, Variable) else None for one in indices]
    reads = [one for one in accesses_of(block) if one[0] == buffer and not one[2]]
    return (
        found == sizes
        and len(set(indices)) == len(loops)
        and all(one[1] == indices for one in reads)
    )


def _conditional(statement: Statement, buffer: Buffer) -> bool:
    """Return whether every store to a buffer stands under a condition."""
    if isinstance(statement, Store):
        return statement.buffer != buffer
    if isinstance(statement, If):
        return True
    return all(_conditional(part, buffer) for part in inner(statement))


def _require_kept(nest: Nest, what: str, producer: _Producer) -> None:
    """Raise InvalidSchedule if something that the block reads is written after it."""
    needed = {buffer for buffer, _, writing, _ in accesses_of(producer.block) if not writing}
    for part in producer.after:
        for buffer, _, writing, _ in accesses_of(part):
            if writing and buffer in needed and buffer != producer.buffer:
                raise refuse(nest, "compute_at", what, f"{buffer.name} is written after the block")


def _computed(
    nest: Nest, producer: _Producer, small: Buffer, box: Box, extents: dict[str, Expr]
) -> Statement:
    """Return the loops that compute a box of the producer's buffer into a small one."""
    names = [fresh(nest, f"{small.name}_{axis}") for axis in range(len(box))]

    def body(inside: tuple[Expr, ...], at: tuple[Expr, ...]) -> Statement:
        values = dict(zip(producer.loops, at, strict=True))
        made = redirected(producer.block, producer.buffer, small, box)
        made = put_in(made, values)
        condition = outside(producer.buffer, box, at, extents)
        assert isinstance(made, Block)
        if condition is None:
            return made
        return Block(made.name, (), (), If(condition, made.body, Sequence(())))

    return copied(body, names, box)
