"""Types of patterns: what they demand of the value, and what they give their variables."""

from ..errors import InvalidModule, TypeInferenceError
from ..ir.matching import (
    ConstructorPattern,
    Match,
    MatchPattern,
    TuplePattern,
    VarPattern,
)
from ..ir.module import Module
from ..ir.span import Span
from ..ir.types import FuncType, TupleType, Type, TypeCall, TypeVar
from ..ir.unify import substitute_types
from .kinds import Kinds
from .origins import Place
from .scopes import Scopes
from .solver import Solver

__all__ = ["Patterns", "constructor_type"]


def constructor_type(module: Module, name: str, span: Span | None) -> FuncType:
    """Return the type of a constructor, a quantified function.

    Raises
    ------
    InvalidModule
        There is none of that name.
    """
    found = module.constructor(name)
    if found is None:
        raise InvalidModule(f"there is no constructor {name} in the module", span)
    data, constructor = found
    return FuncType(constructor.fields, TypeCall(data.name, data.type_params), data.type_params)


class Patterns:
    """Finds the types of patterns."""

    def __init__(self, module: Module, solver: Solver, scopes: Scopes, kinds: Kinds) -> None:
        self._module = module
        self._solver = solver
        self._scopes = scopes
        self._kinds = kinds

    def bind(self, match: Match, found: Type) -> None:
        """Give the variables of all clauses their types; `found` is that of the value."""
        pending = [(clause.pattern, found) for clause in reversed(match.clauses)]
        while pending:
            pattern, given = pending.pop()
            fields = self._fields(pattern, given, match)
            if isinstance(pattern, ConstructorPattern | TuplePattern):
                pending.extend(reversed(list(zip(pattern.fields, fields, strict=True))))

    def _fields(self, pattern: MatchPattern, given: Type, match: Match) -> tuple[Type, ...]:
        """Return the types of a pattern's fields, once it is of type `given`."""
        match pattern:
            case VarPattern(var):
                if var.annotation is None:
                    self._scopes.types[id(var)] = given
                else:
                    self._kinds.check(var.annotation, var.span)
                    place = Place(f"%{var.name}", var.span)
                    self._solver.equate(self._scopes.type_of(var), given, place, var, match.value)
                return ()
            case TuplePattern(fields):
                types: tuple[Type, ...] = tuple(self._solver.unifier.fresh() for _ in fields)
                place = Place("the value of match", pattern.span or match.span)
                what = _words("the tuple pattern", pattern.span)
                self._solver.equate(TupleType(types), given, place, what, match.value)
                return types
            case ConstructorPattern():
                return self._constructor_fields(pattern, given, match)
            case _:
                return ()

    def _constructor_fields(
        self, pattern: ConstructorPattern, given: Type, match: Match
    ) -> tuple[Type, ...]:
        """Return the types of the fields of a constructor's pattern."""
        span = pattern.span or match.span
        signature = constructor_type(self._module, pattern.name, span)
        if len(signature.params) != len(pattern.fields):
            raise TypeInferenceError(
                f"constructor {pattern.name} has {len(signature.params)} fields, but the pattern "
                f"names {len(pattern.fields)}",
                span,
            )
        values: dict[TypeVar, Type] = {
            var: self._solver.unifier.fresh() for var in signature.type_params
        }
        place = Place("the value of match", span)
        what = _words(f"the pattern {pattern.name}", span)
        self._solver.equate(
            substitute_types(signature.ret, values), given, place, what, match.value
        )
        return tuple(substitute_types(param, values) for param in signature.params)


def _words(what: str, span: Span | None) -> str:
    return what + ("" if span is None else f" at {span}")
