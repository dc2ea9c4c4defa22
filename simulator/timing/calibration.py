"""Measures the table of latencies on the RTL: `python -m simulator.timing.calibration tiny vta`.

Each follows from when the instructions of a short program start and end. What cannot be seen from
outside, and the depths of queues, is taken as it stands in the table.
"""

import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import NamedTuple

from isa.assembler import assemble
from isa.config import Config, preset
from isa.instructions import INSTRUCTION_BYTES, Memory
from isa.program import Program
from isa.registers import Control, Status, register_map

from ..errors import SimulationError
from ..verilator import VerilatorMachine
from .constants import HARDWARE, Hardware
from .fields import word_bytes

__all__ = ["MEASURED", "Observed", "Run", "measure", "run_verilated"]

_MEMORY_BYTES = 1 << 20
_PROGRAM_ADDRESS = 1 << 19
_READ_WRITE = 3


class Observed(NamedTuple):
    """What was seen of a program: first and last cycle of each instruction, cycles of them all."""

    spans: list[tuple[int, int]]
    cycles: int


# Runs a program on a machine whose DRAM has a latency.
Run = Callable[[Program, int], Observed]


class _Probe(NamedTuple):
    """A latency and how it is found; `value` gets what was seen, and what is found so far."""

    name: str
    latency_cycles: int
    text: str
    value: Callable[[Observed, Hardware, Config], int]


# So far away that fetch waits for each answer, and so near that only the bus limits it.
_FAR, _NEAR = 100, 1
_LONG = "matrix count5=300"
_PROBES = (
    _Probe(
        "first_address",
        _FAR,
        "sync\nend",
        lambda seen, table, config: seen.spans[0][0] - table.queue - _answer(table, config, _FAR),
    ),
    _Probe("sync", _FAR, "sync\nend", lambda seen, table, config: _cycles(seen, 0)),
    _Probe(
        "fetch_request",
        _FAR,
        "sync\n" * 40 + "end",
        lambda seen, table, config: _period(seen) - _answer(table, config, _FAR),
    ),
    _Probe(
        "decoder_gap",
        _NEAR,
        "sync\n" * 40 + "end",
        lambda seen, table, config: _period(seen) // table.fetch_ahead - _beats(config),
    ),
    _Probe(
        "end_decoded",
        _NEAR,
        "sync\n" * 40 + "end",
        lambda seen, table, config: (
            seen.cycles - seen.spans[-1][0] + table.queue - _beats(config) - table.decoder_gap
        ),
    ),
    _Probe(
        "last_end",
        _NEAR,
        f"{_LONG}\nend",
        lambda seen, table, config: seen.cycles - seen.spans[0][1],
    ),
    _Probe(
        "matrix_drain", _NEAR, f"{_LONG}\nend", lambda seen, table, config: _cycles(seen, 0) - 300
    ),
    _Probe(
        "token",
        _NEAR,
        f"{_LONG} signal=vector\nvector wait=matrix\nend",
        lambda seen, table, config: seen.spans[1][0] - seen.spans[0][1],
    ),
    _Probe("vector_pipe", _NEAR, "vector\nend", lambda seen, table, config: _cycles(seen, 0)),
    _Probe(
        "requantize_pipe",
        _NEAR,
        "vector requantize=1\nend",
        lambda seen, table, config: (
            _cycles(seen, 0) - table.vector_pipe - config.columns // config.requantize_lanes
        ),
    ),
    _Probe(
        "vector_gap",
        _NEAR,
        "vector count4=300\nvector\nend",
        lambda seen, table, config: seen.spans[1][0] - seen.spans[0][1],
    ),
    _Probe(
        "load_request",
        _FAR,
        "load\nend",
        lambda seen, table, config: (
            _cycles(seen, 0) - _FAR - table.load_address - table.load_write - _chunks(config) + 1
        ),
    ),
    _Probe(
        "load_align",
        _FAR,
        "load x_origin=-64\nend",
        lambda seen, table, config: _cycles(seen, 0) - table.load_write - _chunks(config) + 1,
    ),
    _Probe(
        "load_gap",
        _FAR,
        f"{_LONG} signal=load\nload wait=matrix x_origin=-64 y_count=9\nload\nend",
        lambda seen, table, config: _between(seen, 1) - table.load_request + 1 - 8,
    ),
    _Probe(
        "store_address",
        _FAR,
        "store\nend",
        lambda seen, table, config: _cycles(seen, 0) - _FAR - table.store_data,
    ),
    _Probe(
        "store_gap",
        _FAR,
        f"{_LONG} signal=store\nstore wait=matrix y_count=3\nstore\nend",
        lambda seen, table, config: _between(seen, 1) - 3,
    ),
)
MEASURED = tuple(probe.name for probe in _PROBES)


def measure(config: Config, run: Run) -> Hardware:
    """Return the latencies of the machines of `config` that `run` uses."""
    table = HARDWARE
    for probe in _PROBES:
        seen = run(assemble(probe.text, config), probe.latency_cycles)
        table = replace(table, **{probe.name: probe.value(seen, table, config)})
    return table


def run_verilated(program: Program, latency_cycles: int) -> Observed:
    """Run `program` on the Verilated machine of its configuration, all DRAM open.

    Raises
    ------
    SimulationError
        The machine stopped with an error.
    """
    machine = VerilatorMachine(program.config, _MEMORY_BYTES, latency_cycles=latency_cycles)
    registers = register_map(program.config)

    def put(name: str, value: int) -> None:
        for word in range(registers[name].words):
            machine.write_register(
                registers[name].offset + 4 * word, value >> 32 * word & 0xFFFFFFFF
            )

    try:
        machine.write(_PROGRAM_ADDRESS, program.words)
        put("window0_bytes", _MEMORY_BYTES)
        put("window0_access", _READ_WRITE)
        put("program_address", _PROGRAM_ADDRESS)
        put("program_length", len(program))
        put("control", Control.START)
        machine.wait()
        if machine.read_register(registers["status"].offset) & Status.ERROR:
            raise SimulationError(
                "the program must end without an error; run it on a device to see"
            )
        trace = machine.instruction_trace()
        trace = trace[trace["index"].argsort()]
        spans = zip(trace["start_cycle"].tolist(), trace["end_cycle"].tolist(), strict=True)
        return Observed(list(spans), machine.read_register(registers["cycles"].offset))
    finally:
        machine.close()


def _cycles(seen: Observed, index: int) -> int:
    start, end = seen.spans[index]
    return end - start


def _between(seen: Observed, index: int) -> int:
    """Return the cycles from the start of an instruction to that of the next."""
    return seen.spans[index + 1][0] - seen.spans[index][0]


def _period(seen: Observed) -> int:
    """Return the cycles from an instruction to the fourth after it, when many have passed."""
    return (seen.spans[-1][0] - seen.spans[-17][0]) // 4


def _beats(config: Config) -> int:
    return INSTRUCTION_BYTES // config.bus_bytes


def _answer(table: Hardware, config: Config, latency_cycles: int) -> int:
    """Return the cycles from an instruction's address on the bus to its dispatch."""
    return latency_cycles + _beats(config) - 1 + table.decode


def _chunks(config: Config) -> int:
    return word_bytes(config, Memory.ACT) // config.bus_bytes


def main(names: list[str]) -> None:
    """Print for each configuration what differs from the table."""
    for name in names:
        found, table = asdict(measure(preset(name), run_verilated)), asdict(HARDWARE)
        changed = [
            f"{key}={found[key]} (not {table[key]})" for key in table if found[key] != table[key]
        ]
        print(f"{name}: {', '.join(changed) or 'as the table says'}")


if __name__ == "__main__":
    main(sys.argv[1:])
