"""Where a printed program must name each shared node: the innermost block around all its uses."""

from dataclasses import dataclass, field

from ..ir.nodes import Constant, Expr, Function, GlobalVar, If, Let, Op, Var
from ..ir.visitor import children, count_uses, post_order

__all__ = ["Scope", "Scopes", "find_scopes"]


@dataclass(slots=True, eq=False)
class Scope:
    """A stretch of text in which names are bound: a block, or what follows a ``let``.

    Attributes
    ----------
    parent : Scope or None
        The scope around it.
    depth : int
    members : list of Expr
        Nodes that get a number here, each after those it uses.
    """

    parent: "Scope | None"
    depth: int
    members: list[Expr] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scopes:
    """The scopes of an expression.

    Attributes
    ----------
    root : Scope
    inner : dict
        The scope of a child that stands in a scope of its own, by (``id`` of the node, place
        among its children).
    """

    root: Scope
    inner: dict[tuple[int, int], Scope]


def find_scopes(root: Expr) -> Scopes:
    """Return the scopes of `root`, with the nodes that must get a number in each.

    A node is written where it stands if it is an atom, or if it is used once: as the result of a
    block or the value of a ``let``. All others get a number, in the innermost scope that holds
    all their uses.
    """
    order = list(post_order(root))
    scopes = Scopes(Scope(None, 0), {})
    home: dict[int, Scope] = {id(root): scopes.root}
    for node in reversed(order):
        here = home[id(node)]
        for place, part in enumerate(children(node)):
            scope = here
            if _opens_scope(node, place):
                scope = scopes.inner[id(node), place] = Scope(here, here.depth + 1)
            known = home.get(id(part))
            home[id(part)] = scope if known is None else _common(known, scope)
    inline = _written_in_place(root, order)
    for node in order:
        if id(node) not in inline and not isinstance(node, Var | GlobalVar | Constant | Op):
            home[id(node)].members.append(node)
    return scopes


def _opens_scope(node: Expr, place: int) -> bool:
    """Return whether the child at `place` stands in a scope of its own."""
    return isinstance(node, Function) or (isinstance(node, If | Let) and place > 0)


def _common(left: Scope, right: Scope) -> Scope:
    """Return the innermost scope around two."""
    while left is not right:
        if left.depth < right.depth:
            left, right = right, left
        assert left.parent is not None
        left = left.parent
    return left


def _written_in_place(root: Expr, order: list[Expr]) -> set[int]:
    """Return the nodes, by ``id``, that are used once as a result of a block or by a let."""
    uses = count_uses(root)
    inline = {id(root)} if uses[id(root)] == 0 else set()
    for node in order:
        match node:
            case Function() | Let():
                parts = children(node)
            case If(_, then, otherwise):
                parts = (then, otherwise)
            case _:
                parts = ()
        inline.update(id(part) for part in parts if uses[id(part)] == 1)
    return inline
