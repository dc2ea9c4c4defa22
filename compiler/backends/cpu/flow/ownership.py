"""Where references are duplicated and given up: each is given away or dropped exactly once.

A function owns its arguments, so nothing is left to do after a call in tail position, and what is
not needed any more is given up right after its last use. Source: the rules follow the idea of
Reinking, Xie, de Moura and Leijen, "Perceus: Garbage Free Reference Counting with Reuse" (2021).
"""

from collections.abc import Iterable
from dataclasses import replace

from .code import (
    Apply,
    Block,
    Call,
    Cases,
    Choose,
    Drop,
    Duplicate,
    Function,
    Instruction,
    Variable,
    Write,
    blocks_of,
    consumed_by,
    looked_at_by,
    results_of,
)

__all__ = ["own"]

_Live = dict[Variable, None]
"""A set that keeps its order: text that is made from it is the same every time."""


def own(function: Function) -> Function:
    """Return `function` with references counted; what has no use and no effect is left out."""
    body, live = _block(function.body, {})
    params = [*function.params, *(() if function.self is None else (function.self,))]
    unused = [param for param in params if param not in live]
    return replace(function, body=_starting_with(unused, body))


def _block(block: Block, after: _Live) -> tuple[Block, _Live]:
    """Return a block with references counted, and what is alive where it begins."""
    live = {**after, block.result: None}
    found: list[Instruction] = [Duplicate(block.result)] if block.result in after else []
    for instruction in reversed(block.instructions):
        _before(instruction, live, found)
    return Block(tuple(reversed(found)), block.result), live


def _before(instruction: Instruction, live: _Live, found: list[Instruction]) -> None:
    """Add an instruction in front of `found`, which stands in reverse, and update `live`."""
    results = results_of(instruction)
    if not any(result in live for result in results) and not _has_effect(instruction):
        return
    found.extend(Drop(result) for result in results if result not in live)
    for result in results:
        live.pop(result, None)
    looked_at = looked_at_by(instruction)
    if isinstance(instruction, Choose | Cases):
        found.append(_branches(instruction, live, looked_at))
        return
    consumed = consumed_by(instruction)
    found.extend(
        Drop(variable)
        for variable in dict.fromkeys(looked_at)
        if variable not in live and variable not in consumed
    )
    found.append(instruction)
    kept = {**live, **(dict.fromkeys(looked_at) if isinstance(instruction, Write) else {})}
    for variable in consumed:
        if variable in kept:
            found.append(Duplicate(variable))
        kept[variable] = None
    live.update(dict.fromkeys((*consumed, *looked_at)))


def _branches(
    instruction: Choose | Cases, live: _Live, looked_at: tuple[Variable, ...]
) -> Instruction:
    """Return a branch; each side gives up what only others need."""
    made = [_block(block, live) for block in blocks_of(instruction)]
    live.update(dict.fromkeys(looked_at))
    for _, needed in made:
        live.update(needed)
    bodies = [
        _starting_with((variable for variable in live if variable not in needed), block)
        for block, needed in made
    ]
    if isinstance(instruction, Choose):
        return replace(instruction, then=bodies[0], otherwise=bodies[1])
    pairs = zip(instruction.cases, bodies, strict=True)
    return replace(instruction, cases=tuple(replace(case, body=body) for case, body in pairs))


def _starting_with(dropped: Iterable[Variable], block: Block) -> Block:
    """Return a block that gives variables up first."""
    return replace(block, instructions=(*map(Drop, dropped), *block.instructions))


def _has_effect(instruction: Instruction) -> bool:
    """Return whether an instruction does more than to give its results values."""
    return isinstance(instruction, Write | Call | Apply | Choose | Cases)
