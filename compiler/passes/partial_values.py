"""Values of which a part is known, and what holds them while a program is partially evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..ir.matching import (
    Clause,
    ConstructorPattern,
    Match,
    MatchPattern,
    TuplePattern,
    VarPattern,
)
from ..ir.nodes import Constructor, Expr, Function, GlobalVar, Let, Var
from ..ir.types import Type, TypeVar
from ..ir.unify import substitute_types

__all__ = [
    "Cell",
    "Closure",
    "Data",
    "Environment",
    "Scope",
    "Value",
    "known_clause",
    "measure",
]


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """What is known of a value.

    Attributes
    ----------
    dynamic : Expr
        What stands for it in the program: a variable, constant, global or constructor.
    static : what is known, None if nothing: an array, a tuple of values, a `Data`, a `Cell`, a
        `Closure`, a global function or a constructor
    """

    dynamic: Expr
    static: (
        npt.NDArray[np.generic]
        | tuple[Value, ...]
        | Data
        | Cell
        | Closure
        | GlobalVar
        | Constructor
        | None
    ) = None


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A value that a constructor made."""

    constructor: str
    fields: tuple[Value, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """The identity of a cell that was made here."""


@dataclass(frozen=True, slots=True, eq=False)
class Closure:
    """A function, where its free variables are, and the scope that it was made in.

    Attributes
    ----------
    name : the variable by which it may call itself, or None
    """

    function: Function
    environment: Environment
    scope: Scope
    name: Var | None


class Environment:
    """Values of variables, and types of type parameters."""

    def __init__(
        self,
        parent: Environment | None = None,
        types: Mapping[TypeVar, Type] | None = None,
    ) -> None:
        self._parent = parent
        self._values: dict[Var, Value] = {}
        self._types: dict[TypeVar, Type] = {} if parent is None else parent._types
        if types:
            self._types = {**self._types, **types}

    def type_of(self, kind: Type | None) -> Type | None:
        """Return a type with what the type parameters stand for."""
        return kind if kind is None or not self._types else substitute_types(kind, self._types)

    def bind(self, var: Var, value: Value) -> None:
        """Give a variable its value."""
        self._values[var] = value

    def find(self, var: Var) -> Value:
        """Return the value of a variable."""
        environment: Environment | None = self
        while environment is not None:
            found = environment._values.get(var)
            if found is not None:
                return found
            environment = environment._parent
        raise AssertionError(f"%{var.name} is bound")


@dataclass(slots=True, eq=False)
class Scope:
    """A block of the program that is written, and what is known while it is.

    Attributes
    ----------
    bindings : variable and value, None for a function that nobody needed yet
    store : what cells hold
    running : the functions being run, with the measures of their arguments
    opened_since : how many of `running` run around the innermost choice left open
    runs : calls of known functions are run
    """

    bindings: dict[Var, Expr | None] = field(default_factory=dict)
    store: dict[Cell, Value] = field(default_factory=dict)
    running: tuple[tuple[Function, tuple[int | None, ...]], ...] = ()
    opened_since: int = 0
    runs: bool = True
    taken: set[Var] = field(default_factory=set)

    def bind(self, value: Expr, kind: Type | None = None) -> Var:
        """Return a new variable, of type `kind` if that is known, that stands for `value`."""
        var = Var("t", kind)
        self.bindings[var] = value
        return var

    def reserve(self, name: str) -> Var:
        """Return a variable for a function that is written down only when it is needed."""
        var = Var(name)
        self.bindings[var] = None
        return var

    def take(self, var: Var) -> bool:
        """Return whether a reserved variable is needed for the first time."""
        first = var not in self.taken
        self.taken.add(var)
        return first

    def fill(self, var: Var, value: Expr) -> None:
        """Write down what a reserved variable stands for."""
        self.bindings[var] = value

    def branch(self) -> Scope:
        """Return the scope of a branch of a choice that is left open."""
        return Scope({}, dict(self.store), self.running, len(self.running), self.runs)

    def function(self) -> Scope:
        """Return the scope of the body of a function that is written down."""
        return Scope(runs=False)

    def join(self, branches: list[Scope]) -> None:
        """Forget what cells hold unless all branches agree on it."""
        for cell in tuple(self.store):
            found = {id(branch.store.get(cell)) for branch in branches}
            if found != {id(self.store[cell])}:
                del self.store[cell]

    def wrap(self, result: Expr) -> Expr:
        """Return the block as an expression."""
        for var, value in reversed(self.bindings.items()):
            if value is not None:
                result = Let(var, value, result)
        return result


def measure(value: Value) -> int | None:
    """Return how large a known value is, None if that is not known."""
    if isinstance(value.static, np.ndarray):
        is_integer = value.static.ndim == 0 and value.static.dtype.kind in "iu"
        return abs(int(value.static)) if is_integer else None
    if isinstance(value.static, Data):
        count = 0
        pending = [value]
        while pending:
            part = pending.pop().static
            if isinstance(part, Data):
                count += 1
                pending.extend(part.fields)
        return count
    return None


def known_clause(node: Match, value: Value) -> tuple[Clause, list[tuple[Var, Value]]] | None:
    """Return the clause that a value takes and what its variables are; None if that is not known.

    So it is too if no clause fits: then the program fails when it runs.
    """
    for clause in node.clauses:
        bindings: list[tuple[Var, Value]] = []
        found = _matches(clause.pattern, value, bindings)
        if found is None:
            return None
        if found:
            return clause, bindings
    return None


def _matches(root: MatchPattern, value: Value, bindings: list[tuple[Var, Value]]) -> bool | None:
    """Return whether a value has a pattern, None if that is not known."""
    pending = [(root, value)]
    while pending:
        pattern, part = pending.pop()
        match pattern:
            case VarPattern(var):
                bindings.append((var, part))
            case ConstructorPattern(name, fields):
                if not isinstance(part.static, Data):
                    return None
                if part.static.constructor != name:
                    return False
                pending.extend(zip(fields, part.static.fields, strict=True))
            case TuplePattern(fields):
                if not isinstance(part.static, tuple):
                    return None
                pending.extend(zip(fields, part.static, strict=True))
            case _:
                pass
    return True
