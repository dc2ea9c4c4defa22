"""The parameters of all layers on their way to one memory, weight or param, while work is put in
order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .pool import Pool

__all__ = ["Piece", "Supply"]


@dataclass(frozen=True)
class Piece:
    """Words first..stop - 1 of step `index` of layer `layer`; `last`: nothing of it is left."""

    layer: int
    index: int
    first: int
    stop: int
    last: bool


class Supply:
    """Loads the steps of all layers in their order, as early as the memory has room.

    Parameters
    ----------
    words : int, of the memory
    most : int, words that are loaded at once
    sizes : for each layer, the words of each of its steps

    Attributes
    ----------
    head : (layer, step) that is loaded next, or None
    """

    def __init__(self, words: int, most: int, sizes: Sequence[Sequence[int]]) -> None:
        self._pool, self._most, self._sizes = Pool(words), max(most, 1), sizes
        self._queue = [
            (layer, index)
            for layer, steps in enumerate(sizes)
            for index, size in enumerate(steps)
            if size
        ]
        self._next = self._first = 0
        self._places: dict[tuple[int, int], int] = {}
        self._loaded: dict[tuple[int, int], int] = {}

    @property
    def head(self) -> tuple[int, int] | None:
        """Layer and step."""
        return self._queue[self._next] if self._next < len(self._queue) else None

    @property
    def words(self) -> int:
        """Words of the step that is loaded next."""
        assert self.head is not None
        layer, index = self.head
        return self._sizes[layer][index]

    def ready(self, now: int) -> int | None:
        """Return from when on the next piece finds room, None if it does not yet."""
        assert self.head is not None
        if self._first:
            return now
        room = self._pool.find(self.words, now)
        return None if room is None else room[1]

    def take(self, now: int) -> Piece:
        """Take the next piece, and the room of its step if it is the first one."""
        assert self.head is not None
        layer, index = self.head
        size, first = self._sizes[layer][index], self._first
        if first == 0:
            room = self._pool.find(size, now)
            assert room is not None
            self._pool.take(room[0], size)
            self._places[layer, index] = room[0]
        stop = min(first + self._most, size)
        last = stop == size
        self._first = 0 if last else stop
        self._next += last
        return Piece(layer, index, first, stop, last)

    def arrive(self, piece: Piece, cycle: int) -> None:
        """Note that `piece` is there from `cycle` on."""
        if piece.last:
            self._loaded[piece.layer, piece.index] = cycle

    def loaded(self, layer: int, index: int) -> int | None:
        """Return when a step is there, None if it is not on its way yet."""
        if self._sizes[layer][index] == 0:
            return 0
        return self._loaded.get((layer, index))

    def place(self, layer: int, index: int) -> int:
        """Return the first word of a step that has been taken; 0 of one without words."""
        return self._places.get((layer, index), 0)

    def give(self, layer: int, index: int, cycle: int) -> None:
        """Give the words of a step back; they are read until `cycle`."""
        self._pool.give(self.place(layer, index), self._sizes[layer][index], cycle)
