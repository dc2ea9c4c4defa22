"""Replaces a function by one that gives its result and the gradient by each parameter.

before -> after::

    def @main(%x: float32) -> float32 { multiply(%x, %x) }

    def @main(%x: float32) -> (float32, (float32,)) {
      %0 = multiply(%x, %x);
      %1 = ones(...);
      (%0, (add(multiply(%1, %x), multiply(%1, %x)),))
    }

The gradient is that of the sum of all floating-point elements of the result; parameters that are
not floating point get zeros. First order is for graphs of operators: the answer is a graph again,
fast and without cells, and may be differentiated once more. Higher order (`gradient_higher`) is for
the whole language.
"""

from dataclasses import replace

from ..errors import InvalidModule, Unsupported
from ..gradients.application import argument_gradients, merged, ones, with_zeros
from ..gradients.site import Gradient
from ..infer import infer
from ..ir.module import Module
from ..ir.nodes import Call, Constant, Expr, Function, Op, Tuple, TupleGetItem, Var
from ..ir.types import TensorType, TupleType, Type
from ..ir.visitor import post_order
from .copying import copy_expr
from .functions import typed
from .gradient_higher import higher_order
from .inline_lets import put_in

__all__ = ["ORDERS", "gradient"]

ORDERS = ("first", "higher")


def gradient(
    module: Module, name: str = "main", order: str = "first", result: str | None = None
) -> Module:
    """Return `module`, typed, with the gradient of the function `name`.

    Parameters
    ----------
    order : "first" or "higher"
    result : what the gradient is called; by default it replaces the function

    Raises
    ------
    InvalidModule
        There is no such function.
    Unsupported
        An operator has no gradient; of first order also what is no graph of operators.
    """
    if name not in module:
        raise InvalidModule(f"there is no function @{name} to differentiate in the module")
    if order not in ORDERS:
        raise Unsupported(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
    given = typed(module)
    target = name if result is None else result
    if order == "higher":
        return higher_order(given, name, target)
    return infer(given.replace(**{target: _first_order(given, name)}))


def _first_order(module: Module, name: str) -> Function:
    """Return the function that gives the result and the gradients."""
    body = put_in(module[name].body, ())
    plain = replace(module[name], body=body, type=None)
    function = typed(module.replace(**{name: plain}))[name]
    gradients: dict[int, Gradient] = {
        id(function.body): ones(_type_of(function.body), function.body)
    }

    def contribute(node: Expr, part: Gradient) -> None:
        gradients[id(node)] = merged(gradients.get(id(node)), part)

    for node in reversed(tuple(post_order(function.body))):
        _require_graph(node)
        found = gradients.get(id(node))
        if found is None:
            continue
        match node:
            case Tuple(fields):
                assert isinstance(found, tuple)
                for field, part in zip(fields, found, strict=True):
                    contribute(field, part)
            case TupleGetItem(value, index):
                kind = _type_of(value)
                assert isinstance(kind, TupleType)
                places = range(len(kind.fields))
                contribute(value, tuple(found if place == index else None for place in places))
            case Call(Op(), args):
                parts = argument_gradients(node, args, node, found)
                for arg, part in zip(args, parts, strict=True):
                    contribute(arg, part)
            case _:
                pass
    params = tuple(
        with_zeros(gradients.get(id(param)), _type_of(param), param) for param in function.params
    )
    _require_tensors(function.params)
    result = Tuple((function.body, Tuple(params)))
    made = replace(function, body=result, ret_type=None, type=None)
    copy = copy_expr(made)
    assert isinstance(copy, Function)
    return replace(copy, type=None)


def _require_graph(node: Expr) -> None:
    """Raise Unsupported unless a node may stand in a graph of operators."""
    if isinstance(node, Var | Constant | Tuple | TupleGetItem):
        return
    if isinstance(node, Call) and isinstance(node.op, Op):
        return
    raise Unsupported(
        f"the gradient of first order is of operators and tuples, not of "
        f"{type(node).__name__}; ask for order='higher'",
        node.span,
    )


def _require_tensors(params: tuple[Var, ...]) -> None:
    """Raise Unsupported unless all parameters are tensors or tuples of them."""
    for param in params:
        pending = [_type_of(param)]
        while pending:
            kind = pending.pop()
            if isinstance(kind, TupleType):
                pending.extend(kind.fields)
            elif not isinstance(kind, TensorType):
                raise Unsupported(
                    f"gradients are by tensors and tuples of them, not by %{param.name}: {kind}",
                    param.span,
                )


def _type_of(expr: Expr) -> Type:
    assert expr.type is not None, "the module is typed"
    return expr.type
