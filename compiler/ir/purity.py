"""Whether evaluating an expression can be seen from outside: may it be dropped, merged or moved?

Only cells (references) make evaluation effectful. An expression is pure if nothing inside it makes,
reads or writes one, and it calls no function that might. Not ending and meeting no clause of a
match are no effects here: a pass may drop them, but must not bring them in (`is_total`).
"""

from collections.abc import Mapping

from .matching import Match
from .module import Module
from .nodes import (
    Call,
    Constructor,
    Expr,
    Function,
    GlobalVar,
    Let,
    Op,
    RefCreate,
    RefRead,
    RefWrite,
    Var,
)
from .visitor import children, post_order

__all__ = ["Purity", "is_pure", "is_total"]


class Purity:
    """What is known of the functions of one module; ask it about many expressions.

    Attributes
    ----------
    impure : frozenset of str
        Global functions whose calls may have an effect.
    has_cells : bool
        Something in the module uses cells; without them every function, known or not, is pure.
    """

    def __init__(self, module: Module) -> None:
        bodies = {name: module[name].body for name in module}
        self.has_cells = any(_uses_cells(body) for body in bodies.values())
        impure: frozenset[str] = frozenset(bodies) if self.has_cells else frozenset()
        pure: frozenset[str] = frozenset()
        if self.has_cells:
            # Start from "all are pure" and take away until nothing changes.
            pure, before = frozenset(bodies), frozenset[str]()
            while pure != before:
                before = pure
                pure = frozenset(n for n in before if _is_pure(bodies[n], before))
        self.impure = impure - pure
        self._pure = frozenset(bodies) - self.impure

    def is_pure(self, expr: Expr) -> bool:
        """Return whether evaluating `expr` has no effect."""
        if not self.has_cells and not _uses_cells(expr):
            return True
        return _is_pure(expr, self._pure)

    def effectful(self, root: Expr) -> frozenset[int]:
        """Return the ``id`` of every node inside `root` that is not pure, itself included."""
        if not self.has_cells and not _uses_cells(root):
            return frozenset()
        nodes = tuple(post_order(root))
        local = _local_functions(nodes)
        found: set[int] = set()
        for node in nodes:
            unknown = isinstance(node, Call) and not _is_known(node.op, self._pure, local)
            inside = any(id(part) in found for part in children(node))
            if unknown or inside or isinstance(node, RefCreate | RefRead | RefWrite):
                found.add(id(node))
        return frozenset(found)


def is_pure(expr: Expr, module: Module) -> bool:
    """Return whether evaluating `expr`, an expression of `module`, has no effect.

    Who asks more than once makes a `Purity` and asks that.
    """
    return Purity(module).is_pure(expr)


def is_total(expr: Expr) -> bool:
    """Return whether `expr` is pure and surely ends, so that it may be computed without need.

    That is so of operators, tuples, constructors and functions (not called); the answer looks at
    all of `expr`, inside functions as well.
    """
    for node in post_order(expr):
        if isinstance(node, RefCreate | RefRead | RefWrite | Match):
            return False
        if isinstance(node, Call) and not isinstance(node.op, Op | Constructor):
            return False
    return True


def _uses_cells(expr: Expr) -> bool:
    """Return whether something inside `expr` makes, reads or writes a cell."""
    return any(isinstance(node, RefCreate | RefRead | RefWrite) for node in post_order(expr))


def _is_pure(expr: Expr, pure: frozenset[str]) -> bool:
    """Return whether `expr` uses no cell and calls only functions known to be pure."""
    nodes = tuple(post_order(expr))
    if any(isinstance(node, RefCreate | RefRead | RefWrite) for node in nodes):
        return False
    local = _local_functions(nodes)
    return all(_is_known(node.op, pure, local) for node in nodes if isinstance(node, Call))


def _local_functions(nodes: tuple[Expr, ...]) -> Mapping[Var, Function]:
    """Return the functions that a `let` among `nodes` gives a name."""
    return {
        node.var: node.value
        for node in nodes
        if isinstance(node, Let) and isinstance(node.value, Function)
    }


def _is_known(callee: Expr, pure: frozenset[str], local: Mapping[Var, Function]) -> bool:
    """Return whether calling `callee` is pure, its body (if it is here) being looked at anyway."""
    match callee:
        case Op() | Constructor() | Function():
            return True
        case GlobalVar(name):
            return name in pure
        case Var():
            return callee in local
        case _:
            return False
