"""Windows whose lines are folded: the same results from fewer products."""

import pytest

from compiler.backends.accel import extract
from compiler.backends.accel.fold_lines import fold_lines
from isa.instructions import Opcode
from isa.program import Program

# configuration, input (height, width, channels), outputs, kernel, strides, padding, lines folded
CASES = {
    "keywords": ("vta", (49, 10, 1), 64, (10, 4), (2, 2), (4, 1, 5, 1), 4),
    "tall": ("vta", (30, 3, 2), 33, (7, 2), (1, 1), (3, 0, 3, 1), 4),
    "uneven": ("vta", (21, 4, 1), 40, (9, 5), (3, 1), (0, 2, 0, 2), 3),
    "small": ("tiny", (16, 3, 1), 12, (6, 1), (1, 1), (2, 0, 3, 0), 4),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [600, 601])
def test_folded_windows_compute_the_same(seed, case, configs, network_maker, assert_equal):
    name, shape, outputs, kernel, strides, padding, lines = CASES[case]
    config, maker = configs[name], network_maker(seed)
    window = {"strides": strides, "padding": padding, "dilation": (1, 1)}
    maker.convolution(maker.input(*shape), outputs, kernel, **window)
    module = maker.module()
    graph = extract("net", module["main"])
    folded, origins = fold_lines(graph, config)
    assert origins == (0, 0)
    assert folded.layers[0].window.kernel == (lines, kernel[1])
    assert folded.layers[1].window.kernel == (-(-kernel[0] // lines), 1)
    region = assert_equal(module, config, seed)
    (row,) = region.layers
    assert row.macs == graph.layers[0].weight.size * (
        graph.layers[0].target.height * graph.layers[0].target.width
    )
    assert set(region.instruction_layers) == {0}
    plain = graph.layers[0].target
    groups = -(-outputs // config.columns)
    assert products(region.program) < plain.height * plain.width * groups * kernel[0]


def products(program: Program) -> int:
    """Return the iterations of all matrix instructions."""
    total = 0
    for row in program.instructions():
        if row.opcode == Opcode.MATRIX:
            count = 1
            for level in range(6):
                count *= row.fields[f"count{level}"]
            total += count
    return total


@pytest.mark.parametrize(
    ("shape", "kernel"), [((12, 12, 3), (3, 3)), ((8, 8, 16), (5, 1)), ((9, 5, 1), (2, 4))]
)
def test_windows_that_fill_vectors_stay(shape, kernel, configs, network_maker):
    maker = network_maker(5)
    maker.convolution(maker.input(*shape), 16, kernel, strides=(1, 1), dilation=(1, 1))
    graph = extract("net", maker.module()["main"])
    folded, origins = fold_lines(graph, configs["vta"])
    assert folded.layers == graph.layers
    assert origins == (0,)
