"""Values of the interpreter as the driver's, and back; programs compiled and run natively."""

from compiler.backends.cpu import compile_host
from compiler.interpreter import Data, Reference
from driver import values
from driver.host import HostProgram


def run_native(module, *inputs, heap_bytes=None):
    """Return what a compiled module that has an interface gives, as the interpreter's values."""
    host = compile_host(module, {})
    assert host.interface is not None
    names = [param.name for param in module["main"].params]
    given = [to_native(value) for value in inputs]
    return from_native(HostProgram(host).evaluate(names, given, heap_bytes=heap_bytes))


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
