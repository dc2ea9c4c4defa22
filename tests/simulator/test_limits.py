"""The whole machine with counters at their limits: they stop there.

The counters of a machine that counts from 0 would take years. So the machine here is the same but
for where its counters and the count of its watchdog begin: NEAR before their largest values. The
machine as it is says what they must count.
"""

import pytest

from isa.assembler import assemble
from isa.config import preset
from isa.instructions import Engine
from isa.registers import COUNTERS, Cause, Control, Status
from simulator.verilator import VerilatorMachine

CONFIG = preset("tiny")
MEMORY_BYTES = 1 << 16
NEAR = 400
LARGEST_COUNTER, LARGEST_IDLE = (1 << 64) - 1, (1 << 32) - 1
DEADLOCK = assemble("sync engine=vector wait=store\nend", CONFIG).words
LOADS = assemble("load x_bytes=16 y_count=40 y_step=4\n" * 4 + "end", CONFIG).words
pytestmark = pytest.mark.verilator


@pytest.fixture
def machines(mutant, monkeypatch):
    """Return the machine as it is, and the one whose counts begin near their limits."""
    from hardware import core
    from hardware.verilog import to_verilog

    idle, value = LARGEST_IDLE - NEAR, LARGEST_COUNTER - NEAR
    watchdog = mutant("hardware.watchdog", "idle_cycles.eq(0)", f"idle_cycles.eq({idle})")
    counters = mutant("hardware.counters", "value.eq(0)", f"value.eq({value})")
    monkeypatch.setattr(core, "Watchdog", watchdog.Watchdog)
    monkeypatch.setattr(core, "Counters", counters.Counters)
    opened = [
        VerilatorMachine(CONFIG, MEMORY_BYTES, verilog=text)
        for text in (None, to_verilog(CONFIG, gated=True))
    ]
    yield opened
    for machine in opened:
        machine.close()


def test_limits(machines, start_program, get_register, set_register):
    plain, near = machines
    check_counters(plain, near, start_program, get_register)
    check_watchdog(plain, near, start_program, get_register)
    check_late_limit(near, start_program, get_register, set_register)


def check_counters(plain, near, start_program, get_register):
    """Some reach their limit, others stay below."""
    values = []
    for machine in (plain, near):
        start_program(machine, LOADS, watchdog=0)
        assert get_register(machine, "status") == Status.DONE
        values.append({row.name: get_register(machine, row.name) for row in COUNTERS})
    counted = values[0]
    assert counted["instructions"] < NEAR < min(counted["cycles"], counted["read_bytes"])
    assert values[1] == {
        name: min(LARGEST_COUNTER - NEAR + value, LARGEST_COUNTER)
        for name, value in counted.items()
    }


def check_watchdog(plain, near, start_program, get_register):
    """The largest limit stops a program when so many cycles have gone by."""
    cycles = []
    for machine, limit in ((plain, NEAR), (near, LARGEST_IDLE)):
        start_program(machine, DEADLOCK, watchdog=limit)
        assert get_register(machine, "error_cause") == Cause.WATCHDOG | Engine.VECTOR << 8
        assert get_register(machine, "error_instruction") == 0
        cycles.append(get_register(machine, "cycles"))
    assert cycles[0] + LARGEST_COUNTER - NEAR > LARGEST_COUNTER
    assert cycles[1] == LARGEST_COUNTER
    assert NEAR <= cycles[0] < NEAR + 10


def check_late_limit(near, start_program, get_register, set_register):
    """Without a limit the count stops at its largest value; a limit then holds at once."""
    start = near.cycles
    near.write(0, DEADLOCK)
    set_register(near, "watchdog", 0)
    set_register(near, "control", Control.START)
    near.run(3 * NEAR)
    assert near.cycles >= start + 3 * NEAR
    assert get_register(near, "status") == Status.RUNNING
    set_register(near, "watchdog", LARGEST_IDLE)
    near.run(4)
    assert get_register(near, "status") == Status.ERROR
    assert get_register(near, "error_cause") == Cause.WATCHDOG | Engine.VECTOR << 8
