"""Makes one region of neighbouring ones of the same target.

before -> after (b, e: `annotation.compiler_begin` and `compiler_end` of one target)::

    e(nn.relu(b(e(nn.conv2d(b(%x), b(%w))))))   ->   e(nn.relu(nn.conv2d(b(%x), b(%w))))

Regions must not wait for each other. So each gets a stage, which grows along every edge that leaves
a region; those of one stage, of one target, that touch are one. Nothing that leaves a region can
come back to it, because stages never fall. This takes one walk, however many regions there are.
"""

from collections.abc import Mapping

from ..ir.module import Module
from ..ir.nodes import Call, Expr, Function
from ..ir.visitor import children
from .compiler_regions import Region, find_regions, marked
from .functions import map_functions, replace_nodes

__all__ = ["merge_compiler_regions"]


def merge_compiler_regions(module: Module) -> Module:
    """Return `module` with fewer and larger regions."""
    return map_functions(module, _merge)


def _merge(function: Function) -> Function:
    regions = find_regions(function)
    home = {id(end): region for region in regions for end in region.ends}
    stages = _stages(function, home)
    changed: dict[int, Expr] = {}
    for region in regions:
        for begin in region.begins:
            source = home.get(id(marked(begin)))
            joined = source is not None and source.target == region.target
            if joined and stages[id(marked(begin))] == stages[id(region.ends[0])]:
                changed[id(begin)] = marked(_end(begin))
    if not changed:
        return function
    result = replace_nodes(function, changed)
    assert isinstance(result, Function)
    return result


def _end(begin: Call) -> Call:
    end = marked(begin)
    assert isinstance(end, Call)
    return end


def _stages(function: Function, home: Mapping[int, Region]) -> dict[int, int]:
    """Return the stage of each node outside of regions, and of each mark where one ends."""
    stages: dict[int, int] = {}
    stack: list[Expr] = [function.body]
    while stack:
        node = stack[-1]
        region = home.get(id(node))
        needed = children(node) if region is None else [marked(part) for part in region.begins]
        missing = [part for part in needed if id(part) not in stages]
        if missing and id(node) not in stages:
            stack.extend(missing)
            continue
        stack.pop()
        if region is None:
            stages[id(node)] = max((stages[id(part)] for part in needed), default=0)
        else:
            entries = (_entry(part, region, home, stages) for part in needed)
            stages[id(node)] = max(entries, default=0)
    return stages


def _entry(
    source: Expr, region: Region, home: Mapping[int, Region], stages: Mapping[int, int]
) -> int:
    """Return the stage that a region must have for one of its inputs."""
    before = home.get(id(source))
    same = before is not None and before.target == region.target
    return stages[id(source)] + (0 if same else 1)
