"""Where types come from, in words: found out only when there is an error to explain."""

from dataclasses import dataclass

from ..ir.matching import Match
from ..ir.nodes import (
    Call,
    Constant,
    Constructor,
    Expr,
    Function,
    GlobalVar,
    If,
    Let,
    Op,
    RefCreate,
    RefRead,
    RefWrite,
    Tuple,
    TupleGetItem,
    Var,
)
from ..ir.span import Span
from ..ir.types import Type, incomplete_types
from ..ir.unify import Unifier

__all__ = ["Origins", "Place"]

_NAMES: dict[type[Expr], str] = {
    Constant: "the constant",
    Function: "the function",
    If: "the if",
    Let: "the let",
    Match: "the match",
    RefCreate: "the ref",
    RefRead: "the ref_read",
    RefWrite: "the ref_write",
    Tuple: "the tuple",
}


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """What is compared, in words, and where."""

    what: str
    span: Span | None

    def __str__(self) -> str:
        return self.what + _at(self.span)


class Origins:
    """Answers where the type of an expression comes from.

    Attributes
    ----------
    values : dict of id of Var to Expr
        What a `Let` binds to the variable.
    """

    def __init__(self, unifier: Unifier) -> None:
        self.values: dict[int, Expr] = {}
        self._unifier = unifier

    def source(self, given: Expr | str, found: Type) -> str:
        """Return in words where the type `found` of `given`, an expression or words, comes from."""
        if isinstance(given, str):
            return f"from {given}{self._reason(found)}"
        if not isinstance(given, Var):
            return f"from {_words(given)}"
        if given.annotation is not None:
            return f"from the annotation of {_words(given)}"
        if id(given) in self.values:
            return f"from {_words(given)}, bound to {_words(self.values[id(given)])}"
        return f"from {_words(given)}{self._reason(found)}"

    def _reason(self, found: Type) -> str:
        """Return what made the first part of `found` that was not known at first; "" if none."""
        for hole in incomplete_types(found):
            place = self._unifier.origin(hole)
            if isinstance(place, Place):
                return f", which follows from {place}"
        return ""


def _words(node: Expr) -> str:
    """Return what an expression is and where it stands."""
    match node:
        case Var(name):
            words = f"%{name}"
        case Call(Op(name)) | Call(Constructor(name)):
            words = f"the result of {name}"
        case Call(GlobalVar(name)):
            words = f"the result of @{name}"
        case Call(Var(name)):
            words = f"the result of %{name}"
        case Call():
            words = "the result of the call"
        case TupleGetItem(_, index):
            words = f"field .{index}"
        case GlobalVar(name):
            words = f"@{name}"
        case Constructor(name):
            words = f"the constructor {name}"
        case _:
            words = _NAMES.get(type(node), "the expression")
    return words + _at(node.span)


def _at(span: Span | None) -> str:
    return "" if span is None else f" at {span}"
