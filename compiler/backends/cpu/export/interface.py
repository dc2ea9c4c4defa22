"""What the C functions of an exported network are called and take."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from isa.image import Tensor

__all__ = ["Interface", "Parameter", "make_interface"]

# Of C and C++, those that a tensor is likely to be called; and what the functions use themselves.
_TAKEN = frozenset((
    "and", "auto", "bool", "break", "case", "catch", "char", "class", "const", "continue",
    "default", "delete", "do", "double", "else", "enum", "explicit", "export", "extern",
    "false", "float", "for", "friend", "goto", "if", "inline", "int", "long", "mutable",
    "namespace", "new", "not", "operator", "or", "pool", "private", "protected", "public",
    "register", "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch",
    "template", "this", "threads", "throw", "true", "try", "typedef", "typename", "union",
    "unsigned", "using", "virtual", "void", "volatile", "while", "workspace", "xor",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """A pointer that `NAME_run` takes.

    Attributes
    ----------
    name : str
        In C.
    tensor : Tensor
    is_output : bool
    """

    name: str
    tensor: Tensor
    is_output: bool


@dataclass(frozen=True, slots=True)
class Interface:
    """All that C needs to know.

    Attributes
    ----------
    name : str
        What all symbols begin with.
    parameters : tuple of Parameter
        Inputs, then outputs.
    workspace_bytes : int
    threaded : bool
        There are functions for threads.
    target : str
        What the code was made for, in words.
    """

    name: str
    parameters: tuple[Parameter, ...]
    workspace_bytes: int
    threaded: bool
    target: str


def make_interface(
    name: str,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    *,
    workspace_bytes: int,
    threaded: bool,
    target: str,
) -> Interface:
    """Return the interface of a network; its names and those of its tensors become C's."""
    taken = set(_TAKEN)
    parameters = []
    rows = [(tensor, False) for tensor in inputs] + [(tensor, True) for tensor in outputs]
    for tensor, is_output in rows:
        stem = _identifier(tensor.name).lower()
        choice, number = stem, 2
        while choice in taken:
            choice, number = f"{stem}_{number}", number + 1
        taken.add(choice)
        parameters.append(Parameter(choice, tensor, is_output))
    symbol = _identifier(name)
    return Interface(symbol, tuple(parameters), workspace_bytes, threaded, target)


def _identifier(text: str) -> str:
    """Return `text` as a name in C."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    return name if re.match(r"[A-Za-z]", name) else f"n{name}"
