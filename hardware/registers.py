"""The register map of isa as an AXI4-Lite slave."""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from isa.instructions import INSTRUCTION_BYTES, Engine
from isa.registers import (
    COUNTERS,
    IDENTITY,
    VERSION,
    Access,
    Cause,
    Control,
    Features,
    Interrupt,
    Status,
    register_map,
)

from .axi import axil_ports
from .counters import counter_values
from .windows import window_layout

__all__ = ["Registers"]


class Registers(wiring.Component):
    """Answers the driver; a write and a read take two cycles each.

    Bits that a register does not have read as zero, and so do addresses without a register; writes
    there change nothing. The low six bits of `program_address` do not exist. A 64-bit counter is
    read in halves: while a program runs they need not belong together.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    s_axil_... : AXI4-Lite slave
    interrupt : Out, high while an enabled bit of interrupt_status is set
    start, stop : Out, a pulse when the driver commands it
    running, started, done, failed, cause, engine, index : In, of the supervisor
    program_address, program_length, watchdog : Out, registers
    windows : Out(window_layout) for each window; a window beyond address_bits is closed
    counters : In(counter_values)
    """

    def __init__(self, config):
        self.config = config
        self.map = register_map(config)
        super().__init__(
            {
                **axil_ports(),
                "interrupt": Out(1),
                "start": Out(1),
                "stop": Out(1),
                "running": In(1),
                "started": In(1),
                "done": In(1),
                "failed": In(1),
                "cause": In(Shape.cast(Cause)),
                "engine": In(Shape.cast(Engine)),
                "index": In(32),
                "program_address": Out(64),
                "program_length": Out(32),
                "watchdog": Out(32),
                "windows": Out(window_layout(config)).array(config.windows),
                "counters": In(counter_values()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stored = {
            register.name: Signal(32 * register.words, name=register.name)
            for register in self.map.registers
            if register.access == Access.READ_WRITE
        }
        written = Signal()
        mask = Signal(32)
        m.d.comb += mask.eq(Cat(bit.replicate(8) for bit in self.s_axil_wstrb))
        self._answer_writes(m, written)
        with m.If(written), m.Switch(self.s_axil_awaddr[2:]):
            for name, signal in stored.items():
                self._store(m, self.map[name], signal, mask)
        values = {**stored, **self._constants(), **self._state(m, written, mask)}
        values |= {c.name: getattr(self.counters, c.name) for c in COUNTERS}
        self._answer_reads(m, values)
        m.d.comb += [
            getattr(self, name).eq(stored[name])
            for name in ("program_address", "program_length", "watchdog")
        ]
        self._open_windows(m, stored)
        m.d.comb += self.interrupt.eq(
            (values["interrupt_status"] & stored["interrupt_enable"]) != 0
        )
        return m

    def _answer_writes(self, m, written):
        free = ~self.s_axil_bvalid | self.s_axil_bready
        m.d.comb += [
            written.eq(self.s_axil_awvalid & self.s_axil_wvalid & free),
            self.s_axil_awready.eq(written),
            self.s_axil_wready.eq(written),
        ]
        with m.If(written | self.s_axil_bready):
            m.d.sync += self.s_axil_bvalid.eq(written)

    def _store(self, m, register, signal, mask):
        """Add the cases in which a write changes `register`."""
        exists = _existing_bits(register)
        for word in range(register.words):
            with m.Case(register.offset // 4 + word):
                part = signal[32 * word : 32 * word + 32]
                new = (part & ~mask) | (self.s_axil_wdata & mask)
                m.d.sync += part.eq(new & (exists >> 32 * word & 0xFFFFFFFF))

    def _constants(self):
        features = Features.TABLES if self.config.tables else 0
        return {
            "identity": Const(IDENTITY, 32),
            "version": Const(VERSION, 32),
            "features": Const(features, 32),
            "digest": Const(self.config.digest, 32),
            "control": Const(0, 32),
        }

    def _state(self, m, written, mask):
        """Return what changes by itself: status, error, interrupts; and pass commands on."""
        done, failed = Signal(name="done_seen"), Signal(name="error_seen")
        pending = Signal(2, name="interrupt_status")
        ones = self.s_axil_wdata & mask
        with m.If(self.started):
            m.d.sync += [done.eq(0), failed.eq(0)]
        with m.If(self.done):
            m.d.sync += done.eq(1)
        with m.If(self.failed):
            m.d.sync += failed.eq(1)
        cleared = Signal(2)
        with m.If(written), m.Switch(self.s_axil_awaddr[2:]):
            with m.Case(self.map["control"].offset // 4):
                m.d.comb += [
                    self.start.eq((ones & Control.START) != 0),
                    self.stop.eq((ones & Control.STOP) != 0),
                ]
            with m.Case(self.map["interrupt_status"].offset // 4):
                m.d.comb += cleared.eq(ones)
        raised = Mux(self.done, Interrupt.DONE, 0) | Mux(self.failed, Interrupt.ERROR, 0)
        m.d.sync += pending.eq((pending & ~cleared) | raised)
        status = (
            Mux(self.running, Status.RUNNING, 0)
            | Mux(done, Status.DONE, 0)
            | Mux(failed, Status.ERROR, 0)
        )
        return {
            "status": status,
            "error_cause": Cat(self.cause, Const(0, 8 - len(self.cause)), self.engine),
            "error_instruction": self.index,
            "interrupt_status": pending,
        }

    def _answer_reads(self, m, values):
        ready = ~self.s_axil_rvalid | self.s_axil_rready
        m.d.comb += self.s_axil_arready.eq(ready)
        with m.If(ready):
            m.d.sync += self.s_axil_rvalid.eq(self.s_axil_arvalid)
            with m.If(self.s_axil_arvalid):
                m.d.sync += self.s_axil_rdata.eq(0)
                with m.Switch(self.s_axil_araddr[2:]):
                    for register in self.map.registers:
                        for word in range(register.words):
                            with m.Case(register.offset // 4 + word):
                                value = values[register.name][32 * word : 32 * word + 32]
                                m.d.sync += self.s_axil_rdata.eq(value)

    def _open_windows(self, m, stored):
        address_bits = self.config.address_bits
        for index, window in enumerate(self.windows):
            address = stored[f"window{index}_address"]
            access = stored[f"window{index}_access"]
            reachable = address[address_bits:] == 0
            m.d.comb += [
                window.address.eq(address),
                window.bytes.eq(stored[f"window{index}_bytes"]),
                window.read.eq(access[0] & reachable),
                window.write.eq(access[1] & reachable),
            ]


def _existing_bits(register):
    """Return the mask of the bits of a register that can be written."""
    if register.name == "program_address":
        return (1 << 64) - INSTRUCTION_BYTES
    if register.name == "interrupt_enable" or register.name.endswith("_access"):
        return 0b11
    return (1 << 32 * register.words) - 1
