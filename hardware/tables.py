"""Look-up tables of 256 int8, read by all lanes at once."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, exact_log2

from isa.instructions import Memory

from .layout import write_layout

__all__ = ["TablePort", "Tables"]


class TablePort(wiring.Signature):
    """A read of one table by every lane, never refused.

    Parameters
    ----------
    config : isa.Config, with tables

    Members
    -------
    enable : Out, a read in this cycle
    table : Out, which table
    indices : Out, columns bytes, the entry that each lane reads
    data : In, columns int8, from the next cycle until the next read
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "enable": Out(1),
                "table": Out(bits_for(max(1, config.tables - 1))),
                "indices": Out(8 * config.columns),
                "data": In(8 * config.columns),
            }
        )


class Tables(wiring.Component):
    """`tables` tables of 256 int8; each lane has its own copy, a load writes them all.

    Latency of a read: one cycle. Throughput: one read in every lane and one chunk written a cycle.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    read : In(TablePort)
    load_write : In(stream of write_layout(config, Memory.TABLE)), address: which table

    Raises
    ------
    ValueError
        The configuration has no tables.
    """

    def __init__(self, config):
        if not config.tables:
            raise ValueError(f"{config.name}.tables must be at least 1 to build Tables, not 0")
        self.config = config
        super().__init__(
            {
                "read": In(TablePort(config)),
                "load_write": In(stream.Signature(write_layout(config, Memory.TABLE))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        chunks = config.table_bytes // config.bus_bytes
        m.submodules.entries = entries = memory.Memory(
            shape=8 * config.bus_bytes, depth=config.tables * chunks, init=[]
        )
        write = entries.write_port()
        entry_bits = exact_log2(config.bus_bytes)
        m.d.comb += [
            self.load_write.ready.eq(1),
            write.en.eq(self.load_write.valid),
            write.addr.eq(Cat(self.load_write.payload.chunk, self.load_write.payload.address)),
            write.data.eq(self.load_write.payload.data),
        ]
        selected = Signal(config.columns * entry_bits, reset_less=True)
        for lane in range(config.columns):
            read = entries.read_port()
            index = self.read.indices.word_select(lane, 8)
            m.d.comb += [
                read.en.eq(self.read.enable),
                read.addr.eq(Cat(index[entry_bits:], self.read.table)),
                self.read.data.word_select(lane, 8).eq(
                    read.data.word_select(selected.word_select(lane, entry_bits), 8)
                ),
            ]
            with m.If(self.read.enable):
                m.d.sync += selected.word_select(lane, entry_bits).eq(index[:entry_bits])
        return m
