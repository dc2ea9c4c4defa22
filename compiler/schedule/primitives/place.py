"""Finding a loop or a block in a nest, and putting something else in its place."""

from dataclasses import replace

from ...errors import InvalidSchedule
from ..dependence import parallel_obstacle
from ..expressions import Expr
from ..nodes import Allocate, Block, For, Nest, Statement, Tensor
from ..products import recognise
from ..simplify import simplified
from ..walk import inner, map_statements, statements_of

__all__ = ["around", "block_of", "chain", "fresh", "kept", "loop_of", "refuse", "replaced"]


def refuse(nest: Nest, primitive: str, what: str, reason: str) -> InvalidSchedule:
    """Return the error of a rewrite that is not allowed."""
    return InvalidSchedule(f"nest {nest.name}: {primitive} of {what}: {reason}")


def loop_of(nest: Nest, primitive: str, name: str) -> For:
    """Return the loop called `name`.

    Raises
    ------
    InvalidSchedule
        There is none.
    """
    loops = [one for one in statements_of(nest.body) if isinstance(one, For)]
    for tensor in statements_of(nest.body):
        if isinstance(tensor, Tensor) and name in _loops_in(tensor):
            raise refuse(
                nest,
                primitive,
                f"loop {name}",
                f"it is part of a {tensor.intrinsic}: rewrite before",
            )
    for loop in loops:
        if loop.variable == name:
            return loop
    names = ", ".join(loop.variable for loop in loops) or "none"
    raise refuse(nest, primitive, f"loop {name}", f"there is no such loop, only {names}")


def block_of(nest: Nest, primitive: str, name: str) -> Block:
    """Return the block called `name`.

    Raises
    ------
    InvalidSchedule
        There is none.
    """
    blocks = [one for one in statements_of(nest.body) if isinstance(one, Block)]
    for block in blocks:
        if block.name == name:
            return block
    names = ", ".join(block.name for block in blocks) or "none"
    raise refuse(nest, primitive, f"block {name}", f"there is no such block, only {names}")


def _loops_in(tensor: Tensor) -> set[str]:
    """Return the loops that a microkernel computes."""
    return {one.variable for one in statements_of(tensor) if isinstance(one, For)}


def replaced(nest: Nest, old: Statement, new: Statement) -> Nest:
    """Return `nest` with `new` where `old` stands."""
    return replace(nest, body=map_statements(nest.body, lambda one: new if one == old else None))


def chain(nest: Nest, primitive: str, names: tuple[str, ...]) -> list[For]:
    """Return the loops of `names` and those between them, outermost first.

    Raises
    ------
    InvalidSchedule
        A loop does not exist, or something other than loops stands between them.
    """
    wanted = [loop_of(nest, primitive, name) for name in names]
    outermost = next(
        one for one in statements_of(nest.body) if isinstance(one, For) and one in wanted
    )
    found: list[For] = []
    current: Statement = outermost
    while isinstance(current, For):
        found.append(current)
        if all(one in found for one in wanted):
            return found
        current = current.body
    missing = next(one.variable for one in wanted if one not in found)
    raise refuse(
        nest,
        primitive,
        f"loops {', '.join(names)}",
        f"loop {missing} does not stand right inside loop {found[-1].variable}",
    )


def kept(nest: Nest, primitive: str, what: str, made: Nest) -> Nest:
    """Return a rewritten nest, indices simplified.

    Raises
    ------
    InvalidSchedule
        It can no longer be shown that a parallel or vector loop may be one.
    """
    made = simplified(made)
    for one in statements_of(made.body):
        if isinstance(one, For) and one.kind in ("parallel", "vector"):
            reason = parallel_obstacle(one)
            if reason is not None:
                raise refuse(nest, primitive, what, f"{reason}, and it is {one.kind}")
        if isinstance(one, Tensor) and isinstance(recognise(one.body), str):
            loop = one.body.variable
            raise refuse(nest, primitive, what, f"loop {loop} would no longer be a {one.intrinsic}")
    return made


def around(nest: Nest, statement: Statement) -> dict[str, Expr]:
    """Return the extents of the loops around a statement, outermost first."""

    def search(one: Statement, extents: dict[str, Expr]) -> dict[str, Expr] | None:
        if one == statement:
            return extents
        inside = {**extents, one.variable: one.extent} if isinstance(one, For) else extents
        for part in inner(one):
            found = search(part, inside)
            if found is not None:
                return found
        return None

    found = search(nest.body, {})
    assert found is not None, "the statement is part of the nest"
    return found


def fresh(nest: Nest, name: str) -> str:
    """Return `name`, or one like it, that nothing in the nest bears."""
    taken = {one.name for one in (*nest.inputs, *nest.outputs)}
    taken |= {one.name for one in nest.symbols}
    for statement in statements_of(nest.body):
        match statement:
            case For(variable):
                taken.add(variable)
            case Allocate(buffer):
                taken.add(buffer.name)
            case Block(label):
                taken.add(label)
            case _:
                pass
    made, number = name, 1
    while made in taken:
        number += 1
        made = f"{name}{number}"
    return made
