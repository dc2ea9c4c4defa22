"""What is known of the types of variables and expressions while a module is walked."""

from dataclasses import dataclass

from ..ir.dims import Dim, Symbol
from ..ir.nodes import Expr, Function, Var
from ..ir.types import FuncType, Type, incomplete_types
from ..ir.unify import Unifier
from .kinds import Kinds
from .solver import Solver
from .symbols import Symbols, map_sizes, rename

__all__ = ["Scopes", "Signature"]


@dataclass(slots=True, eq=False)
class Signature:
    """What callers know of a global function.

    Attributes
    ----------
    type : FuncType
    params : tuple of Var
    own : frozenset of Symbol
        Symbols for the unknown sizes of its parameters; a call puts sizes in for them.
    known : dict of Symbol to Dim
        What symbols in its annotations are called inside.
    """

    type: FuncType
    params: tuple[Var, ...]
    own: frozenset[Symbol]
    known: dict[Symbol, Dim]

    def erased(self, unifier: Unifier) -> Type:
        """Return the type for whoever does not know its symbols."""
        if not self.own:
            return self.type
        return map_sizes(unifier.complete(self.type), lambda size: rename(size, {}))


class Scopes:
    """Types by ``id`` of expression; annotations are opened on first sight.

    Attributes
    ----------
    known : dict of Symbol to Dim
        What symbols in annotations of the function being walked are called inside.
    """

    def __init__(self, solver: Solver, kinds: Kinds) -> None:
        self.types: dict[int, Type] = {}
        self.known: dict[Symbol, Dim] = {}
        self._solver = solver
        self._kinds = kinds
        self._symbols = Symbols()

    def type_of(self, expr: Expr) -> Type:
        """Return what is known of an expression's type."""
        found = self.types.get(id(expr))
        if found is None:
            assert isinstance(expr, Var), f"{expr!r} was not walked"
            self._kinds.check(expr.annotation, expr.span)
            found = self.types[id(expr)] = self.open(expr.annotation)
        return found

    def open(self, annotation: Type | None) -> Type:
        """Return an annotation with fresh types for holes, its symbols called as they are here."""
        if annotation is None:
            return self._solver.unifier.fresh()
        renamed = map_sizes(annotation, lambda size: rename(size, self.known))
        return self._solver.unifier.open_holes(renamed)

    def signature(self, function: Function) -> FuncType:
        """Return the type of a function as far as its annotations say."""
        self._kinds.check(function.ret_type, function.span)
        params = tuple(self.type_of(param) for param in function.params)
        return FuncType(params, self.open(function.ret_type), function.type_params)

    def global_signature(self, function: Function, recursive: bool) -> Signature:
        """Return the signature of a global function; its parameters get symbols.

        The result of a recursive function that has no annotation is found from calls with other
        sizes, so that there its own sizes cannot be named.
        """
        self.known = {}
        own: frozenset[Symbol] = frozenset()
        ret = function.ret_type
        if not recursive or (ret is not None and not any(incomplete_types(ret))):
            for param in function.params:
                if param.annotation is not None:
                    self._kinds.check(param.annotation, param.span)
                    opened = self._symbols.open(param.annotation, self.known)
                    self.types[id(param)] = self._solver.unifier.open_holes(opened)
            own = self._symbols.taken()
        return Signature(self.signature(function), function.params, own, self.known)
