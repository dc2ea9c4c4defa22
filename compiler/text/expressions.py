"""Rules of the text format for functions and expressions; `parser` holds the grammar.

Each rule is a generator, see `trampoline`: nesting has no limit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CompileError, ParseError
from ..ir.nodes import (
    AttributeValue,
    Call,
    Constant,
    Expr,
    Function,
    GlobalVar,
    If,
    Let,
    Op,
    Tuple,
    TupleGetItem,
    Var,
)
from ..ir.span import Span
from ..ir.types import TypeVar
from ..ops.attributes import complete_attributes
from ..ops.registry import lookup
from .cursor import Cursor
from .lexer import Source, Token
from .metadata import CONSTANT_KEY
from .trampoline import Rule

__all__ = ["LATER", "Expressions"]

_OPERATORS = {
    "*": (12, "multiply"),
    "/": (12, "divide"),
    "+": (10, "add"),
    "-": (10, "subtract"),
    "<": (8, "less"),
    "<=": (8, "less_equal"),
    ">": (8, "greater"),
    ">=": (8, "greater_equal"),
    "==": (7, "equal"),
    "!=": (7, "not_equal"),
}

LATER = "this compiler reads Relay's core: tensors, tuples, functions, let and if"


class Expressions:
    """The rules, over one text.

    Parameters
    ----------
    source : Source
    cursor : Cursor
        Where to read.
    constants : sequence of arrays
        The tensors of the metadata section.

    Attributes
    ----------
    calls : list of (name, Token)
        Global functions that were used, to be checked when all are known.
    """

    def __init__(
        self, source: Source, cursor: Cursor, constants: Sequence[npt.NDArray[Any]]
    ) -> None:
        self.source = source
        self.cursor = cursor
        self.constants = constants
        self.made: dict[int, Constant] = {}
        self.locals: list[dict[str, Var]] = [{}]
        self.graph: list[dict[str, Expr]] = [{}]
        self.calls: list[tuple[str, Token]] = []

    def function(self, start: int) -> Rule[Function]:
        """Read a function from its type parameters or parameters on."""
        cursor = self.cursor
        type_params = self._type_params()
        cursor.type_params += type_params
        self.locals.append({})
        self.graph.append({})
        params, attrs = self._params()
        ret_type = None
        if cursor.accept("->"):
            ret_type = cursor.type()
        cursor.expect("{")
        body: Expr = yield self.expression()
        cursor.expect("}", "'}' or ';'")
        self.locals.pop()
        self.graph.pop()
        del cursor.type_params[len(cursor.type_params) - len(type_params) :]
        variables = tuple(TypeVar(name) for name in type_params)
        span = cursor.span_from(start)
        return Function(tuple(params), body, ret_type, attrs, variables, span=span)

    def _type_params(self) -> list[str]:
        """Return the names between brackets, if there are any."""
        names: list[str] = []
        if self.cursor.accept("["):
            self.cursor.until(
                "]", lambda: names.append(self.cursor.expect("word", "a type parameter").text)
            )
        return names

    def _params(self) -> tuple[list[Var], dict[str, AttributeValue]]:
        """Return parameters, bound in the innermost scope, and the attributes after them."""
        cursor = self.cursor
        params: list[Var] = []
        attrs: dict[str, AttributeValue] = {}

        def param() -> None:
            if cursor.at_attribute():
                name, value, token = cursor.attribute()
                if name in attrs:
                    raise self._twice(name, token)
                attrs[name] = value
                return
            token = cursor.expect("local", "a parameter such as %x, or an attribute,")
            if cursor.at("{"):
                raise cursor.unsupported("an attribute of a parameter", LATER)
            var = Var(token.text, cursor.annotation(), span=cursor.span_from(token.start))
            if token.text in self.locals[-1]:
                raise self.source.error(
                    f"parameter %{token.text} stands twice; rename one", token.start, token.end
                )
            self.locals[-1][token.text] = var
            params.append(var)

        cursor.expect("(")
        cursor.until(")", param)
        return params, attrs

    def _twice(self, name: str, token: Token) -> ParseError:
        """Return the error for an attribute that is given twice."""
        return self.source.error(
            f"attribute {name} is given twice; leave one out", token.start, token.end
        )

    def block(self) -> Rule[Expr]:
        """Read an expression in braces, a scope of its own."""
        self.cursor.expect("{")
        self.locals.append({})
        self.graph.append({})
        body: Expr = yield self.expression()
        self.locals.pop()
        self.graph.pop()
        self.cursor.expect("}", "'}' or ';'")
        return body

    def expression(self) -> Rule[Expr]:
        """Read bindings and what they are for."""
        cursor = self.cursor
        bindings: list[tuple[Var, Expr, int]] = []
        body: Expr
        self.locals.append({})
        while True:
            start = cursor.peek().start
            if cursor.at("graph", "="):
                name = cursor.take().text
                cursor.take()
                self.graph[-1][name] = yield self.binop()
                cursor.expect(";", "';' or an operator")
            elif cursor.at("free_var"):
                self._free_var()
            elif cursor.accept("let"):
                var, value = yield self.let()
                bindings.append((var, value, start))
                cursor.expect(";", "';' or an operator")
            else:
                body = yield (self.block() if cursor.at("{") else self.binop())
                if not cursor.accept(";"):
                    break
                bindings.append((Var("", span=body.span), body, start))
        self.locals.pop()
        for var, value, start in reversed(bindings):
            body = Let(var, value, body, span=cursor.span_from(start))
        return body

    def let(self) -> Rule[tuple[Var, Expr]]:
        """Read what follows ``let``; a function may use its own name."""
        cursor = self.cursor
        token = cursor.expect("local", "a variable such as %x")
        var = Var(token.text, cursor.annotation(), span=cursor.span_from(token.start))
        cursor.expect("=")
        if cursor.at("fn"):
            self.locals[-1][token.text] = var
        value = yield self.binop()
        self.locals[-1][token.text] = var
        return var, value

    def _free_var(self) -> None:
        """Declare a variable that nothing binds."""
        self.cursor.take()
        token = self.cursor.expect("local", "a variable such as %x")
        annotation = self.cursor.annotation()
        span = self.cursor.span_from(token.start)
        self.locals[-1][token.text] = Var(token.text, annotation, span=span)
        self.cursor.expect(";")

    def binop(self) -> Rule[Expr]:
        """Read calls joined by operators, by precedence, all to the left."""
        cursor = self.cursor
        start = cursor.peek().start
        operands: list[tuple[Expr, int]] = [((yield self.call()), start)]
        pending: list[tuple[int, str]] = []

        def reduce(precedence: int) -> None:
            while pending and pending[-1][0] >= precedence:
                name = pending.pop()[1]
                right, _ = operands.pop()
                left, begin = operands.pop()
                span = cursor.span_from(begin)
                operands.append((Call(Op(name, span=span), (left, right), span=span), begin))

        while cursor.peek().kind in _OPERATORS:
            precedence, name = _OPERATORS[cursor.peek().kind]
            reduce(precedence)
            cursor.take()
            pending.append((precedence, name))
            start = cursor.peek().start
            operands.append(((yield self.call()), start))
        reduce(0)
        return operands[0][0]

    def call(self) -> Rule[Expr]:
        """Read an atom and the argument lists after it."""
        cursor = self.cursor
        start = cursor.peek().start
        callee: Expr = yield self.atom()
        if isinstance(callee, Op) and not cursor.at("("):
            raise cursor.unexpected(f"'(' after operator {callee.name}")
        while cursor.accept("("):
            args: list[Expr] = []
            attrs: dict[str, AttributeValue] = {}
            while not cursor.accept(")"):
                if cursor.at_attribute():
                    name, value, token = cursor.attribute()
                    if name in attrs:
                        raise self._twice(name, token)
                    attrs[name] = value
                elif attrs:
                    raise cursor.unexpected("an attribute or ')'")
                else:
                    args.append((yield self.expression()))
                if not cursor.at(")"):
                    cursor.expect(",", "',' or ')'")
            callee = self._make_call(callee, args, attrs, cursor.span_from(start))
        return callee

    def _make_call(
        self, callee: Expr, args: list[Expr], attrs: dict[str, AttributeValue], span: Span
    ) -> Call:
        """Return a call; of an operator with its attributes checked and complete."""
        if isinstance(callee, Op):
            row = lookup(callee.name, span)
            try:
                return Call(callee, tuple(args), complete_attributes(row, attrs, span), span=span)
            except CompileError as error:
                raise ParseError(error.problem, span, self.source.excerpt(span)) from None
        if attrs:
            problem = "only a call of an operator has attributes; give them to the function"
            raise ParseError(problem, span, self.source.excerpt(span))
        return Call(callee, tuple(args), span=span)

    def atom(self) -> Rule[Expr]:
        """Read a primary expression and at most one projection."""
        cursor = self.cursor
        start = cursor.peek().start
        expr: Expr = yield self.primary()
        if not isinstance(expr, Op) and cursor.accept("."):
            token = cursor.expect("number", "the number of a field")
            if not token.text.isdigit():
                raise self.source.error(
                    f"the number of a field must be a plain integer, not {token.text}; "
                    f"write (%t.0).1 for a field of a field",
                    token.start,
                    token.end,
                )
            return TupleGetItem(expr, int(token.text), span=cursor.span_from(start))
        return expr

    def primary(self) -> Rule[Expr]:
        """Read an expression that begins with a mark of its own."""
        cursor = self.cursor
        token = cursor.peek()
        found: Expr
        match token.kind:
            case "(":
                found = yield self.parenthesis()
            case "fn":
                cursor.take()
                found = yield self.function(token.start)
            case "if":
                found = yield self.conditional()
            case "match" | "match?":
                raise cursor.unsupported("match", LATER)
            case "ref" | "ref_read" | "ref_write":
                raise cursor.unsupported(f"{token.kind} (a reference)", LATER)
            case _:
                found = self._leaf(token)
        return found

    def _leaf(self, token: Token) -> Expr:
        """Return an expression of one token, or an operator's name."""
        cursor = self.cursor
        span = self.source.span(token.start, token.end)
        match token.kind:
            case "number":
                cursor.take()
                return Constant(np.asarray(token.value), span=span)
            case "local":
                return self._named(token, self.locals)
            case "graph":
                return self._named(token, self.graph)
            case "global":
                self.calls.append((cursor.take().text, token))
                return GlobalVar(token.text, span=span)
            case "meta":
                return self._constant(token)
            case "word" if token.text in ("True", "False"):
                cursor.take()
                return Constant(np.asarray(token.text == "True"), span=span)
            case "word":
                name = cursor.dotted_name()
                span = cursor.span_from(token.start)
                try:
                    lookup(name, span)
                except CompileError as error:
                    excerpt = self.source.excerpt(span)
                    raise type(error)(error.problem, span, excerpt) from None
                return Op(name, span=span)
            case _:
                raise cursor.unexpected("an expression")

    def _named(self, token: Token, scopes: Sequence[Mapping[str, Expr]]) -> Expr:
        """Return what a name stands for in the innermost scope that has it."""
        self.cursor.take()
        for scope in reversed(scopes):
            if token.text in scope:
                return scope[token.text]
        raise self.source.error(
            f"%{token.text} is not bound here; bind it before, in this block or around it",
            token.start,
            token.end,
        )

    def _constant(self, token: Token) -> Constant:
        """Return the constant that a metadata reference stands for."""
        assert isinstance(token.value, tuple)
        key, index = token.value
        if key != CONSTANT_KEY:
            raise self.cursor.unsupported(f"meta[{key}]", f"only meta[{CONSTANT_KEY}] is read")
        self.cursor.take()
        if index >= len(self.constants):
            raise self.source.error(
                f"the metadata has {len(self.constants)} constants, so there is no number {index}",
                token.start,
                token.end,
            )
        found = self.made.get(index)
        if found is None:
            span = self.source.span(token.start, token.end)
            found = self.made[index] = Constant(self.constants[index], span=span)
        return found

    def conditional(self) -> Rule[Expr]:
        """Read ``if (c) {a} else {b}``."""
        cursor = self.cursor
        start = cursor.take().start
        cursor.expect("(")
        condition = yield self.expression()
        cursor.expect(")")
        then = yield self.block()
        cursor.expect("else", "'else'")
        otherwise = yield self.block()
        return If(condition, then, otherwise, span=cursor.span_from(start))

    def parenthesis(self) -> Rule[Expr]:
        """Read a tuple, or an expression in parentheses."""
        cursor = self.cursor
        start = cursor.take().start
        fields: list[Expr] = []
        comma = False
        while not cursor.at(")"):
            fields.append((yield self.expression()))
            comma = cursor.accept(",") is not None
            if not comma:
                break
        cursor.expect(")", "',' or ')'")
        if len(fields) == 1 and not comma:
            return fields[0]
        return Tuple(tuple(fields), span=cursor.span_from(start))
