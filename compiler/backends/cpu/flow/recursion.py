"""Which functions may stand on the stack any number of times."""

from collections.abc import Iterator, Sequence

from .code import Apply, Block, Call, Close, Function, Instruction, blocks_of

__all__ = ["checked_functions", "closed_functions", "walk"]


def checked_functions(functions: Sequence[Function]) -> frozenset[str]:
    """Return the functions that must look whether the stack has room, by name.

    Those are all that call, other than in place of themselves, what may come back to them.
    A function that is computed may be any that is ever a value.
    """
    closed = closed_functions(functions)
    waiting: dict[str, frozenset[str]] = {}
    called: dict[str, frozenset[str]] = {}
    for function in functions:
        calls = [(_targets(one, closed), last) for one, last in walk(function.body, True)]
        called[function.name] = frozenset().union(*(targets for targets, _ in calls))
        waiting[function.name] = frozenset().union(
            *(targets for targets, last in calls if not last)
        )
    reached = {name: _reach(name, called) for name in called}
    return frozenset(
        name
        for name, targets in waiting.items()
        if any(target == name or name in reached[target] for target in targets)
    )


def closed_functions(functions: Sequence[Function]) -> frozenset[str]:
    """Return the functions that are values somewhere, by name."""
    return frozenset(
        instruction.function
        for function in functions
        for instruction, _ in walk(function.body, True)
        if isinstance(instruction, Close)
    )


def _targets(instruction: Instruction, closed: frozenset[str]) -> frozenset[str]:
    """Return what an instruction may call."""
    if isinstance(instruction, Call):
        return frozenset({instruction.function})
    return closed if isinstance(instruction, Apply) else frozenset()


def _reach(start: str, called: dict[str, frozenset[str]]) -> frozenset[str]:
    """Return all functions that a function may enter, by way of others."""
    found: set[str] = set()
    pending = list(called[start])
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(called[name])
    return frozenset(found)


def walk(block: Block, is_body: bool) -> Iterator[tuple[Instruction, bool]]:
    """Yield each instruction of a block, and whether its value is that of the whole function.

    Parameters
    ----------
    is_body : the value of the block is that of the function
    """
    for place, instruction in enumerate(block.instructions):
        last = is_body and place == len(block.instructions) - 1
        last = last and getattr(instruction, "target", None) is block.result
        yield instruction, last
        for inner in blocks_of(instruction):
            yield from walk(inner, last)
