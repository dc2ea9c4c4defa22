"""One loop as two."""

from ..expressions import Constant, Expr, Variable
from ..functions import number
from ..nodes import Block, For, If, Nest, Sequence, Statement
from ..walk import loads_of, map_expressions, substitute
from .place import fresh, kept, loop_of, refuse, replaced

__all__ = ["split"]


def split(nest: Nest, loop: str, factor: int) -> Nest:
    """Cut a loop into pieces of `factor` iterations.

    ::

        for i in n: S(i)
        ->
        for i_outer in ceil(n / factor):
          for i_inner in factor:
            if i_outer * factor + i_inner < n:            only if factor may not divide n
              S(i_outer * factor + i_inner)

    Parameters
    ----------
    loop : str
    factor : int, at least 1

    Raises
    ------
    InvalidSchedule
        There is no such loop, or the factor is not positive.
    """
    found = loop_of(nest, "split", loop)
    if factor < 1:
        raise refuse(nest, "split", f"loop {loop}", f"factor must be at least 1, not {factor}")
    outer, inner = fresh(nest, f"{loop}_outer"), fresh(nest, f"{loop}_inner")
    index = Variable(outer) * factor + Variable(inner)
    body = put_in(found.body, {loop: index})
    exact = isinstance(found.extent, Constant) and int(found.extent.value) % factor == 0
    if not exact:
        body = guarded(body, index < found.extent)
    count = (found.extent + (factor - 1)) // number(factor, "int64")
    made = For(outer, count, found.kind, For(inner, number(factor, "int64"), found.kind, body))
    return kept(nest, "split", f"loop {loop}", replaced(nest, found, made))


def put_in(statement: Statement, values: dict[str, Expr]) -> Statement:
    """Return `statement` with loop variables replaced."""
    return map_expressions(statement, lambda expr: substitute(expr, values))


def guarded(statement: Statement, condition: Expr) -> Statement:
    """Return `statement` under a condition, put below the loops and blocks right inside it."""
    match statement:
        case For(variable, extent, kind, body) if not any(True for _ in loads_of(extent)):
            return For(variable, extent, kind, guarded(body, condition))
        case Block(name, reads, writes, body):
            return Block(name, reads, writes, guarded(body, condition))
        case _:
            return If(condition, statement, Sequence(()))
