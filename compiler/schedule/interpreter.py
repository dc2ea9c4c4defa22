"""What a nest means: it is run in numpy, one element at a time.

The oracle of every schedule and of every backend: slow, and nothing in it is clever. Each index
is checked; a loop's kind changes nothing.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInput
from ..ir.dims import Dim, substitute_dim
from ..ir.dims import Symbol as DimSymbol
from .expressions import Apply, Buffer, Constant, Expr, Load, Symbol, Variable
from .nodes import Allocate, Block, For, If, Nest, Statement, Store, Tensor, While
from .nodes import Sequence as Steps
from .scalars import meaning

__all__ = ["run"]

Array = npt.NDArray[Any]

# The place of a constant in memory is found once for each node of a nest, not for each element.
_meaning = lru_cache(maxsize=4096)(meaning)


def run(
    nest: Nest, inputs: Sequence[Array], symbols: Mapping[str, int] | None = None
) -> tuple[Array, ...]:
    """Return the outputs of `nest`.

    Parameters
    ----------
    inputs : sequence of arrays
        One for each buffer of `nest.inputs`, of its shape and data type.
    symbols : Mapping of str to int, optional
        The value of every symbol.

    Raises
    ------
    InvalidInput
        An input does not have its buffer's shape or data type, or an index is out of range.
    """
    machine = _Machine(nest, dict(symbols or {}))
    if len(inputs) != len(nest.inputs):
        raise InvalidInput(f"{nest.name} has {len(nest.inputs)} inputs, not {len(inputs)}")
    for buffer, array in zip(nest.inputs, inputs, strict=True):
        machine.bind(buffer, array)
    outputs = [machine.allocate(buffer) for buffer in nest.outputs]
    with np.errstate(all="ignore"):
        machine.do(nest.body)
    return tuple(outputs)


class _Machine:
    """The values of buffers and variables while a nest runs."""

    def __init__(self, nest: Nest, symbols: dict[str, int]) -> None:
        missing = [one.name for one in nest.symbols if one.name not in symbols]
        if missing:
            raise InvalidInput(f"{nest.name} needs a value for symbol {missing[0]}: pass symbols")
        self._nest, self._symbols = nest, symbols
        self._arrays: dict[str, Array] = {}
        self._variables: dict[str, int] = {}

    def shape(self, buffer: Buffer) -> tuple[int, ...]:
        """Return the shape of a buffer, symbols put in."""
        values: dict[DimSymbol, Dim] = {DimSymbol(n): v for n, v in self._symbols.items()}
        sizes = tuple(substitute_dim(size, values) for size in buffer.shape)
        return tuple(int(size) for size in sizes if isinstance(size, int))

    def bind(self, buffer: Buffer, array: Array) -> None:
        """Make `array` the value of a buffer."""
        shape = self.shape(buffer)
        if array.shape != shape or str(array.dtype) != buffer.dtype:
            raise InvalidInput(
                f"{self._nest.name}: {buffer.name} must be {buffer.dtype}{list(shape)}, not "
                f"{array.dtype}{list(array.shape)}"
            )
        self._arrays[buffer.name] = array

    def allocate(self, buffer: Buffer) -> Array:
        """Make a new buffer, full of what no program should read."""
        array = np.full(self.shape(buffer), 85).astype(buffer.dtype)
        self._arrays[buffer.name] = array
        return array

    def do(self, statement: Statement) -> None:
        """Run a statement."""
        match statement:
            case For(variable, extent, _, body):
                for index in range(int(self.value(extent))):
                    self._variables[variable] = index
                    self.do(body)
            case Block(_, _, _, body):
                self.do(body)
            case Tensor(_, loop):
                self.do(loop)
            case Store(buffer, indices, value):
                found = self.value(value)
                self._arrays[buffer.name][self._place(buffer, indices)] = found
            case If(condition, then, otherwise):
                self.do(then if self.value(condition) else otherwise)
            case While(condition, body):
                while self.value(condition):
                    self.do(body)
            case Allocate(buffer, body):
                self.allocate(buffer)
                self.do(body)
            case Steps(parts):
                for part in parts:
                    self.do(part)

    def value(self, expr: Expr) -> Any:
        """Return the value of an expression, a numpy scalar."""
        match expr:
            case Constant(value, dtype):
                return np.dtype(dtype).type(value)
            case Variable(name):
                return np.int64(self._variables[name])
            case Symbol(name):
                return np.int64(self._symbols[name])
            case Load(buffer, indices, where):
                if where is not None and not self.value(where):
                    return np.dtype(buffer.dtype).type(0)
                return self._arrays[buffer.name][self._place(buffer, indices)]
            case Apply(_, _, operands):
                return _meaning(expr)(*map(self.value, operands))[()]
            case _:
                raise AssertionError(f"{expr!r} is no expression")

    def _place(self, buffer: Buffer, indices: tuple[Expr, ...]) -> tuple[int, ...]:
        """Return where an element stands, and check it."""
        place = tuple(int(self.value(index)) for index in indices)
        shape = self._arrays[buffer.name].shape
        if any(not 0 <= index < size for index, size in zip(place, shape, strict=True)):
            raise InvalidInput(
                f"{self._nest.name}: index {list(place)} is outside of {buffer.name}, whose shape "
                f"is {list(shape)}"
            )
        return place
