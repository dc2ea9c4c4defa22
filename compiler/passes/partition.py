"""Moves what a target takes into functions of their own.

before::

    def @main(%x) { softmax(requantize(bias_add(qnn.conv2d(%x, w), b))) }

after::

    def @accel_0(%p0, Compiler="accel") { requantize(bias_add(qnn.conv2d(%p0, w), b)) }
    def @main(%x) { softmax(@accel_0(%x)) }

Every call gets a stage: it grows along an edge between a call that the target takes and one that it
does not. Calls of one stage make one region; since stages never fall along an edge, no two regions
wait for each other. A region whose cost, the copies to and from it included, is more than what it
saves stays on the CPU. So do branches and the bodies of inner functions: they may not run at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from ..infer import infer
from ..ir import (
    Call,
    Constant,
    Expr,
    Function,
    GlobalVar,
    If,
    Module,
    TensorType,
    Tuple,
    TupleGetItem,
    Var,
)
from ..ir.matching import Match as MatchExpr
from ..ir.visitor import children, post_order
from ..targets.target import Match, Target
from .functions import replace_nodes
from .inline_lets import inline_lets

__all__ = ["Decision", "explain_partition", "partition"]


@dataclass(frozen=True)
class Decision:
    """Why a region is where it is; costs in the target's cycles."""

    name: str
    calls: int
    cycles: int
    transfer_cycles: int
    saved_cycles: int

    @property
    def taken(self) -> bool:
        """Whether the target computes the region."""
        return self.cycles + self.transfer_cycles <= self.saved_cycles


def partition(module: Module, target: Target) -> Module:
    """Return `module`, inferred, with a function for each region that `target` takes of @main."""
    module = inline_lets(module)
    regions = _regions(module, target)
    return _outline(module, target.name, [region for region in regions if region.decision.taken])


def explain_partition(module: Module, target: Target) -> tuple[Decision, ...]:
    """Return what `partition` decides for each region that `target` could take."""
    return tuple(region.decision for region in _regions(inline_lets(module), target))


@dataclass(frozen=True)
class _Region:
    """Calls of one stage, the tensors that enter and those that leave."""

    calls: frozenset[int]
    inputs: tuple[Expr, ...]
    outputs: tuple[Expr, ...]
    decision: Decision


def _regions(module: Module, target: Target) -> list[_Region]:
    body = module["main"].body
    always = _always_computed(body)
    owner = {
        id(call): match
        for match in target.matches(body)
        if all(id(call) in always for call in match.calls)
        for call in match.calls
    }
    stages = _stages(body, owner)
    members: dict[int, list[Call]] = {}
    for node in post_order(body):
        if isinstance(node, Call) and id(node) in owner:
            members.setdefault(stages[id(node)], []).append(node)
    names = (f"{target.name}_{number}" for number in count())
    free = (name for name in names if name not in module)
    return [
        _region(body, calls, owner, name, target)
        for calls, name in zip(members.values(), free, strict=False)
    ]


def _always_computed(body: Expr) -> set[int]:
    """Return the nodes of `body` that are in no branch, clause or inner function."""
    found: set[int] = set()
    stack = [body]
    while stack:
        node = stack.pop()
        if id(node) not in found:
            found.add(id(node))
            if isinstance(node, If):
                stack.append(node.condition)
            elif isinstance(node, MatchExpr):
                stack.append(node.value)
            elif not isinstance(node, Function):
                stack.extend(children(node))
    return found


def _stages(body: Expr, owner: Mapping[int, Match]) -> dict[int, int]:
    """Return the stage of each node: even on the CPU, odd on the target."""
    stages: dict[int, int] = {}
    for node in post_order(body):
        inside = int(id(node) in owner)
        below = [stages[id(part)] for part in children(node) if not isinstance(part, Constant)]
        stage = max(below, default=0)
        stages[id(node)] = stage + ((stage + inside) % 2)
    return stages


def _region(
    body: Expr, calls: Sequence[Call], owner: Mapping[int, Match], name: str, target: Target
) -> _Region:
    inside = frozenset(id(call) for call in calls)
    inputs: dict[int, Expr] = {}
    outputs: dict[int, Expr] = {}
    for node in post_order(body):
        for part in children(node):
            if id(node) in inside and id(part) not in inside and not isinstance(part, Constant):
                inputs[id(part)] = part
            if id(node) not in inside and id(part) in inside:
                outputs[id(part)] = part
    if id(body) in inside:
        outputs[id(body)] = body
    matches = {id(owner[id(call)]): owner[id(call)] for call in calls}.values()
    crossing = [*inputs.values(), *outputs.values()]
    decision = Decision(
        name,
        len(calls),
        sum(match.cycles for match in matches),
        sum(target.transfer_cycles(_size(item)) for item in crossing),
        sum(match.saved_cycles for match in matches),
    )
    return _Region(inside, tuple(inputs.values()), tuple(outputs.values()), decision)


def _size(expr: Expr) -> int:
    """Return the bytes of a tensor."""
    kind = expr.type
    assert isinstance(kind, TensorType)
    size = np.dtype(kind.dtype).itemsize
    for extent in kind.shape:
        assert isinstance(extent, int)
        size *= extent
    return size


def _outline(module: Module, target: str, regions: Sequence[_Region]) -> Module:
    """Return `module` with each region in a function of its own."""
    functions: dict[str, Function] = {}
    results: dict[int, Expr] = {}
    for region in regions:
        name = region.decision.name
        functions[name] = _function(region, target)
        call: Expr = Call(GlobalVar(name), region.inputs)
        single = len(region.outputs) == 1
        for place, output in enumerate(region.outputs):
            results[id(output)] = call if single else TupleGetItem(call, place)
    main = module["main"]
    body = replace_nodes(main.body, results)
    new_main = Function(main.params, body, main.ret_type, main.attrs, span=main.span)
    return infer(module.replace(main=new_main, **functions))


def _function(region: _Region, target: str) -> Function:
    params = {id(item): Var(f"p{place}", item.type) for place, item in enumerate(region.inputs)}
    results = region.outputs[0] if len(region.outputs) == 1 else Tuple(region.outputs)
    body = replace_nodes(results, params)
    return Function(tuple(params.values()), body, None, {"Compiler": target, "Primitive": 1})
