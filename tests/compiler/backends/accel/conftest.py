"""Odd machines, and a region run on the functional machine."""

import numpy as np
import pytest

from compiler.backends.accel import compile_region, extract
from compiler.interpreter import evaluate
from driver.placement import place_regions
from driver.submission import submit
from isa.config import Config, preset
from isa.image import Host, Image
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
        host = Host(b"", "", "", "", "", 0, b"")
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
    """`assert_equal(module, config, seed)`: machine and interpreter agree; gives the region."""

    def check(module, config, seed):
        region = compile_region(extract("net", module["main"]), config)
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
