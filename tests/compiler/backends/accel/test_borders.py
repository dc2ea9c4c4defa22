"""Padding around a tensor in act: every border word is written, by either engine, and no other."""

import itertools

import pytest

from compiler.backends.accel.borders import fill_border
from compiler.backends.accel.builder import Builder
from compiler.backends.accel.context import Constants, Context
from compiler.backends.accel.layers import Tensor
from compiler.backends.accel.placement import Border, Placement
from isa.footprint import act_unit_bytes
from isa.instructions import Engine, Opcode
from simulator.fuzz.accesses import accesses

BORDERS = [Border(1, 1, 1, 1), Border(0, 0, 1, 2), Border(2, 0, 0, 0), Border(0, 3, 0, 0)]


@pytest.mark.parametrize("engine", [Engine.LOAD, Engine.VECTOR])
@pytest.mark.parametrize(("border", "spread"), list(itertools.product(BORDERS, [False, True])))
def test_only_the_border_is_filled(border, spread, engine, config):
    tensor = Tensor(0, height=4, width=5, channels=2 * config.act_word_bytes)
    place = Placement.whole(20, tensor, border, config)
    place = place.spread() if spread else place
    context = Context(config, Builder(config), Constants(), {}, {}, {}, {})
    fill_border(context, engine, tensor, place, border, -7)
    program, _ = context.builder.finish()
    rows = [row for row in program.instructions() if row.opcode != Opcode.END]
    assert {Engine(row.opcode) for row in rows} == {engine}
    found = [accesses(config, row) for row in rows]
    units = config.act_word_bytes // act_unit_bytes(config)
    written = {place // units for item in found for place in item.writes["act"]}
    assert not any(item.reads.get("dram") for item in found)
    inside, outside = set(), set()
    width = range(-border.left, 5 + border.right)
    for line, pixel in itertools.product(range(-border.top, 4 + border.bottom), width):
        first = place.word(line, pixel)
        here = 0 <= line < 4 and 0 <= pixel < 5
        (inside if here else outside).update(range(first, first + 2))
    lines = border.top + 4 + border.bottom
    assert outside <= written
    assert not inside & written
    assert written <= set(range(20, 20 + lines * place.pitch))
