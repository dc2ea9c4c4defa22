"""The parser's place among the tokens, and the types, literals and attributes it reads there.

Everything here nests little and is read by plain recursion, with a limit.
"""

from collections.abc import Callable

import numpy as np

from ..errors import ParseError, Unsupported
from ..ir.nodes import AttributeValue
from ..ir.span import Span
from ..ir.types import DTYPES, Any, Dim, FuncType, TensorType, TupleType, Type, TypeVar
from ..ir.unify import HOLE
from .lexer import Source, Token, tokens

__all__ = ["Cursor"]

# Types and attribute values nest a few levels in any real program; deeper ones would only
# exhaust Python's stack.
_NESTING_LIMIT = 100


class Cursor:
    """A list of tokens and the place of the next one.

    Attributes
    ----------
    source : Source
    type_params : list of str
        Type parameters in scope, by which a name is known to be a type.
    metadata : Token or None
        The metadata section, which stands at the end of a text.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.type_params: list[str] = []
        found = list(tokens(source))
        self.metadata = next((token for token in found[-2:] if token.kind == "metadata"), None)
        # Rules look at most three tokens ahead of one that exists.
        self._tokens = found + found[-1:] * 3
        self._next = 0
        self._depth = 0

    def peek(self, ahead: int = 0) -> Token:
        """Return a coming token, the last one for ever."""
        return self._tokens[self._next + ahead]

    def at(self, kind: str, then: str = "") -> bool:
        """Return whether the next token is of this kind, and the one after it of that."""
        place = self._next
        return self._tokens[place].kind == kind and (
            not then or self._tokens[place + 1].kind == then
        )

    def take(self) -> Token:
        """Return the next token and go past it."""
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token

    def accept(self, kind: str) -> Token | None:
        """Return the next token if it is of this kind, and go past it."""
        return self.take() if self.at(kind) else None

    def expect(self, kind: str, what: str = "") -> Token:
        """Return the next token, which must be of this kind.

        Raises
        ------
        ParseError
            It is another one.
        """
        if not self.at(kind):
            raise self.unexpected(what or f"'{kind}'")
        return self.take()

    def unexpected(self, wanted: str) -> ParseError:
        """Return the error for a token that is not what is wanted."""
        token = self.peek()
        found = (
            "the end" if token.kind == "end" else f"'{self.source.text[token.start : token.end]}'"
        )
        return self.source.error(f"{wanted} must stand here, not {found}", token.start, token.end)

    def unsupported(self, what: str, remedy: str) -> Unsupported:
        """Return the error for a construct of Relay that is not read here."""
        token = self.peek()
        span = self.source.span(token.start, token.end)
        return Unsupported(f"{what} is not supported; {remedy}", span, self.source.excerpt(span))

    def span_from(self, start: int) -> Span:
        """Return the range from offset `start` to the end of the token last taken."""
        return self.source.span(start, max(start, self._tokens[self._next - 1].end))

    def until(self, closing: str, item: Callable[[], None]) -> None:
        """Read items separated by commas, a trailing one allowed, and the closing mark."""
        while not self.accept(closing):
            item()
            if not self.at(closing):
                self.expect(",", f"',' or '{closing}'")

    def annotation(self) -> Type | None:
        """Return the type after an optional colon; None without one, or for ``_``."""
        if not self.accept(":"):
            return None
        found = self.type()
        return None if found is HOLE else found

    def type(self) -> Type:
        """Return a type."""
        self._enter()
        token = self.peek()
        found: Type
        if self.accept("("):
            found = TupleType(self._types())
        elif self.accept("fn"):
            self.expect("(")
            params = self._types()
            self.expect("->")
            found = FuncType(params, self.type())
        elif token.kind == "word":
            found = self._named_type()
        else:
            raise self.unexpected("a type")
        self._depth -= 1
        return found

    def _types(self) -> tuple[Type, ...]:
        """Return types up to a closing parenthesis."""
        types: list[Type] = []
        self.until(")", lambda: types.append(self.type()))
        return tuple(types)

    def _named_type(self) -> Type:
        """Return the type that begins with a name."""
        token = self.peek()
        name = token.text
        if name == "_":
            self.take()
            return HOLE
        if name in self.type_params:
            self.take()
            return TypeVar(name)
        if name == "Tensor":
            self.take()
            self.expect("[")
            self.expect("(")
            shape: list[Dim] = []
            self.until(")", lambda: shape.append(self._dim()))
            self.expect(",")
            dtype = self.expect("word", "a data type")
            self.expect("]")
            return TensorType(tuple(shape), self._dtype(dtype))
        if name.rstrip("0123456789") in ("int", "uint", "float", "bool"):
            self.take()
            return TensorType((), self._dtype(token))
        raise self.unsupported(
            f"type {name}", "use tensors, tuples, functions, or a type parameter of the function"
        )

    def _dtype(self, token: Token) -> str:
        """Return a data type that exists."""
        if token.text not in DTYPES:
            raise self.source.error(
                f"a data type must be one of {', '.join(DTYPES)}, not {token.text}",
                token.start,
                token.end,
            )
        return token.text

    def _dim(self) -> Dim:
        """Return one size of a shape."""
        if self.accept("?"):
            return Any()
        token = self.peek()
        if token.kind == "number" and isinstance(token.value, np.integer) and token.value >= 0:
            self.take()
            return int(token.value)
        if token.kind == "meta":
            raise self.unsupported("a symbolic dimension", "write ? for a size not known")
        raise self.unexpected("a size or ?")

    def at_attribute(self) -> bool:
        """Return whether an attribute comes: a dotted name and an equals sign."""
        ahead = 0
        while self.peek(ahead).kind == "word" and self.peek(ahead + 1).kind == ".":
            ahead += 2
        return self.peek(ahead).kind == "word" and self.peek(ahead + 1).kind == "="

    def attribute(self) -> tuple[str, AttributeValue, Token]:
        """Return name and value of an attribute, and the token of the name."""
        token = self.peek()
        name = self.dotted_name()
        self.expect("=")
        return name, self._attribute_value(), token

    def dotted_name(self) -> str:
        """Return a name such as ``nn.conv2d``."""
        name = self.expect("word", "a name").text
        while self.at(".", "word"):
            self.take()
            name += "." + self.take().text
        return name

    def _attribute_value(self) -> AttributeValue:
        """Return the value of an attribute; lists and tuples become tuples."""
        self._enter()
        value: AttributeValue
        token = self.peek()
        if token.kind == "number":
            assert isinstance(token.value, np.generic)
            # A float is read from its text: it is a double, whatever its suffix says.
            whole = isinstance(token.value, np.integer)
            value = int(token.value) if whole else _double(token.text)
            self.take()
        elif token.kind == "string":
            value = self.take().text
        elif token.kind == "word" and token.text in ("True", "False", "None", "nullptr"):
            value = {"True": True, "False": False}.get(self.take().text)
        elif token.kind in ("[", "("):
            closing = "]" if self.take().kind == "[" else ")"
            values: list[AttributeValue] = []
            self.until(closing, lambda: values.append(self._attribute_value()))
            value = tuple(values)
        elif token.kind == "meta":
            raise self.unsupported("metadata in an attribute", "write numbers, strings and lists")
        else:
            raise self.unexpected("the value of an attribute")
        self._depth -= 1
        return value

    def _enter(self) -> None:
        """Count one level of nesting; ParseError if there are too many."""
        self._depth += 1
        if self._depth > _NESTING_LIMIT:
            token = self.peek()
            raise self.source.error(
                f"types and attributes nest at most {_NESTING_LIMIT} deep", token.start, token.end
            )


def _double(text: str) -> float:
    """Return the value of a floating-point literal without rounding it to its suffix."""
    digits = text.lstrip("-")
    sign = -1.0 if (len(text) - len(digits)) % 2 else 1.0
    return sign * (float("inf") if digits == "inff" else float(digits.split("f")[0]))
