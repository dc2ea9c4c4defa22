"""Which scalars go in and out of functions as they are, not as objects.

A function that is called by name alone takes its scalars so, and gives its result so if that is a
scalar and comes from no call that gives an object. Where functions are values, whoever calls one
does not know which it is: there all is objects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....ir.types import TensorType, Type
from .code import Apply, Call, Function, Instruction
from .recursion import closed_functions, walk

__all__ = ["Passing", "is_scalar", "passings"]


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


def is_scalar(kind: Type) -> bool:
    """Return whether values of a type are tensors of one element, without axes."""
    return isinstance(kind, TensorType) and not kind.shape


def passings(functions: Sequence[Function]) -> Mapping[str, Passing]:
    """Return how each function is called, by name; the first is @main, which takes objects."""
    named = {one.name for one in functions[1:]} - closed_functions(functions)
    last = {one.name: [i for i, is_last in walk(one.body, True) if is_last] for one in functions}
    given = {one.name for one in functions if one.name in named and is_scalar(_result(one))}
    while True:
        kept = {name for name in given if all(_gives(call, given) for call in last[name])}
        if kept == given:
            break
        given = kept
    return {
        one.name: Passing(
            tuple(one.name in named and is_scalar(param.type) for param in one.params),
            one.name in given,
        )
        for one in functions
    }


def _result(function: Function) -> Type:
    """Return the type of what a function gives."""
    return function.body.result.type


def _gives(instruction: Instruction, given: set[str]) -> bool:
    """Return whether the last instruction of a function lets it give a scalar as it is."""
    if isinstance(instruction, Call):
        return instruction.function in given
    return not isinstance(instruction, Apply)
