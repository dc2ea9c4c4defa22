"""Operators that have no kernel of their own: their definitions as nests."""

from types import MappingProxyType

from ....errors import InvalidModule, Unsupported
from ....ir.dims import Size
from ....schedule.default import default_schedule
from ....schedule.expressions import Buffer, Symbol
from ....schedule.nodes import Nest
from ....schedule.operators import DEFINITIONS, Definition
from ....schedule.phases import phases
from ....schedule.simplify import simplified
from ....schedule.verify import verify
from ....schedule.workspace import move_out
from ..graph import Step, Tensor, flatten
from ..loops import NestKernel
from ..sizes import as_known, symbols_of
from .context import Context

__all__ = ["lower_nest", "needs_nest"]

_OPEN_KERNELS = frozenset({"nn.log_softmax", "nn.softmax", "transpose"})
"""Operators whose kernels take any sizes."""

_BATCHES = frozenset({"nn.batch_matmul", "qnn.batch_matmul"})
"""Operators whose kernels do so if it is known whether an operand serves the whole batch."""

_KNOWN_OPERANDS = MappingProxyType({"nn.dense": 1, "nn.layer_norm": 1, "take": 0})
"""Operators whose kernels take any number of rows: all sizes of this operand must be known."""

_PRODUCTS = frozenset({"nn.batch_matmul", "nn.conv2d", "nn.dense"})
"""Operators whose kernels take numbers: sums of products of bool are or and and."""


def needs_nest(step: Step) -> bool:
    """Return whether the kernel of a step, if it has one, does not take its sizes or its type."""
    if step.name in _PRODUCTS and any(
        tensor.dtype == "bool" for value in step.operands for tensor in flatten(value)
    ):
        return True
    if not step.is_open or step.name not in DEFINITIONS or step.name in _OPEN_KERNELS:
        return False
    if step.name in _BATCHES:
        sizes = [operand.shape[0] for operand in step.operands[:2] if isinstance(operand, Tensor)]
        return sizes[0] != sizes[1] and 1 not in sizes
    if step.name not in _KNOWN_OPERANDS or step.attrs.get("batch_dims"):
        return True
    known = step.operands[_KNOWN_OPERANDS[step.name]]
    return not isinstance(known, Tensor) or not all(isinstance(size, int) for size in known.shape)


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
    sizes = tuple(Size((((one,), 1),)) for one in symbols_of((*inputs, *outputs)))
    symbols = [Symbol(str(size)) for size in sizes]
    nest = Definition(step.name, inputs, outputs, [one.constant for one in operands], symbols)
    written = _defined(nest, step, bool(symbols))
    made, own = move_out(written)
    tensors = dict(zip((*inputs, *outputs), (*operands, *results), strict=True))
    for buffer, values in nest.tables.items():
        tensors[buffer] = Tensor(values.shape, buffer.dtype, constant=values)
    for buffer in own:
        tensors[buffer] = Tensor(as_known(buffer.shape), buffer.dtype)
    for phase in phases(simplified(made)):
        scheduled = default_schedule(phase, context.machine.vector_bytes)
        target, *others = (tensors[buffer] for buffer in phase.outputs)
        reads = [tensors[buffer] for buffer in phase.inputs]
        kernel = NestKernel(scheduled, context.machine, sizes)
        context.call(kernel, target, *reads, others=tuple(others))


def _defined(nest: Definition, step: Step, symbolic: bool) -> Nest:
    """Return the nest of a step.

    A definition may ask for the number that a size is, and indices may be inside of buffers only if
    sizes have certain values: then sizes that are symbols are refused.
    """
    try:
        DEFINITIONS[step.name](nest, step.attrs)
        made = nest.finish()
        verify(made)
    except (TypeError, AssertionError, InvalidModule) as error:
        if not symbolic:
            raise
        raise Unsupported(
            f"{step.name} needs sizes that are known when the program is compiled; annotate them",
            step.span,
        ) from error
    return made
