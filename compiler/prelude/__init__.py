"""The prelude: data types and functions that programs share, written as Relay text."""

from .imports import import_prelude, parse_with_prelude, prelude

__all__ = [
    "import_prelude",
    "parse_with_prelude",
    "prelude",
]
