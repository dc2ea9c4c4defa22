"""Where a printed program must name each shared node: the innermost block around all its uses."""

from dataclasses import dataclass, field

from ..ir.matching import Match
from ..ir.nodes import Constant, Constructor, Expr, Function, GlobalVar, If, Let, Op, Var
from ..ir.visitor import children

__all__ = ["Scope", "Scopes", "find_scopes", "is_atom"]

_ATOMS = frozenset((Var, GlobalVar, Constant, Op, Constructor))
_BRANCHING = frozenset((Function, If, Let, Match))

Nodes = list[tuple[Expr, tuple[Expr, ...]]]
"""Nodes that are no atoms, each after those it uses and with its children."""


@dataclass(slots=True, eq=False)
class Scope:
    """A stretch of text in which names are bound: a block, or what follows a ``let``.

    Attributes
    ----------
    parent : Scope or None
        The scope around it.
    depth : int
    jump : Scope
        A scope further out, so that any one around it is reached in O(log depth) steps: Myers,
        "An applicative random-access stack", 1983. The outermost one jumps to itself.
    members : list of Expr
        Nodes that get a number here, each after those it uses.
    """

    parent: "Scope | None" = None
    depth: int = 0
    jump: "Scope" = field(init=False)
    members: list[Expr] = field(default_factory=list)

    def __post_init__(self) -> None:
        around = self.parent
        if around is None:
            self.jump = self
            return
        self.depth = around.depth + 1
        first, second = around.jump, around.jump.jump
        even = around.depth - first.depth == first.depth - second.depth
        self.jump = second if even else around


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


def is_atom(node: Expr) -> bool:
    """Return whether a node is written as one word, and so never gets a number."""
    return type(node) in _ATOMS


def find_scopes(root: Expr) -> Scopes:
    """Return the scopes of `root`, with the nodes that must get a number in each.

    A node is written where it stands if it is an atom, or if it is used once: as the result of a
    block or the value of a ``let``. All others get a number, in the innermost scope that holds
    all their uses.
    """
    order = _compound_nodes(root)
    scopes = Scopes(Scope(), {})
    home: dict[int, Scope] = {id(root): scopes.root}
    for node, parts in reversed(order):
        here = home[id(node)]
        branching = type(node) in _BRANCHING
        for place, part in enumerate(parts):
            scope = here
            if branching and (place > 0 or isinstance(node, Function)):
                scope = scopes.inner[id(node), place] = Scope(here)
            if type(part) in _ATOMS:
                continue
            known = home.get(id(part))
            home[id(part)] = scope if known is None else _common(known, scope)
    inline = _written_in_place(root, order)
    for node, _ in order:
        if id(node) not in inline:
            home[id(node)].members.append(node)
    return scopes


def _compound_nodes(root: Expr) -> Nodes:
    """Return every node below and including `root` that is no atom."""
    order: Nodes = []
    seen: set[int] = set()
    stack: list[tuple[Expr, tuple[Expr, ...] | None]] = [(root, None)]
    while stack:
        node, parts = stack.pop()
        if parts is not None:
            order.append((node, parts))
        elif id(node) not in seen and type(node) not in _ATOMS:
            seen.add(id(node))
            parts = children(node)
            stack.append((node, parts))
            stack += [(part, None) for part in reversed(parts) if id(part) not in seen]
    return order


def _common(left: Scope, right: Scope) -> Scope:
    """Return the innermost scope around two."""
    if left.depth < right.depth:
        left, right = right, left
    while left.depth > right.depth:
        assert left.parent is not None
        left = left.jump if left.jump.depth >= right.depth else left.parent
    while left is not right:
        # Scopes of one depth jump to scopes of one depth.
        if left.jump is not right.jump:
            left, right = left.jump, right.jump
        else:
            assert left.parent is not None and right.parent is not None
            left, right = left.parent, right.parent
    return left


def _written_in_place(root: Expr, order: Nodes) -> set[int]:
    """Return the nodes, by ``id``, that are used once as a result of a block or by a let."""
    uses: dict[int, int] = {}
    for _, parts in order:
        for part in parts:
            uses[id(part)] = uses.get(id(part), 0) + 1
    inline = {id(root)}
    for node, parts in order:
        if type(node) not in _BRANCHING:
            continue
        results = parts[1:] if isinstance(node, If | Match) else parts
        inline.update(id(part) for part in results if uses[id(part)] == 1)
    return inline
