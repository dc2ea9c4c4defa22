"""The walk over a function that gives every expression a type, in the order of evaluation.

What must be equal is unified on the way. A call of an operator whose arguments are known is asked
for its result at once; otherwise it becomes a constraint.
"""

from ..errors import InvalidModule, TypeInferenceError, Unsupported
from ..ir.matching import Match
from ..ir.module import Module
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
from ..ir.types import FuncType, RefType, TensorType, TupleType, Type, incomplete_types
from ..ir.visitor import children
from .calls import Calls
from .exhaustive import missing_cases
from .origins import Place
from .patterns import Patterns, constructor_type
from .scopes import Scopes, Signature
from .solver import Solver
from .symbols import refine

__all__ = ["Walker"]

_BOOL = TensorType((), "bool")
_UNIT = TupleType(())
_Stack = list[tuple[Expr, int]]


class Walker:
    """Walks functions one after the other.

    Attributes
    ----------
    order : list of Expr
        Every expression that has its type, after those it is made of.
    """

    def __init__(
        self,
        module: Module,
        solver: Solver,
        scopes: Scopes,
        patterns: Patterns,
        signatures: dict[str, Signature],
    ) -> None:
        self.order: list[Expr] = []
        self.calls = Calls(module, solver, scopes, signatures)
        self._module = module
        self._solver = solver
        self._scopes = scopes
        self._patterns = patterns
        self._signatures = signatures

    def walk(self, root: Expr) -> None:
        """Find the type of `root` and of everything inside."""
        types, order = self._scopes.types, self.order
        stack: _Stack = [(root, 0)]
        while stack:
            node, stage = stack.pop()
            if stage == 0 and id(node) in types:
                continue
            if isinstance(node, Let | Match):
                found = self._walk_binder(node, stage, stack)
                if found is None:
                    continue
            else:
                if stage == 0 and self._ask(node, stack):
                    continue
                found = self._infer_node(node)
            types[id(node)] = found
            order.append(node)

    def _ask(self, node: Expr, stack: _Stack) -> bool:
        """Return whether parts of `node` have no type yet; they will be walked first."""
        types = self._scopes.types
        if isinstance(node, Function):
            for param in node.params:
                self._scopes.type_of(param)
        missing = [part for part in children(node) if id(part) not in types]
        if missing:
            stack.append((node, 1))
            stack.extend((part, 0) for part in reversed(missing))
        return bool(missing)

    def _walk_binder(self, node: Let | Match, stage: int, stack: _Stack) -> Type | None:
        """Walk the value, then (its variables' types known) the bodies; return the type then."""
        if isinstance(node, Let):
            return self._walk_let(node, stage, stack)
        if stage == 0:
            stack += [(node, 1), (node.value, 0)]
            return None
        if stage == 1:
            self._patterns.bind(node, self._type_of(node.value))
            stack.append((node, 2))
            stack.extend((clause.body, 0) for clause in reversed(node.clauses))
            return None
        return self._infer_match(node)

    def _walk_let(self, node: Let, stage: int, stack: _Stack) -> Type | None:
        var, value = node.var, node.value
        if stage == 0:
            self._solver.origins.values[id(var)] = value
            if isinstance(value, Function):
                signature = self._scopes.signature(value)
                self._equate(self._scopes.type_of(var), signature, f"%{var.name}", node, var, value)
            stack += [(node, 1), (value, 0)]
            return None
        if stage == 1:
            found = self._type_of(value)
            if var.annotation is None and id(var) not in self._scopes.types:
                self._scopes.types[id(var)] = found
            else:
                expected = self._scopes.type_of(var)
                place = _place(value, node)
                self._equate(expected, found, f"%{var.name}", place, var, value)
                if not any(incomplete_types(found)):
                    self._scopes.types[id(var)] = refine(expected, found)
            stack += [(node, 2), (node.body, 0)]
            return None
        return self._type_of(node.body)

    def _type_of(self, expr: Expr) -> Type:
        return self._scopes.type_of(expr)

    def _equate(
        self, expected: Type, found: Type, what: str, place: Expr, source: Expr | str, given: Expr
    ) -> Type:
        """Return the type that two are; `source` and `given` are what they come from."""
        if expected is found:
            return found
        return self._solver.equate(expected, found, Place(what, place.span), source, given)

    def _infer_node(self, node: Expr) -> Type:
        """Return the type of a node whose children are typed."""
        match node:
            case Call():
                return self.calls.infer(node)
            case Var():
                return self._type_of(node)
            case Constant(value):
                return TensorType(value.shape, str(value.dtype))
            case Tuple(fields):
                return TupleType(tuple([self._type_of(field) for field in fields]))
            case TupleGetItem():
                return self.calls.projection(node)
            case Function():
                return self._infer_function(node)
            case If():
                return self._infer_if(node)
            case GlobalVar(name):
                if name not in self._signatures:
                    raise InvalidModule(f"there is no function @{name} in the module", node.span)
                return self._signatures[name].erased(self._solver.unifier)
            case Constructor(name):
                return constructor_type(self._module, name, node.span)
            case RefCreate() | RefRead() | RefWrite():
                return self._infer_reference(node)
            case Op(name):
                raise Unsupported(f"operator {name} can only be called: write fn", node.span)
            case _:
                raise AssertionError(f"{node!r} is no expression")

    def _infer_function(self, node: Function) -> Type:
        """Return the type of a function whose body is typed."""
        ret, found = self._scopes.open(node.ret_type), self._type_of(node.body)
        source = f"the annotation of the result of the function at {node.span}"
        place = _place(node.body, node)
        self._equate(ret, found, "the function's result", place, source, node.body)
        if not any(incomplete_types(found)):
            ret = refine(ret, found)
        params = tuple(self._type_of(param) for param in node.params)
        return FuncType(params, ret, node.type_params)

    def _infer_if(self, node: If) -> Type:
        """Return the type of both branches."""
        condition = node.condition
        found = self._type_of(condition)
        place = _place(condition, node)
        self._equate(_BOOL, found, "the condition", place, "if, which needs a bool", condition)
        then, otherwise = self._type_of(node.then), self._type_of(node.otherwise)
        place = _place(node.otherwise, node)
        return self._equate(then, otherwise, "else", place, node.then, node.otherwise)

    def _infer_match(self, node: Match) -> Type:
        """Return the type of all clauses.

        Raises
        ------
        TypeInferenceError
            There are values that no clause is for.
        """
        if node.complete:
            missing = missing_cases(node, self._module)
            if missing:
                raise TypeInferenceError(
                    f"match has no clause for {', '.join(missing)}; add one for each, or write "
                    f"match?",
                    node.span,
                )
        if not node.clauses:
            return self._solver.unifier.fresh()
        first = node.clauses[0].body
        found = self._type_of(first)
        for number, clause in enumerate(node.clauses[1:], 2):
            place = _place(clause.body, node)
            given = self._type_of(clause.body)
            found = self._equate(found, given, f"clause {number}", place, first, clause.body)
        return found

    def _infer_reference(self, node: RefCreate | RefRead | RefWrite) -> Type:
        """Return the type of a cell, of what it holds, or of writing it."""
        if isinstance(node, RefCreate):
            # What it holds may turn out to be of less known sizes, when it is written.
            held = self._solver.unifier.fresh()
            given = self._type_of(node.value)
            self._equate(held, given, "the cell", node, node.value, node.value)
            return RefType(held)
        held = self._solver.unifier.fresh()
        cell, reference = self._type_of(node.reference), node.reference
        name = "ref_read" if isinstance(node, RefRead) else "ref_write"
        source = f"{name}, which needs a ref"
        place = _place(reference, node)
        self._equate(RefType(held), cell, f"what {name} is given", place, source, reference)
        if isinstance(node, RefRead):
            return held
        given = self._type_of(node.value)
        place = _place(node.value, node)
        self._equate(held, given, "what is written", place, reference, node.value)
        return _UNIT


def _place(part: Expr, whole: Expr) -> Expr:
    """Return which node's place to show for a part: a variable's own is where it was bound."""
    return whole if isinstance(part, Var) else part
