"""A network with inputs of another size, or of a size that is known only at run time."""

from dataclasses import replace
from math import prod

from compiler.ir import Any, Call, Expr, Function, Module, Op, TensorType, Var
from compiler.ir.visitor import children, post_order, with_children
from compiler.passes.functions import typed

__all__ = ["resized"]

_COPY, _JOIN, _SPLIT = 0, -3, -4
"""Codes of a reshape: an axis stays, two become one, one becomes the two that follow."""


def resized(module: Module, axis: int, size: int | None) -> Module:
    """Return a network whose inputs have another size along an axis.

    Parameters
    ----------
    module : Module
        Its reshapes only join or split neighbouring axes.
    axis : int
        Of all inputs.
    size : int or None
        None: each run has its own.
    """
    main = typed(module)["main"]
    done: dict[int, Expr] = {id(param): _resized(param, axis, size) for param in main.params}
    for node in post_order(main.body):
        if id(node) in done:
            continue
        made = with_children(node, tuple(done[id(part)] for part in children(node)))
        if isinstance(node, Call) and isinstance(node.op, Op) and node.op.name == "reshape":
            assert isinstance(made, Call)
            made = replace(made, attrs={**node.attrs, "newshape": _codes(node)})
        done[id(node)] = made
    params = tuple(done[id(param)] for param in main.params if isinstance(param, Var))
    variables = tuple(param for param in params if isinstance(param, Var))
    return typed(Module({"main": Function(variables, done[id(main.body)])}))


def _resized(param: Var, axis: int, size: int | None) -> Var:
    """Return a parameter of another size."""
    kind = param.type or param.annotation
    assert isinstance(kind, TensorType)
    shape = list(kind.shape)
    shape[axis] = Any() if size is None else size
    return Var(param.name, TensorType(tuple(shape), kind.dtype))


def _codes(node: Call) -> tuple[int, ...]:
    """Return what a reshape does, as codes that hold for other sizes of an axis too."""
    source, target = _shape(node.args[0]), _shape(node)
    codes: list[int] = []
    while source or target:
        taken, given = [source.pop(0)], [target.pop(0)]
        while prod(taken) != prod(given):
            if prod(taken) < prod(given):
                taken.append(source.pop(0))
            else:
                given.append(target.pop(0))
        if not target:
            # Ones that are left.
            taken, source = [*taken, *source], []
        match len(taken), len(given):
            case 1, 1:
                codes.append(_COPY)
            case 2, 1:
                codes.append(_JOIN)
            case 1, 2:
                codes += [_SPLIT, *given]
            case _:
                # Sizes that stay what they are: only at the end, where no codes copy axes.
                codes += given
    return tuple(codes)


def _shape(node: Expr) -> list[int]:
    """Return the shape of a node of known sizes."""
    assert isinstance(node.type, TensorType)
    sizes = [size for size in node.type.shape if isinstance(size, int)]
    assert len(sizes) == len(node.type.shape)
    return sizes
