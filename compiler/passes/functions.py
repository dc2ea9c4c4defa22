"""What passes share: they see a typed module, change function by function, and give a typed one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..infer import infer
from ..ir.module import Module
from ..ir.nodes import Call, Expr, Function, Op
from ..ir.visitor import children, post_order, with_children

__all__ = [
    "CallRule",
    "Scope",
    "map_bodies",
    "map_functions",
    "replace_nodes",
    "rewrite_calls",
    "rewrite_typed",
    "scopes",
    "typed",
]

CallRule = Callable[[Call], Expr | None]
"""What replaces a call of an operator, of the same type; None if nothing does."""


def typed(module: Module) -> Module:
    """Return `module` with types: itself if it has them."""
    if all(module[name].type is not None for name in module):
        return module
    return infer(module)


def map_bodies(module: Module, function: Callable[[Expr], Expr]) -> Module:
    """Return `module`, typed, with `function` applied to each function's typed body.

    The very same module is returned if nothing changes.
    """

    def change(whole: Function) -> Function:
        body = function(whole.body)
        return whole if body is whole.body else replace(whole, body=body, type=None)

    return map_functions(module, change)


def map_functions(module: Module, function: Callable[[Function], Function]) -> Module:
    """Return `module`, typed, with `function` applied to each typed function.

    The very same module is returned if nothing changes.
    """
    given = typed(module)
    functions = {name: function(given[name]) for name in given}
    if all(functions[name] is given[name] for name in given):
        return given
    return infer(replace(given, functions=functions))


def rewrite_typed(
    root: Expr, function: Callable[[Expr], Expr], uses: dict[int, int] | None = None
) -> Expr:
    """Return a typed expression rebuilt bottom-up through `function`; shared nodes stay shared.

    Parameters
    ----------
    function : callable
        Gets each node with its type, its operands already rewritten, and returns what shall stand
        there, of the same type: the same node if nothing changes.
    uses : dict, optional
        How often each node of `root` is used, by ``id``. What is rebuilt enters it, so that
        `function` can look its operands up; a node that is missing has one use.
    """
    done: dict[int, Expr] = {}
    for node in post_order(root):
        new = with_children(node, tuple(done[id(part)] for part in children(node)))
        new = new if new is node else replace(new, type=node.type)
        found = function(new)
        kept = found is new or found.type is not None
        result = done[id(node)] = found if kept else replace(found, type=node.type)
        if uses is not None:
            uses[id(result)] = uses[id(node)]
    return done[id(root)]


def rewrite_calls(
    root: Expr, rules: Mapping[str, CallRule], uses: dict[int, int] | None = None
) -> Expr:
    """Return a typed expression with calls of operators replaced, by the operators' names.

    `uses` as in `rewrite_typed`.
    """

    def change(node: Expr) -> Expr:
        if isinstance(node, Call) and isinstance(node.op, Op) and node.op.name in rules:
            return rules[node.op.name](node) or node
        return node

    return rewrite_typed(root, change, uses)


def replace_nodes(root: Expr, changed: Mapping[int, Expr]) -> Expr:
    """Return `root` with the nodes whose ``id`` is in `changed` replaced.

    What replaces a node may be made of others that are replaced, but not of the node itself.
    """
    done: dict[int, Expr] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        source = changed.get(id(node), node)
        missing = [part for part in children(source) if id(part) not in done]
        if id(node) in done or not missing:
            stack.pop()
            if id(node) not in done:
                parts = tuple(done[id(part)] for part in children(source))
                done[id(node)] = with_children(source, parts)
        else:
            stack.extend(reversed(missing))
    return done[id(root)]


@dataclass(frozen=True)
class Scope:
    """The nodes that an activation of a function evaluates itself, in post-order."""

    function: Function
    nodes: Sequence[Expr]


def scopes(root: Function) -> list[Scope]:
    """Return the scope of `root` and of each function inside; a shared node is the outer one's.

    Primitive functions are closed: what is inside has no scope.
    """
    seen: set[int] = set()
    found: list[Scope] = []
    pending = [root]
    while pending:
        function = pending.pop()
        nodes: list[Expr] = []
        stack: list[tuple[Expr, bool]] = [(function.body, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                nodes.append(node)
                continue
            if id(node) in seen:
                continue
            seen.add(id(node))
            stack.append((node, True))
            if not isinstance(node, Function):
                stack.extend((part, False) for part in reversed(children(node)))
            elif not node.attrs.get("Primitive"):
                pending.append(node)
        found.append(Scope(function, nodes))
    return found
