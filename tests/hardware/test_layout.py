"""The Amaranth layouts against the tables of the instruction set."""

import random

import pytest

from hardware.layout import instruction_layout, layout, memory_shape, write_layout
from isa.config import PRESETS, Config
from isa.errors import DecodeError
from isa.instructions import Memory, Opcode, instruction_set

CONFIGS = [*PRESETS.values(), Config("odd", 6, 12, 80, 5, 16, 3, bus_bytes=4, tables=1)]


def random_values(form, rng):
    """Return a value for each field but the opcode, one in four at an end of its range."""
    return {
        field.name: rng.choice([field.low, field.high])
        if rng.random() < 0.25
        else rng.randint(field.low, field.high)
        for field in form.fields[1:]
    }


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
@pytest.mark.parametrize("opcode", Opcode)
def test_layout_reads_what_isa_encodes(config, opcode):
    rng = random.Random(20260301)
    instructions = instruction_set(config)
    form = instructions.format(opcode)
    shape = layout(form)
    assert shape.size == form.bits
    legal = 0
    while legal < 20:
        values = random_values(form, rng)
        try:
            word = instructions.encode(opcode, values)
        except DecodeError:
            continue
        legal += 1
        view = shape.from_bits(word)
        assert view.opcode == opcode
        for field in form.fields[1:]:
            expected = values[field.name] - field.minimum
            assert view[field.name] == expected, f"seed 20260301: {opcode.name} {field.name}"


def test_instruction_layout():
    shape = instruction_layout(PRESETS["vta"], Opcode.STORE)
    form = instruction_set(PRESETS["vta"]).format(Opcode.STORE)
    word = form.encode({"opcode": Opcode.STORE, "x_bytes": 77})
    view = shape.from_bits(word << 32 | 123)
    assert (view.index, view.fields.x_bytes) == (123, 76)


def test_write_layouts():
    config = Config("odd", 6, 12, 80, 5, 16, 3, bus_bytes=4, tables=1)
    widths = {
        memory: tuple(field.width for _, field in write_layout(config, memory)) for memory in Memory
    }
    # 80 words of 12 bytes, 5 of 72, 3 of 108, 1 of 256.
    assert widths == {
        Memory.ACT: (7, 2, 32),
        Memory.WEIGHT: (3, 5, 32),
        Memory.PARAM: (2, 5, 32),
        Memory.TABLE: (1, 6, 32),
    }
    assert memory_shape(config, Memory.PARAM) == (3, 108)
