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
from .supply import Supply
from .work import Unit, Work, acc_words

__all__ = ["REACH", "order"]

# Unfinished layers before one that may already be at work.
REACH = 5
# Cycles of one load of weights, about: so few that a more urgent load never waits long.
_WEIGHT_CYCLES = 2048
# Cycles of one load of staged lines, about, for the same reason.
_SOURCE_CYCLES = 1500
# Loads that could begin within so many cycles of each other go in the order of their use.
_SLACK = 256
# Loads of parameters that take so few cycles, and the first operands of a layer, go before what
# layers so much earlier in the network wait for.
_SHORT, _EARLY = 256, 3
# Rounds whose operands find room before anything is computed.
_HALVES = 2
# Places of the loads for a step among all loads: weights, params, operands.
_WEIGHTS, _PARAMS, _OPERANDS, _PLACES = range(4)

_ENGINES = {
    Kind.WEIGHTS: Engine.LOAD,
    Kind.PARAMS: Engine.LOAD,
    Kind.BORDER: Engine.VECTOR,
    Kind.SOURCE: Engine.LOAD,
    Kind.MATRIX: Engine.MATRIX,
    Kind.VECTOR: Engine.VECTOR,
}


def order(
    works: Sequence[Work],
    resident: Mapping[int, int],
    config: Config,
    borders: Mapping[int, int] = MappingProxyType({}),
    reach: Mapping[int, int] = MappingProxyType({}),
    ahead: bool = False,
) -> tuple[Action, ...]:
    """Return every action of `works` once, in the order in which they are emitted.

    Parameters
    ----------
    resident : act words of the tensors that stay in act, by index
    borders : act words of their borders, by index
    reach : for some layers, how many layers before it may still be unfinished when it begins
    ahead : whether borders may be filled long before, where act holds all tensors up to there:
        the vector engine does so while it has nothing else to do
    """
    return tuple(_Scheduler(works, resident, config, borders, reach, ahead).run())


class _Scheduler:
    """The simulated machine."""

    def __init__(
        self,
        works: Sequence[Work],
        resident: Mapping[int, int],
        config: Config,
        borders: Mapping[int, int],
        reach: Mapping[int, int],
        ahead: bool,
    ) -> None:
        self.config, self.borders, self.reach = config, borders, reach
        self.layers = [begin(work, config) for work in works]
        made_by = {work.layer.target.index: number for number, work in enumerate(works)}
        for progress in self.layers:
            progress.needs = tuple(self.needs(progress, item, made_by) for item in progress.rounds)
        self.room = Room(works, resident, config)
        self.borderless = [
            number
            for number in range(self.room.beside_all() if ahead else 0)
            if borders.get(works[number].layer.target.index, 0)
        ]
        self.clock = dict.fromkeys(Engine, 0)
        self.weights = Supply(
            config.weight_tiles,
            _WEIGHT_CYCLES * config.bus_bytes // config.tile_bytes,
            [[step.tiles for step in work.steps] for work in works],
        )
        self.params = Supply(
            config.param_words,
            config.param_words,
            [[step.params for step in work.steps] for work in works],
        )
        self.acc = Pool(2 * config.acc_words)
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
            engine = _ENGINES[Kind(kind)]
            yield from self.perform(Kind(kind), number, max(start, self.clock[engine]))
            if self.layers[number].done:
                self.room.leave(number)
            while self.first < len(self.layers) and self.layers[self.first].done:
                self.first += 1

    def candidates(self) -> Iterator[tuple[int, tuple[int, int], str, int]]:
        """Yield (start, preference, kind, layer) of all that may come next."""
        yield from self.step_candidate(Kind.WEIGHTS, self.weights, _WEIGHTS)
        yield from self.step_candidate(Kind.PARAMS, self.params, _PARAMS)
        if self.borderless:
            number = self.borderless[0]
            yield self.clock[Engine.VECTOR], (number, 0), Kind.BORDER.value, number
        for number in range(self.first, min(self.first + REACH + 1, len(self.layers))):
            progress = self.layers[number]
            if progress.done or number - self.first > self.reach.get(number, REACH):
                continue
            if number > self.first and not self.room.admits(number):
                continue
            for kind, ready in (
                (Kind.SOURCE, self.source_ready(progress)),
                (Kind.MATRIX, self.matrix_ready(progress, number)),
                (Kind.VECTOR, self.vector_ready(progress, number)),
            ):
                if ready is not None:
                    start = max(ready, self.clock[_ENGINES[kind]])
                    if kind is Kind.SOURCE:
                        start = start // _SLACK * _SLACK
                    yield start, self.preference(progress, number, kind), kind.value, number

    def step_candidate(
        self, kind: Kind, supply: Supply, place: int
    ) -> Iterator[tuple[int, tuple[int, int], str, int]]:
        """Yield the next load of parameters as `candidates` does, if there is room for it."""
        if supply.head is None:
            return
        number, index = supply.head
        ready = supply.ready(self.clock[Engine.LOAD])
        if ready is not None:
            start = max(ready, self.clock[Engine.LOAD]) // _SLACK * _SLACK
            early = _EARLY if self.step_cycles(kind, supply.words) <= _SHORT else 0
            yield start, (number - early, _PLACES * index + place), kind.value, number

    def step_cycles(self, kind: Kind, words: int) -> int:
        """Return the cycles of a load of weight tiles or param words."""
        sizes = (words, 0) if kind is Kind.WEIGHTS else (0, words)
        return load_cycles(*sizes, self.config)

    def preference(self, progress: Progress, number: int, kind: Kind) -> tuple[int, int]:
        """Return what decides between actions of one start, the smallest first.

        Loads go in order. The vector engine first empties acc, which the matrix engine waits for,
        in order; for the rest the deepest layer goes first.
        """
        if kind is Kind.VECTOR and progress.multiplies:
            return number - len(self.layers), 0
        if kind is not Kind.SOURCE:
            return -number, 0
        unit = progress.work.units[progress.rounds[len(progress.loaded)].first]
        loaded = len(progress.loaded)
        early = _EARLY + 1 if loaded < _HALVES else 0
        if loaded == 1 and progress.cycles[progress.rounds[1].first].load > _SHORT:
            # What the first round needs besides comes before a long load for the second.
            early = _EARLY
        return number - early, _PLACES * unit.step + _OPERANDS

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
        loaded = self.weights.loaded(number, unit.step)
        ready = self.operands_ready(progress, len(progress.multiplied))
        if ready is None or loaded is None:
            return None
        part = unit.part
        if part.first:
            room = self.find_acc(progress, unit)
            if room is None or not (part.last or self.alone(number)):
                return None
            ready = max(ready, room[1])
        if part.last and self.params.loaded(number, unit.step) is None:
            return None
        return max(ready, loaded)

    def alone(self, number: int) -> bool:
        """Return whether no earlier layer still multiplies: a long sum would keep its words."""
        return all(
            not item.multiplies or item.multiplications == len(item.work.units)
            for item in self.layers[self.first : number]
        )

    def vector_ready(self, progress: Progress, number: int) -> int | None:
        """Return from when on the next results can be computed."""
        index = len(progress.made)
        if index == len(progress.rounds):
            return None
        unit = progress.work.units[progress.rounds[index].last]
        loaded = self.params.loaded(number, unit.step)
        if loaded is None:
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
                room = self.find_acc(progress, unit)
                if room is None:
                    return None
                ready = max(ready, room[1])
        assert ready is not None
        if progress.work.plan.target_half and index >= 2:
            ready = max(ready, progress.stored[index - 2])
        return max(ready, loaded)

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

    def perform(self, kind: Kind, number: int, start: int) -> Iterator[Action]:
        """Do the next action of `kind` of a layer at cycle `start`; yield it."""
        progress = self.layers[number]
        if kind is Kind.WEIGHTS:
            yield self.load(kind, self.weights, start)
            return
        if kind is Kind.PARAMS:
            yield self.load(kind, self.params, start)
            return
        if kind is Kind.BORDER:
            yield from self.fill_border(progress, number, start)
            return
        self.room.enter(number)
        if kind is Kind.SOURCE:
            yield self.load_source(progress, number, start)
            return
        if not progress.begun:
            yield from self.fill_border(progress, number, start)
        if kind is Kind.MATRIX:
            yield self.multiply(progress, number, start)
        else:
            yield self.compute(progress, number, start)

    def fill_border(self, progress: Progress, number: int, start: int) -> Iterator[Action]:
        """Let the load engine fill a border, or the vector engine if that is done earlier.

        It costs nothing as long as the matrix engine makes the first results.
        """
        progress.begun = True
        if number in self.borderless:
            self.borderless.remove(number)
        words = self.borders.get(progress.work.layer.target.index, 0)
        if words:
            chunks = self.config.act_word_bytes // self.config.bus_bytes
            load = max(start, self.clock[Engine.LOAD]) + words * chunks
            vector = max(start + progress.cycles[0].matrix, self.clock[Engine.VECTOR]) + words
            engine = Engine.LOAD if load <= vector else Engine.VECTOR
            self.clock[engine] = min(load, vector)
            yield Action(Kind.BORDER, number, engine=engine)

    def find_acc(self, progress: Progress, unit: Unit) -> tuple[int, int] | None:
        """Return (first word, cycle) of the room in acc for a block, or None."""
        now = min(self.clock[Engine.MATRIX], self.clock[Engine.VECTOR])
        return self.acc.find(acc_words(progress.work, unit), now)

    def take_acc(self, progress: Progress, unit: Unit) -> int:
        """Take the room in acc for a block; return its first word."""
        room = self.find_acc(progress, unit)
        assert room is not None
        self.acc.take(room[0], acc_words(progress.work, unit))
        return room[0]

    def load(self, kind: Kind, supply: Supply, start: int) -> Action:
        """Load the next weight tiles or param words."""
        piece = supply.take(self.clock[Engine.LOAD])
        end = start + self.step_cycles(kind, piece.stop - piece.first)
        self.clock[Engine.LOAD] = end
        supply.arrive(piece, end)
        number, index = piece.layer, piece.index
        weight, param = self.weights.place(number, index), self.params.place(number, index)
        return Action(
            kind, number, index, weight=weight, param=param, first=piece.first, stop=piece.stop
        )

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
            progress.sums.append(self.take_acc(progress, unit))
        end = start + progress.cycles[index].matrix
        self.clock[Engine.MATRIX] = end
        progress.multiplications += 1
        if part.last:
            progress.multiplied.append(end + START)
            progress.consumed.append(end)
        weight = self.weights.place(number, unit.step)
        if ends_step(progress.work, index):
            self.weights.give(number, unit.step, end)
        return Action(Kind.MATRIX, number, index, weight=weight, acc=progress.sums[-1])

    def compute(self, progress: Progress, number: int, start: int) -> Action:
        """Let the vector engine make the results of the next round."""
        item = progress.rounds[len(progress.made)]
        unit = progress.work.units[item.last]
        cycles = progress.cycles[item.last]
        end = start + cycles.vector
        self.clock[Engine.VECTOR] = end
        acc = 0
        if progress.multiplies:
            acc = progress.sums.pop(0)
        else:
            progress.consumed.append(end)
        if isinstance(progress.work.layer, Addition):
            acc = self.take_acc(progress, unit)
        self.acc.give(acc, acc_words(progress.work, unit), end)
        progress.made.append(end)
        self.clock[Engine.STORE] = max(self.clock[Engine.STORE], end) + cycles.store
        progress.stored.append(self.clock[Engine.STORE])
        param = self.params.place(number, unit.step)
        if ends_step(progress.work, item.last):
            self.params.give(number, unit.step, end)
        return Action(Kind.VECTOR, number, item.last, param=param, acc=acc)
