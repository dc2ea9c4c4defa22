"""Evaluation of a module's @main: inputs checked, run, and the result returned."""

import numpy as np

from ..errors import InvalidInput, InvalidModule, Unsupported
from ..infer import infer
from ..ir.dims import Symbol
from ..ir.module import Module
from ..ir.nodes import Function, Var
from .checks import input_mismatch
from .machine import Machine
from .values import Closure, Data, Reference, Result, Value

__all__ = ["evaluate"]


def evaluate(module: Module, *inputs: Result) -> Result:
    """Return what ``@main`` gives for `inputs`.

    Parameters
    ----------
    module : Module
        Typed or not; it is inferred first if need be.
    inputs : arrays, tuples for tuple parameters, `Data` for those of a data type
        One a parameter, of exactly its shape and data type.

    Returns
    -------
    array, (nested) tuple, Data or Reference

    Raises
    ------
    InvalidInput
        Inputs of a wrong count, shape or data type; a value that a ``match?`` has no clause for.
    CompileError
        The module is not well typed, or has no ``@main``.
    """
    if "main" not in module:
        names = ", ".join(f"@{name}" for name in module) or "none"
        raise InvalidModule(f"a program needs a function @main; this module has {names}")
    if any(module[name].type is None for name in module):
        module = infer(module)
    main = module["main"]
    if len(inputs) != len(main.params):
        names = ", ".join(f"%{param.name}: {param.type}" for param in main.params)
        raise InvalidInput(
            f"@main takes {len(main.params)} inputs ({names}), not {len(inputs)}", main.span
        )
    sizes: dict[Symbol, int] = {}
    values = [
        _checked_input(number, param, value, sizes, module)
        for number, (param, value) in enumerate(zip(main.params, inputs, strict=True))
    ]
    with np.errstate(all="ignore"):
        result = Machine(module).run(main, values)
    _require_plain(result, main)
    return result  # type: ignore[return-value]


def _checked_input(
    number: int, param: Var, value: object, sizes: dict[Symbol, int], module: Module
) -> Value:
    """Return an input in native byte order; InvalidInput if it is not of the parameter's type."""
    assert param.type is not None
    given = _native(value)
    wrong = input_mismatch(param.type, given, sizes, module)
    if wrong is not None:
        raise InvalidInput(
            f"input {number} (%{param.name}) must be {param.type}, not {wrong}; "
            f"reshape or convert it",
            param.span,
        )
    return given


def _native(root: object) -> Value:
    """Return a value with arrays in native byte order; Python's numbers become arrays.

    Data may nest as deeply as lists are long: a part is made after those inside it.
    """
    made: list[Value] = []
    pending: list[tuple[object, bool]] = [(root, False)]
    while pending:
        value, ready = pending.pop()
        parts = value.fields if isinstance(value, Data) else value
        if isinstance(value, Reference | Closure):
            made.append(value)
        elif not isinstance(parts, tuple | list):
            array = np.asarray(value)
            made.append(array.astype(array.dtype.newbyteorder("="), copy=False))
        elif not ready:
            pending.append((value, True))
            pending.extend((part, False) for part in reversed(parts))
        else:
            start = len(made) - len(parts)
            fields = tuple(made[start:])
            del made[start:]
            made.append(Data(value.constructor, fields) if isinstance(value, Data) else fields)
    (result,) = made
    return result


def _require_plain(result: Value, main: Function) -> None:
    """Raise Unsupported if the result of a program holds a function."""
    pending = [result]
    while pending:
        value = pending.pop()
        if isinstance(value, Closure):
            raise Unsupported("@main must give tensors, tuples and data, not a function", main.span)
        if isinstance(value, tuple):
            pending.extend(value)
        elif isinstance(value, Data):
            pending.extend(value.fields)
