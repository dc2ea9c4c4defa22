"""Verilog to cells: what a memory of the machine costs."""

from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from boards.synthesis import synthesise
from hardware.verilog import component_verilog


class Words(wiring.Component):
    """512 words of 36 bits, read and written in the same cycle: one block memory."""

    read_address: In(9)
    write_address: In(9)
    enable: In(1)
    given: In(36)
    taken: Out(36)

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = memory.Memory(shape=36, depth=512, init=[])
        read, write = words.read_port(), words.write_port()
        m.d.comb += [
            read.addr.eq(self.read_address),
            self.taken.eq(read.data),
            write.addr.eq(self.write_address),
            write.data.eq(self.given),
            write.en.eq(self.enable),
        ]
        return m


def test_memory_is_nothing_but_a_block(tmp_path):
    """What a read that meets a write of its word gives is nobody's business: no logic for it."""
    netlist, needed = synthesise(component_verilog(Words(), "words"), "words", tmp_path)
    assert netlist.exists()
    assert needed.bram == 1
    assert (needed.lut, needed.ff, needed.dsp) == (0, 0, 0)
