"""Expressions of Relay.

::

    expr ::= Var | GlobalVar | Constant | Op | Constructor
           | Call(op, args, attrs)           op : Op | GlobalVar | Function | Var | any expression
           | Tuple(fields) | TupleGetItem(value, index)
           | Function(params, body, ret_type, attrs, type_params)
           | Let(var, value, body) | If(condition, then, otherwise)
           | Match(value, clauses, complete)          see `compiler.ir.matching`
           | RefCreate(value) | RefRead(reference) | RefWrite(reference, value)

Nodes are frozen and compare by identity, because identity is what sharing means: a node reached
along two paths is computed once. `compiler.ir.structural_equal` compares by value. Every node
carries `span` and, after inference, `type`; neither takes part in any comparison. `Var`s are bound
by identity too: names are for people.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from .span import Span
from .types import Type, TypeVar

__all__ = [
    "AttributeValue",
    "Call",
    "Constant",
    "Constructor",
    "Expr",
    "Function",
    "GlobalVar",
    "If",
    "Let",
    "MetaValue",
    "Op",
    "RefCreate",
    "RefRead",
    "RefWrite",
    "Tuple",
    "TupleGetItem",
    "Var",
]


@dataclass(frozen=True, slots=True)
class MetaValue:
    """An object of another system, such as a device, that a program mentions and only keeps.

    Attributes
    ----------
    key : str
        Its kind, as in ``VirtualDevice``.
    text : str
        Its content, as JSON.
    """

    key: str
    text: str


AttributeValue = int | float | bool | str | None | MetaValue | tuple["AttributeValue", ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Expr:
    """Base of all expressions: what every node carries."""

    span: Span | None = field(default=None, kw_only=True)
    type: Type | None = field(default=None, kw_only=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.span}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Var(Expr):
    """A local variable: a parameter, what a `Let` binds, or free.

    Attributes
    ----------
    name : str
    annotation : Type or None
    attrs : tuple of (str, AttributeValue)
        What a parameter says beside its type, such as its ``virtual_device``.
    """

    name: str
    annotation: Type | None = None
    attrs: tuple[tuple[str, AttributeValue], ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GlobalVar(Expr):
    """A function of the module, by name (without the ``@``)."""

    name: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Op(Expr):
    """A primitive operator, by name."""

    name: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Constructor(Expr):
    """A constructor of an algebraic data type of the module, by name; a function to call."""

    name: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Constant(Expr):
    """A tensor known at compile time; `value` is read-only."""

    value: npt.NDArray[np.generic]

    def __post_init__(self) -> None:
        view = np.asarray(self.value).view()
        view.flags.writeable = False
        object.__setattr__(self, "value", view)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Call(Expr):
    """An operator or a function applied to arguments.

    Attributes
    ----------
    op : Expr
    args : tuple of Expr
    attrs : Mapping
        Read-only. Of an `Op`, build calls with `compiler.ops.call`, which checks the attributes
        and fills in defaults.
    """

    op: Expr
    args: tuple[Expr, ...]
    attrs: Mapping[str, AttributeValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Programs have a hundred thousand calls, and most are made of these types already.
        if type(self.args) is not tuple:
            object.__setattr__(self, "args", tuple(self.args))
        if type(self.attrs) is not MappingProxyType:
            object.__setattr__(self, "attrs", MappingProxyType(dict(self.attrs)))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Tuple(Expr):
    """Several values as one."""

    fields: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TupleGetItem(Expr):
    """One value of a tuple; `index` counts from 0."""

    value: Expr
    index: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Function(Expr):
    """A function, closed over the variables around it."""

    params: tuple[Var, ...]
    body: Expr
    ret_type: Type | None = None
    attrs: Mapping[str, AttributeValue] = field(default_factory=dict)
    type_params: tuple[TypeVar, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", tuple(self.params))
        object.__setattr__(self, "attrs", _read_only(self.attrs))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Let(Expr):
    """Binds `var` to `value` in `body`; recursive if `value` is a `Function`."""

    var: Var
    value: Expr
    body: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class If(Expr):
    """One of two expressions, by a scalar bool; the other one is not evaluated."""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RefCreate(Expr):
    """A new cell that holds `value`."""

    value: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RefRead(Expr):
    """What a cell holds."""

    reference: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RefWrite(Expr):
    """Puts `value` into a cell; gives ``()``."""

    reference: Expr
    value: Expr


def _read_only(attrs: Mapping[str, AttributeValue]) -> Mapping[str, AttributeValue]:
    """Return `attrs` as a mapping that nobody else can change."""
    return attrs if isinstance(attrs, MappingProxyType) else MappingProxyType(dict(attrs))
