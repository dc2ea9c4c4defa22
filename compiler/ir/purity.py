"""Whether evaluating an expression can be seen from outside: may it be dropped, merged or moved?

Only cells (references) make evaluation effectful. An expression is pure if nothing inside it makes,
reads or writes one, and it calls no function that might. Not ending and meeting no clause of a
match are no effects here: a pass may drop them, but must not bring them in (`is_total`).
"""

from collections.abc import Container, Mapping

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

_CELLS = (RefCreate, RefRead, RefWrite)


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
        """Return the ``id`` of every node inside `root` that is not pure, itself included.

        Parameters
        ----------
        root : an expression of the module itself
        """
        if not self.has_cells:
            return frozenset()
        return _effects(root, self._pure)[1]

    def acting(self, root: Expr) -> frozenset[int]:
        """Return the ``id`` of every node inside `root` that has an effect of its own.

        Those are uses of cells, and calls that may have effects; not what only contains them.
        """
        if not self.has_cells:
            return frozenset()
        return _effects(root, self._pure)[0]


def is_pure(expr: Expr, module: Module) -> bool:
    """Return whether evaluating `expr`, an expression of `module`, has no effect.

    Who asks more than once makes a `Purity` and asks that.
    """
    return Purity(module).is_pure(expr)


def is_total(expr: Expr) -> bool:
    """Return whether `expr` is pure and surely ends, so that it may be computed without need.

    That is so of operators, tuples, constructors and functions that are not called; the answer
    looks into these as well.
    """
    for node in post_order(expr):
        if isinstance(node, (*_CELLS, Match)):
            return False
        if isinstance(node, Call) and not isinstance(node.op, Op | Constructor):
            return False
    return True


def _uses_cells(expr: Expr) -> bool:
    """Return whether something inside `expr` makes, reads or writes a cell."""
    seen: set[int] = set()
    pending = [expr]
    while pending:
        node = pending.pop()
        if id(node) not in seen:
            seen.add(id(node))
            if isinstance(node, _CELLS):
                return True
            pending.extend(children(node))
    return False


def _is_pure(expr: Expr, pure: frozenset[str]) -> bool:
    """Return whether `expr` uses no cell and calls only functions known to be pure."""
    return id(expr) not in _effects(expr, pure)[1]


def _effects(root: Expr, pure: frozenset[str]) -> tuple[frozenset[int], frozenset[int]]:
    """Return the ``id`` of the nodes with effects of their own, and of those that are not pure.

    `pure` are the global functions that are.

    Making a function has no effect, whatever it does when it is called.
    """
    local: dict[Var, Function] = {}
    acting: set[int] = set()
    found: set[int] = set()
    for node in post_order(root):
        if isinstance(node, Let) and isinstance(node.value, Function):
            local[node.var] = node.value
    for node in post_order(root):
        if isinstance(node, Function):
            continue
        acts = isinstance(node, _CELLS)
        if isinstance(node, Call):
            acts = not _is_known(node.op, pure, local, found)
        if acts:
            acting.add(id(node))
        if acts or any(id(part) in found for part in children(node)):
            found.add(id(node))
    return frozenset(acting), frozenset(found)


def _is_known(
    callee: Expr, pure: frozenset[str], local: Mapping[Var, Function], found: Container[int]
) -> bool:
    """Return whether calling `callee` is pure; `found` are the effectful nodes so far.

    A function that calls itself is what the rest of it is.
    """
    match callee:
        case Op() | Constructor():
            return True
        case Function(_, body):
            return id(body) not in found
        case GlobalVar(name):
            return name in pure
        case Var():
            return callee in local and id(local[callee].body) not in found
        case _:
            return False
