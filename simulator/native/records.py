"""How records lie in memory, and an instance of one for native code.

A record is a dataclass whose members are all of::

    int | float              a number of 8 bytes
    list[int] | list[float]  an array of them
    Record | list[Record]    a record of numbers, an array of such records

An instance is one block of memory: the record, then its arrays and records.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import GenericAlias
from typing import Any, get_args, get_type_hints

import numpy as np
import numpy.typing as npt

from ..errors import SimulatorError

__all__ = ["BYTES", "Instance", "Kind", "kind_of", "members"]

# Of every number and pointer.
BYTES = 8


@dataclass(frozen=True)
class Kind:
    """The type of a value in native code.

    Attributes
    ----------
    llvm : str, LLVM's name of the type
    record : type or None, what a pointer points to, if it is a record
    element : Kind or None, what an array holds
    """

    llvm: str
    record: type | None = None
    element: "Kind | None" = None


def kind_of(annotation: Any) -> Kind:
    """Return the kind that an annotation stands for.

    Raises
    ------
    SimulatorError
        It is none of those that native code has.
    """
    plain = {int: Kind("i64"), float: Kind("double"), bool: Kind("i1")}
    if annotation is None or annotation is type(None):
        return Kind("void")
    if isinstance(annotation, GenericAlias) and annotation.__origin__ is list:
        return Kind("ptr", element=kind_of(get_args(annotation)[0]))
    if isinstance(annotation, type):
        if annotation in plain:
            return plain[annotation]
        if annotation.__module__ != "builtins" and annotation.__annotations__:
            return Kind("ptr", record=annotation)
    raise SimulatorError(
        "a type of native code must be int, float, bool, a record or a list of one of these, "
        f"not {annotation!r}"
    )


@lru_cache
def members(record: type) -> Mapping[str, tuple[int, Kind]]:
    """Return the place, in units of `BYTES`, and the kind of each member of a record.

    Raises
    ------
    SimulatorError
        A member is nothing that a record may have.
    """
    kinds = {name: kind_of(hint) for name, hint in get_type_hints(record).items()}
    for name, kind in kinds.items():
        if kind.llvm not in ("i64", "double", "ptr"):
            raise SimulatorError(
                f"{record.__name__}.{name} must be an int, a float, a record or a list of these, "
                f"not a {kind.llvm}"
            )
    return {name: (place, kinds[name]) for place, name in enumerate(kinds)}


class Instance:
    """A record in memory that native code may use, all zero at first.

    Parameters
    ----------
    record : type
    sizes : mapping from str to int, items of each array of the record

    Attributes
    ----------
    address : int
    """

    def __init__(self, record: type, sizes: Mapping[str, int]) -> None:
        self._record = record
        self._members = members(record)
        self._places: dict[str, tuple[int, int]] = {}
        pointers: list[tuple[int, int]] = []
        end = len(self._members)
        for name, (place, kind) in self._members.items():
            if kind.llvm != "ptr":
                continue
            inner = kind.element.record if kind.element is not None else kind.record
            items = sizes[name] if kind.element is not None else 1
            size = items * (len(members(inner)) if inner is not None else 1)
            pointers.append((place, end))
            self._places[name] = end, size
            end += size
        self._memory: npt.NDArray[np.int64] = np.zeros(end, np.int64)
        self.address = self._memory.ctypes.data
        for place, begin in pointers:
            self._memory[place] = self.address + begin * BYTES

    @cached_property
    def _floats(self) -> npt.NDArray[np.float64]:
        return self._memory.view(np.float64)

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return the memory of an array: float64[items] of floats, int64[...] of all else."""
        begin, size = self._places[name]
        element = self._members[name][1].element
        floats = element is not None and element.llvm == "double"
        return (self._floats if floats else self._memory)[begin : begin + size]

    def plain(self) -> Any:
        """Return a copy of the record as Python objects, for functions that are not compiled."""
        values: dict[str, Any] = {}
        for name, (_, kind) in self._members.items():
            inner = kind.element.record if kind.element is not None else kind.record
            if inner is not None:
                rows = self.array(name).reshape(-1, len(members(inner)))
                records = [_record(inner, row) for row in rows]
                values[name] = records if kind.element is not None else records[0]
            else:
                values[name] = self.array(name).tolist() if kind.element else self[name]
        return self._record(**values)

    def __getitem__(self, name: str) -> int:
        """Return the value of a member that is a number."""
        place, kind = self._members[name]
        number: int = (self._floats if kind.llvm == "double" else self._memory)[place].item()
        return number

    def __setitem__(self, name: str, value: float) -> None:
        place, kind = self._members[name]
        (self._floats if kind.llvm == "double" else self._memory)[place] = value


def _record(record: type, row: npt.NDArray[np.int64]) -> Any:
    """Return a record of numbers that lies in `row`."""
    floats = row.view(np.float64)
    return record(
        *(
            (floats if kind.llvm == "double" else row)[place].item()
            for place, kind in members(record).values()
        )
    )
