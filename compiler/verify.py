"""Well-formedness of a module: what must hold before types are asked for.

Every variable is bound once and used only where it is bound; every operator, global function and
type parameter exists; operators are called with as many arguments as they have, and constructors
stand in patterns with as many fields.
"""

from collections.abc import Iterable

from .errors import InvalidModule
from .ir.matching import ConstructorPattern, Match, MatchPattern, TuplePattern, pattern_vars
from .ir.module import Module
from .ir.nodes import Call, Constructor, Expr, Function, GlobalVar, Let, Op, Var
from .ir.span import Span
from .ir.types import FuncType, RefType, TupleType, Type, TypeCall, TypeVar
from .ir.visitor import bound_vars, children, post_order
from .ops.registry import lookup

__all__ = ["verify"]


def verify(module: Module) -> Module:
    """Return `module` if it is well formed.

    Raises
    ------
    InvalidModule
        A variable is unbound, or bound twice; a global function, a constructor or a type
        parameter does not exist; a pattern has more or fewer fields than its constructor.
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
    """Raise InvalidModule if a variable or a type parameter is used where it is not bound.

    What each node uses is found bottom-up; a binder takes its variables away.
    """
    free: dict[int, frozenset[Var | TypeVar]] = {}
    for node in post_order(root):
        used: frozenset[Var | TypeVar] = frozenset({node}) if isinstance(node, Var) else frozenset()
        for part in children(node):
            if not free[id(part)] <= used:
                used = used | free[id(part)] if used else free[id(part)]
        match node:
            case Function(params, _, ret_type, _, type_params):
                annotations = (ret_type, *(param.annotation for param in params))
                used = (used | _type_vars(annotations)) - {*params, *type_params}
            case Let(var, value, body):
                # Only a function may use the name that it is bound to.
                outside = free[id(value)] - ({var} if isinstance(value, Function) else set())
                used = (free[id(body)] - {var}) | outside | _type_vars((var.annotation,))
            case Match(value, clauses):
                used = free[id(value)]
                for clause in clauses:
                    bound = tuple(pattern_vars(clause.pattern))
                    annotations = tuple(var.annotation for var in bound)
                    used = used | (free[id(clause.body)] - set(bound)) | _type_vars(annotations)
            case _:
                pass
        free[id(node)] = used
    for unbound in free[id(root)]:
        if isinstance(unbound, TypeVar):
            raise InvalidModule(
                f"there is no type parameter {unbound} here; declare it: fn [{unbound}](...)",
                root.span,
            )
        raise InvalidModule(
            f"%{unbound.name} is used where it is not bound; bind it with let or make it a "
            f"parameter",
            unbound.span,
        )


def _type_vars(roots: Iterable[Type | None]) -> frozenset[TypeVar]:
    """Return the type parameters that types use and do not bind."""
    found: set[TypeVar] = set()
    pending = list(roots)
    while pending:
        match pending.pop():
            case TypeVar() as var:
                found.add(var)
            case TupleType(fields):
                pending.extend(fields)
            case FuncType(params, ret, own):
                inner = _type_vars((*params, ret)) if own else frozenset()
                found.update(inner - set(own))
                pending.extend(() if own else (*params, ret))
            case TypeCall(_, args):
                pending.extend(args)
            case RefType(value):
                pending.append(value)
            case _:
                pass
    return frozenset(found)


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
        case Constructor(name) if module.constructor(name) is None:
            raise InvalidModule(f"there is no constructor {name} in the module", node.span)
        case Match(_, clauses):
            for clause in clauses:
                _verify_pattern(module, clause.pattern, node.span)
        case _:
            pass


def _verify_pattern(module: Module, root: MatchPattern, span: Span | None) -> None:
    """Raise InvalidModule if a pattern names a constructor that cannot be."""
    pending = [root]
    while pending:
        pattern = pending.pop()
        if isinstance(pattern, ConstructorPattern | TuplePattern):
            pending.extend(pattern.fields)
        if not isinstance(pattern, ConstructorPattern):
            continue
        found = module.constructor(pattern.name)
        place = pattern.span or span
        if found is None:
            raise InvalidModule(f"there is no constructor {pattern.name} in the module", place)
        if len(found[1].fields) != len(pattern.fields):
            raise InvalidModule(
                f"constructor {pattern.name} has {len(found[1].fields)} fields, but the pattern "
                f"names {len(pattern.fields)}",
                place,
            )
