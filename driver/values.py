"""Values of programs with control flow, in Python and in native memory (`isa.host`)."""

import ctypes
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from isa.host import OBJECT_BYTES, TENSOR_TAG, Status
from isa.interface import Form, Interface

from .errors import InputMismatch

__all__ = ["Cell", "Data", "Objects", "Value", "failure", "most_heap_bytes", "read_object"]

Array = npt.NDArray[Any]

_HEAD = struct.Struct("<qiiqq")
assert _HEAD.size == OBJECT_BYTES
# References of an object that the program does not free.
_KEPT = -1


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A value of a data type.

    Attributes
    ----------
    constructor : str
    fields : tuple of Value
    """

    constructor: str
    fields: tuple["Value", ...] = ()


@dataclass(slots=True, eq=False)
class Cell:
    """A cell of a program, and what it held at the end."""

    value: "Value"


Value = Array | tuple["Value", ...] | Data | Cell


@dataclass(slots=True)
class Objects:
    """The inputs of a run in native memory, which lives as long as this.

    Attributes
    ----------
    addresses : list of int
        One for each parameter.
    """

    addresses: list[int] = field(default_factory=list)
    _kept: list[object] = field(default_factory=list)

    def add(self, name: str, value: object, form: int, interface: Interface) -> None:
        """Add the value of a parameter.

        Raises
        ------
        InputMismatch
            It does not have the form that the parameter has.
        """
        made: list[int] = []
        # Data may nest as deeply as lists are long: a part is made after those inside it.
        pending: list[tuple[object, int, bool]] = [(value, form, False)]
        while pending:
            given, number, ready = pending.pop()
            wanted = interface.forms[number]
            if wanted.kind == "tensor":
                made.append(self._tensor(name, given, wanted))
                continue
            tag, parts, forms = _parts_of(name, given, wanted)
            if not ready:
                pending.append((given, number, True))
                pairs = zip(reversed(parts), reversed(forms), strict=True)
                pending.extend((part, part_form, False) for part, part_form in pairs)
                continue
            fields = made[len(made) - len(parts) :]
            del made[len(made) - len(parts) :]
            made.append(self._object(tag, fields, 0))
        self.addresses.append(made[0])

    def _tensor(self, name: str, value: object, form: Form) -> int:
        """Return the address of a tensor."""
        if isinstance(value, Data | Cell | tuple | list):
            raise _wrong(name, form, f"a {type(value).__name__.lower()}")
        array = np.asarray(value)
        sizes = zip(form.shape, array.shape, strict=False)
        fits = len(form.shape) == array.ndim and all(a is None or a == b for a, b in sizes)
        if not fits or array.dtype != np.dtype(form.name):
            raise _wrong(name, form, f"{array.dtype}{list(array.shape)}")
        array = np.ascontiguousarray(array).reshape(array.shape)
        self._kept.append(array)
        return self._object(TENSOR_TAG, list(array.shape), array.ctypes.data)

    def _object(self, tag: int, words: list[int], extra: int) -> int:
        """Return the address of a new object."""
        data = _HEAD.pack(_KEPT, tag, len(words), extra, 0) + struct.pack(f"<{len(words)}q", *words)
        memory = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        self._kept.append(memory)
        return ctypes.addressof(memory)


def _parts_of(
    name: str, value: object, form: Form
) -> tuple[int, Sequence[object], tuple[int, ...]]:
    """Return tag, parts and their forms of a tuple or of data."""
    if form.kind == "tuple":
        if not isinstance(value, tuple | list) or len(value) != len(form.fields):
            raise _wrong(name, form, _words(value))
        return 0, value, form.fields
    for tag, constructor in enumerate(form.constructors):
        if not isinstance(value, Data) or value.constructor != constructor.name:
            continue
        if len(value.fields) == len(constructor.fields):
            return tag, value.fields, constructor.fields
    raise _wrong(name, form, _words(value))


def _wrong(name: str, form: Form, found: str) -> InputMismatch:
    """Return the error of an input that has a part of another form."""
    if form.kind == "tensor":
        sizes = ", ".join("?" if size is None else str(size) for size in form.shape)
        wanted = f"{form.name}[{sizes}]"
    elif form.kind == "tuple":
        wanted = f"a tuple of {len(form.fields)}"
    else:
        wanted = " or ".join(f"{one.name} of {len(one.fields)}" for one in form.constructors)
    return InputMismatch(f"input {name} must be made of {wanted}, not {found}, at one place")


def _words(value: object) -> str:
    """Return what a value is."""
    match value:
        case Data(constructor, fields):
            return f"{constructor} of {len(fields)}"
        case tuple() | list():
            return f"a tuple of {len(value)}"
        case _:
            array = np.asarray(value)
            return f"{array.dtype}{list(array.shape)}"


def read_object(address: int, form: int, interface: Interface) -> Value:
    """Return the value at an address, copied; what was shared is shared.

    Parameters
    ----------
    form : number of its form
    """
    made: dict[tuple[int, int], Value] = {}
    cells: list[tuple[Cell, tuple[int, int]]] = []
    root = (address, form)
    pending = [root]
    while pending or cells:
        if not pending:
            cell, key = cells[-1]
            if key in made:
                cell.value = made[key]
                cells.pop()
            else:
                pending.append(key)
            continue
        key = pending[-1]
        if key in made:
            pending.pop()
            continue
        found = _read(key, interface, made, cells)
        if isinstance(found, list):
            pending.extend(found)
        else:
            made[key] = found
            pending.pop()
    return made[root]


def _read(
    key: tuple[int, int],
    interface: Interface,
    made: dict[tuple[int, int], Value],
    cells: list[tuple[Cell, tuple[int, int]]],
) -> Value | list[tuple[int, int]]:
    """Return the value of an object, or a list of those that must be read first."""
    address, number = key
    form = interface.forms[number]
    _, tag, size, extra, _ = _HEAD.unpack(ctypes.string_at(address, _HEAD.size))
    words = struct.unpack(f"<{size}q", ctypes.string_at(address + _HEAD.size, 8 * size))
    if form.kind == "tensor":
        dtype = np.dtype(form.name)
        array = np.empty(words, dtype)
        ctypes.memmove(array.ctypes.data, extra, array.nbytes)
        return array
    fields = form.constructors[tag].fields if form.kind == "data" else form.fields
    parts = list(zip(words, fields, strict=True))
    if form.kind == "cell":
        cell = Cell(())
        cells.append((cell, parts[0]))
        return cell
    missing = [part for part in parts if part not in made]
    if missing:
        return missing
    values = tuple(made[part] for part in parts)
    return values if form.kind == "tuple" else Data(form.constructors[tag].name, values)


def failure(status: int, interface: Interface, heap_bytes: int) -> str:
    """Return what the status of a program that has an interface means."""
    match status:
        case Status.HEAP_FULL:
            return f"the values of the program need more than {heap_bytes} bytes; give it more"
        case Status.STACK_FULL:
            return "the program calls itself too deeply; call it in place of a function's result"
        case Status.NO_STACK:
            return "the system gives the program no stack; let it have more memory"
    number = Status.FAILED - status
    if 0 <= number < len(interface.failures):
        return interface.failures[number]
    return f"the host program ended with status {status}"


def most_heap_bytes() -> int:
    """Return three quarters of the memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 * 3
