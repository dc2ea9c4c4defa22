"""Relay's text format, version 0.0.5: the second form of every module."""

from .parser import VERSION, parse, parse_expression
from .printer import to_text

__all__ = ["VERSION", "parse", "parse_expression", "to_text"]
