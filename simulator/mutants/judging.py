"""What becomes of a mutant: refused, or run on the hardware and in many orders and compared."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from isa.checker import findings
from isa.instructions import INSTRUCTION_BYTES
from isa.registers import Control, Status, register_map

from ..memory import Data
from .case import Case
from .interleave import Content, Random, Steps, run_sequence
from .mutate import Mutant

__all__ = ["Judgement", "Machine", "Opener", "Verdict", "judge", "run_on"]

_READ, _WRITE = 1, 2


class Verdict(Enum):
    """What a mutant is."""

    REFUSED = "refused by the checker"
    COMPARED = "caught by comparing results"
    HARMLESS = "gives the same results"
    MISSED = "missed"


@dataclass(frozen=True)
class Judgement:
    """A mutant's verdict.

    Attributes
    ----------
    verdict : Verdict
    wrong : bool, whether a run was seen that ends otherwise than the program without the mistake
    text : str, why it was refused, or how runs of a missed one differ
    """

    verdict: Verdict
    wrong: bool
    text: str = ""


class Machine(Protocol):
    """What a mutant runs on: the hardware."""

    @property
    def memory_bytes(self) -> int:
        """Size of the DRAM."""

    def read(self, address: int, size: int) -> bytes:
        """Return bytes of DRAM."""

    def write(self, address: int, data: Data) -> None:
        """Write bytes of DRAM."""

    def read_register(self, offset: int) -> int:
        """Return a register."""

    def write_register(self, offset: int, value: int) -> None:
        """Write a register."""

    def wait(self, timeout_cycles: int | None = None) -> None:
        """Return when the program has ended."""

    def close(self) -> None:
        """Free the machine."""


# Opens a fresh machine, its memories zero; each of a case's openers has its own timing.
Opener = Callable[[], Machine]


def judge(
    random: Random,
    case: Case,
    mutant: Mutant,
    openers: Sequence[Opener],
    expected: Content,
    orders: int = 3,
) -> Judgement:
    """Return what becomes of `mutant`, a mutant of the program of `case`.

    Parameters
    ----------
    openers : machines that it runs on, as many times
    expected : Content that the program without the mistake leaves
    orders : int, other orders that the tokens allow, run in the functional simulator
    """
    changed = replace(case, program=mutant.program)
    refusal = next(findings(mutant.program, case.windows), None)
    steps = Steps(changed)
    runs = [run_sequence(changed, steps, steps.order.sequence)]
    runs += [run_sequence(changed, steps, steps.shuffled(random)) for _ in range(orders)]
    if refusal is not None:
        wrong = bool(steps.order.stuck) or any(run != expected for run in runs)
        return Judgement(Verdict.REFUSED, wrong, refusal.text)
    if steps.order.stuck:
        return Judgement(Verdict.MISSED, True, f"stuck: {steps.order.stuck}")
    for number, run in enumerate(runs):
        if run.end == "fault" or run != runs[0]:
            return Judgement(Verdict.MISSED, True, f"order {number}: {run.end}, or other bytes")
    # A shift without meaning gives what the machine makes of it: only machines can be compared.
    found = None if runs[0].end == "undefined" else runs[0].dram
    for number, opener in enumerate(openers):
        status, dram = run_on(opener, changed)
        if status != Status.DONE or (found is not None and dram != found):
            text = f"machine {number}: status {status}, or other bytes than before"
            return Judgement(Verdict.MISSED, True, text)
        found = dram
    if found != expected.dram:
        return Judgement(Verdict.COMPARED, True)
    return Judgement(Verdict.HARMLESS, False)


def run_on(opener: Opener, case: Case) -> tuple[int, bytes]:
    """Run the program of `case` on a fresh machine; return its status and what it may write."""
    words = case.program.words
    with closing(opener()) as machine:
        registers = register_map(case.program.config)

        def put(name: str, value: int) -> None:
            register = registers[name]
            for word in range(register.words):
                part = value >> 32 * word & 0xFFFFFFFF
                machine.write_register(register.offset + 4 * word, part)

        machine.write(0, case.dram)
        machine.write(case.address, words)
        opened = [(case.address, len(words), _READ)]
        opened += [
            (window.base, window.size, _READ * window.readable | _WRITE * window.writable)
            for window in case.windows
        ]
        for index, values in enumerate(opened):
            for part, value in zip(("address", "bytes", "access"), values, strict=True):
                put(f"window{index}_{part}", value)
        put("program_address", case.address)
        put("program_length", len(words) // INSTRUCTION_BYTES)
        put("watchdog", case.watchdog_cycles)
        put("control", Control.START)
        machine.wait()
        status = machine.read_register(registers["status"].offset)
        writable = [window for window in case.windows if window.writable]
        return status, b"".join(machine.read(window.base, window.size) for window in writable)
