"""Fixtures: nests to rewrite, and a comparison of what two nests compute."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from compiler.schedule.interpreter import run
from compiler.schedule.nodes import Nest
from compiler.schedule.verify import verify
from tests.compiler.schedule.samples import make_nest

Array = npt.NDArray[Any]


@pytest.fixture
def make() -> Callable[[str], Nest]:
    """Return a function that makes a nest: product, pair or sweep."""

    return make_nest


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
