"""The ways in which a region is compiled: all compute the same, with layers cut as they say."""

import pytest

from compiler.backends.accel import compile_region, extract
from compiler.backends.accel.plan import make_plan
from compiler.backends.accel.schedule import Cut
from isa.config import preset


def choose(number):
    """Return a model of cycles that lets the way `number` win."""
    programs = []

    def cycles(program):
        programs.append(program)
        return abs(len(programs) - 1 - number)

    return cycles


@pytest.mark.parametrize("way", range(4))
@pytest.mark.parametrize("seed", range(600, 605))
def test_all_ways_compute_the_same(seed, way, configs, random_network, assert_equal):
    config = configs[list(configs)[seed % len(configs)]]
    assert_equal(random_network(seed, layers=6), config, seed, choose(way))


def test_ways_differ(network_maker):
    maker, programs = network_maker(1), []
    value = maker.input(48, 24, 16)
    for _ in range(3):
        value = maker.convolution(
            value, 16, (3, 3), padding=(1, 1, 1, 1), strides=(1, 1), dilation=(1, 1)
        )
    graph = extract("net", maker.module()["main"])
    compile_region(graph, preset("vta"), lambda program: programs.append(program) or 0)
    assert len({program.words for program in programs}) == len(programs) == 4


@pytest.mark.parametrize(
    ("height", "width", "cut", "blocks"),
    [
        (48, 25, Cut(), 4),
        (48, 25, Cut(16), 16),
        # Three lines of 25 vectors are enough.
        (48, 25, Cut(16, 72), 16),
        # Two lines of 48; two lines of 24 would be too few.
        (24, 48, Cut(16, 72), 12),
        (24, 24, Cut(16, 72), 8),
        # A line is too little, but few blocks are worth it.
        (6, 12, Cut(16, 72), 6),
    ],
)
def test_blocks_have_a_least_size(height, width, cut, blocks, network_maker):
    maker = network_maker(1)
    value = maker.input(height, width, 16)
    maker.convolution(value, 16, (1, 1), padding=(0, 0, 0, 0), strides=(1, 1), dilation=(1, 1))
    (work,) = make_plan(extract("net", maker.module()["main"]), preset("vta"), cut).works
    assert len(work.plan.blocks) == blocks
