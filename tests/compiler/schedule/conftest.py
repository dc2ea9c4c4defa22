"""Fixtures: nests to rewrite, and a comparison of what two nests compute."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from compiler.schedule.expressions import Buffer
from compiler.schedule.functions import inside, maximum
from compiler.schedule.interpreter import run
from compiler.schedule.nodes import Nest
from compiler.schedule.verify import verify
from compiler.schedule.writer import Writer

Array = npt.NDArray[Any]


def _product(nest: Writer) -> None:
    (a, b), (out,) = nest.inputs, nest.outputs
    with nest.loops(*out.shape) as (i, j), nest.block("product"):
        total = nest.local("int32", 0)
        with nest.loop(a.shape[1]) as k:
            nest.store(total, total + a[i, k] * b[k, j])
        nest.store(out[i, j], total)


def _pair(nest: Writer) -> None:
    """A buffer of the nest's own between two loop nests."""
    (data,), (out,) = nest.inputs, nest.outputs
    between = nest.scratch("int32", out.shape[0] + 2, out.shape[1])
    with nest.loops(*between.shape) as (i, j), nest.block("first"):
        nest.store(between[i, j], inside(data, (i - 1, j)) * 3)
    with nest.loops(*out.shape) as (i, j), nest.block("second"):
        nest.store(out[i, j], between[i, j] + between[i + 1, j] - between[i + 2, j])


def _sweep(nest: Writer) -> None:
    """A recurrence down the lines: their order is part of the meaning."""
    (data,), (out,) = nest.inputs, nest.outputs
    with nest.loop(out.shape[1]) as j, nest.block("start"):
        nest.store(out[0, j], data[0, j])
    with nest.loops(out.shape[0] - 1, out.shape[1]) as (i, j), nest.block("step"):
        nest.store(out[i + 1, j], maximum(out[i, j] * 2 - data[i + 1, j], data[i, j]))


_SHAPES: dict[str, tuple[Callable[[Writer], None], list[tuple[int, ...]], tuple[int, ...]]] = {
    "product": (_product, [(5, 7), (7, 6)], (5, 6)),
    "pair": (_pair, [(6, 8)], (6, 8)),
    "sweep": (_sweep, [(5, 9)], (5, 9)),
}


@pytest.fixture
def make() -> Callable[[str], Nest]:
    """Return a function that makes a nest: product, pair or sweep."""

    def build(name: str) -> Nest:
        define, inputs, output = _SHAPES[name]
        buffers = [Buffer(f"x{number}", shape, "int32") for number, shape in enumerate(inputs)]
        writer = Writer(name, buffers, [Buffer("y", output, "int32")])
        define(writer)
        nest = writer.finish()
        verify(nest)
        return nest

    return build


@pytest.fixture
def inputs() -> Callable[..., list[Array]]:
    """Return a function that makes inputs of a nest: inputs(nest, seed)."""

    def random_inputs(nest: Nest, seed: int) -> list[Array]:
        random = np.random.default_rng(seed)
        return [random.integers(-9, 9, one.shape).astype(one.dtype) for one in nest.inputs]

    return random_inputs


@pytest.fixture
def same(inputs: Callable[..., list[Array]]) -> Callable[[Nest, Nest], None]:
    """Return a function that checks that two nests are well formed and compute the same."""

    def compare(left: Nest, right: Nest, note: Sequence[str] = ()) -> None:
        verify(left)
        verify(right)
        values = inputs(left, 0)
        for one, other in zip(run(left, values), run(right, values), strict=True):
            np.testing.assert_array_equal(one, other, f"{note}: {right}")

    return compare
