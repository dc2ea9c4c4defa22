"""Cocotb tests of supervisor and watchdog, on the bench of test_units."""

import cocotb
from control import Bench, Pulses, number

from isa.instructions import Engine
from isa.registers import Cause

REPORT = "supervisor_report__"


class SupervisorBench(Bench):
    """The supervisor; every input is set by hand."""

    def __init__(self, dut):
        for name in ("supervisor_start", "supervisor_stop", "supervisor_expired"):
            getattr(dut, name).value = 0
        self.report(
            dut, ended=0, quiet=0, bus_idle=1, illegal=0, fetch_fault=0, load_fault=0, store_fault=0
        )
        self.report(dut, fetch_index=11, load_index=22, store_index=33)
        self.report(dut, oldest_engine=Engine.VECTOR, oldest_index=44)
        for name in ("limit", "running", "progress"):
            getattr(dut, f"watchdog_{name}").value = 0
        self.done, self.failed = Pulses(dut.supervisor_done), Pulses(dut.supervisor_failed)
        super().__init__(dut, self.done, self.failed)

    def report(self, dut, **values):
        for name, value in values.items():
            getattr(dut, REPORT + name).value = value

    async def command(self, name):
        getattr(self.dut, f"supervisor_{name}").value = 1
        await self.step()
        getattr(self.dut, f"supervisor_{name}").value = 0

    def error(self):
        """Return (cause, engine, index)."""
        return tuple(
            number(getattr(self.dut, f"supervisor_{n}")) for n in ("cause", "engine", "index")
        )


@cocotb.test()
async def a_program_runs_to_its_end(dut):
    bench = SupervisorBench(dut)
    await bench.start()
    await bench.step(5)
    assert not dut.supervisor_running.value
    await bench.command("start")
    await bench.step(5)
    assert dut.supervisor_running.value
    bench.report(dut, ended=1)
    await bench.step(5)
    assert dut.supervisor_running.value, "engines still work"
    bench.report(dut, quiet=1, bus_idle=0)
    await bench.step(5)
    assert dut.supervisor_running.value, "the bus still works"
    assert dut.supervisor_abort.value
    assert not bench.done.cycles
    bench.report(dut, bus_idle=1)
    await bench.step(3)
    assert not dut.supervisor_running.value
    assert (len(bench.done.cycles), len(bench.failed.cycles)) == (1, 0)
    assert bench.error() == (Cause.NONE, 0, 0)


@cocotb.test()
async def each_cause_of_an_error(dut):
    rows = [
        ({"fetch_fault": Cause.PROGRAM_CUT_SHORT}, (Cause.PROGRAM_CUT_SHORT, 0, 11)),
        ({"fetch_fault": Cause.BUS_ERROR}, (Cause.BUS_ERROR, 0, 11)),
        ({"illegal": 1}, (Cause.ILLEGAL_INSTRUCTION, 0, 11)),
        ({"load_fault": Cause.BUS_ERROR}, (Cause.BUS_ERROR, Engine.LOAD, 22)),
        ({"store_fault": Cause.WINDOW_FAULT}, (Cause.WINDOW_FAULT, Engine.STORE, 33)),
        ("expired", (Cause.WATCHDOG, Engine.VECTOR, 44)),
        ("stop", (Cause.STOPPED, Engine.VECTOR, 44)),
    ]
    for inputs, expected in rows:
        bench = SupervisorBench(dut)
        bench.report(dut, bus_idle=0)
        await bench.start()
        await bench.command("start")
        await bench.step(3)
        if isinstance(inputs, str):
            await bench.command(inputs)
        else:
            bench.report(dut, **inputs)
            await bench.step()
        assert bench.error() == expected
        assert dut.supervisor_abort.value
        bench.report(dut, store_fault=Cause.BUS_ERROR, store_index=99)
        await bench.step(4)
        assert bench.error() == expected, "the first error stays"
        assert not bench.failed.cycles, "the bus is not drained yet"
        bench.report(dut, bus_idle=1)
        await bench.step(2)
        assert (len(bench.done.cycles), len(bench.failed.cycles)) == (0, 1)
        bench.report(dut, **dict.fromkeys(("fetch_fault", "load_fault", "store_fault"), 0))
        bench.report(dut, illegal=0)
        await bench.command("start")
        assert bench.error() == (Cause.NONE, 0, 0)
        assert dut.supervisor_running.value, "it starts again"


@cocotb.test()
async def commands_at_the_wrong_time(dut):
    bench = SupervisorBench(dut)
    await bench.start()
    await bench.command("stop")
    await bench.step(3)
    assert bench.error() == (Cause.NONE, 0, 0)
    await bench.command("start")
    await bench.step(2)
    await bench.command("start")
    await bench.step(2)
    assert dut.supervisor_counting.value, "a second start is ignored"
    assert not bench.done.cycles


@cocotb.test()
async def the_watchdog(dut):
    bench = SupervisorBench(dut)
    await bench.start()
    dut.watchdog_running.value = 1
    await bench.step(50)
    assert not dut.watchdog_expired.value, "no limit"
    dut.watchdog_running.value = 0
    dut.watchdog_limit.value = 20
    await bench.step(30)
    assert not dut.watchdog_expired.value, "nothing runs"
    dut.watchdog_running.value = 1
    for _ in range(4):
        await bench.step(19)
        assert not dut.watchdog_expired.value
        dut.watchdog_progress.value = 1
        await bench.step()
        dut.watchdog_progress.value = 0
    await bench.step(19)
    assert not dut.watchdog_expired.value
    await bench.step(1)
    assert dut.watchdog_expired.value
