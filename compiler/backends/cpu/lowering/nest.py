"""Operators that have no kernel of their own: their definitions as nests."""

from ....errors import InvalidModule
from ....ops.operator import Missing
from ....schedule.default import default_schedule
from ....schedule.expressions import Buffer
from ....schedule.nodes import Nest
from ....schedule.operators import DEFINITIONS, Definition
from ....schedule.verify import verify
from ....schedule.workspace import move_out
from ..graph import Step, Tensor, flatten
from ..loops import NestKernel
from .context import Context

__all__ = ["lower_nest"]


def lower_nest(context: Context, step: Step) -> None:
    """Write the nest of a step, schedule it, and add its call.

    Raises
    ------
    Missing
        The definition does not take these attributes or operands.
    """
    operands = [tensor for value in step.operands for tensor in flatten(value)]
    results = list(flatten(step.result))
    # A kernel gets each tensor once: an operand that stands twice is one buffer.
    names = {id(tensor): f"x{number}" for number, tensor in reversed(list(enumerate(operands)))}
    inputs = [Buffer(names[id(one)], one.shape, one.dtype) for one in operands]
    outputs = [Buffer(f"out{n}", one.shape, one.dtype) for n, one in enumerate(results)]
    nest = Definition(step.name, inputs, outputs, [one.constant for one in operands])
    DEFINITIONS[step.name](nest, step.attrs)
    written = nest.finish()
    _check(written)
    made, own = move_out(written)
    scheduled = default_schedule(made, context.machine.vector_bytes)
    kernel = NestKernel(scheduled, context.machine)
    tensors = dict(zip(inputs, operands, strict=True))
    for buffer, values in nest.tables.items():
        tensors[buffer] = Tensor(values.shape, buffer.dtype, constant=values)
    reads = [tensors[buffer] for buffer in made.inputs]
    scratch = [Tensor(_sizes(buffer), buffer.dtype) for buffer in own]
    context.call(kernel, results[0], *reads, others=(*results[1:], *scratch))


def _check(nest: Nest) -> None:
    """Verify a nest.

    Raises
    ------
    Missing
        With sizes that are not known, an index cannot be proved to be in range.
    """
    try:
        verify(nest)
    except InvalidModule:
        if not nest.symbols:
            raise
        raise Missing(
            "sizes that are known only when the program runs are not supported here",
            "annotate the inputs",
        ) from None


def _sizes(buffer: Buffer) -> tuple[int, ...]:
    """Return the shape of a buffer whose sizes are known."""
    return tuple(size for size in buffer.shape if isinstance(size, int))
