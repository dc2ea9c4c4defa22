"""A typed @main as steps over tensors: functions inlined, tuples taken apart, views resolved."""

from collections.abc import Iterator, Mapping

from ...errors import Unsupported
from ...ir.module import Module
from ...ir.nodes import (
    Call,
    Constant,
    Expr,
    Function,
    GlobalVar,
    Let,
    Op,
    Tuple,
    TupleGetItem,
    Var,
)
from .graph import Graph, Steps, Tensor, Value, flatten, tensors_of

__all__ = ["trace"]


def trace(module: Module, regions: Mapping[str, int]) -> Graph:
    """Return the steps of @main.

    Raises
    ------
    Unsupported
        Control flow, closures, recursion, or an unknown dimension.
    """
    return _Tracer(module, regions).trace()


class _Tracer:
    """Walks the functions of a module from @main."""

    def __init__(self, module: Module, regions: Mapping[str, int]) -> None:
        self._module = module
        self._regions = regions
        self._steps = Steps()
        self._callers: list[str] = []

    def trace(self) -> Graph:
        """Return the whole graph."""
        main = self._module["main"]
        inputs: list[Tensor] = []
        for param in main.params:
            value = tensors_of(param.type or param.annotation, param.span)
            inputs.extend(flatten(value))
            if not isinstance(value, Tensor):
                raise Unsupported(
                    f"parameter {param.name} of @main must be a tensor, not {param.type}: pass "
                    "the fields of a tuple one by one",
                    param.span,
                )
        result = self._function(main, tuple(inputs), {})
        return Graph(tuple(inputs), tuple(self._steps.steps), tuple(flatten(result)))

    def _function(
        self, function: Function, arguments: tuple[Value, ...], outer: Mapping[int, Value]
    ) -> Value:
        """Return the value of a function's body."""
        values: dict[int, Value] = dict(outer)
        for param, argument in zip(function.params, arguments, strict=True):
            values[id(param)] = argument
        bound: dict[int, Expr] = {}
        for node in _in_order(function.body, values, bound):
            if id(node) in bound:
                values[id(node)] = values[id(bound[id(node)])]
            else:
                values[id(node)] = self._evaluate(node, values)
        return values[id(function.body)]

    def _evaluate(self, node: Expr, values: Mapping[int, Value]) -> Value:
        """Return the value of one expression whose parts have values."""
        match node:
            case Constant(value):
                return Tensor(value.shape, str(value.dtype), constant=value)
            case Tuple(fields):
                return tuple(values[id(field)] for field in fields)
            case TupleGetItem(value, index):
                whole = values[id(value)]
                assert isinstance(whole, tuple)
                return whole[index]
            case Let(_, _, body):
                return values[id(body)]
            case Call(op, args):
                return self._call(node, op, tuple(values[id(arg)] for arg in args), values)
            case _:
                raise _refuse(node)

    def _call(
        self, node: Call, op: Expr, arguments: tuple[Value, ...], values: Mapping[int, Value]
    ) -> Value:
        """Return the value of a call, of whatever kind."""
        match op:
            case Op(name):
                return self._steps.operator(name, node.attrs, arguments, node.type, node.span)
            case GlobalVar(name) if name in self._regions:
                return self._steps.region(self._regions[name], arguments, node.type, node.span)
            case GlobalVar(name):
                if name in self._callers or name == "main":
                    raise Unsupported(
                        f"@{name} calls itself: the CPU backend needs a program without recursion",
                        node.span,
                    )
                self._callers.append(name)
                result = self._function(self._module[name], arguments, {})
                self._callers.pop()
                return result
            case Function():
                return self._function(op, arguments, values)
            case _:
                raise Unsupported(
                    "the CPU backend does not compile the call of a function that is computed; "
                    "call a global function",
                    node.span,
                )


def _in_order(root: Expr, known: Mapping[int, Value], bound: dict[int, Expr]) -> Iterator[Expr]:
    """Yield what `root` needs and is not known, each expression once, operands first.

    Parameters
    ----------
    bound : dict
        What the variables of `Let`s stand for; those that are met are added.
    """
    seen = set(known)
    stack: list[tuple[Expr, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            if isinstance(node, Let):
                bound[id(node.var)] = node.value
                seen.add(id(node.var))
                stack += [(node.body, False), (node.var, True), (node.value, False)]
            stack.extend((part, False) for part in reversed(_operands(node)))


def _operands(node: Expr) -> tuple[Expr, ...]:
    """Return the expressions whose values `node` needs."""
    match node:
        case Call(_, args):
            return args
        case Tuple(fields):
            return fields
        case TupleGetItem(value):
            return (value,)
        case _:
            return ()


def _refuse(node: Expr) -> Unsupported:
    """Return the error for an expression that this backend does not take."""
    match node:
        case Var(name):
            what, remedy = f"the free variable %{name}", "make it a parameter of @main"
        case _:
            what, remedy = f"{type(node).__name__}", "call operators and global functions"
    return Unsupported(f"the CPU backend does not compile {what}; {remedy}", node.span)
