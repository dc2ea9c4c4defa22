"""How full act is while work is put in order."""

import pytest

from compiler.backends.accel import extract
from compiler.backends.accel.plan import make_plan
from compiler.backends.accel.room import Room
from isa.config import preset


@pytest.fixture
def room(network_maker):
    """The room of three element-wise layers in a row, of 64 act words each, all of them in act."""
    maker = network_maker(1)
    window = {"padding": (0, 0, 0, 0), "strides": (1, 1), "dilation": (1, 1)}
    value = maker.input(8, 8, 4)
    for _ in range(3):
        value = maker.depthwise(value, (1, 1), **window)
    plan = make_plan(extract("net", maker.module()["main"]), preset("tiny"))
    targets = {work.layer.target.index: 6000 for work in plan.works[:-1]}
    return Room(plan.works, targets, preset("tiny"))


def test_a_layer_enters_where_it_finds_room(room):
    room.enter(0)
    assert room.admits(0)
    assert room.admits(1)
    room.enter(1)
    room.enter(1)
    assert room.admits(2)


def test_layers_that_fit_beside_all_before_them(room):
    # Of 16384 words 15360 are planned with: two tensors of 6000, and nothing for the last layer.
    assert room.beside_all() == 3
    room.enter(0)
    assert room.beside_all() == 1


def test_a_tensor_leaves_with_its_last_reader(room):
    for number in (0, 1):
        room.enter(number)
    free = room._free
    room.leave(0)
    kept = room._free
    assert kept >= free
    room.leave(1)
    assert room._free - kept >= 6000
