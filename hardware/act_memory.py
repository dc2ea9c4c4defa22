"""The act scratchpad: int8 vectors in banks that several engines use at once."""

from math import gcd

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In
from amaranth.utils import bits_for, exact_log2

from isa.instructions import Memory

from .layout import write_layout
from .ports import ArbitratedReadPort, MaskedWritePort, ReadPort

__all__ = ["ActMemory"]


class ActMemory(wiring.Component):
    """Words of `act_word_bytes` bytes in banks interleaved by the low address bits.

    Each bank does one read and one write a cycle. Reads: matrix before vector before store.
    Writes: vector before load. Only accesses of the same bank meet; a refused one sees ready low.
    Latency of a read: one cycle. Throughput: one access a cycle and bank, each way.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    matrix_read : In(ReadPort), word address; the data stands for one cycle
    vector_read, store_read : In(ArbitratedReadPort), word address
    vector_write : In(MaskedWritePort), word address, one mask bit for each `columns` bytes
    load_write : In(stream of write_layout(config, Memory.ACT))
    """

    def __init__(self, config):
        self.config = config
        word_bits = 8 * config.act_word_bytes
        address_bits = bits_for(config.act_words - 1)
        groups = config.act_word_bytes // config.columns
        super().__init__(
            {
                "matrix_read": In(ReadPort(address_bits, word_bits)),
                "vector_read": In(ArbitratedReadPort(address_bits, word_bits)),
                "store_read": In(ArbitratedReadPort(address_bits, word_bits)),
                "vector_write": In(MaskedWritePort(address_bits, word_bits, groups)),
                "load_write": In(stream.Signature(write_layout(config, Memory.ACT))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        banks = [self._bank(m, number) for number in range(self.config.act_banks)]
        self._arbitrate_reads(m, banks)
        self._return_data(m, banks)
        self._arbitrate_writes(m, banks)
        return m

    def _bank(self, m, number):
        """Return the (read, write) ports of one bank."""
        config = self.config
        bank = memory.Memory(
            shape=8 * config.act_word_bytes, depth=config.act_words // config.act_banks, init=[]
        )
        m.submodules[f"bank{number}"] = bank
        return bank.read_port(), bank.write_port(granularity=self._granularity_bits)

    @property
    def _granularity_bits(self):
        """Smallest part of a word that is written alone."""
        return 8 * gcd(self.config.columns, self.config.bus_bytes)

    def _split(self, address):
        """Return the (bank, line) of a word address."""
        bank_bits = exact_log2(self.config.act_banks)
        return address[:bank_bits], address[bank_bits:]

    def _arbitrate_reads(self, m, banks):
        matrix, vector, store = self.matrix_read, self.vector_read, self.store_read
        matrix_bank, matrix_line = self._split(matrix.address)
        vector_bank, vector_line = self._split(vector.address)
        store_bank, store_line = self._split(store.address)
        vector_clear = ~(matrix.enable & (matrix_bank == vector_bank))
        store_clear = ~(matrix.enable & (matrix_bank == store_bank))
        store_clear &= ~(vector.valid & (vector_bank == store_bank))
        m.d.comb += [vector.ready.eq(vector_clear), store.ready.eq(store_clear)]
        for number, (read, _) in enumerate(banks):
            by_matrix = matrix.enable & (matrix_bank == number)
            by_vector = vector.valid & (vector_bank == number)
            by_store = store.valid & (store_bank == number)
            m.d.comb += [
                read.en.eq(by_matrix | by_vector | by_store),
                read.addr.eq(Mux(by_matrix, matrix_line, Mux(by_vector, vector_line, store_line))),
            ]

    def _return_data(self, m, banks):
        words = Array(read.data for read, _ in banks)
        matrix_bank = Signal(range(len(banks)), reset_less=True)
        with m.If(self.matrix_read.enable):
            m.d.sync += matrix_bank.eq(self._split(self.matrix_read.address)[0])
        m.d.comb += self.matrix_read.data.eq(words[matrix_bank])
        for name in ("vector", "store"):
            port = getattr(self, f"{name}_read")
            bank = Signal(range(len(banks)), name=f"{name}_bank", reset_less=True)
            fresh = Signal(name=f"{name}_fresh")
            held = Signal.like(port.data, name=f"{name}_held", reset_less=True)
            m.d.sync += fresh.eq(port.valid & port.ready)
            with m.If(port.valid & port.ready):
                m.d.sync += bank.eq(self._split(port.address)[0])
            m.d.comb += port.data.eq(held)
            with m.If(fresh):
                m.d.comb += port.data.eq(words[bank])
                m.d.sync += held.eq(words[bank])

    def _arbitrate_writes(self, m, banks):
        vector, load = self.vector_write, self.load_write
        vector_bank, vector_line = self._split(vector.address)
        load_bank, load_line = self._split(load.payload.address)
        m.d.comb += load.ready.eq(~(vector.enable & (vector_bank == load_bank)))
        word_bytes, bus_bytes = self.config.act_word_bytes, self.config.bus_bytes
        parts = 8 * self.config.columns // self._granularity_bits
        vector_mask = Cat(bit.replicate(parts) for bit in vector.mask)
        parts = 8 * bus_bytes // self._granularity_bits
        chunk = 1 << load.payload.chunk
        load_mask = Cat(chunk[n].replicate(parts) for n in range(word_bytes // bus_bytes))
        for number, (_, write) in enumerate(banks):
            by_vector = vector.enable & (vector_bank == number)
            m.d.comb += [
                write.addr.eq(load_line),
                write.data.eq(load.payload.data.replicate(word_bytes // bus_bytes)),
            ]
            with m.If(by_vector):
                m.d.comb += [
                    write.addr.eq(vector_line),
                    write.data.eq(vector.data),
                    write.en.eq(vector_mask),
                ]
            with m.Elif(load.valid & (load_bank == number)):
                m.d.comb += write.en.eq(load_mask)
