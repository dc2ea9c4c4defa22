"""Computes at compile time what depends on constants only.

before -> after::

    add(1f, 2f)                     ->  3f
    (a, b).0                        ->  a
    if (True) { a } else { b }      ->  a
    let %x = 3f; f(%x)              ->  f(3f)
    match (Some(a)) { Some(%x) => b, None => c }    ->  let %x = a; b

A call whose values the operator refuses stays: it fails where, and only if, it is run. So does
one that would make a tensor out of nearly nothing (``zeros``), which is cheaper to make than keep.
A field with an effect is not dropped.
"""

from collections.abc import Container, Sequence

from ..errors import CompileError
from ..interpreter import evaluate_call
from ..ir.matching import Match
from ..ir.module import Module
from ..ir.nodes import Call, Constant, Expr, If, Let, Op, Tuple, TupleGetItem, Var
from ..ir.purity import Purity
from ..ir.span import Span
from ..ir.visitor import children, post_order, with_children
from ..ops.operator import Value
from .choosing import choose_clause
from .copying import annotated
from .functions import map_bodies

__all__ = ["evaluated", "fold_constants"]

# A result may be this much larger than its operands together: enough for every cast and every
# broadcast of a bias, too little for a weight to be blown up.
_GROWTH_BYTES = 1 << 16
_GROWTH_FACTOR = 8


def fold_constants(module: Module) -> Module:
    """Return `module` with calls of operators on constants, and choices by them, evaluated."""
    purity = Purity(module)
    return map_bodies(module, lambda body: _folded(body, purity))


def _folded(body: Expr, purity: Purity) -> Expr:
    """Return an expression with what is known put in."""
    effectful = purity.effectful(body)
    values = {node.var: node.value for node in post_order(body) if isinstance(node, Let)}
    done: dict[int, Expr] = {}
    # A bound value comes before the body that uses its variable.
    for node in post_order(body):
        if isinstance(node, Var):
            bound = values.get(node)
            known = None if bound is None else done.get(id(bound))
            done[id(node)] = known if isinstance(known, Constant) else node
            continue
        new = with_children(node, tuple(done[id(part)] for part in children(node)))
        done[id(node)] = _fold(node, new, effectful)
    return body if done[id(body)] is body else annotated(done[id(body)])


def _fold(node: Expr, new: Expr, effectful: Container[int]) -> Expr:
    """Return a node whose children are folded as what it is known to be."""
    match new:
        case TupleGetItem(Tuple(fields), index) if isinstance(node, TupleGetItem):
            return new if id(node.value) in effectful else fields[index]
        case If(Constant(value), then, otherwise):
            return then if bool(value) else otherwise
        case Call(op) if isinstance(op, Op):
            return evaluated(new, new.args)
        case Match():
            return choose_clause(new)
        case _:
            return new


def evaluated(call: Call, args: Sequence[Expr]) -> Expr:
    """Return a call of an operator on constants evaluated, or itself.

    Parameters
    ----------
    args : what is known of the call's arguments: constants and tuples of them, or anything else
    """
    values = [_value(arg) for arg in args]
    known = [value for value in values if value is not None]
    if len(known) != len(values):
        return call
    try:
        result = evaluate_call(call, known)
    except CompileError:
        return call
    operand_bytes = sum(_size_bytes(value) for value in known)
    if _size_bytes(result) > max(_GROWTH_BYTES, _GROWTH_FACTOR * operand_bytes):
        return call
    return _constant(result, call.span)


def _value(expr: Expr) -> Value | None:
    """Return the value of a constant or of a tuple of constants, None of anything else."""
    if isinstance(expr, Constant):
        return expr.value
    if isinstance(expr, Tuple):
        fields = [_value(field) for field in expr.fields]
        known = tuple(field for field in fields if field is not None)
        return known if len(known) == len(fields) else None
    return None


def _constant(value: Value, span: Span | None) -> Expr:
    """Return a value as a constant or a tuple of constants."""
    if isinstance(value, tuple):
        return Tuple(tuple(_constant(part, span) for part in value), span=span)
    return Constant(value, span=span)


def _size_bytes(value: Value) -> int:
    """Return how many bytes the elements of a value take."""
    if isinstance(value, tuple):
        return sum(_size_bytes(part) for part in value)
    return int(value.nbytes)
