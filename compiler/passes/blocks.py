"""What normal forms share: an expression as nested blocks, each a list of bindings and a result.

A block is a body of a function, a branch or a clause. Each value gets a home: the innermost block
that holds all its uses, if it may be computed there without need (it is total), or else the block
that uses it first: then blocks that exclude each other have a copy each. Values come in the order
of evaluation, so effects keep theirs; one that would happen twice is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..errors import Unsupported
from ..ir.matching import Clause, Match, pattern_vars
from ..ir.nodes import (
    Call,
    Constant,
    Constructor,
    Expr,
    Function,
    GlobalVar,
    If,
    Let,
    Op,
    RefCreate,
    RefRead,
    RefWrite,
    Var,
)
from ..ir.visitor import children, post_order, with_children
from ..text.trampoline import Rule, run
from .copying import copy_pattern

__all__ = ["Blocks", "crossing_nodes", "home_blocks"]

Key = tuple[int, int]
"""A block's owner and which of its blocks it is; the outermost one is `_ROOT`."""

_ROOT: Key = (0, 0)


@dataclass(slots=True, eq=False)
class Block:
    """A block being made.

    Attributes
    ----------
    done : atoms of nodes and new variables of binders, by ``id``
    bindings : what has been bound, in order
    """

    key: Key
    parent: Block | None = None
    done: dict[int, Expr] = field(default_factory=dict)
    bindings: list[tuple[Var, Expr]] = field(default_factory=list)

    def find(self, node: Expr) -> Expr | None:
        """Return what stands for a node here, None if nothing does yet."""
        block: Block | None = self
        while block is not None:
            found = block.done.get(id(node))
            if found is not None:
                return found
            block = block.parent
        return None

    def outer(self, key: Key | None) -> Block:
        """Return the block of a key around this one; this one if there is none."""
        block: Block | None = self
        while block is not None and block.key != key:
            block = block.parent
        return self if block is None else block

    def excludes(self, other: Block) -> bool:
        """Return whether at most one of the two is evaluated: branches or clauses of one node."""
        pairs = zip(self._path(), other._path(), strict=False)
        parted = next((pair for pair in pairs if pair[0] != pair[1]), None)
        return parted is not None and parted[0][0] == parted[1][0]

    def _path(self) -> list[Key]:
        """Return the keys of the blocks from the outermost one to this."""
        keys = [] if self.parent is None else self.parent._path()
        return [*keys, self.key]

    def wrap(self, result: Expr) -> Expr:
        """Return the block as an expression."""
        for var, value in reversed(self.bindings):
            result = Let(var, value, result)
        return result


class Blocks:
    """Rewrites expressions block by block.

    Parameters
    ----------
    homes : dict
        As `home_blocks` gives it.
    binds : callable
        Whether a node gets a variable; others stay where they are used, shared.
    acting : frozenset of int
        As `Purity.acting` gives it.
    """

    def __init__(
        self, homes: dict[int, Key], binds: Callable[[Expr], bool], acting: frozenset[int]
    ) -> None:
        self._homes = homes
        self._binds = binds
        self._acting = acting
        self._bound: set[Var] = set()
        self._made: dict[int, list[Block]] = {}

    def convert(self, root: Expr) -> Expr:
        """Return `root`, the body of a function, rewritten.

        Raises
        ------
        Unsupported
            An effect is shared by a branch and what comes after it.
        """
        return run(self._block(root, Block(_ROOT)))

    def _block(self, node: Expr, block: Block) -> Rule[Expr]:
        result: Expr = yield self._operand(node, block)
        return block.wrap(result)

    def _operand(self, node: Expr, block: Block) -> Rule[Expr]:
        """Return what stands for `node` where it is used."""
        found = block.find(node)
        if found is not None:
            return found
        if isinstance(node, Var | Constant | GlobalVar | Constructor | Op):
            return node
        home = block.outer(self._homes.get(id(node)))
        value: Expr = yield self._value(node, home)
        # What two copies share lies outside of both, and gets a name too.
        named = self._binds(node) or home is not block
        if named and not isinstance(value, Var | Constant | GlobalVar | Constructor):
            var = Var("t")
            home.bindings.append((var, value))
            value = var
        home.done[id(node)] = value
        return value

    def _value(self, node: Expr, block: Block) -> Rule[Expr]:
        """Return `node` with its operands rewritten."""
        if id(node) in self._acting:
            self._act(node, block)
        if isinstance(node, Let):
            while isinstance(node, Let):
                yield self._let(node, block)
                node = node.body
            result: Expr = yield self._operand(node, block)
            return result
        if isinstance(node, Function):
            inner = Block((id(node), 0), block)
            params = tuple(self._binder(param, inner) for param in node.params)
            body = yield self._block(node.body, inner)
            return replace(node, params=params, body=body, type=None)
        if isinstance(node, If):
            condition = yield self._operand(node.condition, block)
            then = yield self._block(node.then, Block((id(node), 0), block))
            otherwise = yield self._block(node.otherwise, Block((id(node), 1), block))
            return with_children(node, (condition, then, otherwise))
        if isinstance(node, Match):
            matched: Expr = yield self._match(node, block)
            return matched
        parts = []
        for part in children(node):
            parts.append((yield self._operand(part, block)))
        return with_children(node, tuple(parts))

    def _act(self, node: Expr, block: Block) -> None:
        """Note where a node has its effect; raise Unsupported if that would be a second time."""
        before = self._made.setdefault(id(node), [])
        if not all(block.excludes(other) for other in before):
            raise Unsupported(
                "an effect must happen once, but this is used in a branch and again after it: "
                "bind it with let before the branch, or write it in both places",
                node.span,
            )
        before.append(block)

    def _match(self, node: Match, block: Block) -> Rule[Expr]:
        value = yield self._operand(node.value, block)
        clauses = []
        for place, clause in enumerate(node.clauses):
            inner = Block((id(node), place), block)
            names: dict[Var, Expr] = {
                var: self._binder(var, inner) for var in pattern_vars(clause.pattern)
            }
            body = yield self._block(clause.body, inner)
            clauses.append(Clause(copy_pattern(clause.pattern, names), body))
        return replace(node, value=value, clauses=tuple(clauses), type=None)

    def _let(self, node: Let, block: Block) -> Rule[None]:
        """Bind the variable of a `let`."""
        known = block.find(node.value)
        if isinstance(node.value, Function) and known is None:
            var = self._binder(node.var, block)
            value = yield self._value(node.value, block)
        elif known is None and block.outer(self._homes.get(id(node.value))) is block:
            value = yield self._value(node.value, block)
            var = self._binder(node.var, block)
        else:
            value = yield self._operand(node.value, block)
            var = self._binder(node.var, block)
        block.bindings.append((var, value))
        if not isinstance(node.value, Var | Constant | GlobalVar | Constructor):
            block.done[id(node.value)] = var

    def _binder(self, var: Var, block: Block) -> Var:
        """Return the variable that stands for a binder: a new one if this is a copy."""
        new = replace(var) if var in self._bound else var
        self._bound.add(var)
        block.done[id(var)] = new
        return new


def home_blocks(root: Expr) -> dict[int, Key]:
    """Return the key of the home of each node that may be computed without need, by ``id``."""
    total = _total_nodes(root)
    found, _ = _places(root)
    return {node: key for node, key in found.items() if node in total}


def crossing_nodes(root: Expr) -> frozenset[int]:
    """Return the nodes that are used in more than one block, by ``id``."""
    return _places(root)[1]


def _places(root: Expr) -> tuple[dict[int, Key], frozenset[int]]:
    """Return the innermost block around all uses of each node, and which cross blocks.

    Users are met before what they use.
    """
    parents: dict[Key, tuple[Key | None, int]] = {_ROOT: (None, 0)}
    homes: dict[int, Key] = {id(root): _ROOT}
    crossing: set[int] = set()
    for node in reversed(tuple(post_order(root))):
        here = homes[id(node)]
        inner = {Function: 0, If: 1, Match: 1}.get(type(node))
        for place, part in enumerate(children(node)):
            key = here
            if inner is not None and place >= inner:
                key = (id(node), place - inner)
                parents[key] = (here, parents[here][1] + 1)
            known = homes.get(id(part))
            if known is not None and known != key:
                crossing.add(id(part))
                key = _common(known, key, parents)
            homes[id(part)] = key
    return homes, frozenset(crossing)


def _common(a: Key, b: Key, parents: dict[Key, tuple[Key | None, int]]) -> Key:
    """Return the innermost block around two."""
    while a != b:
        if parents[a][1] < parents[b][1]:
            a, b = b, a
        above = parents[a][0]
        assert above is not None
        a = above
    return a


def _total_nodes(root: Expr) -> frozenset[int]:
    """Return the nodes that may be computed without need, by ``id``.

    What uses the name of a recursive function stays out: it must not move before the `let`.
    """
    recursive = {
        node.var
        for node in post_order(root)
        if isinstance(node, Let) and isinstance(node.value, Function)
    }
    found: set[int] = set()
    for node in post_order(root):
        calls = isinstance(node, Call) and not isinstance(node.op, Op | Constructor)
        effects = isinstance(node, RefCreate | RefRead | RefWrite | Match)
        tied = isinstance(node, Var) and node in recursive
        if not (calls or effects or tied) and all(id(part) in found for part in children(node)):
            found.add(id(node))
    return frozenset(found)
