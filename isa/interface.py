"""How values go into a native program and come out, where they are more than plain tensors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Constructor", "Form", "Interface", "read_interface"]


@dataclass(frozen=True)
class Constructor:
    """One form of the values of a data type.

    Attributes
    ----------
    name : str
    fields : tuple of int, the numbers of the fields' forms
    """

    name: str
    fields: tuple[int, ...]


@dataclass(frozen=True)
class Form:
    """What values of a type look like.

    Attributes
    ----------
    kind : "tensor", "tuple", "data" or "cell"
    name : a tensor's dtype, the name of a data type
    shape : of a tensor; None for a size that each run has its own of
    fields : of a tuple or a cell, the numbers of their forms
    constructors : of a data type, by tag
    """

    kind: str
    name: str = ""
    shape: tuple[int | None, ...] = ()
    fields: tuple[int, ...] = ()
    constructors: tuple[Constructor, ...] = ()


@dataclass(frozen=True)
class Interface:
    """How values go into a program with control flow, and come out.

    Attributes
    ----------
    forms : tuple of Form; they name each other by number, as data types are recursive
    params : tuple of int, the forms of the parameters
    result : int, the form of the result
    failures : tuple of str, the errors of a run: the status of the first is -16, the next -17, ...
    """

    forms: tuple[Form, ...]
    params: tuple[int, ...]
    result: int
    failures: tuple[str, ...]


def read_interface(row: Mapping[str, Any]) -> Interface:
    """Return the interface that `dataclasses.asdict` gave as `row`, through JSON."""
    forms = tuple(
        Form(
            form["kind"],
            form["name"],
            tuple(form["shape"]),
            tuple(form["fields"]),
            tuple(Constructor(one["name"], tuple(one["fields"])) for one in form["constructors"]),
        )
        for form in row["forms"]
    )
    return Interface(forms, tuple(row["params"]), row["result"], tuple(row["failures"]))
