"""Cocotb tests of the watchdog at its limits."""

import cocotb
from control import Bench, number

LARGEST = (1 << 32) - 1


class WatchdogBench(Bench):
    """The watchdog; every input is set by hand."""

    def __init__(self, dut):
        for name in ("limit", "running", "progress"):
            getattr(dut, name).value = 0
        super().__init__(dut)

    async def run_from(self, count, limit):
        """Run, `count` cycles without an instruction behind it."""
        self.dut.running.value = 1
        self.dut.limit.value = limit
        self.dut.idle_cycles.value = count
        await self.step()

    @property
    def expired(self):
        return bool(self.dut.expired.value)

    @property
    def count(self):
        return number(self.dut.idle_cycles)


@cocotb.test()
async def the_largest_limit(dut):
    bench = WatchdogBench(dut)
    await bench.start()
    await bench.run_from(LARGEST - 11, LARGEST)
    for left in range(10, 0, -1):
        assert not bench.expired, f"{left} cycles are left"
        await bench.step()
    for _ in range(5):
        assert bench.expired, "until the program ends"
        assert bench.count == LARGEST
        await bench.step()
    dut.running.value = 0
    await bench.step()
    assert not bench.expired
    dut.running.value = 1
    await bench.step(5)
    assert not bench.expired, "the next program begins from 0"


@cocotb.test()
async def progress_in_the_last_cycle(dut):
    bench = WatchdogBench(dut)
    await bench.start()
    await bench.run_from(LARGEST - 2, LARGEST)
    dut.progress.value = 1
    await bench.step()
    dut.progress.value = 0
    assert not bench.expired
    assert bench.count == 0


@cocotb.test()
async def the_count_stops_at_its_largest_value(dut):
    bench = WatchdogBench(dut)
    await bench.start()
    await bench.run_from(LARGEST - 4, 0)
    for _ in range(20):
        assert not bench.expired, "no limit"
        await bench.step()
    assert bench.count == LARGEST
    for limit in (LARGEST, 1, 0, 2):
        dut.limit.value = limit
        await bench.step()
        assert bench.expired == (limit != 0), f"limit {limit:#x} set while it runs"
