"""DRAM behind cocotbext-axi's slave: a second opinion on AXI4 beside control.AxiMemory."""

import random

from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiBus, AxiResp, AxiSlave


class AxiSlaveMemory:
    """A DRAM on the ports m_axi_... that stalls every channel, answers late, and may fail.

    One for each test: a slave never lets go of its ports. Takes the place of control.AxiMemory.

    Parameters
    ----------
    dut, config, seed, size, latency, stall : as control.AxiMemory
    response : AxiResp, of beats that fail

    Attributes
    ----------
    data, bad : as of control.AxiMemory
    """

    def __init__(self, dut, config, seed, size, latency, stall, response=AxiResp.SLVERR):
        self.dut = dut
        self.bus_bytes = config.bus_bytes
        self.random = random.Random(seed)
        self.data = bytearray(self.random.randbytes(size))
        self.bad = set()
        self.latency = latency
        self.response = response
        self.open_bursts = 0
        self.slave = AxiSlave(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, target=self)
        reads, writes = self.slave.read_if, self.slave.write_if
        channels = (reads.ar_channel, reads.r_channel)
        channels += (writes.aw_channel, writes.w_channel, writes.b_channel)
        for channel in channels:
            channel.set_pause_generator(self._pauses(stall))
            channel.log.setLevel("WARNING")
        for side in (reads, writes):
            side.log.setLevel("CRITICAL")
        for channel, name in ((reads.r_channel, "rresp"), (writes.b_channel, "bresp")):
            self._choose_response(channel, name)

    async def read(self, address, length):
        """Return the bytes of a beat, later; raise where it fails."""
        await self._wait()
        self._check(address)
        return bytes(self.data[address : address + length])

    async def write(self, address, data):
        """Write bytes of a beat, later; raise where it fails."""
        await self._wait()
        self._check(address)
        self.data[address : address + len(data)] = data

    def drive(self):
        """Do nothing: the slave drives by itself."""

    def sample(self):
        """Count the bursts that are not answered."""
        dut = self.dut
        self.open_bursts += bool(dut.m_axi_arvalid.value and dut.m_axi_arready.value)
        self.open_bursts += bool(dut.m_axi_awvalid.value and dut.m_axi_awready.value)
        self.open_bursts -= bool(
            dut.m_axi_rvalid.value and dut.m_axi_rready.value and dut.m_axi_rlast.value
        )
        self.open_bursts -= bool(dut.m_axi_bvalid.value and dut.m_axi_bready.value)

    @property
    def quiet(self):
        """Nothing is asked for that was not answered."""
        return self.open_bursts == 0

    def _check(self, address):
        if address - address % self.bus_bytes in self.bad:
            raise OSError(f"no memory at {address:#x}")

    async def _wait(self):
        if self.latency and self.random.random() < 0.2:
            await ClockCycles(self.dut.clk, self.random.randint(1, self.latency))

    def _pauses(self, stall):
        while True:
            yield self.random.random() < stall

    def _choose_response(self, channel, name):
        """Let a failed beat answer with `response`; the slave itself knows SLVERR only."""
        send = channel.send

        async def changed(item):
            if getattr(item, name) != AxiResp.OKAY:
                setattr(item, name, self.response)
            await send(item)

        channel.send = changed
