"""Sets a model up for a program and runs it as native code, which is made once a process."""

from collections.abc import Mapping
from dataclasses import astuple
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.decoding import decode_program
from isa.errors import DecodeError
from isa.instructions import INSTRUCTION_BYTES, Engine, Memory, Opcode
from isa.program import Program

from ..errors import SimulatorError
from ..native import Instance, Library, compile_function
from .constants import Hardware
from .fields import PARTS, PLACES, places, word_bytes
from .schedule import ILLEGAL, STUCK, run
from .state import (
    EVENTS,
    FOLLOWERS,
    LEADERS,
    OFFSETS,
    REMEMBERED,
    SAMPLES,
    SLOTS,
    WALKS,
    Model,
    Shape,
)

__all__ = ["native_code", "prepare_model", "run_model"]

Integers = npt.NDArray[np.int64]


@lru_cache
def native_code() -> Library:
    """Return the model as native code."""
    return compile_function(run)


def prepare_model(words: bytes, config: Config, latency: int, hardware: Hardware) -> Instance:
    """Return the model of a program, ready to run.

    Parameters
    ----------
    latency : int, of the DRAM, in cycles

    Raises
    ------
    DecodeError
        The bytes are no whole number of instructions.
    SimulatorError
        An engine can have more instructions in flight than the model keeps.
    """
    if hardware.issue_in_flight > SLOTS:
        raise SimulatorError(
            f"issue_in_flight must be at most {SLOTS}, not {hardware.issue_in_flight}"
        )
    if len(words) % INSTRUCTION_BYTES:
        raise DecodeError(
            f"a program must be a multiple of {INSTRUCTION_BYTES} bytes, not {len(words)}"
        )
    count = len(words) // INSTRUCTION_BYTES
    model = Instance(Model, _sizes(count))
    model.array("words")[:-1] = np.frombuffer(words, np.int64)
    model.array("hardware")[:] = _latencies(hardware)
    for name, values in _machine(config).items():
        model.array(name)[:] = values
    model["latency"], model["total"] = latency, count
    return model


def run_model(words: bytes, config: Config, latency: int, hardware: Hardware) -> Instance:
    """Return the model of a program that has run to its end, `cycles` after START.

    Raises
    ------
    DecodeError
        The bytes are no instructions.
    SimulatorError
        The program waits for a token that never comes.
    """
    model = prepare_model(words, config, latency, hardware)
    model["cycles"] = native_code()(model)
    if model["cycles"] == ILLEGAL:
        index = model["illegal"]
        code = model.array("codes")[index]
        raise DecodeError(f"instruction {index}: opcode must be in 0..{max(Opcode)}, not {code}")
    if model["cycles"] == STUCK:
        raise SimulatorError(_stuck(model, Program(config, words)))
    return model


def _stuck(model: Instance, program: Program) -> str:
    """Return what an instruction waits for that never comes."""
    count, engines = model["count"], model.array("engines")
    fields = [fields for _, fields in decode_program(program)[:count]]
    for giver in Engine:
        for taker in Engine:
            given = sum(
                engines[index] == giver and fields[index]["signal"] >> taker & 1
                for index in range(count - 1)
            )
            takers = [
                index
                for index in range(count - 1)
                if engines[index] == taker and fields[index]["wait"] >> giver & 1
            ]
            if len(takers) > given:
                return (
                    f"instruction {takers[given]} waits for a token of engine "
                    f"{giver.name.lower()}, which gives only {given}; "
                    "let one of its instructions signal"
                )
    ends = model.array("ends")[:count]
    return (
        f"every instruction must end, but instruction {np.argmin(ends)} waits for a token that "
        "never comes; its engine, or the one that should give it, waits for it in turn"
    )


@lru_cache
def _latencies(hardware: Hardware) -> Integers:
    return np.array(astuple(hardware), np.int64)


@lru_cache
def _machine(config: Config) -> Mapping[str, Integers]:
    """Return the arrays that depend on the configuration alone."""
    return {
        "shape": np.array(astuple(_shape(config)), np.int64),
        "places": places(config),
        "word_bytes": np.array([word_bytes(config, memory) for memory in Memory], np.int64),
    }


def _sizes(count: int) -> dict[str, int]:
    """Return the sizes of a model's arrays for a program of `count` instructions."""
    each = ("engines", "codes", "dispatched", "starts", "ends", "refused", "arrived", "stores")
    engines = len(Engine)
    return {
        **dict.fromkeys(each, count),
        "words": count * PARTS + 1,
        "loads": count + 1,
        "order": count * engines,
        "tokens": count * engines * engines,
        "given": engines * engines,
        "taken": engines * engines,
        "queues": engines,
        "places": PLACES,
        "word_bytes": len(Memory),
        "times": EVENTS,
        "walks": WALKS,
        "patterns": WALKS * SAMPLES,
        "offsets": WALKS * OFFSETS,
        "keys": REMEMBERED,
        "speeds": REMEMBERED,
        "leaders": LEADERS,
        "followers": FOLLOWERS,
    }


def _shape(config: Config) -> Shape:
    """Return what the model needs of a configuration."""
    bus = config.bus_bytes
    return Shape(
        bus_shift=_log2(bus),
        bus_bytes=bus,
        beats=max(1, INSTRUCTION_BYTES // bus),
        depth=(1 << max(1, (config.queue_depth - 1).bit_length())),
        banks=config.act_banks,
        word_chunks=config.act_word_bytes // bus,
        row_shift=_log2(config.act_word_bytes // config.rows),
        column_shift=_log2(config.act_word_bytes // config.columns),
        acc_words=config.acc_words,
        groups=config.columns // config.requantize_lanes,
        window=config.reads_in_flight,
        burst_shift=_log2(config.burst_beats),
    )


def _log2(number: int) -> int:
    return number.bit_length() - 1
