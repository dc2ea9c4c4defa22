"""Predicts when each instruction of a program starts and ends, without running it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.program import Program

from ..errors import SimulatorError
from ..native import Instance
from ..trace import TRACE_DTYPE
from .constants import HARDWARE, Hardware
from .model import run_model

__all__ = ["Memory", "Prediction", "cycles", "predict"]


@dataclass(frozen=True)
class Memory:
    """The DRAM behind the bus: bursts are answered in order, one beat a cycle.

    Attributes
    ----------
    latency_cycles : int, from a burst's address to its first beat, and from its last beat written
        to the answer; at least 1

    Raises
    ------
    SimulatorError
        The latency is out of range.
    """

    latency_cycles: int = 40

    def __post_init__(self) -> None:
        if self.latency_cycles < 1:
            raise SimulatorError(f"latency_cycles must be at least 1, not {self.latency_cycles}")


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a program does when.

    Attributes
    ----------
    cycles : int, from START to the end, as the machine's counter `cycles`
    instruction_trace : TRACE_DTYPE[instructions], in the order of their starts, as the Verilated
        machine gives it
    dispatched : int64[instructions], when each left the decoder, END included
    refused : int64[instructions], cycles that a vector instruction waited for memories which the
        matrix engine used; 0 for others
    """

    cycles: int
    instruction_trace: npt.NDArray[np.void]
    dispatched: npt.NDArray[np.int64]
    refused: npt.NDArray[np.int64]


def predict(
    words: bytes, config: Config, memory: Memory | None = None, hardware: Hardware = HARDWARE
) -> Prediction:
    """Return when the instructions of a program start and end.

    Parameters
    ----------
    words : bytes, the encoded program; addresses may still count from their segments, if these
        will begin at multiples of 4096 bytes
    config : Config, of the machine
    memory : Memory, its defaults if None
    hardware : Hardware, the latencies of the machine

    Raises
    ------
    DecodeError
        The bytes are no instructions.
    SimulatorError
        The program waits for a token that never comes.
    """
    model = _run(words, config, memory or Memory(), hardware)
    count = model["count"]
    engines = model.array("engines")[:count]
    (index,) = np.nonzero(engines >= 0)
    starts = model.array("starts")[index]
    order = np.lexsort((engines[index], starts))
    index = index[order]
    trace = np.empty(index.size, TRACE_DTYPE)
    trace["engine"] = engines[index]
    trace["index"] = index
    trace["start_cycle"] = starts[order]
    trace["end_cycle"] = model.array("ends")[index]
    return Prediction(
        cycles=model["cycles"],
        instruction_trace=trace,
        dispatched=model.array("dispatched")[:count].copy(),
        refused=model.array("refused")[:count].copy(),
    )


def cycles(program: Program, latency_cycles: int = 40) -> int:
    """Return the cycles of `program` from START to its end; raises as `predict`."""
    return _run(program.words, program.config, Memory(latency_cycles), HARDWARE)["cycles"]


def _run(words: bytes, config: Config, memory: Memory, hardware: Hardware) -> Instance:
    return run_model(words, config, memory.latency_cycles, hardware)
