"""Errors of the boards.

BoardError
├── UnknownBoard    there is no board of that name
├── ToolMissing     a package of the extra `boards` is not installed
├── ToolFailed      a tool stopped with an error, or its report lacks what it must hold
└── DoesNotFit      the machine needs more of a resource than the board has
"""

__all__ = ["BoardError", "DoesNotFit", "ToolFailed", "ToolMissing", "UnknownBoard"]


class BoardError(Exception):
    """Base of every error that boards/ raises for a user's mistake."""


class UnknownBoard(BoardError):
    """There is no board of that name; the message lists those there are."""


class ToolMissing(BoardError):
    """A tool's package is not installed; the message says how to install it."""


class ToolFailed(BoardError):
    """Synthesis or placement failed; the message holds the end of the tool's output."""


class DoesNotFit(BoardError):
    """The machine does not fit; the message says which resources are short, and by how much."""
