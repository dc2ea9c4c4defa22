"""What a module takes from another one: the definitions that it uses and does not have."""

from collections.abc import Iterable, Iterator

from ..errors import InvalidModule
from .matching import ConstructorPattern, Match, MatchPattern, TuplePattern, VarPattern
from .module import Module
from .nodes import Constructor, Expr, Function, GlobalVar, Let, Var
from .span import Span
from .types import FuncType, RefType, TupleType, Type, TypeCall
from .visitor import post_order

__all__ = ["take_definitions"]


def take_definitions(module: Module, library: Module, names: Iterable[str] = ()) -> Module:
    """Return `module` with what it uses of `library`, and what that uses.

    Parameters
    ----------
    module : Module
        Its own definitions come first: a function or a data type that it has is not taken.
    library : Module
    names : iterable of str
        Functions and data types to take even if nothing uses them.

    Raises
    ------
    InvalidModule
        A constructor of a data type that is taken bears the name of one of the module's own.
    """
    owners = {
        constructor.name: data.name
        for data in library.types.values()
        for constructor in data.constructors
    }
    own = {constructor.name for data in module.types.values() for constructor in data.constructors}
    functions, types = dict(module.functions), dict(module.types)
    pending = [(name, name in library.types) for name in names]
    for function in module.functions.values():
        pending.extend(_used(function))
    for data in module.types.values():
        pending.extend(_used_by_fields(data.name, module))
    while pending:
        name, is_type = pending.pop()
        if is_type and name in owners and name not in own and name not in types:
            name = owners[name]
        if is_type and name in library.types and name not in types:
            types[name] = library.types[name]
            for constructor in types[name].constructors:
                if constructor.name in own:
                    raise InvalidModule(
                        f"constructor {constructor.name} of {name}, which the program uses, and "
                        f"one of its own bear one name; rename its own",
                        _place_of(constructor.name, module),
                    )
            pending.extend(_used_by_fields(name, library))
        elif not is_type and name in library and name not in functions:
            functions[name] = library[name]
            pending.extend(_used(library[name]))
    return Module(functions, types)


def _place_of(constructor: str, module: Module) -> Span | None:
    """Return where a constructor is declared."""
    found = module.constructor(constructor)
    return None if found is None else found[1].span


def _used_by_fields(name: str, module: Module) -> Iterator[tuple[str, bool]]:
    """Yield the data types in the declaration of one."""
    for constructor in module.types[name].constructors:
        for field in constructor.fields:
            yield from _used_by_type(field)


def _used(function: Function) -> Iterator[tuple[str, bool]]:
    """Yield the name of each function, data type and constructor in an expression.

    True stands with the latter two.
    """
    for node in post_order(function):
        match node:
            case GlobalVar(name):
                yield name, False
            case Constructor(name):
                yield name, True
            case Var(_, annotation) if annotation is not None:
                yield from _used_by_type(annotation)
            case Function(params, _, ret_type):
                for type_ in (*(param.annotation for param in params), ret_type):
                    yield from () if type_ is None else _used_by_type(type_)
            case Let(var):
                yield from () if var.annotation is None else _used_by_type(var.annotation)
            case Match(_, clauses):
                for clause in clauses:
                    yield from _used_by_pattern(clause.pattern)
            case Expr():
                pass


def _used_by_pattern(root: MatchPattern) -> Iterator[tuple[str, bool]]:
    """Yield the constructors and the data types of annotations in a pattern."""
    pending = [root]
    while pending:
        match pending.pop():
            case VarPattern(var) if var.annotation is not None:
                yield from _used_by_type(var.annotation)
            case ConstructorPattern(name, fields):
                yield name, True
                pending.extend(fields)
            case TuplePattern(fields):
                pending.extend(fields)
            case _:
                pass


def _used_by_type(root: Type) -> Iterator[tuple[str, bool]]:
    """Yield the data types in a type."""
    pending = [root]
    while pending:
        match pending.pop():
            case TypeCall(name, args):
                yield name, True
                pending.extend(args)
            case TupleType(fields):
                pending.extend(fields)
            case FuncType(params, ret):
                pending.extend((*params, ret))
            case RefType(value):
                pending.append(value)
            case _:
                pass
