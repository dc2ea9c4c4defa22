"""Reads the text form of nests that `printer` writes."""

import ast
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from ..errors import ParseError
from ..ir.dims import Any, Dim, symbol
from .expressions import COMPARISONS, Apply, Buffer, Constant, Detail, Expr, Load, Symbol, Variable
from .nodes import (
    KINDS,
    Allocate,
    Block,
    For,
    If,
    Nest,
    Region,
    Sequence,
    Statement,
    Store,
    Tensor,
    While,
)
from .printer import SIGNS

__all__ = ["parse"]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf\b|nan\b))|(?P<name>\$?[A-Za-z_][\w.]*)"
    r"|(?P<detail>\{'[^']*'\}|\{[-\w.]+\})"
    r"|(?P<sign>->|\+:|//|<=|>=|==|!=|[-+*/%<>=(){}\[\],:]))"
)
_OPERATIONS: Mapping[str, str] = MappingProxyType({sign: name for name, sign in SIGNS.items()})
_Part = TypeVar("_Part")


def parse(text: str) -> Nest:
    """Return the nest that `text` is.

    Raises
    ------
    ParseError
        It is not the text of a nest; the message says where.
    """
    return _Parser(text).nest()


class _Parser:
    """Reads tokens from left to right.

    Parameters
    ----------
    text : str
    """

    def __init__(self, text: str) -> None:
        self._text, self._place = text, 0
        self._buffers: dict[str, Buffer] = {}

    def nest(self) -> Nest:
        """Read a whole nest."""
        self._take("nest")
        name = self._name()
        inputs = self._list("(", ")", self._declaration)
        self._take("->")
        outputs = self._list("(", ")", self._declaration)
        symbols: list[Symbol] = []
        if self._next() == "with":
            self._take("with")
            symbols = self._several(lambda: Symbol(self._name()))
        body = self._body()
        if self._text[self._place :].strip():
            raise self._error("the end")
        return Nest(name, tuple(inputs), tuple(outputs), tuple(symbols), body)

    def _body(self) -> Statement:
        """Read statements between braces."""
        parts = self._parts()
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _parts(self) -> list[Statement]:
        self._take("{")
        parts: list[Statement] = []
        while self._next() != "}":
            parts.append(self._statement())
        self._take("}")
        return parts

    def _statement(self) -> Statement:
        """Read one statement."""
        match self._next():
            case "for":
                self._take("for")
                variable = self._name()
                self._take("in")
                extent = self._expr()
                kind = self._name() if self._next() in KINDS else "serial"
                return For(variable, extent, kind, self._body())
            case "block":
                self._take("block")
                name = self._name()
                reads = self._regions("reads")
                return Block(name, reads, self._regions("writes"), self._body())
            case "if":
                self._take("if")
                condition, then = self._expr(), self._body()
                if self._next() != "else":
                    return If(condition, then, Sequence(()))
                self._take("else")
                return If(condition, then, self._body())
            case "while":
                self._take("while")
                return While(self._expr(), self._body())
            case "allocate":
                self._take("allocate")
                return Allocate(self._declaration(), self._body())
            case "tensor":
                self._take("tensor")
                intrinsic, loop = self._name(), self._body()
                if not isinstance(loop, For):
                    raise self._error("a loop in a tensor")
                return Tensor(intrinsic, loop)
            case "do":
                self._take("do")
                return Sequence(tuple(self._parts()))
            case _:
                buffer = self._buffer()
                indices = self._list("[", "]", self._expr)
                self._take("=")
                return Store(buffer, tuple(indices), self._expr())

    def _regions(self, word: str) -> tuple[Region, ...]:
        if self._next() != word:
            return ()
        self._take(word)
        return tuple(self._several(self._region))

    def _region(self) -> Region:
        buffer = self._buffer()
        return Region(buffer, tuple(self._list("[", "]", self._range)))

    def _range(self) -> tuple[Expr, Expr]:
        start = self._expr()
        self._take("+:")
        return start, self._expr()

    def _declaration(self) -> Buffer:
        """Read a buffer with its type."""
        name = self._name()
        self._take(":")
        dtype = self._name()
        self._take("[")
        end = self._text.index("]", self._place)
        shape = ast.parse(f"[{self._text[self._place : end]}]", mode="eval").body
        assert isinstance(shape, ast.List)
        self._place = end
        self._take("]")
        made = Buffer(name, tuple(map(_size, shape.elts)), dtype)
        self._buffers[name] = made
        return made

    def _expr(self) -> Expr:
        """Read an expression."""
        kind, token = self._peek()
        if kind == "number":
            return self._number()
        if token == "(":
            return self._binary()
        if kind != "name":
            raise self._error("an expression")
        if token.startswith("$"):
            return Symbol(self._name()[1:])
        if token in ("true", "false"):
            self._take(token)
            self._take(":")
            return Constant(token == "true", self._name())
        name = self._name()
        match self._next():
            case ":":
                return self._operation(name)
            case "[":
                return self._load(name)
            case _:
                return Variable(name)

    def _number(self) -> Expr:
        text = self._token()
        if self._next() != ":":
            return Constant(int(text), "int64")
        self._take(":")
        dtype = self._name()
        return Constant(float(text) if dtype.startswith("float") else int(text), dtype)

    def _binary(self) -> Expr:
        self._take("(")
        left = self._expr()
        sign = self._token()
        if sign not in _OPERATIONS:
            raise self._error("an operation")
        right = self._expr()
        self._take(")")
        operation = _OPERATIONS[sign]
        dtype = "bool" if operation in COMPARISONS else left.dtype
        return Apply(operation, dtype, (left, right))

    def _operation(self, name: str) -> Expr:
        self._take(":")
        dtype = self._name()
        detail: Detail = None
        if self._peek()[0] == "detail":
            detail = ast.literal_eval(self._token()[1:-1])
        return Apply(name, dtype, tuple(self._list("(", ")", self._expr)), detail)

    def _load(self, name: str) -> Expr:
        buffer = self._known(name)
        self._take("[")
        indices: list[Expr] = []
        while self._next() not in ("]", "where"):
            indices.append(self._expr())
            if self._next() == ",":
                self._take(",")
        where = None
        if self._next() == "where":
            self._take("where")
            where = self._expr()
        self._take("]")
        return Load(buffer, tuple(indices), where)

    def _buffer(self) -> Buffer:
        return self._known(self._name())

    def _known(self, name: str) -> Buffer:
        if name not in self._buffers:
            raise self._error(f"a buffer that is declared before, not {name}")
        return self._buffers[name]

    def _list(self, begin: str, end: str, part: Callable[[], _Part]) -> list[_Part]:
        """Read parts between brackets."""
        self._take(begin)
        found = [] if self._next() == end else self._several(part)
        self._take(end)
        return found

    def _several(self, part: Callable[[], _Part]) -> list[_Part]:
        """Read parts with commas between them."""
        found = [part()]
        while self._next() == ",":
            self._take(",")
            found.append(part())
        return found

    def _peek(self) -> tuple[str, str]:
        """Return kind and text of the next token."""
        match = _TOKEN.match(self._text, self._place)
        if match is None or match.lastgroup is None:
            return "", ""
        return match.lastgroup, match.group(match.lastgroup)

    def _next(self) -> str:
        return self._peek()[1]

    def _token(self) -> str:
        match = _TOKEN.match(self._text, self._place)
        if match is None or match.lastgroup is None:
            raise self._error("more text")
        self._place = match.end()
        return match.group(match.lastgroup)

    def _name(self) -> str:
        if self._peek()[0] != "name":
            raise self._error("a name")
        return self._token()

    def _take(self, token: str) -> None:
        if self._next() != token:
            raise self._error(repr(token))
        self._token()

    def _error(self, expected: str) -> ParseError:
        rest = self._text[self._place :]
        place = self._place + len(rest) - len(rest.lstrip())
        line = self._text.count("\n", 0, place) + 1
        column = place - (self._text.rfind("\n", 0, place) + 1) + 1
        found = self._next() or rest.lstrip()[:1] or "the end"
        return ParseError(f"nest:{line}:{column}: expected {expected}, found {found}")


def _size(node: ast.expr) -> Dim:
    """Return the size that an expression of Python's grammar stands for."""
    match node:
        case ast.Constant(int() as value):
            return value
        case ast.Name(name):
            return symbol(name)
        case ast.UnaryOp(ast.USub(), operand):
            return -1 * _size(operand)
        case ast.BinOp(left, ast.Add(), right):
            return _size(left) + _size(right)
        case ast.BinOp(left, ast.Sub(), right):
            return _size(left) - _size(right)
        case ast.BinOp(left, ast.Mult(), right):
            return _size(left) * _size(right)
        case ast.BinOp(left, ast.FloorDiv(), right):
            return _size(left) // _size(right)
        case _:
            return Any()
