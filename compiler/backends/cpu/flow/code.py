"""What functions do, in first-order form: blocks of instructions over variables.

::

    Function(name, params, self, body)
    Block(instructions, result)
    instruction ::= Operate | Compute                     tensors
                  | Constant | Record | Close | Field      make values, take them apart
                  | Write                                  a cell
                  | Call | Apply                           functions
                  | Choose | Cases                         control flow: blocks inside
                  | Duplicate | Drop                       references counted

A value is an object on the heap (`runtime`), a scalar only where it must be (`values`). A variable
owns a reference to its object; `consumed` says which operands of an instruction give theirs away,
the others are only looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ....ir.dims import Dim, Symbol
from ....ir.nodes import AttributeValue
from ....ir.span import Span
from ....ir.types import Type
from ..graph import Graph

__all__ = [
    "Apply",
    "Block",
    "Call",
    "Case",
    "Cases",
    "Choose",
    "Close",
    "Compute",
    "Constant",
    "Drop",
    "Duplicate",
    "Field",
    "Function",
    "Instruction",
    "Measure",
    "Operand",
    "Operate",
    "Record",
    "Require",
    "Variable",
    "Write",
    "blocks_of",
    "consumed_by",
    "looked_at_by",
    "results_of",
    "variables_in",
]

Array = npt.NDArray[np.generic]


@dataclass(frozen=True, eq=False, slots=True)
class Variable:
    """A value of an activation.

    Attributes
    ----------
    name : str
        For people; variables are told apart by identity.
    type : Type
    """

    name: str
    type: Type


Operand = Variable | Array | tuple["Operand", ...]
"""Of an operator: a tensor, one that is known, or a tuple of operands."""


@dataclass(frozen=True, eq=False, slots=True)
class Operate:
    """A call of an operator, or of a region of the accelerator.

    Attributes
    ----------
    name : str or int
        The operator, or the number of the region.
    result : Variable or nested tuple of them
    kind : Type, of the result
    """

    name: str | int
    attrs: Mapping[str, AttributeValue]
    operands: tuple[Operand, ...]
    result: Operand
    kind: Type | None
    span: Span | None


@dataclass(frozen=True, slots=True)
class Measure:
    """Where a symbol of a graph's sizes is found.

    Attributes
    ----------
    symbol : Symbol
    read : int
        Of the tensors that are read.
    axis : int or None
        The size of this axis, divided by `divisor`; None: the value of an element, which is
        number `element`.
    """

    symbol: Symbol
    read: int
    axis: int | None = None
    divisor: int = 1
    element: int = 0
    dtype: str = "int64"


@dataclass(frozen=True, slots=True)
class Require:
    """What must hold of the sizes of a graph.

    Attributes
    ----------
    left, right : Dim
        They must be equal.
    stretches : bool
        Or one of them 1 (`both`), or the left one.
    message : str
        What is said if it does not hold.
    """

    left: Dim
    right: Dim
    message: str
    stretches: bool = False
    both: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Compute:
    """Operators together, as a graph of steps.

    Attributes
    ----------
    reads, targets : tuples of Variable
        One for each input and output of the graph.
    measures : tuple of Measure
    requires : tuple of Require
    """

    graph: Graph
    reads: tuple[Variable, ...]
    targets: tuple[Variable, ...]
    measures: tuple[Measure, ...] = ()
    requires: tuple[Require, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Constant:
    """A tensor that is known."""

    target: Variable
    value: Array


@dataclass(frozen=True, eq=False, slots=True)
class Record:
    """A tuple, a value of a data type, or a cell.

    Attributes
    ----------
    tag : int
        Number of the constructor; 0 of a tuple or a cell.
    fields : tuple of Variable
        Consumed.
    """

    target: Variable
    tag: int
    fields: tuple[Variable, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Close:
    """A function as a value, with what it takes from around it (consumed)."""

    target: Variable
    function: str
    captured: tuple[Variable, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Field:
    """A field of a record, a closure or a cell; `path` says of which field of which field."""

    target: Variable
    source: Variable
    path: tuple[int, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Write:
    """Puts `value` (consumed) into a cell."""

    cell: Variable
    value: Variable


@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """A call of a function of the program; arguments are consumed."""

    target: Variable
    function: str
    arguments: tuple[Variable, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Apply:
    """A call of a function that is a value; it and the arguments are consumed."""

    target: Variable
    closure: Variable
    arguments: tuple[Variable, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Choose:
    """One of two blocks, by a scalar bool."""

    target: Variable
    condition: Variable
    then: "Block"
    otherwise: "Block"


@dataclass(frozen=True, eq=False, slots=True)
class Case:
    """What `Cases` does with values that have a form.

    Attributes
    ----------
    tests : tuple of (path, tag)
        The record at the end of `path` must have the tag; in an order in which paths exist.
    """

    tests: tuple[tuple[tuple[int, ...], int], ...]
    body: "Block"


@dataclass(frozen=True, eq=False, slots=True)
class Cases:
    """The first case whose form the subject has; without one the program ends with an error.

    Attributes
    ----------
    failure : str
        What is said then.
    """

    target: Variable
    subject: Variable
    cases: tuple[Case, ...]
    failure: str


@dataclass(frozen=True, eq=False, slots=True)
class Duplicate:
    """One more reference to the value of a variable."""

    source: Variable


@dataclass(frozen=True, eq=False, slots=True)
class Drop:
    """Gives the reference of a variable up."""

    source: Variable


Instruction = (
    Operate
    | Compute
    | Constant
    | Record
    | Close
    | Field
    | Write
    | Call
    | Apply
    | Choose
    | Cases
    | Duplicate
    | Drop
)


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """Instructions in order, and the variable whose value is that of the block."""

    instructions: tuple[Instruction, ...]
    result: Variable


@dataclass(frozen=True, eq=False, slots=True)
class Function:
    """A function of the program.

    Attributes
    ----------
    params : tuple of Variable
    self : Variable or None
        The closure, of a function that takes values out of it, or gives it away.
    """

    name: str
    params: tuple[Variable, ...]
    self: Variable | None
    body: Block


def consumed_by(instruction: Instruction) -> tuple[Variable, ...]:
    """Return the operands whose references an instruction takes over, blocks inside left out."""
    match instruction:
        case Record(_, _, fields):
            return fields
        case Close(_, _, captured):
            return captured
        case Write(_, value):
            return (value,)
        case Call(_, _, arguments):
            return arguments
        case Apply(_, closure, arguments):
            return (closure, *arguments)
        case _:
            return ()


def looked_at_by(instruction: Instruction) -> tuple[Variable, ...]:
    """Return the operands that an instruction only looks at, blocks inside left out."""
    match instruction:
        case Operate(operands=operands):
            return tuple(variables_in(operands))
        case Compute(_, reads):
            return reads
        case Field(_, source):
            return (source,)
        case Write(cell):
            return (cell,)
        case Choose(_, condition):
            return (condition,)
        case Cases(_, subject):
            return (subject,)
        case _:
            return ()


def results_of(instruction: Instruction) -> tuple[Variable, ...]:
    """Return the variables that an instruction gives values."""
    match instruction:
        case Operate(result=result):
            return tuple(variables_in(result))
        case Compute(_, _, targets):
            return targets
        case Write() | Duplicate() | Drop():
            return ()
        case _:
            return (instruction.target,)


def blocks_of(instruction: Instruction) -> tuple[Block, ...]:
    """Return the blocks inside an instruction."""
    match instruction:
        case Choose(_, _, then, otherwise):
            return then, otherwise
        case Cases(_, _, cases):
            return tuple(case.body for case in cases)
        case _:
            return ()


def variables_in(operand: Operand) -> list[Variable]:
    """Return the variables of an operand, in order."""
    if isinstance(operand, Variable):
        return [operand]
    if isinstance(operand, tuple):
        return [variable for part in operand for variable in variables_in(part)]
    return []
