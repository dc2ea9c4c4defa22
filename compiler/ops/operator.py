"""What an operator is: one row that says everything about it.

Type inference, evaluation, the text format and every backend are tables keyed by these rows, so
that a new operator is one row and nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy.typing as npt

from ..ir.nodes import AttributeValue
from ..ir.types import FuncType, IncompleteType, TensorType, Type

__all__ = [
    "Array",
    "Attribute",
    "Attributes",
    "Kind",
    "Meaning",
    "Mismatch",
    "Missing",
    "Operator",
    "Relation",
    "ResultShape",
    "Value",
    "from_tensors",
]

Array = npt.NDArray[Any]
Value = Array | tuple["Value", ...]
Attributes = Mapping[str, AttributeValue]

Relation = Callable[[tuple[Type, ...], Attributes], FuncType | None]
"""From the types of a call's arguments and its complete attributes to the call's signature.

None while not enough is known: inference asks again when it is. The signature's parameters may
say more than the arguments did (the shape of a weight follows from `units`).
"""

Meaning = Callable[..., Value]
"""``meaning(attrs, *arguments)``: the operator's result in numpy, for well-typed arguments.

Who calls it switches numpy's floating-point warnings off (`numpy.errstate`): overflow is a result.
"""

ResultShape = Callable[..., tuple[tuple[int, ...], ...]]
"""``result_shape(attrs, *arguments)``: the shape of each result, without computing it."""


class Kind(Enum):
    """What an operator does to its neighbours when operators are fused.

    Members
    -------
    ELEMENTWISE : each result element needs the operand's element at the same place.
    BROADCAST : the same, where operands may be broadcast.
    INJECTIVE : each result element needs one element, at another place.
    REDUCTION : each result element needs many.
    ANCHOR : a heavy operator whose results may be followed element by element (convolution).
    OPAQUE : never fused.
    """

    ELEMENTWISE = "elementwise"
    BROADCAST = "broadcast"
    INJECTIVE = "injective"
    REDUCTION = "reduction"
    ANCHOR = "anchor"
    OPAQUE = "opaque"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of an operator.

    Attributes
    ----------
    kind : str
        int, float, bool, str, dtype (may be "": as the operand's), ints and floats (tuples; one
        number stands for a tuple of one), int_or_ints, single, pair and triple (one, two and three
        ints; one stands for all), padding (top, left, bottom, right; fewer are completed),
        padding1 and padding3 (the same along one and three axes), pairs (a tuple of pairs).
    default : AttributeValue
        What a call without it has. None says that it may be undefined.
    required : bool
        There is no default.
    choices : tuple of str
        All values of a str; empty if any will do.
    """

    kind: str
    default: AttributeValue = None
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operator:
    """One row.

    Attributes
    ----------
    name : str
        As in the text format.
    arguments : tuple of str
        Names of the arguments, in order.
    relation : Relation
    meaning : Meaning
    kind : Kind
    attributes : Mapping of str to Attribute
    tags : frozenset of str
        "quantized" for operators on quantised tensors, "unary" and "binary" for plain
        element-wise arithmetic, "comparison" if the result is bool.
    result_shape : ResultShape, optional
        Of an operator whose result's shape follows from the values of its arguments, not from
        their types alone.
    """

    name: str
    arguments: tuple[str, ...]
    relation: Relation
    meaning: Meaning
    kind: Kind
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    result_shape: ResultShape | None = None


class Mismatch(Exception):
    """A relation found arguments that cannot be; inference adds operator, types and place.

    Parameters
    ----------
    problem : str
        What must hold and what was found, in the names of the operator's arguments.
    remedy : str
        How to mend it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def from_tensors(
    result: Callable[..., Type],
) -> Relation:
    """Return the relation whose result ``result(attrs, *tensor types)`` follows from tensors."""

    def relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
        if any(isinstance(given, IncompleteType) for given in types):
            return None
        for number, given in enumerate(types, 1):
            if not isinstance(given, TensorType):
                raise Mismatch(
                    f"argument {number} must be a tensor, not {given}",
                    "pass a tensor; take one out of a tuple with .0, .1, ...",
                )
        return FuncType(types, result(attrs, *types))

    return relation


class Missing(Mismatch):
    """The same for a call that is correct, but not taken here."""
