"""What passes ask of types: which type parameters they use, and a type with parts changed."""

from collections.abc import Callable, Iterator

from ..ir.types import FuncType, RefType, TupleType, Type, TypeCall, TypeVar

__all__ = ["map_type", "match_types", "parts_of", "type_vars"]


def type_vars(*roots: Type | None) -> Iterator[TypeVar]:
    """Yield each type parameter that types use and do not bind, once."""
    seen: set[TypeVar] = set()
    pending: list[tuple[Type | None, frozenset[TypeVar]]] = [
        (root, frozenset()) for root in reversed(roots)
    ]
    while pending:
        kind, bound = pending.pop()
        match kind:
            case TypeVar() if kind not in bound and kind not in seen:
                seen.add(kind)
                yield kind
            case FuncType(params, ret, own):
                inner = bound | set(own)
                pending.extend((part, inner) for part in (ret, *reversed(params)))
            case TupleType(parts) | TypeCall(_, parts):
                pending.extend((part, bound) for part in reversed(parts))
            case RefType(value):
                pending.append((value, bound))
            case _:
                pass


def parts_of(kind: Type) -> tuple[Type, ...]:
    """Return the types that a type is made of."""
    match kind:
        case FuncType(params, ret):
            return (*params, ret)
        case TupleType(parts) | TypeCall(_, parts):
            return parts
        case RefType(value):
            return (value,)
        case _:
            return ()


def map_type(root: Type, function: Callable[[Type], Type]) -> Type:
    """Return `root` rebuilt bottom-up through `function`."""
    match root:
        case FuncType(params, ret, own):
            types = tuple(map_type(param, function) for param in params)
            return function(FuncType(types, map_type(ret, function), own))
        case TupleType(fields):
            return function(TupleType(tuple(map_type(field, function) for field in fields)))
        case TypeCall(name, args):
            return function(TypeCall(name, tuple(map_type(arg, function) for arg in args)))
        case RefType(value):
            return function(RefType(map_type(value, function)))
        case _:
            return function(root)


def match_types(pattern: Type, kind: Type, found: dict[TypeVar, Type]) -> None:
    """Record which types the type parameters of `pattern` stand for in `kind`."""
    match pattern, kind:
        case TypeVar(), _:
            found.setdefault(pattern, kind)
        case (TupleType(a), TupleType(b)) | (TypeCall(_, a), TypeCall(_, b)):
            for x, y in zip(a, b, strict=True):
                match_types(x, y, found)
        case FuncType(params, ret), FuncType(others, result):
            for x, y in zip((*params, ret), (*others, result), strict=True):
                match_types(x, y, found)
        case RefType(a_value), RefType(b_value):
            match_types(a_value, b_value, found)
        case _:
            pass
