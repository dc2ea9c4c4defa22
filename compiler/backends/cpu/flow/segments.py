"""Operators that follow each other become one graph of steps, with a static plan of its memory.

What is computed between two calls or branches needs no object on the heap: only what is used
outside of the graph becomes one.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ....ir.types import TensorType, Type
from ....passes.type_walk import parts_of
from ..graph import Graph, Steps, Tensor, Value, flatten
from .code import (
    Block,
    Cases,
    Choose,
    Compute,
    Function,
    Instruction,
    Operand,
    Operate,
    Variable,
    blocks_of,
    consumed_by,
    looked_at_by,
    results_of,
    variables_in,
)
from .dynamic import require_open, shape_operands
from .items import find_items
from .shapes import Shapes, add_operator

__all__ = ["gather", "has_open_sizes"]


def gather(function: Function, is_open: bool) -> Function:
    """Return `function` with its operators in graphs.

    Parameters
    ----------
    is_open : bool
        Some sizes of the program are not known: those of tensors are looked at when it runs.
    """
    uses: Counter[Variable] = Counter()
    _count(function.body, uses)
    return replace(function, body=_block(function.body, uses, is_open))


def has_open_sizes(functions: Iterable[Function]) -> bool:
    """Return whether any variable of a program may hold a tensor of unknown size."""
    pending = [function.body for function in functions]
    kinds = [variable.type for function in functions for variable in function.params]
    while pending:
        for instruction in pending.pop().instructions:
            kinds += [variable.type for variable in results_of(instruction)]
            pending += blocks_of(instruction)
    return not all(map(_is_closed, kinds))


def _is_closed(kind: Type) -> bool:
    """Return whether all sizes in a type are numbers."""
    if isinstance(kind, TensorType):
        return all(isinstance(size, int) for size in kind.shape)
    return all(map(_is_closed, parts_of(kind)))


def _count(block: Block, uses: Counter[Variable]) -> None:
    """Count how often each variable is used in a block."""
    uses[block.result] += 1
    for instruction in block.instructions:
        uses.update(consumed_by(instruction))
        uses.update(looked_at_by(instruction))
        for inner in blocks_of(instruction):
            _count(inner, uses)


@dataclass(slots=True)
class _Group:
    """Operators that are still to be put into a graph."""

    operators: list[Operate] = field(default_factory=list)
    made: set[Variable] = field(default_factory=set)

    def needed_by(self, instruction: Instruction) -> bool:
        """Return whether an instruction must come after the group."""
        if isinstance(instruction, Choose | Cases):
            return True
        operands = (*consumed_by(instruction), *looked_at_by(instruction))
        return any(operand in self.made for operand in operands)


def _block(block: Block, uses: Counter[Variable], is_open: bool) -> Block:
    """Return a block with its operators in graphs."""
    found: list[Instruction] = []
    group = _Group()
    for instruction in block.instructions:
        if isinstance(instruction, Operate):
            if any(operand in group.made for operand in shape_operands(instruction)):
                found.append(_graph(group, uses, is_open))
                group = _Group()
            group.operators.append(instruction)
            group.made.update(results_of(instruction))
            continue
        if group.operators and group.needed_by(instruction):
            found.append(_graph(group, uses, is_open))
            group = _Group()
        found.append(_inside(instruction, uses, is_open))
    if group.operators:
        found.append(_graph(group, uses, is_open))
    return replace(block, instructions=tuple(found))


def _inside(instruction: Instruction, uses: Counter[Variable], is_open: bool) -> Instruction:
    """Return an instruction with the operators of its blocks in graphs."""
    if isinstance(instruction, Choose):
        then, otherwise = (_block(body, uses, is_open) for body in blocks_of(instruction))
        return replace(instruction, then=then, otherwise=otherwise)
    if isinstance(instruction, Cases):
        cases = (replace(case, body=_block(case.body, uses, is_open)) for case in instruction.cases)
        return replace(instruction, cases=tuple(cases))
    return instruction


def _graph(group: _Group, uses: Counter[Variable], is_open: bool) -> Compute:
    """Return the graph of a group."""
    inside = Counter(
        variable for operator in group.operators for variable in variables_in(operator.operands)
    )
    shapes = Shapes(is_open)
    tensors: dict[Variable, Tensor] = {}
    reads: dict[Variable, Tensor] = {}
    steps = Steps()

    def known(operand: Operand) -> Value:
        if isinstance(operand, tuple):
            return tuple(known(part) for part in operand)
        if not isinstance(operand, Variable):
            return Tensor(operand.shape, str(operand.dtype), constant=operand)
        if operand not in tensors:
            tensors[operand] = reads[operand] = shapes.read(operand, len(reads))
        return tensors[operand]

    for operator in group.operators:
        arguments = tuple(map(known, operator.operands))
        if isinstance(operator.name, int):
            value = steps.region(operator.name, arguments, operator.kind, operator.span)
        else:
            places = {tensor: place for place, tensor in enumerate(reads.values())}
            value = add_operator(steps, shapes, operator, arguments, places)
        results = variables_in(operator.result)
        tensors.update(zip(results, flatten(value), strict=True))
    targets = [
        variable
        for operator in group.operators
        for variable in variables_in(operator.result)
        if uses[variable] > inside[variable]
    ]
    outputs = tuple(tensors[variable] for variable in targets)
    graph = Graph(tuple(reads.values()), tuple(steps.steps), outputs)
    measures, requires = tuple(shapes.measures.values()), tuple(dict.fromkeys(shapes.requires))
    items = find_items(graph)
    if items is None:
        require_open(graph)
    return Compute(graph, tuple(reads), tuple(targets), measures, requires, items)
