"""Small copies of what an iteration reads or writes."""

from ..expressions import Buffer, Constant, Load, Variable
from ..linear import linear
from ..nodes import Allocate, For, If, Nest, Sequence, Statement, Store, While
from ..regions import refreshed
from ..walk import inner, statements_of
from .place import around, fresh, kept, loop_of, refuse, replaced
from .redirect import box_in, copied, outside, redirected

__all__ = ["cache_read", "cache_write"]


def cache_read(nest: Nest, loop: str, buffer: str) -> Nest:
    """Copy what each iteration of a loop reads of a buffer into a small one of its own first.

    ::

        for i: S(data[i + 0 .. i + 2])
        ->
        for i:
          allocate data_cache[3]
          for c in 3: data_cache[c] = data[i + c]
          S(data_cache[0 .. 2])

    Raises
    ------
    InvalidSchedule
        The loop writes the buffer, or what it reads of it has no known size.
    """
    found = loop_of(nest, "cache_read", loop)
    whole = _buffer(nest, "cache_read", buffer)
    what = f"{buffer} in loop {loop}"
    if any(isinstance(one, Store) and one.buffer == whole for one in statements_of(found.body)):
        raise refuse(nest, "cache_read", what, "the loop writes it")
    box = box_in(found.body, whole, writing=False)
    if isinstance(box, str):
        raise refuse(nest, "cache_read", what, box)
    small = Buffer(fresh(nest, f"{buffer}_cache"), tuple(size for _, size in box), whole.dtype)
    extents = {**around(nest, found), loop: found.extent}
    names = _names(nest, small.name, len(box))
    fill = copied(
        lambda inside, at: Store(small, inside, Load(whole, at, outside(whole, box, at, extents))),
        names,
        box,
    )
    body = Allocate(small, Sequence((fill, redirected(found.body, whole, small, box))))
    made = For(found.variable, found.extent, found.kind, refreshed(body))
    return kept(nest, "cache_read", what, replaced(nest, found, made))


def cache_write(nest: Nest, loop: str, buffer: str) -> Nest:
    """Let each iteration of a loop write to a small buffer of its own, and copy that at its end.

    ::

        for i:
          for j in 8: out[i, j] = S(i, j)
        ->
        for i:
          allocate out_cache[1, 8]
          for j in 8: out_cache[0, j] = S(i, j)
          for c in 1: for d in 8: out[i + c, d] = out_cache[c, d]

    Raises
    ------
    InvalidSchedule
        The loop reads the buffer before all of it is written, or does not write a whole box.
    """
    found = loop_of(nest, "cache_write", loop)
    whole = _buffer(nest, "cache_write", buffer)
    what = f"{buffer} in loop {loop}"
    box = box_in(found.body, whole, writing=True)
    if isinstance(box, str):
        raise refuse(nest, "cache_write", what, box)
    if not _fills(found.body, whole, tuple(size for _, size in box)):
        raise refuse(
            nest,
            "cache_write",
            what,
            "its iterations must write every element of a box, once and without a condition, "
            "and not read it",
        )
    small = Buffer(fresh(nest, f"{buffer}_cache"), tuple(size for _, size in box), whole.dtype)
    names = _names(nest, small.name, len(box))
    flush = copied(lambda inside, at: Store(whole, at, Load(small, inside)), names, box)
    body = Allocate(small, Sequence((redirected(found.body, whole, small, box), flush)))
    made = For(found.variable, found.extent, found.kind, refreshed(body))
    return kept(nest, "cache_write", what, replaced(nest, found, made))


def _buffer(nest: Nest, primitive: str, name: str) -> Buffer:
    """Return the buffer called `name`."""
    buffers = [*nest.inputs, *nest.outputs]
    buffers += [one.buffer for one in statements_of(nest.body) if isinstance(one, Allocate)]
    for one in buffers:
        if one.name == name:
            return one
    names = ", ".join(one.name for one in buffers)
    raise refuse(nest, primitive, f"buffer {name}", f"there is no such buffer, only {names}")


def _names(nest: Nest, prefix: str, rank: int) -> list[str]:
    """Return names for the loops of a copy."""
    return [fresh(nest, f"{prefix}_{axis}") for axis in range(rank)]


def _fills(statement: Statement, buffer: Buffer, sizes: tuple[int, ...]) -> bool:
    """Return whether one store, under loops alone, writes each element of a box of `sizes`."""
    stores: list[tuple[Store, dict[str, For]]] = []

    def visit(one: Statement, loops: dict[str, For], certain: bool) -> bool:
        if isinstance(one, Store) and one.buffer == buffer:
            stores.append((one, loops))
            return certain
        if isinstance(one, For):
            return visit(one.body, {**loops, one.variable: one}, certain)
        sure = certain and not isinstance(one, If | While)
        parts = [visit(part, loops, sure) for part in inner(one)]
        return all(parts)

    certain = visit(statement, {}, True)
    reads = box_in(statement, buffer, writing=False)
    if not certain or len(stores) != 1 or not isinstance(reads, str):
        return False
    store, loops = stores[0]
    extents = [loop.extent for loop in loops.values()]
    if any(not isinstance(extent, Constant) or extent.value < 1 for extent in extents):
        return False
    used: list[str] = []
    for index, size in zip(store.indices, sizes, strict=True):
        names = [
            (atom.name, factor)
            for atom, factor in linear(index).terms
            if isinstance(atom, Variable) and atom.name in loops
        ]
        if len(names) > 1 or (size != 1) != bool(names):
            return False
        for name, factor in names:
            if factor != 1 or name in used or loops[name].extent != Constant(size, "int64"):
                return False
            used.append(name)
    return True
