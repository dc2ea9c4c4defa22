"""Where the emission of a nest stands: names, loops, lanes and mask."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ....schedule.expressions import Buffer, Expr
from ....schedule.walk import loads_of, variables_of
from ..builder import Builder, Index

__all__ = ["Frame", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a buffer lies.

    Attributes
    ----------
    pointer : str
    lanes : int
        Every element stands so many times, once for each lane.
    """

    pointer: str
    lanes: int = 1


@dataclass(frozen=True)
class Frame:
    """What is known at one point of the function.

    Attributes
    ----------
    build : Builder
    places : Mapping of str to Place
        By buffer.
    indices : Mapping of str to Index
        By loop; of the vector loop that of the first lane.
    extents : Mapping of str to Expr
        By loop, outermost first.
    symbols : Mapping of str to str
        i64 values.
    vector : str
        The loop whose iterations are lanes; empty outside of one.
    lanes : int
    mask : str
        Which lanes are at work; empty: all.
    """

    build: Builder
    places: Mapping[str, Place]
    indices: Mapping[str, Index] = field(default_factory=dict)
    extents: Mapping[str, Expr] = field(default_factory=dict)
    symbols: Mapping[str, str] = field(default_factory=dict)
    vector: str = ""
    lanes: int = 1
    mask: str = ""

    def inside(self, variable: str, index: Index, extent: Expr) -> "Frame":
        """Return the frame of a loop's body."""
        return replace(
            self,
            indices={**self.indices, variable: index},
            extents={**self.extents, variable: extent},
        )

    def with_buffer(self, buffer: Buffer, place: Place) -> "Frame":
        """Return the frame in which `buffer` exists."""
        return replace(self, places={**self.places, buffer.name: place})

    def is_wide(self, expr: Expr) -> bool:
        """Return whether lanes may have different values."""
        if not self.vector:
            return False
        return self.vector in variables_of(expr) or any(
            self.places[load.buffer.name].lanes > 1 for load in loads_of(expr)
        )
