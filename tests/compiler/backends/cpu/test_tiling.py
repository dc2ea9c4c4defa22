"""Register tiles: they fit, and cover every result once."""

import numpy as np
import pytest

from compiler.backends.cpu.kernels.depthwise_dot import list_factors
from compiler.backends.cpu.kernels.tile import column_blocks, split_evenly
from compiler.backends.cpu.machine import find_machine
from compiler.backends.cpu.tiling import choose_tile, choose_window_tile

CPUS = ["x86-64", "x86-64-v3", "x86-64-v4"]


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("seed", range(4))
def test_tiles_fit_registers(cpu, seed):
    rng = np.random.default_rng(seed)
    machine = find_machine(cpu)
    for _ in range(20):
        lines, places, vectors = (int(rng.integers(1, top)) for top in (60, 60, 70))
        spare, size = int(rng.integers(1, 3)), int(rng.choice([0, 5_000, 150_000, 500_000]))
        down, across, wide = choose_tile(machine, (lines, places), vectors, spare, size)
        assert down <= lines and across <= places and wide <= vectors, f"seed {seed}"
        used = down * across * wide + wide + spare
        assert used <= machine.registers or down * across == 1, f"seed {seed}"


@pytest.mark.parametrize("cpu", CPUS)
def test_window_tiles_fit_registers(cpu):
    machine = find_machine(cpu)
    for extents in ((1, 1), (7, 7), (56, 56), (3, 100)):
        down, across = choose_window_tile(machine, extents, (3, 3))
        assert down <= extents[0] and across <= extents[1]
        assert down * across + 2 <= machine.registers


def test_far_weights_make_tall_tiles():
    """Where weights come from beyond the L2 cache, fewer vectors of them serve more places."""
    machine = find_machine("x86-64-v4")
    near = choose_tile(machine, (56, 56), 4, 1, 36_000)
    far = choose_tile(machine, (7, 7), 32, 1, 295_000)
    assert near[2] == 4 and far == (2, 7, 2)


@pytest.mark.parametrize("vectors", range(18))
def test_blocks_cover_columns(vectors):
    found = [
        vector
        for first, count, size in column_blocks(vectors, 4)
        for vector in range(first, first + count * size)
    ]
    assert found == list(range(vectors))


@pytest.mark.parametrize("extent, largest", [(1, 4), (7, 4), (13, 14), (56, 6)])
def test_splits_are_even(extent, largest):
    parts = split_evenly(extent, largest)
    sizes = [size for _, size in parts]
    assert sum(count * size for count, size in parts) == extent
    assert max(sizes) <= largest and max(sizes) - min(sizes) <= 1


def test_factors_of_a_window():
    """Two lines of a 3x3 window need four lines of data: six vectors of weights."""
    found = list_factors((1, 4, 8, 16), (3, 3), (1, 1), (1, 1), (2, 4))
    assert set(found) == {
        (rows, column) for rows in ((0, 1, 2, -1), (-1, 0, 1, 2)) for column in range(3)
    }
    # A line skipped: three lines at a time, none shared.
    strided = list_factors((1, 4, 8, 16), (3, 3), (2, 2), (1, 1), (1, 4))
    assert set(strided) == {((0, 1, 2, -1), column) for column in range(3)}
