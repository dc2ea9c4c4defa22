"""The values of a function being written: objects, and scalars that are none.

What an operator, a constant, a branch or a call gives is no object if it is a scalar: it is eight
bytes of the stack frame, of which LLVM makes a register. It becomes an object where one is needed:
in records and closures, and for functions that are values. Only objects have their references
counted.
"""

from isa.host import TENSOR_TAG

from ....ir.types import TensorType
from ..builder import element_bytes
from .code import Variable
from .passing import is_scalar
from .runtime import CODE_OFFSET, FIELDS_OFFSET
from .writer import Writer

__all__ = ["Values", "head_of"]

_PLACE_BYTES = 8


def head_of(tag: int, size: int) -> int:
    """Return tag and size of an object as one number."""
    return size << 32 | tag & 0xFFFFFFFF


class Values:
    """What the variables of a function stand for.

    Parameters
    ----------
    write : Writer
        Of the function.
    """

    def __init__(self, write: Writer) -> None:
        self._write = write
        self._objects: dict[Variable, str] = {}
        self._places: dict[Variable, str] = {}

    def is_plain(self, variable: Variable) -> bool:
        """Return whether a variable is a scalar that is no object."""
        return variable in self._places

    def bind(self, variable: Variable, value: str) -> None:
        """Let a variable be an object."""
        self._objects[variable] = value

    def bind_plain(self, variable: Variable, place: str) -> None:
        """Let a variable be the scalar at an address."""
        self._places[variable] = place

    def bind_bits(self, variable: Variable, bits: str) -> None:
        """Let a variable be the scalar that an i64 begins with."""
        kind, place = _kind(variable), self._write.allocate(_PLACE_BYTES)
        self._write.store(kind, _narrow(self._write, kind, bits), place)
        self._places[variable] = place

    def known(self, variable: Variable) -> str:
        """Return the object that a variable is; it must not be plain."""
        return self._objects[variable]

    def object(self, variable: Variable) -> str:
        """Return the object of a variable for whoever owns it then: of a scalar, a new one."""
        if variable not in self._places:
            return self._objects[variable]
        write, kind = self._write, _kind(variable)
        made = write.value(
            f"call ptr @take_tensor(ptr %state, i64 {head_of(TENSOR_TAG, 0)}, "
            f"i64 {FIELDS_OFFSET}, i64 {_PLACE_BYTES})"
        )
        write.require(made)
        data = write.load("ptr", made, CODE_OFFSET)
        write.store(kind, write.load(kind, self._places[variable]), data)
        return made

    def data(self, variable: Variable) -> str:
        """Return the address of a tensor's elements."""
        if variable in self._places:
            return self._places[variable]
        return self._write.load("ptr", self._objects[variable], CODE_OFFSET)

    def bits(self, variable: Variable) -> str:
        """Return an i64 that begins with a scalar; an object of it is given up."""
        write, kind = self._write, _kind(variable)
        value = write.load(kind, self.data(variable))
        if variable not in self._places:
            write.do(f"call void @drop(ptr %state, ptr {self._objects[variable]})")
        return value if kind == "i64" else write.value(f"zext {kind} {value} to i64")


def _kind(variable: Variable) -> str:
    """Return the type of the bits of a scalar."""
    assert isinstance(variable.type, TensorType) and is_scalar(variable.type)
    return f"i{8 * element_bytes(variable.type.dtype)}"


def _narrow(write: Writer, kind: str, bits: str) -> str:
    """Return the first bits of an i64."""
    return bits if kind == "i64" else write.value(f"trunc i64 {bits} to {kind}")
