"""Questions about types."""

from compiler.ir import FuncType, RefType, TensorType, Tuple, TupleType, TypeCall
from compiler.ops import lookup

from .library import COLOUR, INT


def is_data(given):
    """Return whether values of a type hold no functions and no cells."""
    match given:
        case TupleType(parts) | TypeCall(_, parts):
            return all(map(is_data, parts))
        case _:
            return isinstance(given, TensorType)


def holds_data(given):
    """Return whether a type has a data type in it."""
    match given:
        case TypeCall():
            return True
        case TupleType(parts):
            return any(map(holds_data, parts))
        case FuncType(params, ret):
            return any(map(holds_data, (*params, ret)))
        case RefType(value):
            return holds_data(value)
        case _:
            return False


def constructors(kind):
    """Return name and types of fields of each constructor of a data type."""
    if kind.name == "Colour":
        return [("Red", ()), ("Grey", (INT,)), ("Mix", (COLOUR, COLOUR))]
    (item,) = kind.args
    return {
        "List": [("Cons", (item, kind)), ("Nil", ())],
        "Option": [("Some", (item,)), ("None_", ())],
        "Tree": [("Leaf", ()), ("Node", (kind, item, kind))],
    }[kind.name]


def grown_type(value, found):
    """Return the type of an operator's call on one variable."""
    (argument,) = value.args
    given = TupleType((found,) * len(argument.fields)) if isinstance(argument, Tuple) else found
    return lookup(value.op.name).relation((given,), value.attrs).ret
