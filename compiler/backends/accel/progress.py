"""What is done of each layer while work is put in order, and the actions of that order."""

from dataclasses import dataclass, field
from enum import Enum

from isa.config import Config
from isa.instructions import Engine

from .cycles import Cycles, unit_cycles
from .layers import Convolution
from .schedule import Mode, input_lines, window_of
from .work import Work

__all__ = ["Action", "Kind", "Need", "Progress", "Round", "begin", "ends_step"]


class Kind(Enum):
    """What an action does.

    Members
    -------
    WEIGHTS : loads tiles first..stop - 1 of step `index`.
    PARAMS : loads param words first..stop - 1 of step `index`.
    BORDER : fills the border of what the layer writes, with `engine`.
    SOURCE : loads lines first..stop - 1 of the staged operands of unit `index`'s block.
    MATRIX : multiplies for unit `index`.
    VECTOR : computes the results of the block that ends with unit `index`, and stores them.
    """

    WEIGHTS = "weights"
    PARAMS = "params"
    BORDER = "border"
    SOURCE = "source"
    MATRIX = "matrix"
    VECTOR = "vector"


@dataclass(frozen=True)
class Action:
    """One thing that is emitted.

    Attributes
    ----------
    kind : Kind
    layer : int
    index : int, of a step or of a unit
    engine : Engine
    weight, param : int, where the parameters of its step stand, if it loads or reads them
    acc : int, the first acc word it uses
    first, stop : int, the tiles or words that are loaded, the lines of a SOURCE from the first
        that is read
    """

    kind: Kind
    layer: int
    index: int = 0
    engine: Engine = Engine.LOAD
    weight: int = 0
    param: int = 0
    acc: int = 0
    first: int = 0
    stop: int = 0


@dataclass(frozen=True)
class Round:
    """The units first..last of a layer, which fill one block."""

    first: int
    last: int


@dataclass(frozen=True)
class Need:
    """Round `index` of layer `layer` makes the last lines that are read; `staged`: from DRAM."""

    layer: int
    index: int
    staged: bool


@dataclass
class Progress:
    """How far a layer is. The lists hold a cycle for each round that is done.

    Attributes
    ----------
    loaded : when the staged operands of a round are there
    lines : lines of the next round's operands that are there already
    consumed : when the operands of a round have been read
    multiplied : when the sums of a round stand in acc
    made : when the results of a round stand in act
    stored : when they stand in DRAM
    multiplications : units that the matrix engine has been given
    begun : whether the border of what it writes has been filled
    sums : first acc words of the rounds that wait for the vector engine, oldest first
    staged : whether any operand is loaded block by block
    multiplies : whether the matrix engine has a part in the layer
    """

    work: Work
    rounds: tuple[Round, ...]
    cycles: tuple[Cycles, ...]
    needs: tuple[tuple[Need, ...], ...] = ()
    loaded: list[int] = field(default_factory=list)
    lines: int = 0
    consumed: list[int] = field(default_factory=list)
    multiplied: list[int] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)
    multiplications: int = 0
    begun: bool = False
    sums: list[int] = field(default_factory=list)
    staged: bool = field(init=False)
    multiplies: bool = field(init=False)

    def __post_init__(self) -> None:
        sources = self.work.plan.sources
        self.staged = any(source.mode is not Mode.RESIDENT for source in sources)
        self.multiplies = isinstance(self.work.layer, Convolution)

    def source_lines(self, item: Round) -> int:
        """Return how many lines of its operands a round loads."""
        block = self.work.units[item.first].block
        if any(source.mode is Mode.PIXELS for source in self.work.plan.sources):
            return block.lines
        first, stop = input_lines(window_of(self.work.layer), block)
        return stop - first

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return len(self.made) == len(self.rounds)


def begin(work: Work, config: Config) -> Progress:
    """Return the progress of a layer of which nothing is done."""
    rounds, first = [], 0
    for index, unit in enumerate(work.units):
        if unit.part.last:
            rounds.append(Round(first, index))
            first = index + 1
    cycles = tuple(unit_cycles(work, unit, config) for unit in work.units)
    return Progress(work, tuple(rounds), cycles)


def ends_step(work: Work, index: int) -> bool:
    """Return whether unit `index` is the last of its step."""
    units = work.units
    return index + 1 == len(units) or units[index + 1].step != units[index].step
