"""Asking a rule about one call, and what gradients of tuples need: sums, zeros, ones."""

from collections.abc import Callable

from ..ir.nodes import Call, Expr, Op, Tuple, TupleGetItem
from ..ir.types import TensorType, TupleType, Type
from ..ops.registry import call
from .registry import find_rule
from .site import Gradient, Site, add, zeros

__all__ = ["argument_gradients", "merged", "ones", "with_zeros"]


def argument_gradients(
    node: Call, args: tuple[Expr, ...], output: Expr, gradient: Gradient
) -> tuple[Gradient, ...]:
    """Return the gradient of each argument of a typed call of an operator.

    Parameters
    ----------
    args, output : what stands for the arguments and the result
    gradient : of the result; a tuple of them for a tuple

    Raises
    ------
    Unsupported
        The operator has no gradient, or none for these attributes.
    """
    assert isinstance(node.op, Op) and node.type is not None
    if not _arrives(gradient):
        return (None,) * len(args)
    types = tuple(_type_of(arg) for arg in node.args)
    rule: Callable[..., tuple[Gradient, ...]] = find_rule(node.op.name, node.span)
    site = Site(node.op.name, node.attrs, args, types, output, node.type, node.span)
    found = rule(site, gradient)
    assert len(found) == len(args), f"the rule of {node.op.name} answers for every argument"
    return tuple(_of_floats(part, kind) for part, kind in zip(found, types, strict=True))


def _arrives(gradient: Gradient) -> bool:
    """Return whether there is a gradient of any field of a result; integers have none."""
    if isinstance(gradient, tuple):
        return any(map(_arrives, gradient))
    return gradient is not None


def _type_of(expr: Expr) -> Type:
    assert expr.type is not None, "gradients are made of typed modules"
    return expr.type


def _of_floats(gradient: Gradient, kind: Type) -> Gradient:
    """Return a gradient without that of tensors which are not floating point."""
    if isinstance(gradient, tuple):
        assert isinstance(kind, TupleType)
        parts = zip(gradient, kind.fields, strict=True)
        return tuple(_of_floats(part, field) for part, field in parts)
    is_float = isinstance(kind, TensorType) and kind.dtype.startswith("float")
    return gradient if is_float else None


def merged(left: Gradient, right: Gradient) -> Gradient:
    """Return the sum of two gradients of one type."""
    if left is None or right is None:
        return right if left is None else left
    if isinstance(left, tuple) or isinstance(right, tuple):
        assert isinstance(left, tuple) and isinstance(right, tuple)
        return tuple(merged(a, b) for a, b in zip(left, right, strict=True))
    return add(left, right)


def with_zeros(gradient: Gradient, kind: Type, like: Expr) -> Expr:
    """Return a gradient as an expression of type `kind`; `like` is one."""
    if isinstance(kind, TupleType):
        parts = gradient if isinstance(gradient, tuple) else (None,) * len(kind.fields)
        fields = (
            with_zeros(part, field, TupleGetItem(like, place))
            for place, (part, field) in enumerate(zip(parts, kind.fields, strict=True))
        )
        return Tuple(tuple(fields))
    assert not isinstance(gradient, tuple)
    return zeros(kind, like) if gradient is None else gradient


def ones(kind: Type, like: Expr) -> Gradient:
    """Return ones for every floating-point tensor of type `kind`; `like` is an expression of it."""
    if isinstance(kind, TupleType):
        return tuple(
            ones(field, TupleGetItem(like, place)) for place, field in enumerate(kind.fields)
        )
    if not isinstance(kind, TensorType) or not kind.dtype.startswith("float"):
        return None
    if all(isinstance(size, int) for size in kind.shape):
        return call("ones", shape=kind.shape, dtype=kind.dtype)
    return call("ones_like", like)
