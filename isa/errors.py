"""Errors of the instruction set.

IsaError
├── ConfigError      a machine configuration that cannot be built or encoded
├── EncodeError      a field value out of its range
├── DecodeError      words that are no legal instruction
├── AssemblyError    program text that cannot be read
├── ImageError       an image file that cannot be read, or is for another machine
└── ProgramRefused   a program that can deadlock, race or leave a memory's or a window's bounds
"""

__all__ = [
    "AssemblyError",
    "ConfigError",
    "DecodeError",
    "EncodeError",
    "ImageError",
    "IsaError",
    "ProgramRefused",
]


class IsaError(Exception):
    """Base of every error that isa/ raises for a user's mistake."""


class ConfigError(IsaError):
    """A configuration holds a value outside its range, or cannot be encoded."""


class EncodeError(IsaError):
    """An instruction field holds a value outside its range."""


class DecodeError(IsaError):
    """A word is no legal instruction of this configuration."""


class AssemblyError(IsaError):
    """Program text is malformed; the message begins with path:line."""


class ImageError(IsaError):
    """An image is malformed, or was made for another configuration or version."""


class ProgramRefused(IsaError):
    """The static checker found that a program may go wrong; the message says where, and why."""
