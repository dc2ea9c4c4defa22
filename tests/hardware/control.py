"""What the cocotb tests of the control units share: parameters, the clock, agents on the ports."""

import json
import os
import random
from collections import deque

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge, Timer

from isa.config import Config

# Bursts stay within 4 KiB (ARM IHI 0022, A3.4.1).
PAGE = 4096


def parameters():
    """Return what the pytest test passed on."""
    return json.loads(os.environ["TILEWRIGHT_TEST"])


def configuration():
    """Return the Config that the pytest test passed on."""
    return Config(**parameters()["config"])


class Bench:
    """Steps the clock. In each cycle every agent drives, the signals settle, every agent looks.

    Parameters
    ----------
    dut : the cocotb handle
    agents : objects with drive() and sample()
    """

    def __init__(self, dut, *agents):
        self.dut = dut
        self.agents = list(agents)
        self.cycle = 0

    async def start(self):
        """Start the clock and reset."""
        cocotb.start_soon(Clock(self.dut.clk, 10, "ns").start())
        await self.reset()

    async def reset(self):
        """Reset for two cycles."""
        self.dut.rst.value = 1
        for _ in range(2):
            await self._edge()
        self.dut.rst.value = 0

    async def step(self, cycles=1):
        """Run a number of cycles; return after the last one's rising edge."""
        for _ in range(cycles):
            for agent in self.agents:
                agent.drive()
            await ReadOnly()
            for agent in self.agents:
                agent.sample()
            await self._edge()
            self.cycle += 1

    async def _edge(self):
        """Wait until a rising edge has taken effect."""
        await RisingEdge(self.dut.clk)
        await Timer(1, "ns")

    async def until(self, condition, limit, what):
        """Run until `condition()` holds, at most `limit` cycles."""
        for _ in range(limit):
            if condition():
                return
            await self.step()
        assert condition(), f"{what}: not within {limit} cycles"


def number(handle):
    """Return the unsigned value of a signal."""
    return int(handle.value)


class Source:
    """Feeds a stream; `items` are payloads, sent in order.

    Parameters
    ----------
    dut, name : the stream's ports are {name}__payload, __valid, __ready
    stall : float, share of the cycles in which nothing is offered
    """

    def __init__(self, dut, name, seed=0, stall=0.0):
        self.payload, self.valid, self.ready = stream(dut, name)
        self.random = random.Random(seed)
        self.stall = stall
        self.items = deque()
        self.offered = False
        self.sent = 0
        self.valid.value = 0

    def drive(self):
        if not self.offered and self.items and self.random.random() >= self.stall:
            self.offered = True
            self.payload.value = self.items[0]
        self.valid.value = self.offered

    def sample(self):
        if self.offered and self.ready.value:
            self.items.popleft()
            self.offered = False
            self.sent += 1


class Sink:
    """Takes what a stream gives; `items` are the payloads.

    Parameters
    ----------
    dut, name : as in Source
    stall : float, share of the cycles in which nothing is taken
    """

    def __init__(self, dut, name, seed=0, stall=0.0):
        self.payload, self.valid, self.ready = stream(dut, name)
        self.random = random.Random(seed)
        self.stall = stall
        self.items = []
        self.taking = False
        self.ready.value = 0

    def drive(self):
        self.taking = self.random.random() >= self.stall
        self.ready.value = self.taking

    def sample(self):
        if self.taking and self.valid.value:
            self.items.append(number(self.payload))


def stream(dut, name):
    """Return the handles (payload, valid, ready) of a stream."""
    return tuple(getattr(dut, f"{name}__{part}") for part in ("payload", "valid", "ready"))


class Pulses:
    """Counts the cycles in which a signal is high, and remembers which.

    Parameters
    ----------
    handle : the signal
    """

    def __init__(self, handle):
        self.handle = handle
        self.cycle = 0
        self.cycles = []

    def drive(self):
        self.cycle += 1

    def sample(self):
        if self.handle.value:
            self.cycles.append(self.cycle)


class AxiMemory:
    """A DRAM on the ports m_axi_...: it stalls, answers late and out of order between ids, fails
    where it is told to, and checks that the master keeps to AXI4.

    Parameters
    ----------
    dut : the cocotb handle
    config : Config
    size : int, bytes
    latency : int, most cycles from a request to its first answer
    stall : float, share of the cycles in which a channel is not ready or gives nothing

    Attributes
    ----------
    data : bytearray
    bad : set of int, addresses of beats that answer with an error
    reads, writes : list of (address, beats), bursts accepted
    """

    def __init__(self, dut, config, seed=0, size=1 << 16, latency=20, stall=0.3):
        self.config = config
        self.random = random.Random(seed)
        self.data = bytearray(self.random.randbytes(size))
        self.latency, self.stall = latency, stall
        self.bad = set()
        self.answering = True
        self.reads, self.writes = [], []
        self.port = {
            name: getattr(dut, f"m_axi_{name}")
            for name in (
                *("arid", "araddr", "arlen", "arsize", "arburst", "arvalid", "arready"),
                *("rid", "rdata", "rresp", "rlast", "rvalid", "rready"),
                *("awaddr", "awlen", "awsize", "awburst", "awvalid", "awready"),
                *("wdata", "wstrb", "wlast", "wvalid", "wready"),
                *("bid", "bresp", "bvalid", "bready"),
            )
        }
        self.reset()

    def reset(self):
        """Forget everything but the data."""
        self.cycle = 0
        self.answers = {0: deque(), 1: deque()}
        self.answer = None
        self.bursts = deque()
        self.responses = deque()
        self.response = None
        self.held = {}
        for name in ("arready", "rvalid", "awready", "wready", "bvalid"):
            self.port[name].value = 0

    @property
    def quiet(self):
        """Nothing is asked for that was not answered."""
        waiting = (*self.answers.values(), self.bursts, self.responses)
        return not any(waiting) and self.answer is None and self.response is None

    def drive(self):
        self.cycle += 1
        self.ready = {name: self._chance() for name in ("arready", "awready", "wready")}
        for name, value in self.ready.items():
            self.port[name].value = value
        if self.answer is None:
            due = [queue for queue in self.answers.values() if queue and queue[0][0] <= self.cycle]
            if due and self._chance():
                self.answer = self.random.choice(due).popleft()
                _, identity, data, response, last = self.answer
                for name, value in zip(
                    ("rid", "rdata", "rresp", "rlast"),
                    (identity, data, response, last),
                    strict=True,
                ):
                    self.port[name].value = value
        self.port["rvalid"].value = self.answer is not None
        if self.response is None and self.responses and self.responses[0][0] <= self.cycle:
            self.response = self.responses.popleft() if self._chance() else None
            if self.response:
                self.port["bresp"].value = self.response[1]
                self.port["bid"].value = 0
        self.port["bvalid"].value = self.response is not None

    def sample(self):
        self._hold("ar", ("arid", "araddr", "arlen"))
        self._hold("aw", ("awaddr", "awlen"))
        self._hold("w", ("wdata", "wstrb", "wlast"))
        if self.ready["arready"] and self.port["arvalid"].value:
            self._read()
        if self.ready["awready"] and self.port["awvalid"].value:
            self._begin_write()
        if self.ready["wready"] and self.port["wvalid"].value:
            self._write()
        if self.answer and self.port["rready"].value:
            self.answer = None
        if self.response and self.port["bready"].value:
            self.response = None

    def _chance(self):
        return self.answering and self.random.random() >= self.stall

    def _value(self, name):
        return number(self.port[name])

    def _hold(self, channel, names):
        """Check that what was offered and not taken is offered again."""
        valid = bool(self.port[f"{channel}valid"].value)
        now = tuple(self._value(name) for name in names) if valid else None
        before = self.held.get(channel)
        assert before is None or now == before, f"{channel}: {before} became {now} before ready"
        self.held[channel] = None if self.ready[f"{channel}ready"] else now

    def _burst(self, channel):
        """Return the (address, beats) of a new burst, checked."""
        address, beats = self._value(f"{channel}addr"), self._value(f"{channel}len") + 1
        size = self.config.bus_bytes
        assert 1 << self._value(f"{channel}size") == size
        assert self._value(f"{channel}burst") == 1
        assert address % size == 0, hex(address)
        assert beats <= self.config.burst_beats, beats
        assert address // PAGE == (address + beats * size - 1) // PAGE, (hex(address), beats)
        return address, beats

    def _due(self):
        return self.cycle + self.random.randint(1, self.latency)

    def _read(self):
        address, beats = self._burst("ar")
        self.reads.append((address, beats))
        identity, due, size = self._value("arid"), self._due(), self.config.bus_bytes
        for beat in range(beats):
            start = address + beat * size
            word = int.from_bytes(self.data[start : start + size], "little")
            response = 2 if start in self.bad else 0
            self.answers[identity].append((due, identity, word, response, beat == beats - 1))

    def _begin_write(self):
        address, beats = self._burst("aw")
        self.writes.append((address, beats))
        self.bursts.append([address, beats, 0])

    def _write(self):
        assert self.bursts, "a beat came before its burst's address"
        burst = self.bursts[0]
        address, beats, response = burst
        data = self._value("wdata").to_bytes(self.config.bus_bytes, "little")
        strobe = self._value("wstrb")
        for lane in range(self.config.bus_bytes):
            if strobe >> lane & 1:
                self.data[address + lane] = data[lane]
        burst[2] = 2 if address in self.bad else response
        assert self._value("wlast") == (beats == 1)
        burst[0], burst[1] = address + self.config.bus_bytes, beats - 1
        if beats == 1:
            self.bursts.popleft()
            self.responses.append((self._due(), burst[2]))
