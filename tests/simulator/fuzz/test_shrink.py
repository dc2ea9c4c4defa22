"""A program that fails becomes small, stays legal, and its text fails again."""

import re
from dataclasses import replace

import numpy as np
import pytest

from isa.assembler import assemble
from isa.config import preset
from isa.instructions import INSTRUCTION_BYTES, Opcode, instruction_set
from isa.program import Program
from isa.registers import Control, register_map
from simulator.functional import FunctionalMachine
from simulator.fuzz import random_program
from simulator.fuzz.__main__ import main
from simulator.fuzz.campaign import campaign, failure
from simulator.fuzz.lockstep import Lockstep
from simulator.fuzz.shrink import bare, is_safe, ordered_program, shrink

CONFIG = preset("tiny")
REGISTERS = register_map(CONFIG)


class Faulty(FunctionalMachine):
    """A machine that stores a wrong byte where a load with a fill below -9 comes before a store."""

    def write_register(self, offset, value):
        super().write_register(offset, value)
        if offset == REGISTERS["control"].offset and value & Control.START:
            length = self.read_register(REGISTERS["program_length"].offset)
            program = Program(CONFIG, self.read(0, length * INSTRUCTION_BYTES))
            fills = [
                n for n, i in enumerate(program.instructions()) if i.fields.get("fill", 0) < -9
            ]
            stores = [n for n, i in enumerate(program.instructions()) if i.opcode == Opcode.STORE]
            self.faulty = bool(fills and stores and min(fills) < max(stores))

    def wait(self, timeout_cycles=None):
        super().wait(timeout_cycles)
        if self.faulty:
            self.write(0x20000, bytes([self.read(0x20000, 1)[0] ^ 1]))


def open_faulty(config, memory_bytes, seed):
    return Faulty(config, memory_bytes)


def test_a_failure_shrinks_to_its_cause():
    lockstep = Lockstep(CONFIG, open_faulty)
    random = np.random.default_rng(5)
    program = random_program(random, CONFIG, 24, lockstep.sizes)
    report = failure(lockstep, program, 5, attempts=150)
    first, second, *text, last = report.splitlines()
    pattern = (
        r"DRAM differs in 1 bytes, the first at 0x20000: "
        r"must be 0x[0-9a-f]{2}, not 0x[0-9a-f]{2}$"
    )
    assert re.search(r"^tiny, seed 5, 25 instructions: " + pattern, first)
    assert re.search("^shrunk: " + pattern, second)
    assert last == "; run it again: python -m simulator.fuzz --config tiny --seed 5 --program FILE"
    small = assemble("\n".join(text), CONFIG)
    assert lockstep.difference(small, 5) == second.removeprefix("shrunk: ")
    load, store, end = small.instructions()
    assert (load.opcode, store.opcode, end.opcode) == (Opcode.LOAD, Opcode.STORE, Opcode.END)
    assert -20 < load.fields["fill"] < -9


def test_nothing_is_reported_where_nothing_differs():
    lockstep = Lockstep(CONFIG, lambda config, size, seed: FunctionalMachine(config, size))
    done = []
    assert not list(campaign(lockstep, 70, 3, length=40, progress=done.append))
    assert done == [40, 70]


def test_a_machine_that_raises_is_reported():
    class Stuck(FunctionalMachine):
        def wait(self, timeout_cycles=None):
            super().wait(timeout_cycles)
            self.write_register(REGISTERS["window0_access"].offset, 0)

    lockstep = Lockstep(CONFIG, lambda config, size, seed: Stuck(config, size))
    assert lockstep.difference(assemble("sync\nend", CONFIG), 1) is None
    with pytest.raises(Exception, match="^instruction 0: "):
        lockstep.difference(assemble("matrix acc=511 acc5=1 count5=2\nend", CONFIG), 1)


def test_shrinking_keeps_programs_legal():
    seed = 11
    lockstep = Lockstep(CONFIG)
    program = random_program(np.random.default_rng(seed), CONFIG, 60, lockstep.sizes)
    items = bare(program)
    assert all(is_safe(CONFIG, item, lockstep.sizes) for item in items)
    seen = []

    def fails(instructions):
        seen.append(len(instructions))
        opcodes = [item.opcode for item in instructions]
        return opcodes.count(Opcode.VECTOR) > 1 and Opcode.LOAD in opcodes

    small = shrink(CONFIG, items, fails)
    assert sorted(item.opcode for item in small) == [Opcode.LOAD, Opcode.VECTOR, Opcode.VECTOR]
    for item in small:
        form = instruction_set(CONFIG).format(item.opcode)
        for field in form.fields[1:]:
            simplest = item.fields[field.name] in (field.default, 0)
            assert simplest or field.name == "memory", f"{field.name} of {item}"
    assert len(seen) < 1000
    assert len(ordered_program(CONFIG, small, seed)) == 4


def test_shrinking_ends_after_its_attempts():
    items = bare(random_program(np.random.default_rng(1), CONFIG, 30, Lockstep(CONFIG).sizes))
    calls = []

    def fails(instructions):
        calls.append(1)
        return len(instructions) > 28

    shrink(CONFIG, items, fails, attempts=7)
    assert len(calls) == 7


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("load address=0x20000 x_bytes=64", True),
        ("load address=0x1ffff x_bytes=64", False),
        ("load memory=param address=0x10000 x_bytes=64", True),
        ("load memory=param address=0x20000 x_bytes=64", False),
        ("store address=0x3ffc0 x_bytes=65", False),
        ("vector count4=4 a4=1 output=1 output4=1", False),
        ("vector count4=4 a4=1 output=4 output4=1", True),
    ],
)
def test_is_safe(text, safe):
    (item,) = assemble(text, CONFIG).instructions()
    assert is_safe(CONFIG, item, Lockstep(CONFIG).sizes) is safe


def test_is_safe_needs_an_encoding():
    (item,) = assemble("store address=0x20000", CONFIG).instructions()
    assert not is_safe(CONFIG, replace(item, fields={**item.fields, "x_bytes": 0}), _sizes())


def _sizes():
    return Lockstep(CONFIG).sizes


@pytest.mark.verilator
def test_command(tmp_path, capsys):
    assert main(["--config", "tiny", "--instructions", "30", "--seed", "4", "--length", "20"]) == 0
    assert re.search(
        r"\ntiny: 30 instructions from seed 4, 0 programs differ, [\d.]+ s of CPU\n$",
        capsys.readouterr().out,
    )
    path = tmp_path / "program.s"
    path.write_text("load address=0x20000 x_bytes=9\nend\n")
    assert main(["--program", str(path)]) == 0
    assert capsys.readouterr().out == "no difference\n"
