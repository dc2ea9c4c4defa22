"""Branches inside of branches, hundreds deep: what lies deepest becomes functions of its own.

What follows walks through blocks by recursion, which Python limits.

before -> after::

    f(x) { if .. { .. } else { if .. { deep } else { .. } } }
        ->  f(x) { if .. { .. } else { f.deep0(x) } };  f.deep0(x) { if .. { deep } else { .. } }
"""

from collections.abc import Sequence
from dataclasses import replace

from .code import (
    Block,
    Call,
    Cases,
    Choose,
    Function,
    Instruction,
    Variable,
    blocks_of,
    consumed_by,
    looked_at_by,
    results_of,
)

__all__ = ["outline"]

# Blocks inside of each other: each takes up to four calls of Python, of which it allows 1000.
_DEEPEST = 48


def outline(functions: Sequence[Function]) -> tuple[Function, ...]:
    """Return functions none of which has blocks more than `_DEEPEST` inside of each other."""
    done: list[Function] = []
    pending = list(reversed(functions))
    while pending:
        function = pending.pop()
        cut: list[Function] = []
        body = _shallow(function.body, 0, f"{function.name}.deep", cut)
        done.append(replace(function, body=body))
        pending.extend(reversed(cut))
    return tuple(done)


def _shallow(block: Block, depth: int, name: str, cut: list[Function]) -> Block:
    """Return a block of which what is too deep is added to `cut`."""
    if not any(map(blocks_of, block.instructions)):
        return block
    if depth == _DEEPEST:
        free = _free_variables(block)
        made = Function(f"{name}{len(cut)}", free, None, block)
        cut.append(made)
        target = Variable("deep", block.result.type)
        return Block((Call(target, made.name, free),), target)

    def inside(instruction: Instruction) -> Instruction:
        if isinstance(instruction, Choose):
            then = _shallow(instruction.then, depth + 1, name, cut)
            otherwise = _shallow(instruction.otherwise, depth + 1, name, cut)
            return replace(instruction, then=then, otherwise=otherwise)
        if isinstance(instruction, Cases):
            bodies = [_shallow(one, depth + 1, name, cut) for one in blocks_of(instruction)]
            pairs = zip(instruction.cases, bodies, strict=True)
            cases = tuple(replace(case, body=body) for case, body in pairs)
            return replace(instruction, cases=cases)
        return instruction

    return replace(block, instructions=tuple(map(inside, block.instructions)))


def _free_variables(block: Block) -> tuple[Variable, ...]:
    """Return the variables that a block uses and does not make, in the order of their use."""
    used: dict[Variable, None] = {}
    made: set[Variable] = set()
    pending = [block]
    while pending:
        inner = pending.pop()
        for instruction in inner.instructions:
            used.update(dict.fromkeys((*consumed_by(instruction), *looked_at_by(instruction))))
            made.update(results_of(instruction))
            pending += blocks_of(instruction)
        used[inner.result] = None
    return tuple(variable for variable in used if variable not in made)
