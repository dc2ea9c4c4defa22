"""The DRAM model and the C interface, on a little machine with known timing."""

import numpy as np
import pytest

from isa.instructions import Engine
from isa.registers import Control, Status, register_map
from simulator import SimulationError, SimulationTimeout, SimulatorError

pytestmark = pytest.mark.verilator
DATA = np.arange(100, 104, dtype=np.int32)


@pytest.fixture
def copy(set_register, get_register):
    """Return a function that lets the machine copy 16 bytes; it returns the cycles."""

    def run(machine, address=0x100):
        set_register(machine, "program_address", address)
        set_register(machine, "control", Control.START)
        machine.wait(10_000)
        return get_register(machine, "cycles")

    return run


def test_copies(open_mini, copy, get_register):
    machine = open_mini()
    machine.write(0x100, DATA)
    copy(machine)
    assert get_register(machine, "status") == Status.DONE
    expected = DATA + np.array([1, 0, 0, 0], np.int32)
    assert machine.read(0x140, 16) == expected.tobytes()


def test_latency_is_what_was_asked(open_mini, copy):
    # Address, latency, 4 beats; address, 4 beats, latency, answer: two latencies in all.
    cycles = {latency: copy(open_mini(latency_cycles=latency)) for latency in (1, 10, 40)}
    assert cycles[10] - cycles[1] == 2 * 9
    assert cycles[40] - cycles[10] == 2 * 30


def test_stalls_cost_cycles_and_repeat(open_mini, copy):
    cycles = [
        copy(open_mini(stall_probability=probability, seed=seed))
        for probability, seed in ((0.0, 0), (0.6, 1), (0.6, 1), (0.6, 2), (0.6, 3))
    ]
    assert cycles[1] == cycles[2]
    assert all(count > cycles[0] for count in cycles[1:])
    assert len(set(cycles[1:])) > 1


def test_stalls_keep_the_data(open_mini, copy):
    for seed in range(20):
        machine = open_mini(stall_probability=0.5, seed=seed)
        machine.write(0x100, DATA)
        copy(machine)
        assert machine.read(0x144, 12) == DATA[1:].tobytes(), f"seed {seed}"


def test_reads_beyond_the_memory_are_errors(open_mini, copy, get_register):
    machine = open_mini()
    copy(machine, machine.memory_bytes)
    assert get_register(machine, "status") == Status.ERROR


def test_writes_beyond_the_memory_are_errors(open_mini, copy, get_register):
    machine = open_mini()
    copy(machine, machine.memory_bytes - 64)
    assert get_register(machine, "status") == Status.ERROR


def test_instruction_trace(open_mini, copy):
    machine = open_mini()
    cycles = copy(machine)
    (event,) = machine.instruction_trace()
    assert (event["engine"], event["index"]) == (Engine.LOAD, 7)
    assert event["end_cycle"] - event["start_cycle"] == cycles
    copy(machine)
    assert machine.instruction_trace().shape == (1,)


def test_protocol_is_watched(mini_verilog, open_mini, copy):
    broken = mini_verilog.replace("m_axi_wlast = sent == 3", "m_axi_wlast = sent == 2")
    machine = open_mini(verilog=broken)
    with pytest.raises(
        SimulationError,
        match=r"^the hardware broke a protocol while a program ran: cycle \d+: "
        r"the write burst at 0x[0-9a-f]+ has WLAST misplaced$",
    ):
        copy(machine)


def test_bursts_end_at_4_kib(open_mini, copy):
    machine = open_mini()
    with pytest.raises(SimulationError, match=r": the read burst at 0xff8 crosses 4 KiB$"):
        copy(machine, 0xFF8)


def test_timeout_can_be_waited_on(open_mini, set_register, get_register):
    machine = open_mini()
    set_register(machine, "control", Control.START)
    with pytest.raises(
        SimulationTimeout,
        match=r"^the program must end within 20 cycles, but is still running; "
        r"wait again, or stop it$",
    ):
        machine.wait(20)
    machine.wait()
    assert get_register(machine, "status") == Status.DONE


def test_settings_are_told(open_mini):
    machine = open_mini(latency_cycles=7, stall_probability=0.25, seed=9)
    assert machine.settings == {
        "config": "mini",
        "dram_latency_cycles": 7,
        "dram_bytes_per_cycle": 4,
        "dram_stall_probability": 0.25,
        "dram_seed": 9,
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory_bytes": 10}, "memory_bytes must be a multiple of bus_bytes = 4, not 10"),
        ({"latency_cycles": 0}, "latency_cycles must be at least 1, not 0"),
        ({"stall_probability": 1.0}, "stall_probability must be at least 0 and below 1, not 1.0"),
    ],
)
def test_settings_are_checked(open_mini, options, message):
    with pytest.raises(SimulatorError, match=f"^{message}$"):
        open_mini(**options)


def test_closed_device(open_mini):
    machine = open_mini()
    machine.close()
    machine.close()
    with pytest.raises(SimulatorError, match=r"^the device is closed; open a new one$"):
        machine.read_register(register_map(machine.config)["status"].offset)


def test_two_machines_share_nothing(open_mini, copy):
    first, second = open_mini(), open_mini()
    first.write(0x100, DATA)
    copy(first)
    assert second.read(0x140, 16) == bytes(16)
    assert second.instruction_trace().size == 0
