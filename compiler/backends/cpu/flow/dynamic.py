"""Operators whose sizes follow from the values of operands, and those that take open sizes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import numpy as np

from ....errors import Unsupported
from ....ir.dims import Dim
from ....ir.nodes import AttributeValue
from ....ir.types import TensorType, Type
from ....schedule.operators import DEFINITIONS
from ..graph import VIEWS, Graph, Step, Tensor, Value
from ..lowering import ELEMENTWISE
from .code import Operate, Variable, variables_in

if TYPE_CHECKING:
    from .shapes import Shapes

__all__ = ["OPEN", "expand_dynamic", "require_open", "shape_operands"]

OPEN = frozenset({*ELEMENTWISE, *VIEWS, *DEFINITIONS, "concatenate", "qnn.dense", "stack"}) - {
    "arange",
    "argwhere",
}
"""Operators whose operands and results may have sizes that are known only at run time."""


def require_open(graph: Graph) -> None:
    """Raise Unsupported for a step whose sizes are not known, but must be."""
    for step in graph.steps:
        if isinstance(step, Step) and step.is_open and not _is_taken(step):
            raise Unsupported(
                f"{step.name} needs sizes that are known when the program is compiled; annotate "
                "them",
                step.span,
            )


def _is_taken(step: Step) -> bool:
    """Return whether there is code for a step of open sizes."""
    if step.name != "qnn.dense":
        return step.name in OPEN
    weight = step.operands[1]
    return isinstance(weight, Tensor) and all(isinstance(size, int) for size in weight.shape)


_SHAPES: Mapping[str, int] = {
    "dyn.broadcast_to": 1,
    "dyn.full": 1,
    "dyn.ones": 0,
    "dyn.reshape": 1,
    "dyn.tile": 1,
    "dyn.zeros": 0,
}
"""Which operand says the shape."""


def shape_operands(operator: Operate) -> tuple[Variable, ...]:
    """Return the variables whose values say the sizes of a result."""
    place = _SHAPES.get(operator.name) if isinstance(operator.name, str) else None
    return () if place is None else tuple(variables_in(operator.operands[place]))


def expand_dynamic(
    shapes: "Shapes", operator: Operate, arguments: tuple[Value, ...], reads: Mapping[Tensor, int]
) -> tuple[str, Mapping[str, AttributeValue], tuple[Value, ...], Type]:
    """Return name, attributes, operands and type of the result of the operator without ``dyn.``."""
    name = operator.name
    assert isinstance(name, str)
    if name not in _SHAPES:
        raise Unsupported(
            f"{name} is not supported on the CPU; the nearest is {name.removeprefix('dyn.')}, "
            "whose sizes are attributes",
            operator.span,
        )
    place = _SHAPES[name]
    said = arguments[place]
    assert isinstance(said, Tensor) and isinstance(operator.kind, TensorType)
    sizes = _content(shapes, said, reads)
    operands = (*arguments[:place], *arguments[place + 1 :])
    data = operands[0] if operands else None
    kept: dict[str, AttributeValue] = dict(operator.attrs)
    static = name.removeprefix("dyn.")
    if static in ("ones", "zeros"):
        value = np.asarray(static == "ones", operator.kind.dtype)
        static, operands = "full", (Tensor((), operator.kind.dtype, constant=value),)
    if static == "tile":
        assert isinstance(data, Tensor)
        rank = max(len(sizes), len(data.shape))
        reps = (1,) * (rank - len(sizes)) + sizes
        extents = (1,) * (rank - len(data.shape)) + data.shape
        kept["reps"] = cast(tuple[int, ...], reps)
        sizes = tuple(a * b for a, b in zip(reps, extents, strict=True))
    kind = TensorType(sizes, operator.kind.dtype)
    return static, kept, operands, kind


def _content(shapes: "Shapes", said: Tensor, reads: Mapping[Tensor, int]) -> tuple[Dim, ...]:
    """Return the elements of a shape."""
    if said.constant is not None:
        return tuple(int(size) for size in said.constant.reshape(-1))
    count = said.shape[0] if said.shape else 1
    assert isinstance(count, int), "inference knows how many axes there are"
    place = reads[said]
    return tuple(shapes.content(place, element, said.dtype) for element in range(count))
