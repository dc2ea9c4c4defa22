"""Which variables an expression takes from around it."""

from collections.abc import Mapping

from ..ir.matching import Match, pattern_vars
from ..ir.nodes import Expr, Function, Let, Var
from ..ir.visitor import children

__all__ = ["free_in"]


def free_in(node: Expr, free: Mapping[int, dict[Var, None]]) -> dict[Var, None]:
    """Return the variables that `node` uses and does not bind, in the order of use.

    Parameters
    ----------
    free : the same of each child, by ``id``
    """
    if isinstance(node, Var):
        return {node: None}
    parts = [free[id(part)] for part in children(node)]
    bound: tuple[Var, ...] = ()
    match node:
        case Function(params):
            bound = params
        case Let(var):
            # A function that uses its own name has it among its free variables here.
            bound = (var,)
        case Match(_, clauses):
            bound = tuple(var for clause in clauses for var in pattern_vars(clause.pattern))
        case _ if len(parts) == 1:
            return parts[0]
    merged = {var: None for part in parts for var in part}
    return {var: None for var in merged if var not in bound} if bound else merged
