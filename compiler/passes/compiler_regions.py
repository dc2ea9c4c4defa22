"""Regions: what stands between the marks of a target. `merge_compiler_regions` and
`partition_graph` share how they are found."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..ir.nodes import Call, Expr, Function, Op
from ..ir.visitor import children, post_order
from .annotate_target import BEGIN, END

__all__ = ["Region", "find_regions", "mark_of", "marked"]


@dataclass(eq=False)
class Region:
    """What one target computes at a stretch.

    Attributes
    ----------
    target : str
    nodes : set of ids of what is computed
    begins, ends : the marks at its borders, in post-order
    """

    target: str
    nodes: set[int] = field(default_factory=set)
    begins: list[Call] = field(default_factory=list)
    ends: list[Call] = field(default_factory=list)


def mark_of(node: Expr) -> str | None:
    """Return which mark `node` is, None if it is none."""
    if isinstance(node, Call) and isinstance(node.op, Op) and node.op.name in (BEGIN, END):
        return node.op.name
    return None


def marked(mark: Call) -> Expr:
    """Return what stands inside of a mark."""
    return mark.args[0]


def find_regions(function: Function) -> Sequence[Region]:
    """Return the regions of `function`, producers before consumers."""
    regions: list[Region] = []
    home: dict[int, Region] = {}
    for node in post_order(function.body):
        if mark_of(node) != END or not isinstance(node, Call):
            continue
        inside, begins = _inside(node)
        touched = {id(home[part]): home[part] for part in inside if part in home}
        region = Region(str(node.attrs["compiler"])) if not touched else _join(touched, regions)
        region.ends.append(node)
        known = {id(begin) for begin in region.begins}
        region.begins += [begin for begin in begins if id(begin) not in known]
        region.nodes |= inside
        home.update(dict.fromkeys(region.nodes, region))
        if region not in regions:
            regions.append(region)
    return regions


def _inside(end: Call) -> tuple[set[int], list[Call]]:
    """Return the nodes between the mark `end` and the marks where they begin, and those."""
    inside: set[int] = set()
    begins: dict[int, Call] = {}
    stack = [marked(end)]
    while stack:
        node = stack.pop()
        if mark_of(node) == BEGIN and isinstance(node, Call):
            begins[id(node)] = node
        elif id(node) not in inside:
            inside.add(id(node))
            if not isinstance(node, Function):
                stack.extend(reversed(children(node)))
    return inside, list(begins.values())


def _join(touched: dict[int, Region], regions: list[Region]) -> Region:
    """Make one region of several that share nodes."""
    first, *others = touched.values()
    for other in others:
        first.nodes |= other.nodes
        first.begins += other.begins
        first.ends += other.ends
        regions.remove(other)
    return first
