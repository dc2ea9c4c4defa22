"""Puts the work of all layers in one order, so that no engine waits that need not.

List scheduling over a simulated clock: of everything that could come next, take what can begin
earliest; of several, what lies deepest in the network, because that frees memory. The order is the
program's order, so it is also what keeps the engines' short queues from blocking each other. Cycles
are estimates: they only decide the order, never whether the program is right.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from isa.config import Config
from isa.instructions import Engine

from .cycles import START, load_cycles
from .layers import Addition
from .pool import Pool
from .progress import Action, Kind, Need, Progress, Round, begin, ends_step
from .room import Room
from .schedule import Mode, input_lines, window_of
from .work import Step, Work

__all__ = ["REACH", "order"]

# Unfinished layers before one that may already be at work.
REACH = 5
# Cycles of one load of weights, about: so few that a more urgent load never waits long.
_STEP_CYCLES = 2048
# Cycles of one load of staged lines, about, for the same reason.
_SOURCE_CYCLES = 1500
# Loads that could begin within so many cycles of each other go in the order of their use.
_SLACK = 256

_ENGINES = {
    Kind.STEP: Engine.LOAD,
    Kind.SOURCE: Engine.LOAD,
    Kind.MATRIX: Engine.MATRIX,
    Kind.VECTOR: Engine.VECTOR,
}


def order(
    works: Sequence[Work],
    resident: Mapping[int, int],
    config: Config,
    reach: Mapping[int, int] = MappingProxyType({}),
) -> tuple[Action, ...]:
    """Return every action of `works` once, in the order in which they are emitted.

    Parameters
    ----------
    resident : act words of the tensors that stay in act, by index
    reach : for some layers, how many layers before it may still be unfinished when it begins
    """
    return tuple(_Scheduler(works, resident, config, reach).run())


class _Scheduler:
    """The simulated machine."""

    def __init__(
        self,
        works: Sequence[Work],
        resident: Mapping[int, int],
        config: Config,
        reach: Mapping[int, int],
    ) -> None:
        self.config, self.reach = config, reach
        self.layers = [begin(work, config) for work in works]
        made_by = {work.layer.target.index: number for number, work in enumerate(works)}
        for progress in self.layers:
            progress.needs = tuple(self.needs(progress, item, made_by) for item in progress.rounds)
        self.room = Room(works, resident, config)
        self.clock = dict.fromkeys(Engine, 0)
        self.weights, self.params = Pool(config.weight_tiles), Pool(config.param_words)
        self.banks: dict[int, int] = {0: 0, 1: 0}
        self.queue = [
            (number, index) for number, work in enumerate(works) for index in range(len(work.steps))
        ]
        self.head = 0
        self.tiles = 0
        self.places: dict[tuple[int, int], tuple[int, int]] = {}
        self.first = 0

    def needs(self, progress: Progress, item: Round, made_by: dict[int, int]) -> tuple[Need, ...]:
        """Return what the rounds of earlier layers make that round `item` reads."""
        work, found = progress.work, []
        unit = work.units[item.first]
        part = unit.part
        first, stop = input_lines(window_of(work.layer), unit.block)
        for source in work.plan.sources:
            producer = made_by.get(source.tensor.index)
            if producer is None:
                continue
            other = self.layers[producer]
            for index in range(len(other.rounds) - 1, -1, -1):
                made = other.work.units[other.rounds[index].last]
                groups = made.part
                beside = not progress.multiplies and (groups.g1 <= part.g0 or groups.g0 >= part.g1)
                if made.block.y0 < stop and first < made.block.y1 and not beside:
                    found.append(Need(producer, index, source.mode is not Mode.RESIDENT))
                    break
        return tuple(found)

    def run(self) -> Iterator[Action]:
        """Yield actions until all is done."""
        while self.first < len(self.layers):
            start, _, kind, number = min(self.candidates())
            yield self.perform(Kind(kind), number, max(start, self.clock[_ENGINES[Kind(kind)]]))
            if self.layers[number].done:
                self.room.leave(number)
            while self.first < len(self.layers) and self.layers[self.first].done:
                self.first += 1

    def candidates(self) -> Iterator[tuple[int, tuple[int, int], str, int]]:
        """Yield (start, preference, kind, layer) of all that may come next."""
        if self.head < len(self.queue):
            number, index = self.queue[self.head]
            ready = self.step_ready(number, index)
            if ready is not None:
                start = max(ready, self.clock[Engine.LOAD])
                yield start // _SLACK * _SLACK, (number, 2 * index), Kind.STEP.value, number
        for number in range(self.first, min(self.first + REACH + 1, len(self.layers))):
            progress = self.layers[number]
            if progress.done or number - self.first > self.reach.get(number, REACH):
                continue
            if number > self.first and not self.room.admits(number):
                continue
            for kind, ready in (
                (Kind.SOURCE, self.source_ready(progress)),
                (Kind.MATRIX, self.matrix_ready(progress, number)),
                (Kind.VECTOR, self.vector_ready(progress)),
            ):
                if ready is not None:
                    start = max(ready, self.clock[_ENGINES[kind]])
                    if kind is Kind.SOURCE:
                        start = start // _SLACK * _SLACK
                    yield start, self.preference(progress, number, kind), kind.value, number

    def preference(self, progress: Progress, number: int, kind: Kind) -> tuple[int, int]:
        """Return what decides between actions of one start: loads in order, the rest deep first."""
        if kind is not Kind.SOURCE:
            return -number, 0
        unit = progress.work.units[progress.rounds[len(progress.loaded)].first]
        return number, 2 * unit.step + 1

    def step_ready(self, number: int, index: int) -> int | None:
        """Return from when on the parameters of a step find room, None if they do not yet."""
        if self.tiles:
            return self.clock[Engine.LOAD]
        weights, params = self.find_room(self.layers[number].work.steps[index])
        if weights is None or params is None:
            return None
        return max(weights[1], params[1])

    def find_room(self, step: Step) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
        """Return (first word, cycle) of the room for a step in weight and in param, or None."""
        now = self.clock[Engine.LOAD]
        return self.weights.find(step.tiles, now), self.params.find(step.params, now)

    def source_ready(self, progress: Progress) -> int | None:
        """Return from when on the operands of the next round can be loaded."""
        index = len(progress.loaded)
        if not progress.staged or index == len(progress.rounds):
            return None
        if index - 2 >= len(progress.consumed):
            return None
        ready = progress.consumed[index - 2] if index >= 2 else 0
        return self.met(progress.needs[index], ready, staged=True)

    def matrix_ready(self, progress: Progress, number: int) -> int | None:
        """Return from when on the next multiplication can begin."""
        if not progress.multiplies or progress.multiplications == len(progress.work.units):
            return None
        unit = progress.work.units[progress.multiplications]
        if unit.step not in progress.steps:
            return None
        ready = self.operands_ready(progress, len(progress.multiplied))
        if ready is None:
            return None
        part = unit.part
        if part.first:
            if not self.banks or not (part.last or self.alone(number)):
                return None
            ready = max(ready, min(self.banks.values()))
        return max(ready, progress.steps[unit.step])

    def alone(self, number: int) -> bool:
        """Return whether no earlier layer still multiplies: a long sum would keep its bank."""
        return all(
            not item.multiplies or item.multiplications == len(item.work.units)
            for item in self.layers[self.first : number]
        )

    def vector_ready(self, progress: Progress) -> int | None:
        """Return from when on the next results can be computed."""
        index = len(progress.made)
        if index == len(progress.rounds):
            return None
        unit = progress.work.units[progress.rounds[index].last]
        if unit.step not in progress.steps:
            return None
        if progress.multiplies:
            if index == len(progress.multiplied):
                return None
            ready: int | None = progress.multiplied[index]
        else:
            ready = self.operands_ready(progress, index)
            if ready is None:
                return None
            if isinstance(progress.work.layer, Addition):
                if not self.banks:
                    return None
                ready = max(ready, min(self.banks.values()))
        assert ready is not None
        if progress.work.plan.target_half and index >= 2:
            ready = max(ready, progress.stored[index - 2])
        return max(ready, progress.steps[unit.step])

    def operands_ready(self, progress: Progress, index: int) -> int | None:
        """Return when all operands of round `index` stand in act."""
        if not progress.staged:
            return self.met(progress.needs[index], 0, staged=False)
        if index >= len(progress.loaded):
            return None
        return self.met(progress.needs[index], progress.loaded[index], staged=False)

    def met(self, needs: Sequence[Need], ready: int, staged: bool) -> int | None:
        """Return when `needs` that are staged, or are not, are met; None if they are not yet."""
        for need in needs:
            if need.staged == staged:
                other = self.layers[need.layer]
                done = other.stored if staged else other.made
                if need.index >= len(done):
                    return None
                ready = max(ready, done[need.index] + START)
        return ready

    def perform(self, kind: Kind, number: int, start: int) -> Action:
        """Do the next action of `kind` of a layer at cycle `start`; return it."""
        progress = self.layers[number]
        if kind is Kind.STEP:
            return self.load_step(progress, number, start)
        self.room.enter(number)
        if kind is Kind.SOURCE:
            return self.load_source(progress, number, start)
        if kind is Kind.MATRIX:
            return self.multiply(progress, number, start)
        return self.compute(progress, number, start)

    def earliest_bank(self) -> int:
        """Return the acc bank that is free earliest."""
        return min(self.banks, key=lambda item: (self.banks[item], item))

    def load_step(self, progress: Progress, number: int, start: int) -> Action:
        """Load the next tiles of the step at the head of the queue."""
        index = self.queue[self.head][1]
        step = progress.work.steps[index]
        if self.tiles == 0:
            self.places[number, index] = self.take(step)
        piece = max(1, _STEP_CYCLES * self.config.bus_bytes // self.config.tile_bytes)
        first, stop = self.tiles, min(self.tiles + piece, step.tiles)
        last = stop == step.tiles
        end = start + load_cycles(stop - first, step.params if last else 0, self.config)
        self.clock[Engine.LOAD] = end
        self.tiles = stop
        if last:
            self.head += 1
            self.tiles = 0
            progress.steps[index] = end
        weight, param = self.places[number, index]
        return Action(Kind.STEP, number, index, weight, param, first=first, stop=stop)

    def take(self, step: Step) -> tuple[int, int]:
        """Take the room of a step in weight and param."""
        weights, params = self.find_room(step)
        assert weights is not None and params is not None
        self.weights.take(weights[0], step.tiles)
        self.params.take(params[0], step.params)
        return weights[0], params[0]

    def load_source(self, progress: Progress, number: int, start: int) -> Action:
        """Load the next lines of the staged operands of the next round."""
        item = progress.rounds[len(progress.loaded)]
        lines, cycles = progress.source_lines(item), progress.cycles[item.first].load
        first = progress.lines
        stop = min(lines, first + max(1, lines * _SOURCE_CYCLES // cycles))
        end = start + cycles * (stop - first) // lines
        self.clock[Engine.LOAD] = end
        progress.lines = stop % lines
        if stop == lines:
            progress.loaded.append(end)
        return Action(Kind.SOURCE, number, item.first, first=first, stop=stop)

    def multiply(self, progress: Progress, number: int, start: int) -> Action:
        """Let the matrix engine work on the next unit."""
        index = progress.multiplications
        unit = progress.work.units[index]
        part = unit.part
        if part.first:
            bank = self.earliest_bank()
            del self.banks[bank]
            progress.banks.append(bank)
        end = start + progress.cycles[index].matrix
        self.clock[Engine.MATRIX] = end
        progress.multiplications += 1
        if part.last:
            progress.multiplied.append(end + START)
            progress.consumed.append(end)
        weight, param = self.places[number, unit.step]
        if ends_step(progress.work, index):
            self.weights.give(weight, progress.work.steps[unit.step].tiles, end)
        return Action(Kind.MATRIX, number, index, weight, param, progress.banks[-1])

    def compute(self, progress: Progress, number: int, start: int) -> Action:
        """Let the vector engine make the results of the next round."""
        item = progress.rounds[len(progress.made)]
        unit = progress.work.units[item.last]
        cycles = progress.cycles[item.last]
        end = start + cycles.vector
        self.clock[Engine.VECTOR] = end
        bank = 0
        if progress.multiplies:
            bank = progress.banks.pop(0)
            self.banks[bank] = end
        else:
            progress.consumed.append(end)
        if isinstance(progress.work.layer, Addition):
            bank = self.earliest_bank()
            self.banks[bank] = end
        progress.made.append(end)
        self.clock[Engine.STORE] = max(self.clock[Engine.STORE], end) + cycles.store
        progress.stored.append(self.clock[Engine.STORE])
        weight, param = self.places[number, unit.step]
        if ends_step(progress.work, item.last):
            self.params.give(param, progress.work.steps[unit.step].params, end)
        begins = len(progress.made) == 1
        return Action(Kind.VECTOR, number, item.last, weight, param, bank, begins)
