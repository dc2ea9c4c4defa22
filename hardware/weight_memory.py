"""The weight scratchpad: int8 tiles that the matrix engine reads whole."""

from amaranth.hdl import Module
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In
from amaranth.utils import bits_for

from isa.instructions import Memory

from .layout import write_layout
from .ports import ReadPort
from .word_assembler import WordAssembler

__all__ = ["WeightMemory"]


class WeightMemory(wiring.Component):
    """Tiles of columns x rows int8; byte c * rows + r of a tile is the weight of column c, row r.

    Latency of a read: one cycle. Throughput: one read and one chunk written a cycle, never refused.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    matrix_read : In(ReadPort), tile address
    load_write : In(stream of write_layout(config, Memory.WEIGHT))
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "matrix_read": In(
                    ReadPort(bits_for(config.weight_tiles - 1), 8 * config.tile_bytes)
                ),
                "load_write": In(stream.Signature(write_layout(config, Memory.WEIGHT))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.tiles = tiles = memory.Memory(
            shape=8 * config.tile_bytes, depth=config.weight_tiles, init=[]
        )
        m.submodules.assembler = assembler = WordAssembler(config, Memory.WEIGHT)
        wiring.connect(m, wiring.flipped(self.load_write), assembler.load_write)
        read, write = tiles.read_port(), tiles.write_port()
        m.d.comb += [
            read.en.eq(self.matrix_read.enable),
            read.addr.eq(self.matrix_read.address),
            self.matrix_read.data.eq(read.data),
            write.en.eq(assembler.word_write.enable),
            write.addr.eq(assembler.word_write.address),
            write.data.eq(assembler.word_write.data),
        ]
        return m
