"""Printer of what holds no block: atoms, calls, tuples; and the names of variables."""

from collections.abc import Mapping

from ..errors import InvalidModule, Unsupported
from ..ir.nodes import (
    AttributeValue,
    Call,
    Constant,
    Constructor,
    Expr,
    GlobalVar,
    MetaValue,
    Op,
    RefCreate,
    RefRead,
    RefWrite,
    Tuple,
    TupleGetItem,
    Var,
)
from ..ir.span import Span
from ..ops.registry import find
from .appendix import Appendix
from .calls import META_ATTRIBUTES, TYPE_KEY
from .literals import (
    attribute_name,
    attribute_text,
    identifier,
    is_identifier,
    optional_type_text,
    scalar_text,
    type_name,
)

__all__ = ["FlatPrinter"]


class FlatPrinter:
    """State of the printing of one function.

    Parameters
    ----------
    root : Expr
    appendix : Appendix
        The metadata of the whole program.
    arities : Mapping
        The constructors of the module with the number of their fields.

    Attributes
    ----------
    out : list of str
        What was written.
    level : int
        Steps of indentation.
    numbers : dict
        Of the nodes that have one, by ``id``.
    free : list of Var
        Variables that were used, but not bound.
    """

    def __init__(self, root: Expr, appendix: Appendix, arities: Mapping[str, int]) -> None:
        self.root = root
        self.appendix = appendix
        self.arities = arities
        self.out: list[str] = []
        self.level = 0
        self.numbers: dict[int, int] = {}
        self.free: list[Var] = []
        self._names: dict[Var, str] = {}
        self._taken: set[str] = set()
        self._next_suffix: dict[str, int] = {}
        self._defaults: dict[str, dict[str, AttributeValue]] = {}

    def flat(self, node: Expr) -> str:
        """Return a node that holds no block; its operands have numbers or are atoms."""
        match node:
            case Call():
                return self._call(node)
            case Tuple(fields):
                comma = "," if len(fields) == 1 else ""
                return f"({', '.join(map(self.atom, fields))}{comma})"
            case TupleGetItem(value, index):
                text = self.atom(value)
                bare = isinstance(value, Constant | Op | Constructor)
                return f"({text}).{index}" if bare else f"{text}.{index}"
            case RefCreate(value):
                return f"ref({self.atom(value)})"
            case RefRead(reference):
                return f"ref_read({self.atom(reference)})"
            case RefWrite(reference, value):
                return f"ref_write({self.atom(reference)}, {self.atom(value)})"
            case _:
                raise AssertionError(f"{node!r} holds blocks")

    def atom(self, node: Expr) -> str:
        """Return a node that is one word: a number, a name, or a constant."""
        number = self.numbers.get(id(node))
        if number is not None:
            return f"%{number}"
        match node:
            case Var():
                if node not in self._names:
                    # Binders are written before what they bind.
                    self.free.append(node)
                return f"%{self._name(node)}"
            case Constant(value):
                return scalar_text(value) or self.appendix.constant(node)
            case Op(name):
                return name
            case GlobalVar(name):
                if not is_identifier(name):
                    raise InvalidModule(f"@{name} is no identifier; rename it", node.span)
                return f"@{name}"
            case Constructor(name):
                if self.arities.get(name) == 0:
                    problem = f"constructor {name} has no fields, so it must be called"
                    raise InvalidModule(problem, node.span)
                return type_name(name, node.span)
            case _:
                raise AssertionError(f"{node!r} has no number")

    def binder(self, var: Var, parameter: bool = False) -> str:
        """Return a variable where it is bound."""
        attrs = ""
        if var.attrs:
            if not parameter:
                raise Unsupported(f"%{var.name} has attributes; only a parameter can", var.span)
            attrs = f" {{{', '.join(self.attributes_text(dict(var.attrs), var.span))}}}"
        annotation = optional_type_text(": ", var.annotation, self.appendix)
        return f"%{self._name(var)}{attrs}{annotation}"

    def attributes_text(self, attrs: Mapping[str, AttributeValue], span: Span | None) -> list[str]:
        """Return attributes one by one."""
        return [
            f"{attribute_name(name, span)}={attribute_text(value, self.appendix, span)}"
            for name, value in attrs.items()
        ]

    def _call(self, call: Call) -> str:
        """Return a call; of an operator with the attributes that are not defaults."""
        args = [self.atom(arg) for arg in call.args]
        op = call.op
        if isinstance(op, Op):
            if call.attrs:
                defaults = self._defaults_of(op.name)
                given = {
                    name: value
                    for name, value in call.attrs.items()
                    if name not in defaults or defaults[name] != value
                }
                args += self.attributes_text(given, call.span)
            return f"{op.name}({', '.join(args)})"
        if call.attrs:
            args += self._function_attributes(call)
        if isinstance(op, Constructor):
            if not args and self.arities.get(op.name) == 0:
                return type_name(op.name, op.span)
            return f"{type_name(op.name, op.span)}({', '.join(args)})"
        return f"{self.atom(op)}({', '.join(args)})"

    def _function_attributes(self, call: Call) -> list[str]:
        """Return the attributes of a call of a function."""
        whole = call.attrs.get(META_ATTRIBUTES)
        if isinstance(whole, MetaValue) and len(call.attrs) == 1:
            return [self.appendix.value(whole)]
        if TYPE_KEY not in call.attrs:
            raise InvalidModule(
                f"a call of a function has attributes only with {TYPE_KEY}; "
                f"give them to the function",
                call.span,
            )
        return self.attributes_text(call.attrs, call.span)

    def _defaults_of(self, name: str) -> dict[str, AttributeValue]:
        """Return the attributes of an operator that have defaults."""
        if name not in self._defaults:
            row = find(name)
            attributes = {} if row is None else row.attributes
            self._defaults[name] = {
                key: attribute.default
                for key, attribute in attributes.items()
                if not attribute.required
            }
        return self._defaults[name]

    def _name(self, var: Var) -> str:
        """Return the name of a variable, which no other variable of the function has."""
        name = self._names.get(var)
        if name is None:
            base = name = identifier(var.name)
            while name in self._taken:
                self._next_suffix[base] = self._next_suffix.get(base, 0) + 1
                name = f"{base}{self._next_suffix[base]}"
            self._taken.add(name)
            self._names[var] = name
        return name
