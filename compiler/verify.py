"""Well-formedness of a module: what must hold before types are asked for.

Every variable is bound once and used only where it is bound; every operator, global function and
type parameter exists; operators are called with as many arguments as they have.
"""

from .errors import InvalidModule
from .ir.module import Module
from .ir.nodes import Call, Expr, Function, GlobalVar, Let, Op, Var
from .ir.visitor import bound_vars, children, post_order
from .ops.registry import lookup

__all__ = ["verify"]


def verify(module: Module) -> Module:
    """Return `module` if it is well formed.

    Raises
    ------
    InvalidModule
        A variable is unbound, or bound twice; a global function or a type parameter does not
        exist; a constant has a data type that no tensor has.
    Unsupported
        An operator does not exist.
    """
    seen: dict[Var, str] = {}
    for name in module:
        _verify_binders(name, module[name], seen)
        _verify_scopes(module[name])
        for node in post_order(module[name]):
            _verify_node(module, node)
    return module


def _verify_binders(name: str, function: Function, seen: dict[Var, str]) -> None:
    """Raise InvalidModule if a variable is bound twice, here or in another function."""
    for var in bound_vars(function):
        if var in seen:
            raise InvalidModule(
                f"%{var.name} is bound twice, in @{seen[var]} and in @{name}; "
                f"make a variable for each binder",
                var.span,
            )
        seen[var] = name


def _verify_scopes(root: Function) -> None:
    """Raise InvalidModule if a variable is used where it is not bound.

    What each node uses is found bottom-up; a binder takes its variable away.
    """
    free: dict[int, frozenset[Var]] = {}
    empty: frozenset[Var] = frozenset()
    for node in post_order(root):
        used = frozenset({node}) if isinstance(node, Var) else empty
        for part in children(node):
            if free[id(part)] - used:
                used = used | free[id(part)] if used else free[id(part)]
        match node:
            case Function(params):
                used = used - frozenset(params)
            case Let(var, value, body):
                inside = free[id(body)] - {var}
                outside = free[id(value)]
                if isinstance(value, Function):
                    outside = outside - {var}
                used = inside | outside
            case _:
                pass
        free[id(node)] = used
    for var in free[id(root)]:
        raise InvalidModule(
            f"%{var.name} is used where it is not bound; bind it with let or make it a parameter",
            var.span,
        )


def _verify_node(module: Module, node: Expr) -> None:
    """Raise InvalidModule if one node by itself cannot be."""
    match node:
        case GlobalVar(name) if name not in module:
            raise InvalidModule(f"there is no function @{name} in the module", node.span)
        case Call(op, args) if isinstance(op, Op):
            row = lookup(op.name, node.span)
            if len(args) != len(row.arguments):
                raise InvalidModule(
                    f"{op.name} takes {len(row.arguments)} arguments "
                    f"({', '.join(row.arguments)}), not {len(args)}",
                    node.span,
                )
        case Op(name):
            raise InvalidModule(f"operator {name} can only be called", node.span)
        case _:
            pass
