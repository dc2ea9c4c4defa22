"""What the C functions of an exported network are called and take."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isa.image import Tensor

from ....ir.dims import Dim, Symbol, substitute_dim, symbol, symbols_in
from .signature import Leaf, Part, leaves

__all__ = ["Interface", "Objects", "Parameter", "make_interface"]

# Of C and C++, those that a tensor is likely to be called; and what the functions use themselves.
_TAKEN = frozenset((
    "and", "auto", "bool", "break", "case", "catch", "char", "class", "const", "continue",
    "default", "delete", "do", "double", "else", "enum", "explicit", "export", "extern",
    "false", "float", "for", "friend", "goto", "if", "inline", "int", "long", "mutable",
    "namespace", "new", "not", "operator", "or", "pool", "private", "protected", "public",
    "register", "restrict", "return", "short", "signed", "sizeof", "stack_bytes", "static",
    "struct", "switch", "template", "this", "threads", "throw", "true", "try", "typedef",
    "typename", "union", "unsigned", "using", "virtual", "void", "volatile", "while", "workspace",
    "workspace_bytes", "xor",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """A pointer that `NAME_run` takes, and what it takes with it where sizes are open.

    Attributes
    ----------
    name : str
        In C.
    tensor : Tensor
        With -1 for a size that is open: each call has its own.
    is_output : bool
    extents : tuple of str
        The sizes of its axes in C, "?" for one that only the program knows.
    """

    name: str
    tensor: Tensor
    is_output: bool
    extents: tuple[str, ...]

    @property
    def open_axes(self) -> tuple[int, ...]:
        """Axes whose sizes are open."""
        return tuple(axis for axis, size in enumerate(self.tensor.shape) if size < 0)

    @property
    def room_name(self) -> str:
        """Of an open output, the number of elements that there is room for."""
        return f"{self.name}_room"

    @property
    def sizes_name(self) -> str:
        """Of an open output, the list that its sizes are written to."""
        return f"{self.name}_sizes"


@dataclass(frozen=True, slots=True)
class Objects:
    """What more there is to say of a program with control flow, data, or open sizes.

    Attributes
    ----------
    inputs : tuple of Part
        The parameters of @main; their tensors are the input parameters, in order.
    result : Part
        The same of the result and the outputs.
    state_bytes : int
        Of the state of a run, at the start of the workspace; the arena follows.
    recursive : bool
        It is told how much of the stack it may use.
    failures : tuple of str
        What the status ``Status.FAILED - n`` means.
    """

    inputs: tuple[Part, ...]
    result: Part
    state_bytes: int
    recursive: bool
    failures: tuple[str, ...]


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
        Without what the values of a program with `objects` take.
    threaded : bool
        There are functions for threads.
    target : str
        What the code was made for, in words.
    objects : Objects or None
        None of a network of known tensors that runs from first to last.
    """

    name: str
    parameters: tuple[Parameter, ...]
    workspace_bytes: int
    threaded: bool
    target: str
    objects: Objects | None = None


def make_interface(
    name: str,
    inputs: Sequence[Part],
    outputs: Sequence[Part],
    *,
    workspace_bytes: int,
    threaded: bool,
    target: str,
    objects: Objects | None = None,
) -> Interface:
    """Return the interface of a network; its names and those of its tensors become C's."""
    taken = set(_TAKEN)
    known: dict[Symbol, Dim] = {}
    parameters = []
    for is_output, parts in ((False, inputs), (True, outputs)):
        for leaf in (leaf for part in parts for leaf in leaves(part)):
            stem = _identifier(leaf.tensor.name).lower()
            made, number = _parameter(stem, leaf, is_output, known), 2
            while not taken.isdisjoint(_names(made)):
                made = _parameter(f"{stem}_{number}", leaf, is_output, known)
                number += 1
            taken |= _names(made)
            if not is_output:
                known |= _said_by(made, leaf)
            parameters.append(made)
    stem = _identifier(name)
    return Interface(stem, tuple(parameters), workspace_bytes, threaded, target, objects)


def _parameter(name: str, leaf: Leaf, is_output: bool, known: Mapping[Symbol, Dim]) -> Parameter:
    """Return the parameter of a tensor; `known` has the sizes that inputs say."""
    if is_output:
        extents = tuple(_extent(size, known) for size in leaf.sizes)
    else:
        extents = tuple(
            str(size) if size >= 0 else f"{name}_size_{axis}"
            for axis, size in enumerate(leaf.tensor.shape)
        )
    return Parameter(name, leaf.tensor, is_output, extents)


def _names(parameter: Parameter) -> set[str]:
    """Return all names that a parameter has in C."""
    if not parameter.open_axes:
        return {parameter.name}
    if parameter.is_output:
        return {parameter.name, parameter.room_name, parameter.sizes_name}
    return {parameter.name, *(parameter.extents[axis] for axis in parameter.open_axes)}


def _said_by(parameter: Parameter, leaf: Leaf) -> dict[Symbol, Dim]:
    """Return the symbols that are sizes of an input, as what C calls them."""
    said: dict[Symbol, Dim] = {}
    for size, extent in zip(leaf.sizes, parameter.extents, strict=True):
        alone = next(symbols_in(size), None)
        if alone is not None and size == symbol(alone.name):
            said[alone] = symbol(extent)
    return said


def _extent(size: Dim, known: Mapping[Symbol, Dim]) -> str:
    """Return a size of an output in C."""
    if not all(one in known for one in symbols_in(size)):
        return "?"
    return str(substitute_dim(size, known))


def _identifier(text: str) -> str:
    """Return `text` as a name in C."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    return name if re.match(r"[A-Za-z]", name) else f"n{name}"
