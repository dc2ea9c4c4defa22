"""The acc scratchpad: two banks of int32 vectors between the matrix and the vector engine."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In
from amaranth.utils import bits_for

from .ports import ArbitratedReadPort, ArbitratedWritePort, ReadPort, WritePort

__all__ = ["AccMemory"]


class AccMemory(wiring.Component):
    """Two banks of `acc_words` words of columns int32; the top address bit selects the bank.

    Each bank does one read and one write a cycle, matrix before vector: the vector engine is
    refused where the matrix engine uses the same port of the same bank in that cycle. A read sees
    what was written in earlier cycles. Latency of a read: one cycle.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    matrix_read : In(ReadPort); the data stands for one cycle
    matrix_write : In(WritePort)
    vector_read : In(ArbitratedReadPort)
    vector_write : In(ArbitratedWritePort)
    """

    def __init__(self, config):
        self.config = config
        address_bits = bits_for(2 * config.acc_words - 1)
        word_bits = 8 * config.acc_word_bytes
        super().__init__(
            {
                "matrix_read": In(ReadPort(address_bits, word_bits)),
                "matrix_write": In(WritePort(address_bits, word_bits)),
                "vector_read": In(ArbitratedReadPort(address_bits, word_bits)),
                "vector_write": In(ArbitratedWritePort(address_bits, word_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        banks = []
        for number in range(2):
            bank = memory.Memory(
                shape=8 * self.config.acc_word_bytes, depth=self.config.acc_words, init=[]
            )
            m.submodules[f"bank{number}"] = bank
            banks.append((bank.read_port(), bank.write_port()))
        self._connect_reads(m, [read for read, _ in banks])
        self._connect_writes(m, [write for _, write in banks])
        return m

    def _connect_reads(self, m, banks):
        matrix, vector = self.matrix_read, self.vector_read
        matrix_bank, vector_bank = matrix.address[-1], vector.address[-1]
        m.d.comb += vector.ready.eq(~(matrix.enable & (matrix_bank == vector_bank)))
        for number, read in enumerate(banks):
            by_matrix = matrix.enable & (matrix_bank == number)
            by_vector = vector.valid & (vector_bank == number)
            m.d.comb += [
                read.en.eq(by_matrix | by_vector),
                read.addr.eq(Mux(by_matrix, matrix.address[:-1], vector.address[:-1])),
            ]
        matrix_last, vector_last = Signal(reset_less=True), Signal(reset_less=True)
        with m.If(matrix.enable):
            m.d.sync += matrix_last.eq(matrix_bank)
        m.d.comb += matrix.data.eq(Mux(matrix_last, banks[1].data, banks[0].data))
        vector_fresh = Signal()
        vector_held = Signal.like(vector.data, reset_less=True)
        m.d.sync += vector_fresh.eq(vector.valid & vector.ready)
        with m.If(vector.valid & vector.ready):
            m.d.sync += vector_last.eq(vector_bank)
        m.d.comb += vector.data.eq(vector_held)
        with m.If(vector_fresh):
            word = Mux(vector_last, banks[1].data, banks[0].data)
            m.d.comb += vector.data.eq(word)
            m.d.sync += vector_held.eq(word)

    def _connect_writes(self, m, banks):
        matrix, vector = self.matrix_write, self.vector_write
        m.d.comb += vector.ready.eq(~(matrix.enable & (matrix.address[-1] == vector.address[-1])))
        for number, write in enumerate(banks):
            by_matrix = matrix.enable & (matrix.address[-1] == number)
            by_vector = vector.valid & (vector.address[-1] == number)
            m.d.comb += [
                write.en.eq(by_matrix | by_vector),
                write.addr.eq(Mux(by_matrix, matrix.address[:-1], vector.address[:-1])),
                write.data.eq(Mux(by_matrix, matrix.data, vector.data)),
            ]
