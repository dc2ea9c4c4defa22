"""Where types come from, in words: found out only when there is an error to explain."""

from dataclasses import dataclass

from ..ir.nodes import (
    Call,
    Constant,
    Constructor,
    Expr,
    Function,
    GlobalVar,
    Op,
    TupleGetItem,
    Var,
)
from ..ir.types import Type
from ..ir.unify import Unifier

__all__ = ["Origins", "Place"]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """What is compared, in words, and the node to point at."""

    what: str
    node: Expr


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
        """Return in words where the type `found` of `given` comes from."""
        if isinstance(given, str):
            return given
        words = self._words(given)
        if not isinstance(given, Var) or given.annotation is not None:
            return f"is {words}"
        place = self._unifier.origin(found)
        if id(given) in self.values:
            value = self.values[id(given)]
            return f"is {words}, bound to {self._words(value)}"
        if isinstance(place, Place):
            return f"is {words}, which {place.what}{_at(place.node)} makes it"
        return f"is {words}"

    def _words(self, node: Expr) -> str:
        """Return what an expression is and where it stands."""
        match node:
            case Var(name, annotation):
                how = "by its annotation" if annotation is not None else "bound"
                return f"%{name}, {how}{_at(node)}"
            case Constant():
                return f"the constant{_at(node)}"
            case Call(Op(name)) | Call(Constructor(name)):
                return f"the result of {name}{_at(node)}"
            case Call(GlobalVar(name)):
                return f"the result of @{name}{_at(node)}"
            case Call(Var(name)):
                return f"the result of %{name}{_at(node)}"
            case Call():
                return f"the result of the call{_at(node)}"
            case TupleGetItem(_, index):
                return f"field .{index}{_at(node)}"
            case Function():
                return f"the function{_at(node)}"
            case GlobalVar(name):
                return f"@{name}{_at(node)}"
            case _:
                return f"the {type(node).__name__.lower()}{_at(node)}"


def _at(node: Expr) -> str:
    return "" if node.span is None else f" at {node.span}"
