"""The module again, with the types that were found."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..errors import TypeInferenceError
from ..ir.matching import (
    ConstructorPattern,
    Match,
    MatchPattern,
    TuplePattern,
    VarPattern,
)
from ..ir.nodes import (
    Call,
    Constant,
    Expr,
    Function,
    If,
    Let,
    Op,
    Tuple,
    TupleGetItem,
    Var,
)
from ..ir.types import TensorType, Type, incomplete_types
from ..ir.unify import Unifier
from ..ir.visitor import children, with_children
from ..ops.operator import Attributes

__all__ = ["Rebuild"]


class Rebuild:
    """Makes typed nodes; what is shared stays so, what has its type already is kept."""

    def __init__(
        self, unifier: Unifier, types: Mapping[int, Type], attrs: Mapping[int, Attributes]
    ) -> None:
        self._unifier = unifier
        self._types = types
        self._attrs = attrs
        self._done: dict[int, Expr] = {}

    def rebuild(self, order: Iterable[Expr]) -> Mapping[int, Expr]:
        """Return for the ``id`` of each node, given after its parts, the typed one.

        Raises
        ------
        TypeInferenceError
            A type was not found.
        """
        done = self._done
        for node in order:
            done[id(node)] = self._typed_var(node) if isinstance(node, Var) else self._node(node)
        return done

    def _node(self, node: Expr) -> Expr:
        """Return one node made of rebuilt parts, with its type."""
        part, found, span = self._part, self._found_type(node), node.span
        match node:
            case Call(op, args) if isinstance(op, Op):
                parts = tuple([part(arg) for arg in args])
                return Call(op, parts, self._attrs[id(node)], span=span, type=found)
            case Constant(value):
                return node if node.type == found else Constant(value, span=span, type=found)
            case Tuple(fields):
                return Tuple(tuple([part(field) for field in fields]), span=span, type=found)
            case TupleGetItem(value, index):
                return TupleGetItem(part(value), index, span=span, type=found)
            case Let(var, value, body):
                new = part(value)
                return Let(self._typed_var(var), new, part(body), span=span, type=found)
            case If(condition, then, otherwise):
                first, second, third = part(condition), part(then), part(otherwise)
                return If(first, second, third, span=span, type=found)
            case Function(params):
                body = part(node.body)
                typed = tuple(self._typed_var(param) for param in params)
                return replace(node, params=typed, body=body, type=found)
            case Match(value, clauses):
                new_clauses = tuple(
                    replace(each, pattern=self._pattern(each.pattern), body=part(each.body))
                    for each in clauses
                )
                return replace(node, value=part(value), clauses=new_clauses, type=found)
            case _:
                new = with_children(node, tuple(map(part, children(node))))
                return replace(new, type=found)

    def _part(self, node: Expr) -> Expr:
        """Return the typed node that stands for `node`."""
        made = self._done.get(id(node))
        if made is None:
            assert isinstance(node, Var), f"{node!r} was not walked"
            return self._typed_var(node)
        return made

    def _pattern(self, pattern: MatchPattern) -> MatchPattern:
        """Return a pattern with typed variables."""
        match pattern:
            case VarPattern(var):
                return replace(pattern, var=self._typed_var(var))
            case ConstructorPattern(_, fields) | TuplePattern(fields):
                return replace(pattern, fields=tuple(self._pattern(field) for field in fields))
            case _:
                return pattern

    def _typed_var(self, var: Var) -> Var:
        """Return the one typed variable that stands for `var`."""
        made = self._done.get(id(var))
        if made is None:
            made = replace(var, type=self._found_type(var))
            self._done[id(var)] = made
        assert isinstance(made, Var)
        return made

    def _found_type(self, node: Expr) -> Type:
        """Return the type of a node; TypeInferenceError if a part of it was not found."""
        found = self._types[id(node)]
        if isinstance(found, TensorType):
            return found
        found = self._unifier.complete(found)
        if any(incomplete_types(found)):
            binders = node.params if isinstance(node, Function) else ()
            for part in (*binders, *children(node)):
                if isinstance(part, Var):
                    self._found_type(part)
            what = f"%{node.name}" if isinstance(node, Var) else "this expression"
            raise TypeInferenceError(
                f"the type of {what} cannot be found, only {found}; annotate it", node.span
            )
        return found
