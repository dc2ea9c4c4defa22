"""Computes in integers what is computed in floating point between dequantise and quantise.

before -> after::

    %0 = qnn.dequantize(%x, s, z);                    %0 = qnn.conv2d(%x, w, z, 0, s, sw);
    %1 = nn.conv2d(%0, qnn.dequantize(w, sw, 0))  ->  %1 = maximum(%0, 0);
    qnn.quantize(nn.relu(%1), t, u)                   qnn.requantize(%1, s * sw, 0, t, u)

A region is what a `qnn.quantize` needs, down to `qnn.dequantize` and constants. It is replaced if
every operator of it has a rule (see `affine_types`) and every scale is a constant. Results differ
from the floating-point ones by rounding, by a step at most for each operator that chooses a scale.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np

from ..ir.module import Module
from ..ir.nodes import Call, Constant, Expr, Op, Tuple
from ..ir.types import TensorType
from ..ops.registry import call
from .affine_types import RULES, Affine, Quantised, concatenated
from .functions import map_bodies, rewrite_calls

__all__ = ["fake_quantization_to_integer"]


def fake_quantization_to_integer(module: Module) -> Module:
    """Return `module` with fake-quantised regions in integers."""
    return map_bodies(module, lambda body: rewrite_calls(body, {"qnn.quantize": _convert}))


def _convert(node: Call) -> Expr | None:
    """Return what a quantise gives, computed in integers, or None."""
    target = _affine(node, str(node.attrs["out_dtype"]))
    if target is None or not target.by_tensor or _is_dequantize(node.args[0]):
        return None
    found = _region(node.args[0], target)
    if found is None:
        return None
    if found.affine is target:
        return found.expr
    operands = (found.expr, *found.affine.operands(), *target.operands())
    axis, dtype = found.affine.axis, target.dtype
    return call("qnn.requantize", *operands, axis=axis, out_dtype=dtype, span=node.span)


def _region(root: Expr, target: Affine) -> Quantised | None:
    """Return `root` in integers, None if a part of it has no such form."""
    done: dict[int, Quantised | Expr | None] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        parts = _parts(node)
        missing = [part for part in parts if id(part) not in done]
        if id(node) in done or not missing:
            stack.pop()
            if id(node) not in done:
                operands = [done[id(part)] for part in parts]
                done[id(node)] = _node(node, operands, target)
                if done[id(node)] is None:
                    return None
        else:
            stack.extend(missing)
    result = done[id(root)]
    return result if isinstance(result, Quantised) else None


def _parts(node: Expr) -> Sequence[Expr]:
    """Return the operands of a node of a region; none where it begins."""
    if not isinstance(node, Call) or not isinstance(node.op, Op) or _is_dequantize(node):
        return ()
    if node.op.name == "concatenate" and isinstance(node.args[0], Tuple):
        return node.args[0].fields
    return node.args if node.op.name in RULES else ()


def _node(
    node: Expr, operands: Sequence[Quantised | Expr | None], target: Affine
) -> Quantised | Expr | None:
    if isinstance(node, Constant):
        return node
    if _is_dequantize(node):
        call_node = cast(Call, node)
        kind = call_node.args[0].type
        affine = _affine(call_node, kind.dtype) if isinstance(kind, TensorType) else None
        return None if affine is None else Quantised(call_node.args[0], affine)
    if not operands or any(operand is None for operand in operands):
        return None
    known = [operand for operand in operands if operand is not None]
    whole = cast(Call, node)
    name = cast(Op, whole.op).name
    if name == "concatenate":
        fields = [field for field in known if isinstance(field, Quantised)]
        return concatenated(fields, whole, target) if len(fields) == len(known) else None
    return RULES[name](whole, known, target)


def _is_dequantize(node: Expr) -> bool:
    return isinstance(node, Call) and isinstance(node.op, Op) and node.op.name == "qnn.dequantize"


def _affine(node: Call, dtype: str) -> Affine | None:
    """Return what scale and zero point of a quantise or dequantise say, if they are constants."""
    _, scale, point = node.args
    if not isinstance(scale, Constant) or not isinstance(point, Constant):
        return None
    zero = point.value
    if zero.ndim and np.all(zero == zero[:1]):
        zero = zero[0]
    if np.ndim(zero):
        return None
    return Affine(scale.value, np.asarray(zero, np.int32), dtype, cast(int, node.attrs["axis"]))
