"""The pleasant way to write a nest: loops are ``with`` blocks, elements are ``buffer[i, j]``.

::

    def transpose(nest, attrs):
        (data,), (out,) = nest.inputs, nest.outputs
        with nest.loops(*out.shape) as (i, j):
            nest.store(out[i, j], data[j, i])
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.dims import Dim
from .expressions import Buffer, Expr, Load, Operand, Symbol, Variable, constant
from .functions import size_of
from .nodes import Allocate, Block, For, If, Nest, Statement, Store, While
from .nodes import Sequence as Steps
from .regions import regions_of, with_blocks
from .walk import expressions_of, loads_of, statements_of

__all__ = ["Writer"]

Array = npt.NDArray[Any]


class Writer:
    """Collects the statements of one nest.

    Parameters
    ----------
    name : str
        Of the nest.
    inputs, outputs : sequence of Buffer
    symbols : sequence of Symbol

    Attributes
    ----------
    inputs, outputs : tuple of Buffer
    tables : dict of Buffer to array
        Inputs made here, with their values.
    """

    def __init__(
        self,
        name: str,
        inputs: Sequence[Buffer],
        outputs: Sequence[Buffer],
        symbols: Sequence[Symbol] = (),
    ) -> None:
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self.tables: dict[Buffer, Array] = {}
        self._name, self._symbols = name, tuple(symbols)
        self._levels: list[list[Statement]] = [[]]
        self._numbers = count()

    @contextmanager
    def loops(self, *extents: Dim | Expr) -> Iterator[tuple[Expr, ...]]:
        """Run what follows for all indices below `extents`, the last fastest."""
        names = [self._fresh("i") for _ in extents]
        self._levels.append([])
        yield tuple(map(Variable, names))
        body = self._close()
        for name, extent in zip(reversed(names), reversed(extents), strict=True):
            size = extent if isinstance(extent, Expr) else size_of(extent)
            body = For(name, size, "serial", body)
        self._add(body)

    @contextmanager
    def loop(self, extent: Dim | Expr) -> Iterator[Expr]:
        """Run what follows for each index below `extent`."""
        with self.loops(extent) as (index,):
            yield index

    @contextmanager
    def loop_while(self, condition: Expr) -> Iterator[None]:
        """Repeat what follows while `condition` holds."""
        self._levels.append([])
        yield
        self._add(While(condition, self._close()))

    @contextmanager
    def when(self, condition: Expr) -> Iterator[None]:
        """Do what follows only where `condition` holds."""
        self._levels.append([])
        yield
        self._add(If(condition, self._close(), Steps(())))

    @contextmanager
    def otherwise(self) -> Iterator[None]:
        """Do what follows where the condition of the `when` just before does not hold."""
        before = self._levels[-1].pop()
        assert isinstance(before, If) and before.otherwise == Steps(()), "it follows a when"
        self._levels.append([])
        yield
        self._add(If(before.condition, before.then, self._close()))

    @contextmanager
    def block(self, name: str) -> Iterator[None]:
        """Give what follows a name, for schedules."""
        self._levels.append([])
        yield
        body = self._close()
        self._add(Block(name, *regions_of(body), body))

    def store(self, place: Load, value: Operand) -> None:
        """Write an element: ``nest.store(out[i, j], value)``."""
        made = constant(value, place.dtype)
        if made.dtype != place.dtype:
            raise TypeError(f"{place.buffer.name} holds {place.dtype}, not {made.dtype}: cast it")
        self._add(Store(place.buffer, place.indices, made))

    def local(self, dtype: str, first: Operand | None = None) -> Load:
        """Return a variable of the body that is being written, a place to store to and to read."""
        place = self.scratch(dtype)[()]
        if first is not None:
            self.store(place, first)
        return place

    def scratch(self, dtype: str, *shape: Dim) -> Buffer:
        """Return a buffer of the body that is being written, not initialised."""
        buffer = Buffer(self._fresh("t"), shape, dtype)
        self._levels[-1].append(Allocate(buffer, Steps(())))
        return buffer

    def table(self, values: npt.ArrayLike, dtype: str = "") -> Buffer:
        """Return a buffer whose values are known now."""
        array = np.ascontiguousarray(values, dtype or None)
        buffer = Buffer(self._fresh("table"), array.shape, str(array.dtype))
        self.tables[buffer] = array
        return buffer

    def finish(self) -> Nest:
        """Return the nest; its inputs are those that it reads, tables last."""
        assert len(self._levels) == 1, "a with block is still open"
        body = with_blocks(self._close())
        used = {
            load.buffer
            for one in statements_of(body)
            for expr in expressions_of(one)
            for load in loads_of(expr)
        }
        named = dict.fromkeys((*self.inputs, *self.tables))
        inputs = [buffer for buffer in named if buffer in used]
        return Nest(self._name, tuple(inputs), self.outputs, self._symbols, body)

    def _fresh(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers)}"

    def _add(self, statement: Statement) -> None:
        self._levels[-1].append(statement)

    def _close(self) -> Statement:
        """Return what the innermost level holds; a buffer lives to its end."""
        parts: list[Statement] = []
        for statement in reversed(self._levels.pop()):
            match statement:
                case Allocate(buffer, Steps(())):
                    parts = [Allocate(buffer, _sequence(parts))]
                case _:
                    parts.insert(0, statement)
        return _sequence(parts)


def _sequence(parts: Sequence[Statement]) -> Statement:
    """Return statements one after the other."""
    return parts[0] if len(parts) == 1 else Steps(tuple(parts))
