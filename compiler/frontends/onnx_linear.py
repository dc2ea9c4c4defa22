"""ONNX convolutions and matrix products as Relay's; images stay NC..., kernels OI...."""

from collections.abc import Mapping
from math import prod

from ..errors import ImportFailed, Unsupported
from ..ir import Expr, Tuple
from ..ops import call
from .onnx_node import OnnxContext, OnnxConverter
from .onnx_open import is_open, newshape

__all__ = ["LINEAR", "batched", "unbatched", "units_first"]

# By how many axes slide: Relay's operator, and the axes' letters.
_SLIDING = {1: "W", 2: "HW", 3: "DHW"}


def _axes(context: OnnxContext) -> str:
    """Return the letters of the axes along which windows slide."""
    count = len(context.value(0).shape) - 2
    if count not in _SLIDING:
        raise Unsupported(
            f"{context.kind} of {count + 2} axes is not supported; the nearest supported ones "
            "have 3, 4 or 5",
            context.span,
        )
    return _SLIDING[count]


def _biased(context: OnnxContext, made: Expr) -> Expr:
    """Return `made` with the bias in input 2, if there is one."""
    if not context.has(2):
        return made
    return call("nn.bias_add", made, *context.floats(2), span=context.span, axis=1)


def _conv(context: OnnxContext) -> Expr:
    data, weight = context.floats(0, 1)
    axes = _axes(context)
    channels, _, *kernel = context.value(1).shape
    made = call(
        f"nn.conv{len(axes)}d",
        data,
        weight,
        span=context.span,
        channels=channels,
        kernel_size=tuple(kernel),
        groups=context.attribute("group", 1),
        data_layout=f"NC{axes}",
        kernel_layout=f"OI{axes}",
        **context.window(tuple(kernel)),
    )
    return _biased(context, made)


def _conv_transpose(context: OnnxContext) -> Expr:
    """Convert ConvTranspose; what `output_shape` or `auto_pad` ask for is in the result's shape.

    Source
    ------
    ONNX operator specification, ConvTranspose, output_shape.
    """
    data, weight = context.floats(0, 1)
    axes = _axes(context)
    _, channels, *kernel = context.value(1).shape
    groups = context.attribute("group", 1)
    ones = (1,) * len(axes)
    strides = tuple(context.attribute("strides", ones))
    dilation = tuple(context.attribute("dilations", ones))
    more = tuple(context.attribute("output_padding", (0,) * len(axes)))
    padding = tuple(context.attribute("pads", (0,) * 2 * len(axes)))
    kind = context.attribute("auto_pad", "NOTSET")
    if "output_shape" in context.attributes or kind.startswith("SAME"):
        totals = [
            stride * (extent - 1) + extra + (taps - 1) * step + 1 - result
            for stride, extent, extra, taps, step, result in zip(
                strides, context.value(0).shape[2:], more, kernel, dilation,
                context.result.shape[2:], strict=True,
            )
        ]  # fmt: skip
        if min(totals) < 0:
            raise Unsupported(
                f"ConvTranspose to {context.result.shape} needs less than no padding; the nearest "
                "supported form has output_padding",
                context.span,
            )
        less, rest = [total // 2 for total in totals], [total - total // 2 for total in totals]
        padding = (*less, *rest) if kind == "SAME_UPPER" else (*rest, *less)
    made = call(
        f"nn.conv{len(axes)}d_transpose",
        data,
        weight,
        span=context.span,
        channels=channels * groups,
        kernel_size=tuple(kernel),
        groups=groups,
        strides=strides,
        dilation=dilation,
        padding=padding,
        output_padding=more,
        data_layout=f"NC{axes}",
        kernel_layout=f"IO{axes}",
    )
    return _biased(context, made)


def units_first(context: OnnxContext) -> bool:
    """Return whether operand B of Gemm or MatMul is [units, k], not [k, units]."""
    return context.kind == "Gemm" and bool(context.attribute("transB", 0))


def _gemm(context: OnnxContext) -> Expr:
    data, weight = context.floats(0, 1)
    span = context.span
    if context.attribute("transA", 0):
        data = call("transpose", data, span=span, axes=(1, 0))
    if not units_first(context):
        weight = call("transpose", weight, span=span, axes=(1, 0))
    made: Expr = call("nn.dense", data, weight, span=span, units=context.result.shape[-1])
    made = _scaled(context, made, "alpha")
    if not context.has(2):
        return made
    (bias,) = context.floats(2)
    return call("add", made, _scaled(context, bias, "beta"), span=span)


def _scaled(context: OnnxContext, value: Expr, name: str) -> Expr:
    """Return `value` times the attribute `name`."""
    factor = context.attribute(name, 1.0)
    if factor == 1.0:
        return value
    return call("multiply", value, context.scalar(factor), span=context.span)


def _matmul(context: OnnxContext) -> Expr:
    left, right = context.floats(0, 1)
    shapes = context.value(0).shape, context.value(1).shape
    span = context.span
    if len(shapes[1]) == 2 and len(shapes[0]) >= 2:
        turned = call("transpose", right, span=span, axes=(1, 0))
        return call("nn.dense", left, turned, span=span, units=shapes[1][1])
    left, right = batched(context, left, right)
    made = call("nn.batch_matmul", left, right, span=span, transpose_b=False)
    return unbatched(context, made)


def unbatched(context: OnnxContext, made: Expr) -> Expr:
    """Return the product of operands that `batched` made, in the shape of a MatMul's result."""
    left, right = context.value(0).shape, context.value(1).shape
    result = context.result.shape
    if is_open((*left, *right)):
        result = (*left[:-1], right[-1])
    source = (prod(result[:-2]), *result[-2:])
    codes = newshape(context, source, result)
    return call("reshape", made, span=context.span, newshape=codes)


def batched(context: OnnxContext, left: Expr, right: Expr) -> tuple[Expr, Expr]:
    """Return the operands of a MatMul with three axes each, vectors as matrices."""
    shapes = [context.value(0).shape, context.value(1).shape]
    if len(shapes[0]) == 1:
        shapes[0] = (1, *shapes[0])
    if len(shapes[1]) == 1:
        shapes[1] = (*shapes[1], 1)
    rank = max(len(shape) for shape in shapes)
    shapes = [(*(1,) * (rank - len(shape)), *shape) for shape in shapes]
    pairs = zip(shapes[0][:-2], shapes[1][:-2], strict=True)
    batch = tuple(a if a == b else max(a, b) for a, b in pairs)
    made = []
    for expr, shape, given in zip((left, right), shapes, (0, 1), strict=True):
        if shape[:-2] != batch and prod(shape[:-2]) != 1:
            if shape != context.value(given).shape:
                expr = call("reshape", expr, span=context.span, newshape=shape)
            whole = (*batch, *shape[-2:])
            expr = call("broadcast_to", expr, span=context.span, shape=whole)
            shape = whole
        together = (prod(shape[:-2]), *shape[-2:])
        if together != context.value(given).shape:
            codes = newshape(context, shape, together)
            expr = call("reshape", expr, span=context.span, newshape=codes)
        made.append(expr)
    return made[0], made[1]


def _einsum(context: OnnxContext) -> Expr:
    equation = str(context.attribute("equation", "")).replace(" ", "")
    if not equation:
        raise ImportFailed("Einsum must have an equation; export the network again", context.span)
    parts = context.numbers(*range(len(context.inputs)))
    return call("einsum", Tuple(parts, span=context.span), span=context.span, equation=equation)


LINEAR: Mapping[str, OnnxConverter] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Einsum": _einsum,
    "Gemm": _gemm,
    "MatMul": _matmul,
}
