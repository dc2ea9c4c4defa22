"""Formulas and the axes of kernels."""

import numpy as np
import pytest

from compiler.backends.cpu.formula import (
    FormulaBuilder,
    Node,
    broadcast_strides,
    merge_axes,
    row_major,
)
from compiler.backends.cpu.graph import Tensor
from compiler.backends.cpu.kernels.evaluator import lanes_of, pieces
from compiler.backends.cpu.kernels.tile import split_evenly


def test_strides():
    assert row_major((2, 3, 4)) == (12, 4, 1)
    assert broadcast_strides((3, 1), (2, 3, 4)) == (0, 1, 0)
    assert broadcast_strides((), (2, 3)) == (0, 0)


@pytest.mark.parametrize("seed", range(20))
def test_merged_axes_visit_the_same_elements(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(int(size) for size in rng.integers(1, 5, int(rng.integers(0, 6))))
    order = rng.permutation(len(shape))
    moved = [0] * len(shape)
    stride = 1
    for axis in order[::-1]:
        moved[axis] = stride
        stride *= shape[axis]
    halves = [0 if rng.random() < 0.3 else step for step in row_major(shape)]
    strides = [row_major(shape), tuple(moved), tuple(halves)]
    merged, steps = merge_axes(shape, strides)

    def visited(sizes, ways):
        places = list(np.ndindex(*sizes))
        return [[sum(np.multiply(way, place)) for place in places] for way in ways]

    assert visited(merged, steps) == visited(shape, strides), f"seed {seed}, shape {shape}"


def test_plain_axes_merge_to_one():
    assert merge_axes((4, 1, 8, 2), [(16, 16, 2, 1)]) == ((64,), [(1,)])
    assert merge_axes((1, 1), [(1, 1)]) == ((), [()])


def test_formula_keeps_what_is_needed_and_equal_nodes_once():
    build = FormulaBuilder((2, 3))
    unused, x = Tensor((2, 3), "float32"), Tensor((3,), "float32")
    build.load(unused)
    left = build.apply("exp", "float32", build.load(x))
    right = build.apply("exp", "float32", build.load(x))
    assert left == right
    formula = build.formula(build.apply("add", "float32", left, right))
    assert formula == (
        Node("load", "float32", (), 0, (0, 1)),
        Node("exp", "float32", (0,)),
        Node("add", "float32", (1, 1)),
    )
    assert build.tensors == [x]


def test_lanes():
    contiguous = (Node("load", "int8", (), 0, (16, 1)), Node("cast", "int32", (0,)))
    assert lanes_of(contiguous, -1, 1, 100, 64) == 4
    assert lanes_of(contiguous, -1, 1, 96, 64) == 16
    assert lanes_of(contiguous, -1, 1, 7, 64) == 1
    assert lanes_of(contiguous, -1, 2, 96, 64) == 1
    assert lanes_of((Node("load", "int8", (), 0, (1, 16)),), -1, 1, 96, 64) == 1


def test_pieces():
    assert pieces(100, 16) == [(0, 96, 16), (96, 100, 1)]
    assert pieces(32, 16) == [(0, 32, 16)]
    assert pieces(5, 1) == [(0, 5, 1)]


@pytest.mark.parametrize("largest", [1, 4, 7, 12])
def test_split_evenly(largest):
    for extent in range(1, 60):
        parts = split_evenly(extent, largest)
        sizes = [size for _, size in parts]
        assert sum(count * size for count, size in parts) == extent
        assert max(sizes) <= largest and max(sizes) - min(sizes) <= 1, extent
