"""Operators: one row each, with its attributes, type relation and meaning in numpy."""

from .operator import Attribute, Kind, Mismatch, Missing, Operator
from .registry import call, find, lookup, operators

__all__ = [
    "Attribute",
    "Kind",
    "Mismatch",
    "Missing",
    "Operator",
    "call",
    "find",
    "lookup",
    "operators",
]
