"""Which calls of a function body are computed together: groups of a dataflow graph.

A call may join its post-dominator, the node that all its uses lead to, if every node on the way is
cheap enough to be computed in one loop: heavy operators take what follows element by element,
element-wise and injective ones flow into what uses them. The rules are those of Relay's FuseOps.

Source
------
Apache TVM v0.14, src/relay/analysis/graph_partitioner.cc: three phases over the nodes in order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["Group", "Node", "Pattern", "find_groups"]

_LARGEST = 256


class Pattern(IntEnum):
    """What a node does to its neighbours; a greater one stands in the way of more."""

    ELEMENTWISE = 0
    BROADCAST = 1
    INJECTIVE = 2
    REDUCTION = 3
    ANCHOR = 4
    TUPLE = 7
    OPAQUE = 8


@dataclass(eq=False)
class Node:
    """A node of the graph; producers stand before consumers.

    Attributes
    ----------
    index : int, its place
    pattern : Pattern
    uses : consumers, each with the pattern that it has for this operand
    external : something outside of the graph uses the result
    """

    index: int
    pattern: Pattern
    uses: list[tuple["Node", Pattern]] = field(default_factory=list)
    external: bool = False


@dataclass(eq=False)
class Group:
    """A set of nodes, found through its root."""

    pattern: Pattern
    anchored: bool
    size: int = 1
    parent: "Group | None" = None

    def root(self) -> "Group":
        """Return the group that this one has become a part of."""
        found = self
        while found.parent is not None:
            found = found.parent
        return found


@dataclass(eq=False)
class _Dominator:
    """A node's place in the post-dominator tree, and the pattern of all ways to its parent."""

    node: Node
    parent: "_Dominator | None"
    pattern: Pattern
    depth: int


def find_groups(nodes: Sequence[Node]) -> list[Group]:
    """Return the group of each node, its root."""
    search = _Search(nodes)
    for phase in range(3):
        for node in nodes:
            search.join(node, phase)
    return [group.root() for group in search.groups]


class _Search:
    """The groups so far."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.dominators = _post_dominators(nodes)
        self.groups = [Group(node.pattern, node.pattern == Pattern.ANCHOR) for node in nodes]

    def join(self, node: Node, phase: int) -> None:
        """Let `node` and all on the way join its post-dominator, if they may in this phase."""
        dominator = self.dominators[node.index]
        group = self.groups[node.index].root()
        if group.pattern == Pattern.OPAQUE or dominator.parent is None:
            return
        sink = dominator.parent.node
        target = self.groups[sink.index].root()
        if target is group or group.size + target.size > _LARGEST:
            return
        passes = _condition(phase, group, dominator, self.groups[sink.index], target)
        if passes is not None and self._reaches(node, sink, passes):
            self._merge(node, sink)

    def _reaches(self, node: Node, sink: Node, passes: Callable[[Pattern, bool], bool]) -> bool:
        """Return whether every node on every way from `node` to `sink` passes."""
        return all(
            passes(self.groups[step.index].root().pattern, step is sink)
            for step in _between(node, sink)
        )

    def _merge(self, node: Node, sink: Node) -> None:
        """Make one group of all nodes from `node` to `sink`, unless two of them are anchored."""
        ways = [self.groups[step.index].root() for step in (node, *_between(node, sink))]
        parts = list(dict.fromkeys(ways))
        if sum(part.anchored for part in parts) > 1:
            return
        target = self.groups[sink.index].root()
        for part in parts:
            if part is not target:
                part.parent = target
                target.size += part.size
                if part.anchored:
                    target.anchored = True
                    target.pattern = max(target.pattern, part.pattern)


def _condition(
    phase: int, group: Group, dominator: _Dominator, sink: Group, target: Group
) -> Callable[[Pattern, bool], bool] | None:
    """Return what nodes on the way must satisfy; None if `group` does not join in this phase."""
    if phase == 2:
        into_tuple = sink.pattern == Pattern.TUPLE and target.pattern <= Pattern.INJECTIVE
        return _injective if group.pattern <= Pattern.INJECTIVE and into_tuple else None
    if target.pattern == Pattern.TUPLE or sink.pattern == Pattern.TUPLE:
        return None
    if group.pattern == Pattern.ANCHOR:
        follows = phase == 0 and dominator.pattern == Pattern.ELEMENTWISE
        return _broadcast if follows else None
    if group.pattern <= Pattern.BROADCAST:
        flows = dominator.pattern <= Pattern.REDUCTION or dominator.pattern == Pattern.ANCHOR
        return _into_any if flows else None
    if group.pattern in (Pattern.INJECTIVE, Pattern.TUPLE):
        return _injective if phase == 1 else None
    return None


def _broadcast(pattern: Pattern, is_sink: bool) -> bool:
    return pattern <= Pattern.BROADCAST


def _injective(pattern: Pattern, is_sink: bool) -> bool:
    return pattern <= Pattern.INJECTIVE


def _into_any(pattern: Pattern, is_sink: bool) -> bool:
    return pattern <= (Pattern.ANCHOR if is_sink else Pattern.INJECTIVE)


def _between(node: Node, sink: Node) -> list[Node]:
    """Return every node on a way from `node` to `sink`, `sink` included and `node` not."""
    found: dict[Node, None] = {}
    pending = [node]
    while pending:
        step = pending.pop()
        if step is sink:
            continue
        for user, _ in step.uses:
            if user not in found:
                found[user] = None
                pending.append(user)
    return list(found)


def _post_dominators(nodes: Sequence[Node]) -> list[_Dominator]:
    """Return each node's place in the tree."""
    found: dict[int, _Dominator] = {}
    for node in reversed(nodes):
        parent, pattern = None, Pattern.OPAQUE
        if not node.external and node.uses:
            parent, pattern = _common(node, found)
        depth = 1 if parent is None else parent.depth + 1
        found[node.index] = _Dominator(node, parent, pattern, depth)
    return [found[node.index] for node in nodes]


def _common(node: Node, found: dict[int, _Dominator]) -> tuple[_Dominator | None, Pattern]:
    """Return the nearest place that all uses of `node` lead to, and the pattern of the ways."""
    (first, pattern), *others = node.uses
    left: _Dominator | None = found[first.index]
    for user, edge in others:
        right: _Dominator | None = found[user.index]
        pattern = max(pattern, edge)
        while left is not right:
            if left is None or right is None:
                return None, Pattern.OPAQUE
            if left.depth >= right.depth:
                higher, left = left, left.parent
            else:
                higher, right = right, right.parent
            pattern = max(pattern, higher.pattern)
    return left, pattern
