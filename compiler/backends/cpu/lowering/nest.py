"""Operators that have no kernel of their own: their definitions as nests."""

from ....schedule.default import default_schedule
from ....schedule.expressions import Buffer, Symbol
from ....schedule.operators import DEFINITIONS, Definition
from ....schedule.verify import verify
from ....schedule.workspace import move_out
from ..graph import Step, Tensor, flatten
from ..loops import NestKernel
from ..sizes import symbols_of
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
    symbols = [Symbol(str(one)) for one in symbols_of((*inputs, *outputs))]
    nest = Definition(step.name, inputs, outputs, [one.constant for one in operands], symbols)
    DEFINITIONS[step.name](nest, step.attrs)
    written = nest.finish()
    verify(written)
    made, own = move_out(written)
    scheduled = default_schedule(made, context.machine.vector_bytes)
    kernel = NestKernel(scheduled, context.machine)
    tensors = dict(zip(inputs, operands, strict=True))
    for buffer, values in nest.tables.items():
        tensors[buffer] = Tensor(values.shape, buffer.dtype, constant=values)
    reads = [tensors[buffer] for buffer in made.inputs]
    scratch = [Tensor(_sizes(buffer), buffer.dtype) for buffer in own]
    context.call(kernel, results[0], *reads, others=(*results[1:], *scratch))


def _sizes(buffer: Buffer) -> tuple[int, ...]:
    """Return the shape of a buffer whose sizes are known."""
    return tuple(size for size in buffer.shape if isinstance(size, int))
