"""The intermediate representation: Relay's core, typed, functional, with a place on every node."""

from .compare import structural_equal
from .module import Module
from .nodes import (
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
from .types import Any, TensorType, TupleType

__all__ = [
    "Any",
    "Call",
    "Constant",
    "Expr",
    "Function",
    "GlobalVar",
    "If",
    "Let",
    "Module",
    "Op",
    "Span",
    "TensorType",
    "Tuple",
    "TupleGetItem",
    "TupleType",
    "Var",
    "structural_equal",
]
