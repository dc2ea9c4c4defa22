"""Runs a program's instructions one after the other, in any order that its tokens allow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isa.choices import Engine, Opcode
from isa.config import Config
from isa.decoding import decode_program
from isa.footprint import vector_nest
from isa.intervals import nest
from isa.tokens import Order, Tokens, run_tokens

from ..errors import SimulationError
from ..functional.load import load
from ..functional.matrix import matrix
from ..functional.scratchpads import Scratchpads
from ..functional.store import store
from ..functional.transfer import READ, WRITE, Bus, FaultError, Window
from ..functional.vector import vector
from ..memory import Memory
from .case import Case

__all__ = ["Content", "Steps", "run_sequence"]

# The requantisation is defined for shifts of -31..31.
_MOST_SHIFT = 31
# How often an engine that is ready is passed over, though it comes first in a run's preference.
_PASSED_OVER = 0.15

Random = np.random.Generator


@dataclass(frozen=True)
class Content:
    """What a run leaves behind.

    Attributes
    ----------
    end : str, "done", "fault", or "undefined": a requantisation had a shift without meaning
    dram : bytes, of all windows that may be written
    chip : bytes, of all memories on the chip
    """

    end: str
    dram: bytes = b""
    chip: bytes = b""


class Steps:
    """A program's instructions and the order that its tokens give them.

    Attributes
    ----------
    order : isa.tokens.Order
    """

    def __init__(self, case: Case) -> None:
        decoded = decode_program(case.program)
        codes = [opcode for opcode, _ in decoded]
        self.instructions = decoded[: codes.index(Opcode.END)]
        self._tokens = [
            Tokens(Engine(fields.get("engine", opcode)), fields["wait"], fields["signal"])
            for opcode, fields in self.instructions
        ]
        self.order: Order = run_tokens(case.program.config, self._tokens)

    def shuffled(self, random: Random) -> list[int]:
        """Return the indices in another order that the tokens allow; some engine is far ahead."""
        streams: list[list[int]] = [[] for _ in Engine]
        for index in self.order.sequence:
            streams[self._tokens[index].engine].append(index)
        done = [0] * len(Engine)
        result: list[int] = []
        preference = random.permutation(len(Engine)).tolist()
        while len(result) < len(self.order.sequence):
            ready = [engine for engine in preference if self._ready(streams, done, engine)]
            chosen = next((e for e in ready if random.random() >= _PASSED_OVER), ready[-1])
            result.append(streams[chosen][done[chosen]])
            done[chosen] += 1
        return result

    def _ready(self, streams: list[list[int]], done: list[int], engine: int) -> bool:
        if done[engine] == len(streams[engine]):
            return False
        clock = self.order.clocks[streams[engine][done[engine]]]
        assert clock is not None
        others = (other for other in range(len(Engine)) if other != engine)
        return all(done[other] >= clock[other] for other in others)


def run_sequence(case: Case, steps: Steps, sequence: Sequence[int]) -> Content:
    """Return what the instructions leave behind, run in the order of `sequence`."""
    config = case.program.config
    memory = Memory(case.dram.size)
    memory.bytes[:] = case.dram
    windows = [
        Window(window.base, window.size, READ * window.readable | WRITE * window.writable)
        for window in case.windows
    ]
    scratchpads, bus = Scratchpads.create(config), Bus(config, memory, windows)
    try:
        for index in sequence:
            opcode, fields = steps.instructions[index]
            if opcode == Opcode.LOAD:
                load(fields, scratchpads, bus)
            elif opcode == Opcode.MATRIX:
                matrix(fields, scratchpads)
            elif opcode == Opcode.VECTOR:
                if not _defined(config, fields, scratchpads):
                    return Content("undefined")
                vector(fields, scratchpads)
            elif opcode == Opcode.STORE:
                store(fields, scratchpads, bus)
    except (FaultError, SimulationError):
        return Content("fault")
    dram = b"".join(
        memory.read(window.base, window.size) for window in case.windows if window.writable
    )
    pads = scratchpads
    chip = b"".join(part.tobytes() for part in (pads.act, pads.weight, pads.param, pads.acc))
    return Content("done", dram, chip + pads.table.tobytes())


def _defined(config: Config, fields: Mapping[str, int], scratchpads: Scratchpads) -> bool:
    """Return whether all shifts that a vector instruction uses have a meaning."""
    if not fields["requantize"]:
        return True
    base, counts, steps = vector_nest(fields, "record")
    if not all(counts):
        return True
    shifts = scratchpads.param[:, 8 * config.columns :].view(np.int8)
    return all(
        bool((np.abs(shifts[start:stop].astype(np.int16)) <= _MOST_SHIFT).all())
        for start, stop in nest(base, counts, steps).clipped(0, config.param_words)
    )
