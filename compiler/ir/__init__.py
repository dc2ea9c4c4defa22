"""The intermediate representation: Relay, typed, functional, with a place on every node."""

from .compare import structural_equal
from .data import ConstructorData, TypeData
from .dims import Any, Dim, Size
from .matching import Clause, ConstructorPattern, Match, TuplePattern, VarPattern, WildcardPattern
from .module import Module
from .nodes import (
    Call,
    Constant,
    Constructor,
    Expr,
    Function,
    GlobalVar,
    If,
    Let,
    MetaValue,
    Op,
    RefCreate,
    RefRead,
    RefWrite,
    Tuple,
    TupleGetItem,
    Var,
)
from .span import Span
from .types import FuncType, RefType, TensorType, TupleType, TypeCall, TypeVar

__all__ = [
    "Any", "Call", "Clause", "Constant", "Constructor", "ConstructorData", "ConstructorPattern",
    "Dim", "Expr", "FuncType", "Function", "GlobalVar", "If", "Let", "Match", "MetaValue",
    "Module", "Op", "RefCreate", "RefRead", "RefType", "RefWrite", "Size", "Span", "TensorType",
    "Tuple", "TupleGetItem", "TuplePattern", "TupleType", "TypeCall", "TypeData", "TypeVar",
    "Var", "VarPattern", "WildcardPattern", "structural_equal",
]  # fmt: skip
