"""Which scalars go in and out of functions as they are, not as objects.

Where it is known which function is called, by its name or because the closure was made there, it
takes its scalars so, and gives its result so if that is a scalar and comes from no call that gives
an object. Where functions are values that go anywhere, whoever calls one does not know which it is:
these take and give objects.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ....ir.types import TensorType, Type
from .code import (
    Apply,
    Block,
    Call,
    Close,
    Field,
    Function,
    Instruction,
    Variable,
    blocks_of,
    consumed_by,
)
from .recursion import walk

__all__ = ["Calls", "Passing", "find_calls", "is_scalar", "needed_objects"]


@dataclass(frozen=True, slots=True)
class Passing:
    """How a function is called.

    Attributes
    ----------
    params : tuple of bool
        Which are scalars as they are.
    result : bool
        It is one.
    """

    params: tuple[bool, ...]
    result: bool


@dataclass(frozen=True, slots=True)
class Calls:
    """How the functions of a program are called.

    Attributes
    ----------
    passings : Mapping of str to Passing
        By name.
    closures : Mapping of Variable to str
        The functions of variables that are always closures of one.
    """

    passings: Mapping[str, Passing]
    closures: Mapping[Variable, str]

    def function(self, call: Call | Apply) -> str | None:
        """Return the function that is called, None if that is not known."""
        return call.function if isinstance(call, Call) else self.closures.get(call.closure)


def is_scalar(kind: Type) -> bool:
    """Return whether values of a type are tensors of one element, without axes."""
    return isinstance(kind, TensorType) and not kind.shape


def find_calls(functions: Sequence[Function]) -> Calls:
    """Return how functions are called; the first is @main, which takes and gives objects."""
    closures = _closures(functions)
    anywhere = {functions[0].name, *_escaping(functions, closures)}
    last = {one.name: [i for i, is_last in walk(one.body, True) if is_last] for one in functions}
    given = {
        one.name
        for one in functions
        if one.name not in anywhere and is_scalar(one.body.result.type)
    }
    while True:
        kept = {name for name in given if all(_gives(i, given, closures) for i in last[name])}
        if kept == given:
            break
        given = kept
    passings = {
        one.name: Passing(
            tuple(one.name not in anywhere and is_scalar(param.type) for param in one.params),
            one.name in given,
        )
        for one in functions
    }
    return Calls(passings, closures)


def needed_objects(function: Function, calls: Calls) -> frozenset[Variable]:
    """Return the variables of a function that go where objects are needed."""
    found: set[Variable] = set()
    for instruction, _ in walk(function.body, True):
        callee = calls.function(instruction) if isinstance(instruction, Call | Apply) else None
        if isinstance(instruction, Call | Apply) and callee is not None:
            forms = calls.passings[callee].params
            pairs = zip(instruction.arguments, forms, strict=True)
            found.update(argument for argument, is_plain in pairs if not is_plain)
        else:
            found.update(consumed_by(instruction))
    if not calls.passings[function.name].result:
        found.update(block.result for block in _blocks(function.body))
    return frozenset(found)


def _closures(functions: Sequence[Function]) -> dict[Variable, str]:
    """Return the functions of variables that are closures of one."""
    found = {one.self: one.name for one in functions if one.self is not None}
    for function in functions:
        for instruction, _ in walk(function.body, True):
            if isinstance(instruction, Close):
                found[instruction.target] = instruction.function
    return found


def _escaping(functions: Sequence[Function], closures: Mapping[Variable, str]) -> Iterator[str]:
    """Yield the functions whose closures are more than called where they are known."""
    for function in functions:
        for instruction, _ in walk(function.body, True):
            taken = consumed_by(instruction)
            if isinstance(instruction, Apply):
                taken = instruction.arguments
            elif isinstance(instruction, Field) and not instruction.path:
                taken = (instruction.source,)
            yield from (closures[one] for one in taken if one in closures)
        results = (block.result for block in _blocks(function.body))
        yield from (closures[one] for one in results if one in closures)


def _blocks(block: Block) -> Iterator[Block]:
    """Yield a block and all inside it."""
    yield block
    for instruction in block.instructions:
        for inner in blocks_of(instruction):
            yield from _blocks(inner)


def _gives(instruction: Instruction, given: set[str], closures: Mapping[Variable, str]) -> bool:
    """Return whether the last instruction of a function lets it give a scalar as it is."""
    match instruction:
        case Call(_, function):
            return function in given
        case Apply(_, closure):
            return closures.get(closure) in given
        case _:
            return True
