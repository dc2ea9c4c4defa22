"""Attributes of a call: checked against the operator's row, in one form, with defaults."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import cast

import numpy as np

from ..errors import CompileError, TypeInferenceError
from ..ir.nodes import AttributeValue
from ..ir.span import Span
from ..ir.types import DTYPES
from .operator import Attribute, Operator

__all__ = ["complete_attributes"]

# How many ints the kinds of a fixed length have.
_COUNTS = {"single": 1, "pair": 2, "triple": 3, "padding1": 2, "padding": 4, "padding3": 6}


def complete_attributes(
    operator: Operator, attrs: Mapping[str, object], span: Span | None = None
) -> dict[str, AttributeValue]:
    """Return all attributes of a call, in the order of the operator's row.

    Parameters
    ----------
    attrs : Mapping
        What is given. Lists become tuples, numpy scalars Python's, one int of a pair both.

    Raises
    ------
    TypeInferenceError
        An attribute that the operator does not have, one of a wrong kind, or one missing.
    """
    for name in attrs:
        if name not in operator.attributes:
            raise TypeInferenceError(_unknown(operator, name), span)
    complete: dict[str, AttributeValue] = {}
    for name, attribute in operator.attributes.items():
        if name in attrs:
            complete[name] = _coerce(operator.name, name, attribute, attrs[name], span)
        elif attribute.required:
            raise TypeInferenceError(
                f"{operator.name}: attribute {name} must be given: write {name}=...", span
            )
        else:
            complete[name] = attribute.default
    return complete


def _unknown(operator: Operator, name: str) -> str:
    """Return the message for an attribute that does not exist."""
    names = ", ".join(operator.attributes) or "none"
    near = get_close_matches(name, operator.attributes, 1)
    hint = f"did you mean {near[0]}?" if near else f"its attributes are: {names}"
    return f"{operator.name}: there is no attribute {name}; {hint}"


def _coerce(
    operator: str, name: str, attribute: Attribute, given: object, span: Span | None
) -> AttributeValue:
    """Return `given` in the form of its kind."""

    def refuse(expected: str) -> CompileError:
        return TypeInferenceError(
            f"{operator}: attribute {name} must be {expected}, not {given!r}", span
        )

    value = _plain(given)
    if value is None or (value == "None" and attribute.choices):
        if attribute.default is None and not attribute.required:
            return None
        if attribute.required:
            raise refuse("given")
        return attribute.default
    match attribute.kind, value:
        case "bool", bool() | 0 | 1:
            return bool(value)
        case ("int", int()) if not isinstance(value, bool):
            return value
        case ("float", float() | int()) if not isinstance(value, bool):
            return float(value)
        case ("str", str()) if not attribute.choices or value in attribute.choices:
            return value
        case ("dtype", str()) if value in ("", *DTYPES):
            return value
        case ("int_or_ints", int()) if not isinstance(value, bool):
            return value
        case "floats", tuple() | float() | int():
            numbers = value if isinstance(value, tuple) else (value,)
            if all(isinstance(number, float) or _is_int(number) for number in numbers):
                return tuple(float(cast(float, number)) for number in numbers)
        case (("ints" | "int_or_ints" | "pairs" as kind), _):
            shaped = _shape_ints(kind, value)
            if shaped is not None:
                return shaped
        case (kind, _) if kind in _COUNTS:
            shaped = _shape_ints(kind, value)
            if shaped is not None:
                return shaped
        case _:
            pass
    raise refuse(_expected(attribute))


def _shape_ints(kind: str, value: AttributeValue) -> AttributeValue:
    """Return ints, a pair, a padding or pairs in one form; None if `value` is none."""
    if kind == "pairs":
        if isinstance(value, tuple) and all(
            isinstance(pair, tuple) and len(pair) == 2 and _all_ints(pair) for pair in value
        ):
            return value
        return None
    numbers = (value,) if isinstance(value, int) else value
    if not (isinstance(numbers, tuple) and _all_ints(numbers)):
        return None
    if kind in ("ints", "int_or_ints"):
        return numbers
    total = _COUNTS[kind]
    fewer = (1, total // 2, total) if kind.startswith("padding") else (1, total)
    return numbers * (total // len(numbers)) if len(numbers) in fewer else None


def _is_int(value: AttributeValue) -> bool:
    """Return whether `value` is an int, which True is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def _all_ints(values: tuple[AttributeValue, ...]) -> bool:
    """Return whether all of `values` are ints."""
    return all(_is_int(value) for value in values)


def _plain(value: object) -> AttributeValue:
    """Return `value` with lists as tuples and numpy scalars as Python's."""
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    if isinstance(value, np.generic):
        return _plain(value.item())
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return f"<{type(value).__name__}>"


def _expected(attribute: Attribute) -> str:
    """Return in words what values an attribute takes."""
    if attribute.choices:
        return "one of " + ", ".join(f'"{choice}"' for choice in attribute.choices)
    return {
        "bool": "True or False",
        "int": "an integer",
        "float": "a number",
        "str": "a string",
        "dtype": "a data type such as float32",
        "ints": "a list of integers",
        "int_or_ints": "an integer or a list of integers",
        "floats": "a list of numbers",
        "single": "one integer",
        "pair": "two integers",
        "triple": "three integers",
        "padding1": "1 or 2 integers (left, right)",
        "padding": "1, 2 or 4 integers (top, left, bottom, right)",
        "padding3": "1, 3 or 6 integers (front, top, left, back, bottom, right)",
        "pairs": "a list of pairs of integers",
    }[attribute.kind]
