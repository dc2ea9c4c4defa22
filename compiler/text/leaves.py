"""Expressions of a single token, and the names that they refer to."""

import numpy as np

from ..errors import CompileError
from ..ir.nodes import Constant, Constructor, Expr, GlobalVar, Op, Var
from ..ops.registry import lookup, operators
from .attributes import NAMES, Attributes
from .cursor import Cursor, shortened, suggestion
from .names import Names
from .numbers import read_number
from .references import References
from .types import Types

__all__ = ["Leaves"]

_SINGLE = frozenset(("graph", "local", "number", "global", "meta"))
_ARGUMENT = _SINGLE - {"meta"}
_AFTER_ARGUMENT = frozenset((",", ")"))
_AFTER_OPERAND = frozenset(("(", "."))


class Leaves:
    """Makes expressions of single tokens.

    Attributes
    ----------
    locals, graph : Names
        Variables, and the numbered nodes of the graph, that are in scope.
    constructors : dict
        The constructors that exist, with the number of their fields.
    globals : dict
        Functions of the module that are used, with the place of the first use.
    """

    def __init__(
        self, cursor: Cursor, references: References, types: Types, attributes: Attributes
    ) -> None:
        self.cursor = cursor
        self.references = references
        self.types = types
        self.attributes = attributes
        self.locals: Names[Var] = Names()
        self.graph: Names[Expr] = Names()
        self.constructors: dict[str, int] = {}
        self.globals: dict[str, int] = {}
        self._operators = operators()

    def enter(self) -> None:
        """Open a scope of variables and graph nodes."""
        self.locals.enter()
        self.graph.enter()

    def leave(self) -> None:
        """Close the innermost scope of variables and graph nodes."""
        self.locals.leave()
        self.graph.leave()

    def variable(self) -> Var:
        """Return the variable with its type that comes; it is not bound yet."""
        cursor = self.cursor
        place = cursor.expect("local", "a variable such as %x")
        start, _ = cursor.bounds(place)
        annotation = self.types.annotation()
        return Var(cursor.name(place), annotation, span=cursor.span_from(start))

    def free_var(self) -> None:
        """Declare a variable that nothing binds."""
        self.cursor.take()
        var = self.variable()
        self.locals.bind(var.name, var)
        self.cursor.expect(";")

    def operand(self) -> Expr | None:
        """Return an operand of a single token, None if it is more than that."""
        cursor = self.cursor
        place = cursor.place
        if cursor.kinds[place] in _SINGLE and cursor.kinds[place + 1] not in _AFTER_OPERAND:
            return self.leaf()
        return None

    def argument(self) -> Expr | None:
        """Return an argument of a single token, None if it is more than that."""
        cursor = self.cursor
        place = cursor.place
        if cursor.kinds[place] in _ARGUMENT and cursor.kinds[place + 1] in _AFTER_ARGUMENT:
            return self.leaf()
        return None

    def leaf(self) -> Expr | None:
        """Return an expression of one token, or an operator; None if something else comes."""
        cursor = self.cursor
        place = cursor.place
        match cursor.kinds[place]:
            case "graph":
                return self._named(place, self.graph)
            case "local":
                return self._named(place, self.locals)
            case "word" | "dotted":
                return self._word(place)
            case "number":
                cursor.place += 1
                bounds = cursor.bounds(place)
                value = read_number(cursor.source, *bounds)
                return Constant(np.asarray(value), span=cursor.source.span(*bounds))
            case "global":
                cursor.place += 1
                name = cursor.name(place)
                self.globals.setdefault(name, place)
                return GlobalVar(name, span=cursor.span(place))
            case "meta":
                return self.references.constant()
            case _:
                return None

    def _named(self, place: int, names: Names[Var] | Names[Expr]) -> Expr:
        """Return what a name stands for in the innermost scope that has it."""
        cursor = self.cursor
        cursor.place += 1
        name = cursor.name(place)
        found = names.find(name)
        if found is None:
            raise cursor.error(
                f"%{shortened(name)} is not bound here; bind it before, in this block or around it",
                place,
            )
        return found

    def _word(self, place: int) -> Expr:
        """Return a truth value, a constructor or an operator."""
        cursor = self.cursor
        name = cursor.text(place)
        if name in ("True", "False"):
            cursor.place += 1
            return Constant(np.asarray(name == "True"), span=cursor.span(place))
        spaced = cursor.kinds[place + 1] == "." and cursor.kinds[place + 2] in NAMES
        if name in self.constructors and not spaced:
            cursor.place += 1
            return Constructor(name, span=cursor.span(place))
        start = cursor.start
        if spaced:
            name = self.attributes.dotted_name()
        else:
            cursor.place += 1
        span = cursor.span_from(start)
        if name not in self._operators:
            self._refuse(name, place)
        return Op(name, span=span)

    def _refuse(self, name: str, place: int) -> None:
        """Raise the error for a name that is neither a constructor nor an operator."""
        start, _ = self.cursor.bounds(place)
        span = self.cursor.span_from(start)
        try:
            lookup(name, span)
        except CompileError as error:
            near = suggestion(name, list(self.constructors), "")
            problem = f"there is no constructor {name}; {near}" if near else error.problem
            problem = problem.replace(name, shortened(name))
            raise type(error)(problem, span) from None
