"""The intermediate representation: Relay's core, typed, functional, with a place on every node."""

from .compare import structural_equal
from .module import Module
from .nodes import (
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
from .span import Span
from .types import Any, Dim, FuncType, IncompleteType, TensorType, TupleType, Type, TypeVar

__all__ = [
    "Any",
    "AttributeValue",
    "Call",
    "Constant",
    "Dim",
    "Expr",
    "FuncType",
    "Function",
    "GlobalVar",
    "If",
    "IncompleteType",
    "Let",
    "Module",
    "Op",
    "Span",
    "TensorType",
    "Tuple",
    "TupleGetItem",
    "TupleType",
    "Type",
    "TypeVar",
    "Var",
    "structural_equal",
]
