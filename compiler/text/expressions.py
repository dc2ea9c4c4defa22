"""Rules of the text format for functions and expressions; `parser` holds the grammar.

Each rule is a generator, see `trampoline`: nesting has no limit.
"""

from ..ir.matching import Clause, Match, MatchPattern
from ..ir.nodes import (
    AttributeValue,
    Expr,
    Function,
    If,
    Let,
    RefCreate,
    RefRead,
    RefWrite,
    Tuple,
    TupleGetItem,
    Var,
)
from .calls import OPERATORS, Calls
from .cursor import Cursor, shortened
from .leaves import Leaves
from .patterns import Patterns
from .trampoline import Rule

__all__ = ["Expressions"]


class Expressions:
    """Reads expressions.

    Parameters
    ----------
    cursor : Cursor
    leaves : Leaves
        Names in scope, and what is made of single tokens.
    """

    def __init__(self, cursor: Cursor, leaves: Leaves) -> None:
        self.cursor = cursor
        self.leaves = leaves
        self.types = leaves.types
        self.attributes = leaves.attributes
        self.calls = Calls(cursor, leaves)
        self.patterns = Patterns(cursor, self.types, leaves.locals, leaves.constructors)

    def function(self, start: int) -> Rule[Function]:
        """Read a function from its type parameters or parameters on."""
        cursor = self.cursor
        self.types.params.enter()
        self.leaves.enter()
        type_params = self.types.parameters()
        params, attrs = self._params()
        ret_type = self.types.result()
        cursor.expect("{")
        body: Expr = yield self.expression()
        cursor.expect("}", "'}' or ';'")
        self.leaves.leave()
        self.types.params.leave()
        span = cursor.span_from(start)
        return Function(tuple(params), body, ret_type, attrs, type_params, span=span)

    def _params(self) -> tuple[list[Var], dict[str, AttributeValue]]:
        """Return parameters, bound in the innermost scope, and the attributes after them."""
        cursor = self.cursor
        params: dict[str, Var] = {}
        attrs: dict[str, AttributeValue] = {}

        def param() -> None:
            if self.attributes.coming():
                self.attributes.read_into(attrs)
                return
            place = cursor.expect("local", "a parameter such as %x, or an attribute,")
            name = cursor.name(place)
            if name in params:
                raise cursor.error(f"parameter %{shortened(name)} stands twice; rename one", place)
            own: dict[str, AttributeValue] = {}
            if cursor.accept("{"):
                cursor.until("}", lambda: self.attributes.read_into(own))
            start, _ = cursor.bounds(place)
            annotation = self.types.annotation()
            var = Var(name, annotation, attrs=tuple(own.items()), span=cursor.span_from(start))
            self.leaves.locals.bind(name, var)
            params[name] = var

        cursor.expect("(")
        cursor.until(")", param)
        return list(params.values()), attrs

    def block(self) -> Rule[Expr]:
        """Read an expression in braces, a scope of its own."""
        self.cursor.expect("{")
        self.leaves.enter()
        body: Expr = yield self.expression()
        self.leaves.leave()
        self.cursor.expect("}", "'}' or ';'")
        return body

    def expression(self) -> Rule[Expr]:
        """Read bindings and what they are for."""
        cursor, leaves = self.cursor, self.leaves
        bindings: list[tuple[Var, Expr, int]] = []
        body: Expr
        leaves.locals.enter()
        while True:
            start = cursor.start
            if cursor.at("graph", "="):
                name = cursor.name(cursor.take())
                cursor.take()
                leaves.graph.bind(name, (yield self.binop()))
                cursor.expect(";", "';' or an operator")
            elif cursor.at("free_var"):
                leaves.free_var()
            elif cursor.accept("let"):
                var, value = yield self._let()
                bindings.append((var, value, start))
                cursor.expect(";", "';' or an operator")
            else:
                body = yield (self.block() if cursor.at("{") else self.binop())
                if not cursor.accept(";"):
                    break
                bindings.append((Var("", span=body.span), body, start))
        leaves.locals.leave()
        for var, value, start in reversed(bindings):
            body = Let(var, value, body, span=cursor.span_from(start))
        return body

    def _let(self) -> Rule[tuple[Var, Expr]]:
        """Read what follows ``let``; a function may use its own name."""
        cursor = self.cursor
        var = self.leaves.variable()
        cursor.expect("=")
        if cursor.at("fn"):
            self.leaves.locals.bind(var.name, var)
        value = yield self.binop()
        self.leaves.locals.bind(var.name, var)
        return var, value

    def binop(self) -> Rule[Expr]:
        """Read calls joined by operators, by precedence, all to the left."""
        cursor, calls = self.cursor, self.calls
        start = cursor.start
        first = self.leaves.operand()
        if first is None:
            first = yield self.call()
        if cursor.kinds[cursor.place] not in OPERATORS:
            return first
        operands = [(first, start)]
        pending: list[tuple[int, str, int]] = []
        while cursor.kind in OPERATORS:
            precedence, name = OPERATORS[cursor.kind]
            calls.join(operands, pending, precedence)
            pending.append((precedence, name, cursor.take()))
            start = cursor.start
            right = self.leaves.operand()
            operands.append(((yield self.call()) if right is None else right, start))
        calls.join(operands, pending, 0)
        return operands[0][0]

    def call(self) -> Rule[Expr]:
        """Read an atom and the argument lists after it."""
        cursor, calls = self.cursor, self.calls
        start = cursor.start
        callee: Expr | None = self.leaves.leaf()
        if callee is None:
            callee = yield self._compound()
        if cursor.accept("."):
            callee = self._field(callee, start)
        while cursor.accept("("):
            args: list[Expr] = []
            attrs: dict[str, AttributeValue] = {}
            while not cursor.accept(")"):
                arg = None if attrs else self.leaves.argument()
                if arg is not None:
                    args.append(arg)
                elif not calls.attribute(callee, attrs):
                    args.append((yield self.expression()))
                if not (cursor.accept(",") or cursor.at(")")):
                    raise cursor.unexpected("',' or ')'")
            callee = calls.make(callee, args, attrs, start)
        return calls.applied(callee)

    def _field(self, value: Expr, start: int) -> TupleGetItem:
        """Return the projection whose dot was read."""
        cursor = self.cursor
        place = cursor.expect("number", "the number of a field")
        text = cursor.text(place)
        if not text.isdigit() or len(text) > 9:
            raise cursor.error(
                f"the number of a field must be a plain integer, not {shortened(text)}; "
                f"write (%t.0).1 for a field of a field",
                place,
            )
        return TupleGetItem(value, int(text), span=cursor.span_from(start))

    def _compound(self) -> Rule[Expr]:
        """Read an expression that begins with a mark or a keyword of its own."""
        cursor = self.cursor
        found: Expr
        match cursor.kind:
            case "(":
                found = yield self._parenthesis()
            case "fn":
                start = cursor.start
                cursor.take()
                found = yield self.function(start)
            case "if":
                found = yield self._conditional()
            case "match" | "match?":
                found = yield self._match()
            case "ref" | "ref_read" | "ref_write":
                found = yield self._reference()
            case _:
                raise cursor.unexpected("an expression")
        return found

    def _conditional(self) -> Rule[If]:
        """Read ``if (c) {a} else {b}``."""
        cursor = self.cursor
        start = cursor.start
        cursor.take()
        cursor.expect("(")
        condition = yield self.expression()
        cursor.expect(")")
        then = yield self.block()
        cursor.expect("else", "'else'")
        otherwise = yield self.block()
        return If(condition, then, otherwise, span=cursor.span_from(start))

    def _match(self) -> Rule[Match]:
        """Read ``match (e) {pattern => e, ...}``; the parentheses may be left out."""
        cursor = self.cursor
        start = cursor.start
        complete = cursor.kinds[cursor.take()] == "match"
        value = yield self.call()
        cursor.expect("{")
        clauses: list[Clause] = []
        while not cursor.accept("}"):
            clauses.append((yield self._clause()))
            if not cursor.at("}"):
                cursor.expect(",", "',' or '}'")
        return Match(value, tuple(clauses), complete, span=cursor.span_from(start))

    def _clause(self) -> Rule[Clause]:
        """Read ``pattern => e``, a scope of its own."""
        cursor = self.cursor
        start = cursor.start
        self.leaves.enter()
        pattern: MatchPattern = yield self.patterns.pattern(set())
        cursor.expect("=>")
        body: Expr = yield self.expression()
        self.leaves.leave()
        return Clause(pattern, body, span=cursor.span_from(start))

    def _reference(self) -> Rule[Expr]:
        """Read ``ref(e)``, ``ref_read(e)`` or ``ref_write(e, e)``."""
        cursor = self.cursor
        start = cursor.start
        kind = cursor.kinds[cursor.take()]
        cursor.expect("(")
        first: Expr = yield self.expression()
        second: Expr | None = None
        if kind == "ref_write":
            cursor.expect(",", "',' (a reference is written with ref_write(%r, value))")
            second = yield self.expression()
        cursor.accept(",")
        cursor.expect(")")
        span = cursor.span_from(start)
        if second is not None:
            return RefWrite(first, second, span=span)
        return RefCreate(first, span=span) if kind == "ref" else RefRead(first, span=span)

    def _parenthesis(self) -> Rule[Expr]:
        """Read a tuple, or an expression in parentheses."""
        cursor = self.cursor
        start = cursor.start
        cursor.take()
        fields: list[Expr] = []
        comma = False
        while not cursor.at(")"):
            fields.append((yield self.expression()))
            comma = cursor.accept(",")
            if not comma:
                break
        cursor.expect(")", "',' or ')'")
        if len(fields) == 1 and not comma:
            return fields[0]
        return Tuple(tuple(fields), span=cursor.span_from(start))
