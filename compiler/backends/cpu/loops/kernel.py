"""The kernel that is a nest."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from ....ir.dims import Size
from ....schedule.expressions import Constant
from ....schedule.nodes import For, Nest, Statement
from ....schedule.walk import inner
from ..builder import Builder, Index
from ..kernels.parts import count_parts, nest_parts
from ..machine import Machine
from .emitter import emit
from .frame import Frame, Place

__all__ = ["NestKernel"]


@dataclass(frozen=True, slots=True)
class NestKernel:
    """Runs a nest. Its pointers are the nest's outputs, then its inputs.

    Attributes
    ----------
    nest : Nest
    machine : Machine
    symbols : tuple of Size
        Each symbol of the nest, as a size: their values are parameters of the function.
    """

    nest: Nest
    machine: Machine
    symbols: tuple[Size, ...] = ()

    @property
    def chunks(self) -> int:
        """How many parts: the outermost loops, as far as they are parallel."""
        return count_parts([extent for _, extent in self._parallel()], work_of(self.nest.body))

    @property
    def in_place(self) -> tuple[int, ...]:
        """None: a nest may read anything anywhere."""
        return ()

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body."""
        buffers = (*self.nest.outputs, *self.nest.inputs)
        places = {one.name: Place(at) for one, at in zip(buffers, pointers, strict=True)}
        symbols = {str(size): str(build.size(size)) for size in self.symbols}
        frame = Frame(build, places, symbols=symbols)
        loops = list(self._parallel()) if self.chunks > 1 else []
        body: Statement = self.nest.body
        for _ in loops:
            (body,) = inner(body)

        def part(indices: list[Index]) -> None:
            inside = frame
            for (loop, _), index in zip(loops, indices, strict=True):
                inside = inside.inside(loop.variable, index, loop.extent)
            emit(inside, body, self.machine)

        nest_parts(build, [extent for _, extent in loops], self.chunks, (first, last), part)

    def _parallel(self) -> Iterator[tuple[For, int]]:
        """Yield the outermost loops that are parallel and whose extents are known."""
        body = self.nest.body
        while isinstance(body, For) and body.kind == "parallel":
            if not isinstance(body.extent, Constant):
                return
            yield body, int(body.extent.value)
            body = body.body


def work_of(statement: Statement) -> int:
    """Return about how many elements a statement computes; a loop of unknown length counts 16."""
    below = [work_of(part) for part in inner(statement)]
    if isinstance(statement, For):
        extent = statement.extent
        return prod(below) * (int(extent.value) if isinstance(extent, Constant) else 16)
    return sum(below) if below else 1
