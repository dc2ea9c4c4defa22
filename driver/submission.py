"""Runs one placed region on a machine: windows, start, wait, and what went wrong."""

from isa.assembler import format_instruction
from isa.errors import DecodeError
from isa.instructions import Engine, instruction_set
from isa.program import Instruction, Program
from isa.registers import Cause, Control, Status

from .errors import DeviceFault
from .machine import Machine
from .placement import Placed
from .registers import Registers

__all__ = ["submit"]

_READ, _WRITE = 1, 2
# The causes that an engine meets while it executes; the others are met before that.
_IN_ENGINE = {Cause.WINDOW_FAULT, Cause.BUS_ERROR, Cause.WATCHDOG}
_ADVICE = {
    Cause.NONE: "the machine gave no cause",
    Cause.ILLEGAL_INSTRUCTION: "the program is damaged, or for another configuration",
    Cause.WINDOW_FAULT: "it touches DRAM outside the windows that are open",
    Cause.BUS_ERROR: "the memory answered with an error",
    Cause.WATCHDOG: "it did not finish in time, or waits for a token that nobody gives",
    Cause.PROGRAM_CUT_SHORT: "the program has no end",
    Cause.STOPPED: "it was stopped from outside",
}


def submit(machine: Machine, placed: Placed, watchdog_cycles: int) -> dict[str, int]:
    """Run the program of `placed` to its end; return the machine's counters.

    Parameters
    ----------
    watchdog_cycles : int, cycles without progress after which the machine stops itself

    Raises
    ------
    DeviceFault
        The machine stopped with an error; the message names the instruction.
    """
    registers = Registers(machine)
    region = placed.region
    windows = (
        (placed.program, len(region.program.words), _READ),
        (placed.constants, len(region.constants), _READ),
        (placed.data, region.data_bytes, _READ | _WRITE),
    )
    for index in range(machine.config.windows):
        address, size, access = windows[index] if index < len(windows) else (0, 0, 0)
        registers[f"window{index}_address"] = address
        registers[f"window{index}_bytes"] = size
        registers[f"window{index}_access"] = access
    registers["program_address"] = placed.program
    registers["program_length"] = len(region.program)
    registers["watchdog"] = watchdog_cycles
    registers["control"] = Control.START
    try:
        machine.wait()
    except KeyboardInterrupt:
        registers["control"] = Control.STOP
        machine.wait()
        raise
    if registers["status"] & Status.ERROR:
        raise DeviceFault(_fault(machine, placed, registers))
    return registers.counters()


def _fault(machine: Machine, placed: Placed, registers: Registers) -> str:
    """Return the message of an error stop."""
    cause = Cause(registers["error_cause"] & 0xFF)
    engine = Engine(registers["error_cause"] >> 8 & 0xFF)
    where = f" in engine {engine.name.lower()}" if cause in _IN_ENGINE else ""
    index = registers["error_instruction"]
    return (
        f"{machine.name}: {cause.name.lower().replace('_', ' ')}{where} "
        f"at instruction {index} of {placed.region.name}{_place(placed, index)}: "
        f"{_text(placed.region.program, index)}; {_ADVICE[cause]}"
    )


def _place(placed: Placed, index: int) -> str:
    """Return the layer that instruction `index` belongs to, in brackets."""
    region = placed.region
    if index >= len(region.instruction_layers):
        return ""
    return f" ({region.layers[region.instruction_layers[index]].name})"


def _text(program: Program, index: int) -> str:
    """Return instruction `index` disassembled, or its word if it is illegal."""
    if index >= len(program):
        return "no instruction"
    word = program.word(index)
    try:
        opcode, fields = instruction_set(program.config).decode(word)
    except DecodeError as error:
        return f"{word:#x} ({error})"
    segments = {relocation.index: relocation.segment for relocation in program.relocations}
    return format_instruction(program.config, Instruction(opcode, fields, segments.get(index, "")))
