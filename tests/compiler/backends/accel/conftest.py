"""Odd machines, and a region run on the functional machine."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from compiler.backends.accel import compile_region, extract
from compiler.interpreter import evaluate
from driver.placement import place_regions
from driver.submission import submit
from isa.config import Config, preset
from isa.image import Host, Image
from isa.instructions import Engine, Opcode
from simulator.functional import FunctionalMachine

# name: rows, columns, act_words, weight_tiles, acc_words, param_words
_SHAPES = {
    "narrow": (4, 8, 4096, 256, 64, 64),
    "wide": (8, 4, 4096, 256, 64, 64),
    "odd": (6, 12, 4096, 256, 64, 64),
    "tall": (16, 4, 4096, 512, 64, 64),
    "flat": (4, 16, 4096, 256, 64, 64),
    "spill": (4, 4, 1024, 512, 256, 256),
    "chunked": (4, 4, 8192, 64, 256, 64),
    "split": (4, 8, 8192, 256, 4, 32),
}
CONFIGS = {name: preset(name) for name in ("tiny", "vta")} | {
    name: Config(name, *sizes, bus_bytes=4) for name, sizes in _SHAPES.items()
}


@pytest.fixture(params=CONFIGS)
def config(request):
    """Each of the machines."""
    return CONFIGS[request.param]


@pytest.fixture
def configs():
    """All machines by name."""
    return CONFIGS


@pytest.fixture
def run_region():
    """`run_region(region, config, *inputs)` gives the bytes of each output."""

    def run(region, config, *inputs):
        host = Host(b"", "", "", "", "", 0, b"", False)
        machine = FunctionalMachine(config, 8 << 20)
        (placed,) = place_regions(machine, Image("test", config, (), (), (region,), host))
        for slot, value in zip(region.inputs, inputs, strict=True):
            assert slot.size == value.nbytes
            machine.write(placed.data + slot.offset, value)
        submit(machine, placed, 1 << 20)
        return [machine.read(placed.data + slot.offset, slot.size) for slot in region.outputs]

    return run


@pytest.fixture
def assert_equal(run_region, random_inputs):
    """`assert_equal(module, config, seed)`: machine and interpreter agree; gives the region.

    A model of cycles may be given, too: it chooses the way in which the region is compiled.
    """

    def check(module, config, seed, cycles=None):
        region = compile_region(extract("net", module["main"]), config, cycles)
        inputs = random_inputs(module, seed)
        found = run_region(region, config, *inputs)
        expected = evaluate(module, *inputs)
        expected = expected if isinstance(expected, tuple) else (expected,)
        for number, (data, truth) in enumerate(zip(found, expected, strict=True)):
            value = np.frombuffer(data, np.int8).reshape(truth.shape)
            wrong = np.argwhere(value != truth)
            assert not len(wrong), (
                f"{config.name}, seed {seed}: output {number} differs in {len(wrong)} of "
                f"{truth.size} values, first at {wrong[0]}: {value[tuple(wrong[0])]}, not "
                f"{truth[tuple(wrong[0])]}"
            )
        return region

    return check


@dataclass(frozen=True)
class Order:
    """What the waits and signals of a program guarantee.

    Attributes
    ----------
    engines : the engine of each instruction
    before : for each instruction a set, as bits, of those that finish before it starts
    edges : pairs (giver, taker): the instruction that gives a token, the one that takes it
    """

    engines: tuple[Engine, ...]
    before: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]

    def sorts(self, first, second):
        """Return whether `first` always finishes before `second` starts."""
        return bool(self.before[second] >> first & 1)


@pytest.fixture
def order_of():
    """`order_of(program)` is its Order: the n-th wait of two engines meets the n-th signal."""

    def find(program):
        rows = [item for item in program.instructions() if item.opcode != Opcode.END]
        engines = tuple(Engine(item.opcode) for item in rows)
        given = {pair: [] for pair in itertools.product(Engine, Engine)}
        taken = {pair: [] for pair in itertools.product(Engine, Engine)}
        for index, (engine, item) in enumerate(zip(engines, rows, strict=True)):
            for other in Engine:
                if item.fields["signal"] >> other & 1:
                    given[engine, other].append(index)
                if item.fields["wait"] >> other & 1:
                    taken[other, engine].append(index)
        edges = [edge for pair in given for edge in zip(given[pair], taken[pair], strict=True)]
        previous, last = {}, {}
        for index, engine in enumerate(engines):
            previous[index], last[engine] = last.get(engine), index
        before = []
        for index in range(len(rows)):
            givers = [giver for giver, taker in edges if taker == index]
            assert all(giver < index for giver in givers), f"{index} waits for a later one"
            bits = 0
            for source in (*givers, previous[index]):
                if source is not None:
                    bits |= before[source] | 1 << source
            before.append(bits)
        return Order(engines, tuple(before), tuple(edges))

    return find
