"""Fixtures: programs as text, compiled and run natively, compared with the interpreter."""

import numpy as np
import pytest

from compiler.backends.cpu import compile_host
from compiler.infer import infer
from compiler.interpreter import Data, Reference, evaluate, same_value
from compiler.prelude import parse_with_prelude
from driver import values
from driver.host import HostProgram


def to_native(root):
    """Return a value of the interpreter as the driver takes it; data may nest deeply."""
    made, pending = [], [(root, False)]
    while pending:
        value, ready = pending.pop()
        parts = value.fields if isinstance(value, Data) else value
        if not isinstance(parts, tuple):
            made.append(value)
        elif not ready:
            pending.append((value, True))
            pending.extend((part, False) for part in reversed(parts))
        else:
            fields = tuple(made[len(made) - len(parts) :])
            del made[len(made) - len(parts) :]
            data = isinstance(value, Data)
            made.append(values.Data(value.constructor, fields) if data else fields)
    return made[0]


def from_native(value):
    """Return a result of the driver as the interpreter's."""
    match value:
        case values.Data(constructor, fields):
            return Data(constructor, tuple(map(from_native, fields)))
        case values.Cell(held):
            return Reference(from_native(held))
        case tuple():
            return tuple(map(from_native, value))
        case _:
            return value


@pytest.fixture
def native():
    """`native(module, *inputs)` is what the compiled module gives, as the interpreter's values."""

    def run(module, *inputs, heap_bytes=None):
        host = compile_host(module, {})
        assert host.interface is not None
        names = [param.name for param in module["main"].params]
        given = [to_native(value) for value in inputs]
        return from_native(HostProgram(host).evaluate(names, given, heap_bytes=heap_bytes))

    return run


@pytest.fixture
def typed():
    """`typed(text)` is the module of a program's text, with what it uses of the prelude."""
    return lambda text: infer(parse_with_prelude(f'#[version = "0.0.5"]\n{text}', "test.relay"))


@pytest.fixture
def agree(native):
    """`agree(module, *inputs)` compares the compiled module with the interpreter; the value."""

    def compare(module, *inputs, tolerance=1e-5, where=""):
        given = [np.asarray(one) if np.isscalar(one) else one for one in inputs]
        wanted, found = evaluate(module, *given), native(module, *given)
        assert same_value(found, wanted, tolerance), f"{where}: {found} is not {wanted}"
        return found

    return compare
