"""Amaranth layouts of what the isa tables define: instructions, and what a load writes on chip."""

from amaranth import signed, unsigned
from amaranth.lib import data
from amaranth.utils import bits_for

from isa.config import Config
from isa.fields import Format
from isa.instructions import Memory, Opcode, instruction_set

__all__ = ["instruction_layout", "layout", "memory_shape", "write_layout"]


def layout(form: Format) -> data.StructLayout:
    """Return the layout of the encoded fields of `form`, the first in the lowest bits.

    A field whose smallest value is 1 appears as encoded: a count of n reads as n - 1, which is the
    index of the last iteration.
    """
    return data.StructLayout(
        {
            field.name: signed(field.bits) if field.signed else unsigned(field.bits)
            for field in form.fields
        }
    )


def instruction_layout(config: Config, opcode: Opcode) -> data.StructLayout:
    """Return the layout of a decoded instruction: its index in the program and its fields."""
    form = instruction_set(config).format(opcode)
    return data.StructLayout({"index": unsigned(32), "fields": layout(form)})


def memory_shape(config: Config, memory: Memory) -> tuple[int, int]:
    """Return the depth in words, and the bytes of a word, of `memory` as a load addresses it."""
    return {
        Memory.ACT: (config.act_words, config.act_word_bytes),
        Memory.WEIGHT: (config.weight_tiles, config.tile_bytes),
        Memory.PARAM: (config.param_words, config.param_word_bytes),
        Memory.TABLE: (config.tables, config.table_bytes),
    }[memory]


def write_layout(config: Config, memory: Memory) -> data.StructLayout:
    """Return the layout of one write of a load to `memory`.

    Members
    -------
    address : word of the memory
    chunk : which bus_bytes bytes of the word
    data : bus_bytes bytes
    """
    depth, word_bytes = memory_shape(config, memory)
    return data.StructLayout(
        {
            "address": bits_for(max(1, depth - 1)),
            "chunk": bits_for(max(1, word_bytes // config.bus_bytes - 1)),
            "data": 8 * config.bus_bytes,
        }
    )
