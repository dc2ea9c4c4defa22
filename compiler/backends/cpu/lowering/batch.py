"""Products of matrices that are both computed while the program runs."""

from dataclasses import replace

from ....ir.nodes import AttributeValue
from ..formula import FormulaBuilder
from ..graph import Step, Tensor
from ..kernels import Reduction
from ..machine import Machine
from ..products import PLAIN
from .context import Context, Finish, constant_of, operand
from .contraction import Walk, contract
from .elementwise import without_zero_point
from .operands import Operands, sum_dtype
from .packing import pack_at_run_time, packed_elements

__all__ = ["is_packed", "lower_batch_matmul", "takes_strides"]

_GROUP = 4


def takes_strides(machine: Machine, step: Step) -> bool:
    """Return whether the first operand of a product may lie in memory in any way."""
    return step.name == "nn.batch_matmul" or is_packed(machine, step)


def lower_batch_matmul(context: Context, step: Step, target: Tensor, finish: Finish) -> None:
    """Multiply batches of matrices."""
    if step.name == "qnn.batch_matmul":
        _quantized(context, step, target, finish)
        return
    data, weight = operand(step, 0), operand(step, 1)
    build = FormulaBuilder(_shape(step))
    total = sum_dtype(step)
    node = finish(build, build.cast(build.anchor(total), _dtype(step)))
    _plain(context, step, target, Operands(data, weight, total), (build, node))


def _shape(step: Step) -> tuple[int, ...]:
    assert isinstance(step.result, Tensor)
    return step.result.shape


def _dtype(step: Step) -> str:
    assert isinstance(step.result, Tensor)
    return step.result.dtype


def _strides(tensor: Tensor, swapped: AttributeValue) -> tuple[int, int, int]:
    """Return elements from matrix to matrix, row to row, column to column."""
    batch, row, column = tensor.strides
    batch = batch if tensor.shape[0] != 1 else 0
    return (batch, column, row) if swapped else (batch, row, column)


def _plain(
    context: Context,
    step: Step,
    target: Tensor,
    operands: Operands,
    formula: tuple[FormulaBuilder, int],
) -> None:
    """Add a contraction that reads the second operand row by row."""
    weight = operands.weight
    if step.attrs["transpose_b"]:
        weight = context.transposed(weight, (0, 2, 1))
    _, inner, columns = weight.shape
    first, row, column = _strides(operands.data, step.attrs["transpose_a"])
    batch = weight.strides[0] if weight.shape[0] != 1 else 0
    # As if it were not known: only a single matrix is packed when the program is compiled.
    weight = Tensor(weight.shape, weight.dtype, base=weight)
    walk = Walk((first, row), (batch, 0), 1, 0, ((inner, column),))
    shape = 1, 1, inner, columns
    ready = replace(operands, weight=weight)
    contract(context, target, ready, shape, PLAIN, walk, formula, (0, 1, 2))


def is_packed(machine: Machine, step: Step) -> bool:
    """Return whether bytes are multiplied four at a time."""
    data, weight = operand(step, 0), operand(step, 1)
    inner = data.shape[1 if step.attrs["transpose_a"] else 2]
    return (
        not step.is_open
        and machine.has_dot_product
        and data.dtype in ("int8", "uint8")
        and weight.dtype == "int8"
        and inner % _GROUP == 0
        and not step.attrs["transpose_a"]
        and data.strides[2] == 1
    )


def _quantized(context: Context, step: Step, target: Tensor, finish: Finish) -> None:
    """Multiply integers without their zero points.

    ``sum (x - zx) (w - zw)  ->  sum x w - zx sum w - zw sum x + count zx zw``
    """
    data, weight = operand(step, 0), operand(step, 1)
    points = [
        int(constant_of(step, number, name).item())
        for number, name in ((2, "x_zero_point"), (3, "y_zero_point"))
    ]
    build = FormulaBuilder(_shape(step))
    if not is_packed(context.machine, step):
        node = finish(build, build.anchor("int32"))
        left, right = _without(context, data, points[0]), _without(context, weight, points[1])
        _plain(context, step, target, Operands(left, right, "int32"), (build, node))
        return
    first, row, column = _strides(data, False)
    source = _strides(weight, step.attrs["transpose_b"])
    inner, columns = data.shape[2], build.shape[2]
    # The instruction takes its data as unsigned, 128 more than signed ones.
    moved = 128 if data.dtype == "int8" else 0
    stored = 128 if data.memory_dtype != data.dtype else 0
    node, rest = build.anchor("int32"), inner * points[0] * points[1]
    if points[0] + moved:
        shape = weight.shape[0], columns
        walk = (source[0], source[2]), (inner, source[1])
        sums = _sums(context, weight, shape, walk, -(points[0] + moved), rest)
        strides = columns if weight.shape[0] != 1 else 0, 0, 1
        node, rest = build.apply("add", "int32", node, build.load(sums, strides)), 0
    if points[1]:
        shape = data.shape[0], data.shape[1]
        walk = (first, row), (inner, column)
        sums = _sums(context, data, shape, walk, -points[1], rest + points[1] * inner * stored)
        strides = data.shape[1] if data.shape[0] != 1 else 0, 1, 0
        node = build.apply("add", "int32", node, build.load(sums, strides))
    batch = packed_elements(context.machine, inner, columns) if weight.shape[0] != 1 else 0
    walk_all = Walk((first, row), (batch, 0), 1, 0, ((inner // _GROUP, _GROUP),))
    contract(
        context,
        target,
        Operands(data, weight, "int32"),
        (1, 1, inner, columns),
        PLAIN,
        walk_all,
        (build, finish(build, node)),
        (0, 1, 2),
        lambda extents: pack_at_run_time(context, data, weight, source, inner, columns, extents),
    )


def _without(context: Context, data: Tensor, point: int) -> Tensor:
    """Return int32 data without their zero point."""
    target = Tensor(data.shape, "int32")
    build = FormulaBuilder(data.shape)
    node = build.cast(without_zero_point(build, build.load(data), point), "int32")
    context.elementwise(build, node, target)
    return target


def _sums(
    context: Context,
    data: Tensor,
    shape: tuple[int, int],
    walk: tuple[tuple[int, int], tuple[int, int]],
    factor: int,
    more: int,
) -> Tensor:
    """Return int32[shape]: factor * the sums along the inner axis as stored, + more.

    Parameters
    ----------
    walk : strides by axis of the result, and (extent, stride) of the inner axis
    """
    build = FormulaBuilder(shape)
    scaled = build.apply(
        "multiply", "int32", build.anchor("int32"), build.immediate(factor, "int32")
    )
    node = build.apply("add", "int32", scaled, build.immediate(more, "int32"))
    target = Tensor(shape, "int32")
    kernel = Reduction(
        shape,
        walk[0],
        (walk[1],),
        "add",
        0,
        data.memory_dtype,
        "int32",
        build.formula(node),
        target.strides,
        context.machine.vector_bytes,
    )
    context.call(kernel, target, data)
    return target
