"""Whether a program is one graph of steps, run from first to last."""

from collections.abc import Container

from ....ir.module import Module
from ....ir.nodes import (
    Call,
    Constant,
    Constructor,
    Expr,
    Function,
    GlobalVar,
    Let,
    Op,
    Tuple,
    TupleGetItem,
    Var,
)
from ....ir.types import TensorType, TupleType, Type
from ....ir.visitor import post_order

__all__ = ["is_straight"]


def is_straight(module: Module, regions: Container[str]) -> bool:
    """Return whether @main, and what it calls, has neither control flow nor unknown sizes.

    Parameters
    ----------
    regions : names of the global functions that the accelerator runs
    """
    main = module["main"]
    if not all(isinstance(param.type, TensorType) for param in main.params):
        return False
    done: set[str] = set()
    return _is_straight(module, "main", regions, done, ())


def _is_straight(
    module: Module, name: str, regions: Container[str], done: set[str], callers: tuple[str, ...]
) -> bool:
    """Return the same of a function that `callers` call, one the next."""
    function = module[name]
    if name in callers:
        return False
    if name in done:
        return True
    done.add(name)
    for node in post_order(function.body):
        if not _is_plain(node) or (node.type is not None and not _is_known(node.type)):
            return False
        called = node.op if isinstance(node, Call) else None
        if not isinstance(called, GlobalVar) or called.name in regions:
            continue
        if not _is_straight(module, called.name, regions, done, (*callers, name)):
            return False
    if _has_function(function.body):
        return False
    return all(param.type is None or _is_known(param.type) for param in function.params)


def _is_plain(node: Expr) -> bool:
    """Return whether an expression is one that a graph is made of."""
    match node:
        case Call(op, args):
            return isinstance(op, Op | GlobalVar | Function) and not _has_function(*args)
        case Tuple(fields):
            return not _has_function(*fields)
        case Let(_, value, body):
            return not _has_function(value, body)
        case Function(_, body):
            return not _has_function(body)
        case _:
            return isinstance(node, Constant | GlobalVar | TupleGetItem | Var)


def _has_function(*values: Expr) -> bool:
    """Return whether one of several values is a function."""
    return any(isinstance(value, Function | GlobalVar | Constructor) for value in values)


def _is_known(kind: Type) -> bool:
    """Return whether all sizes of a type of tensors are numbers."""
    match kind:
        case TensorType(shape):
            return all(isinstance(size, int) for size in shape)
        case TupleType(fields):
            return all(map(_is_known, fields))
        case _:
            return True
