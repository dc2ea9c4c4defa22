"""Moves each region of a target into a global function.

before -> after (b, e: `annotation.compiler_begin` and `compiler_end` of the target "accel")::

    def @main(%x) {               def @accel_0(%p0, Compiler="accel", Primitive=1, Inline=1,
      exp(e(nn.relu(b(%x))))               global_symbol="accel_0") { nn.relu(%p0) }
    }                        ->   def @main(%x) { exp(@accel_0(%x)) }

Constants move inside. A region of several results gives a tuple. What enters twice enters once.
"""

from collections.abc import Iterator, Sequence
from itertools import count

from ..infer import infer
from ..ir.module import Module
from ..ir.nodes import (
    AttributeValue,
    Call,
    Constant,
    Expr,
    Function,
    GlobalVar,
    Tuple,
    TupleGetItem,
    Var,
)
from ..ir.visitor import children, with_children
from .annotate_target import BEGIN
from .compiler_regions import Region, find_regions, mark_of, marked
from .functions import replace_nodes, typed

__all__ = ["partition_graph"]


def partition_graph(module: Module) -> Module:
    """Return `module` without marks, each region in a function of its own."""
    given = typed(module)
    names = _Names(given)
    functions: dict[str, Function] = {}
    for name in given:
        changed: dict[int, Expr] = {}
        for region in find_regions(given[name]):
            symbol = names.next(region.target)
            functions[symbol], results = _outline(region, symbol)
            changed.update(results)
        after = replace_nodes(given[name], changed)
        assert isinstance(after, Function)
        functions[name] = after
    if len(functions) == len(given):
        return given
    return infer(given.replace(**functions))


class _Names:
    """Names of new functions: the target's and a number."""

    def __init__(self, module: Module) -> None:
        self._taken = set(module)
        self._numbers: dict[str, Iterator[int]] = {}

    def next(self, target: str) -> str:
        """Return a name that the module does not have."""
        numbers = self._numbers.setdefault(target, count())
        return next(name for name in (f"{target}_{n}" for n in numbers) if name not in self._taken)


def _outline(region: Region, symbol: str) -> tuple[Function, dict[int, Expr]]:
    """Return the function of a region, and what replaces each mark where it ends."""
    sources = {id(marked(begin)): marked(begin) for begin in region.begins}
    inputs = [part for part in sources.values() if not isinstance(part, Constant)]
    params = {id(part): Var(f"p{place}", part.type) for place, part in enumerate(inputs)}
    outputs = {id(marked(end)): marked(end) for end in region.ends}
    done: dict[int, Expr] = {}
    fields = tuple(_copy(output, params, done) for output in outputs.values())
    body = fields[0] if len(fields) == 1 else Tuple(fields)
    attrs: dict[str, AttributeValue] = {
        "Compiler": region.target,
        "Primitive": 1,
        "Inline": 1,
        "global_symbol": symbol,
    }
    function = Function(tuple(params.values()), body, None, attrs, span=body.span)
    result = Call(GlobalVar(symbol), tuple(inputs), span=body.span)
    return function, _results(region, list(outputs), result)


def _results(region: Region, outputs: Sequence[int], result: Call) -> dict[int, Expr]:
    if len(outputs) == 1:
        return {id(end): result for end in region.ends}
    return {
        id(end): TupleGetItem(result, outputs.index(id(marked(end))), span=end.span)
        for end in region.ends
    }


def _copy(root: Expr, params: dict[int, Var], done: dict[int, Expr]) -> Expr:
    """Return `root` with parameters in the place of the marks where its region begins."""
    stack = [root]
    while stack:
        node = stack[-1]
        if mark_of(node) == BEGIN and isinstance(node, Call):
            source = marked(node)
            done[id(node)] = params.get(id(source), source)
        parts = () if isinstance(node, Function) else children(node)
        missing = [part for part in parts if id(part) not in done]
        if id(node) in done or not missing:
            stack.pop()
            if id(node) not in done:
                new = tuple(done[id(part)] for part in parts)
                done[id(node)] = with_children(node, new) if parts else node
        else:
            stack.extend(reversed(missing))
    return done[id(root)]
