"""How full act is while work is put in order."""

from collections.abc import Mapping, Sequence

from isa.config import Config

from .work import Work

__all__ = ["Room"]

# Share of act that is planned with; pieces of different lives never fill all of it.
_USABLE = (15, 16)


class Room:
    """Counts the act words of the layers at work and of the tensors that are still read."""

    def __init__(self, works: Sequence[Work], resident: Mapping[int, int], config: Config) -> None:
        self._free = config.act_words * _USABLE[0] // _USABLE[1]
        self._staged = [_staging_words(work) for work in works]
        self._targets = [resident.get(work.layer.target.index, 0) for work in works]
        made_by = {work.layer.target.index: number for number, work in enumerate(works)}
        self._sources = [
            {made_by[source.index] for source in work.layer.sources if source.index in made_by}
            for work in works
        ]
        self._readers = [
            sum(number in sources for sources in self._sources) for number in range(len(works))
        ]
        self._inside: set[int] = set()

    def beside_all(self) -> int:
        """Return how many layers have room beside each other, from the first one on."""
        free = self._free
        for number, words in enumerate(zip(self._staged, self._targets, strict=True)):
            free -= sum(words)
            if free < 0:
                return number
        return len(self._staged)

    def admits(self, number: int) -> bool:
        """Return whether layer `number` is at work already or finds room."""
        return number in self._inside or (
            self._staged[number] + self._targets[number] <= self._free
        )

    def enter(self, number: int) -> None:
        """Take the room of layer `number`, unless it has it."""
        if number not in self._inside:
            self._inside.add(number)
            self._free -= self._staged[number] + self._targets[number]

    def leave(self, number: int) -> None:
        """Give back what layer `number` staged, and the tensors that it read last."""
        self._free += self._staged[number]
        for producer in self._sources[number]:
            self._readers[producer] -= 1
            if self._readers[producer] == 0:
                self._free += self._targets[producer]


def _staging_words(work: Work) -> int:
    return 2 * (sum(source.half for source in work.plan.sources) + work.plan.target_half)
