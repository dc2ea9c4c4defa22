"""Puts calls that are computed together into primitive functions.

before -> after::

    %0 = nn.conv2d(%x, %w);                 %0 = fn (%p0, %p1, %p2, Primitive=1) {
    %1 = add(%0, %b);                         %0 = nn.conv2d(%p0, %p1);
    nn.relu(%1)                     ->        %1 = add(%0, %p2);
                                              nn.relu(%1)
                                            };
                                            %0(%x, %w, %b)

Every call of an operator lands in such a function, alone if it must. Which ones go together follows
from the operators' kinds and from post-dominators, see `fusion_groups`: a branched dataflow that
joins again becomes one function. Functions that are primitive already stay as they are.
"""

from collections.abc import Sequence

from ..ir.dims import Any, Size
from ..ir.module import Module
from ..ir.nodes import Call, Constant, Expr, Function, Op, Tuple, TupleGetItem, Var
from ..ir.types import TensorType, TupleType, Type
from ..ir.visitor import children, with_children
from ..ops.operator import Kind
from ..ops.registry import lookup
from .functions import Scope, map_functions, scopes
from .fusion_groups import Group, Node, Pattern, find_groups

__all__ = ["fuse"]

_PATTERNS = {
    Kind.ELEMENTWISE: Pattern.ELEMENTWISE,
    Kind.BROADCAST: Pattern.BROADCAST,
    Kind.INJECTIVE: Pattern.INJECTIVE,
    Kind.REDUCTION: Pattern.REDUCTION,
    Kind.ANCHOR: Pattern.ANCHOR,
    Kind.OPAQUE: Pattern.OPAQUE,
}


def fuse(module: Module) -> Module:
    """Return `module` with every call of an operator inside a primitive function."""
    return map_functions(module, _fuse_function)


def _fuse_function(function: Function) -> Function:
    if function.attrs.get("Primitive"):
        return function
    groups: dict[int, Group] = {}
    for scope in scopes(function):
        groups.update(_groups(scope))
    return _Builder(groups).build(function)


def _groups(scope: Scope) -> dict[int, Group]:
    """Return the group of each node that may be in a primitive function, by ``id``."""
    nodes: dict[int, Node] = {}
    for expr in scope.nodes:
        if not isinstance(expr, Constant):
            nodes[id(expr)] = Node(len(nodes), _pattern(expr))
    for expr in scope.nodes:
        for part in children(expr):
            if id(part) in nodes:
                _use(nodes[id(part)], nodes[id(expr)], expr, part)
    if id(scope.function.body) in nodes:
        nodes[id(scope.function.body)].external = True
    for inner in scope.nodes:
        if isinstance(inner, Function):
            _mark_captured(inner, nodes)
    found = find_groups(list(nodes.values()))
    members = zip(nodes, found, strict=True)
    groups = dict(members)
    return {
        id(expr): groups[id(expr)]
        for expr in scope.nodes
        if id(expr) in groups and (_is_operation(expr) or groups[id(expr)].size > 1)
    }


def _use(producer: Node, consumer: Node, expr: Expr, part: Expr) -> None:
    if isinstance(expr, Call | Tuple | TupleGetItem) and consumer.pattern != Pattern.OPAQUE:
        producer.uses.append((consumer, _edge(consumer.pattern, expr, part)))
    else:
        producer.external = True


def _mark_captured(function: Function, nodes: dict[int, Node]) -> None:
    """Mark the nodes that `function`, evaluated later, uses."""
    stack: list[Expr] = [function.body]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if id(node) in nodes:
            nodes[id(node)].external = True
        else:
            stack.extend(children(node))


def _pattern(expr: Expr) -> Pattern:
    match expr:
        case Call(op) if isinstance(op, Op) and _is_operation(expr):
            return _PATTERNS[lookup(op.name).kind]
        case Tuple():
            return Pattern.TUPLE if _is_tensors(expr) else Pattern.OPAQUE
        case TupleGetItem():
            return Pattern.INJECTIVE if _is_tensors(expr.value) else Pattern.OPAQUE
        case _:
            return Pattern.OPAQUE


def _is_operation(expr: Expr) -> bool:
    """Return whether `expr` is a call of an operator on tensors and tuples of them."""
    is_call = isinstance(expr, Call) and isinstance(expr.op, Op)
    return is_call and _is_tensors(expr) and all(_is_tensors(part) for part in children(expr))


def _is_tensors(expr: Expr) -> bool:
    """Return whether a value is a tensor, or a tuple of them."""
    kind = expr.type
    fields = kind.fields if isinstance(kind, TupleType) else (kind,)
    return all(isinstance(field, TensorType) for field in fields)


def _edge(pattern: Pattern, expr: Expr, part: Expr) -> Pattern:
    """Return what a consumer is for one operand: one of its own shape is not broadcast."""
    if pattern == Pattern.BROADCAST and _shape(expr) == _shape(part):
        return Pattern.ELEMENTWISE
    return pattern


def _shape(expr: Expr) -> object:
    kind = expr.type
    known = isinstance(kind, TensorType) and Any() not in kind.shape
    return kind.shape if known and isinstance(kind, TensorType) else expr


class _Builder:
    """Rebuilds a function with a primitive one for each group."""

    def __init__(self, groups: dict[int, Group]) -> None:
        self._groups = groups
        self._done: dict[int, Expr] = {}

    def build(self, function: Function) -> Function:
        """Return `function` with its groups outlined."""
        result = self._rebuild(function)
        assert isinstance(result, Function)
        return result

    def _rebuild(self, root: Expr) -> Expr:
        """Return `root` outside of all groups; what it needs of a group is the group's result."""
        stack = [root]
        while stack:
            node = stack[-1]
            if id(node) in self._done:
                stack.pop()
                continue
            grouped = id(node) in self._groups
            inputs = self._inputs(node) if grouped else children(node)
            if isinstance(node, Function) and node.attrs.get("Primitive"):
                inputs = ()
            missing = [part for part in inputs if id(part) not in self._done]
            if missing:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            self._done[id(node)] = self._outline(node, inputs) if grouped else self._copy(node)
        return self._done[id(root)]

    def _copy(self, node: Expr) -> Expr:
        if isinstance(node, Function) and node.attrs.get("Primitive"):
            return node
        return with_children(node, tuple(self._done[id(part)] for part in children(node)))

    def _inputs(self, output: Expr) -> tuple[Expr, ...]:
        """Return what the group of `output` needs from outside, in the order of evaluation."""
        group = self._groups[id(output)]
        found: dict[int, Expr] = {}
        seen: set[int] = set()
        stack = [output]
        while stack:
            node = stack.pop()
            if id(node) in seen or _is_scalar(node):
                continue
            seen.add(id(node))
            if self._groups.get(id(node)) is group:
                stack.extend(reversed(children(node)))
            else:
                found[id(node)] = node
        return tuple(found.values())

    def _outline(self, output: Expr, inputs: Sequence[Expr]) -> Expr:
        """Return the call of a primitive function that computes the group of `output`."""
        group = self._groups[id(output)]
        params = tuple(Var(f"p{place}", _annotation(part)) for place, part in enumerate(inputs))
        inside: dict[int, Expr] = {
            id(part): param for part, param in zip(inputs, params, strict=True)
        }
        stack = [output]
        while stack:
            node = stack[-1]
            parts = [] if self._groups.get(id(node)) is not group else children(node)
            missing = [part for part in parts if id(part) not in inside]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            if id(node) not in inside:
                inside[id(node)] = with_children(node, tuple(inside[id(part)] for part in parts))
        function = Function(params, inside[id(output)], None, {"Primitive": 1}, span=output.span)
        args = tuple(self._done[id(part)] for part in inputs)
        return Call(function, args, span=output.span)


def _annotation(part: Expr) -> Type | None:
    """Return the type of `part` if it has no symbols, which mean nothing elsewhere."""
    kind = part.type
    fields = kind.fields if isinstance(kind, TupleType) else (kind,)
    shapes = [field.shape for field in fields if isinstance(field, TensorType)]
    known = len(shapes) == len(fields) and all(
        not isinstance(size, Size) for shape in shapes for size in shape
    )
    return kind if known else None


def _is_scalar(node: Expr) -> bool:
    return isinstance(node, Constant) and node.value.ndim == 0
