"""The meaning of one call of an operator."""

from collections.abc import Sequence

import numpy as np

from ..errors import CompileError, InvalidInput, Unsupported
from ..ir.nodes import Call, Op
from ..ir.types import TensorType, TupleType, Type
from ..ops.attributes import complete_attributes
from ..ops.operator import Mismatch, Missing, Value
from ..ops.registry import lookup
from .checks import type_of_value

__all__ = ["evaluate_call"]


def evaluate_call(call: Call, arguments: Sequence[Value]) -> Value:
    """Return what the operator of `call` gives for values of its arguments.

    Raises
    ------
    Unsupported
        The values ask for what the operator does not do.
    InvalidInput
        The values' shapes, unknown until now, do not fit.
    """
    assert isinstance(call.op, Op)
    row = lookup(call.op.name, call.span)
    attrs = call.attrs
    if call.type is None:
        attrs = complete_attributes(row, attrs, call.span)
    try:
        if call.type is None or any(arg.type is None or _is_open(arg.type) for arg in call.args):
            row.relation(tuple(type_of_value(value) for value in arguments), attrs)
        with np.errstate(all="ignore"):
            return _arrays(row.meaning(attrs, *arguments))
    except Mismatch as error:
        kind: type[CompileError] = Unsupported if isinstance(error, Missing) else InvalidInput
        raise kind(f"{row.name}: {error.problem}; {error.remedy}", call.span) from None


def _arrays(result: Value) -> Value:
    """Return a result as arrays: numpy gives its own scalars where there are no axes."""
    return tuple(map(_arrays, result)) if isinstance(result, tuple) else np.asarray(result)


def _is_open(root: Type) -> bool:
    """Return whether a type of tensors has a size that is no number."""
    if isinstance(root, TensorType):
        return not all(isinstance(size, int) for size in root.shape)
    if isinstance(root, TupleType):
        return any(map(_is_open, root.fields))
    return True
