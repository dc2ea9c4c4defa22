"""How many lanes a vector loop has."""

from ....schedule.expressions import COMPARISONS, Apply, Constant, Expr, Load
from ....schedule.functions import offset_of
from ....schedule.linear import split_index
from ....schedule.nodes import For, If, Store, While
from ....schedule.walk import (
    expressions_of,
    operands_of,
    statements_of,
    subexpressions,
    variables_of,
)
from ..builder import element_bytes

__all__ = ["lanes_of"]

_INTERLEAVED = 4
# Operations of one instruction on any number of lanes.
_SIMPLE = frozenset(
    {*COMPARISONS, "add", "cast", "floor_divide", "floor_mod", "maximum", "minimum", "multiply"}
    | {"subtract", "where"}
)


def lanes_of(loop: For, vector_bytes: int) -> int:
    """Return how many iterations of `loop` run at once: a power of two, 1 for a short loop.

    The widest value in it fills a register, or several where that pays: `_registers`. Somewhat
    shorter vectors are better than a remainder.
    """
    widest = 1
    for statement in statements_of(loop.body):
        if isinstance(statement, Store):
            values: tuple[Expr, ...] = (statement.value,)
            widest = max(
                widest,
                element_bytes(statement.buffer.dtype),
                _index_bytes(offset_of(statement.buffer, statement.indices), loop.variable),
            )
        else:
            values = expressions_of(statement)
        widest = max([widest, *(_widest(value, loop.variable) for value in values)])
    full = vector_bytes // widest * _registers(loop)
    extent = loop.extent
    if not isinstance(extent, Constant):
        return full
    size = int(extent.value)
    full = min(full, 1 << max(size.bit_length() - 1, 0))
    exact = (lanes for lanes in (full, full // 2, full // 4) if lanes and size % lanes == 0)
    return next(exact, full)


def _registers(loop: For) -> int:
    """Return how many registers a vector takes.

    Around an inner loop several do: each of its steps, and what it computes for all lanes alike,
    then serves more of them, and sums do not wait for each other.
    """
    inner = [one for one in statements_of(loop.body) if isinstance(one, For)]
    values = [expr for one in statements_of(loop.body) for expr in expressions_of(one)]
    used = {
        part.operation
        for value in values
        for part in subexpressions(value)
        if isinstance(part, Apply)
    }
    branches = any(isinstance(one, If | While) for one in statements_of(loop.body))
    return _INTERLEAVED if inner and used <= _SIMPLE and not branches else 1


def _widest(expr: Expr, variable: str) -> int:
    """Return the bytes of the widest value that differs between lanes below `expr`."""
    if isinstance(expr, Load):
        size = max(
            element_bytes(expr.dtype),
            _index_bytes(offset_of(expr.buffer, expr.indices), variable),
        )
        return size if expr.where is None else max(size, _widest(expr.where, variable))
    if isinstance(expr, Apply):
        own = element_bytes(expr.dtype)
        depends = expr.dtype != "int64" or variable in variables_of(expr)
        return max([own if depends else 1, *(_widest(one, variable) for one in operands_of(expr))])
    return 8 if variable in variables_of(expr) else 1


def _index_bytes(offset: Expr, variable: str) -> int:
    """Return the bytes of each lane's place: none if they are neighbours or one."""
    found = split_index(offset, variable)
    return 1 if found is not None and found[0] in (0, 1) else 8
