"""Sorting, searching and choosing on the CPU: ties, numbers that are none, zeros of both signs."""

import numpy as np
import pytest

from compiler.ir import TupleGetItem
from compiler.ops import call

DTYPES = ("float16", "float32", "float64", "int8", "uint8", "int64")


def values(dtype, shape, seed):
    """Return elements with many ties; of floats some are none, infinite or zero of either sign."""
    random = np.random.default_rng(seed)
    found = random.integers(0 if dtype.startswith("u") else -3, 4, shape).astype(dtype)
    if dtype.startswith("float"):
        ends = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, -np.nan], dtype)
        found = np.where(random.random(shape) < 0.3, random.choice(ends, shape), found)
    return found.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_orders(dtype, variable, main, check):
    x, labels, results = values(dtype, (5, 4, 13), 1), [], []
    data = variable("x", x.shape, dtype)
    for axis in (0, 1, -1):
        for up in (True, False):
            for name in ("sort", "argsort"):
                results.append(call(name, data, axis=axis, is_ascend=up))
                labels.append(f"{name}, axis {axis}, ascending {up}, seed 1")
            both = call("topk", data, k=3, axis=axis, is_ascend=up, dtype="int64")
            results += [TupleGetItem(both, 0), TupleGetItem(both, 1)]
            labels += [f"topk {part}, axis {axis}, ascending {up}, seed 1" for part in range(2)]
    check(main([data], results), [x], labels=labels)


@pytest.mark.parametrize("dtype", DTYPES)
def test_best_places(dtype, variable, main, check):
    x, labels, results = values(dtype, (6, 5, 4), 2), [], []
    data = variable("x", x.shape, dtype)
    for name in ("argmax", "argmin"):
        for axes in ([0], [1], [2], [0, 2], None):
            for last in (False, True):
                attrs = {"axis": axes, "select_last_index": last}
                results.append(call(name, data, **attrs))
                labels.append(f"{name} {attrs}, seed 2")
    check(main([data], results), [x], labels=labels)


@pytest.mark.parametrize("dtype", DTYPES)
def test_places_in_sorted_lines(dtype, variable, main, check):
    line, x = np.sort(values(dtype, (3, 11), 3), -1), values(dtype, (3, 20), 4)
    sequence, data = variable("s", line.shape, dtype), variable("x", x.shape, dtype)
    results = [call("searchsorted", sequence, data, right=right) for right in (False, True)]
    check(main([sequence, data], results), [line, x], labels=["left, seed 3", "right, seed 3"])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [0, 1, 2, 33])
def test_distinct_elements(dtype, size, variable, main, check):
    x = values(dtype, (size,), 5)
    data = variable("x", x.shape, dtype)
    results, labels = [], []
    for ordered in (True, False):
        found = call("unique", data, sorted=ordered, return_counts=True)
        results += [TupleGetItem(found, part) for part in range(5)]
        labels += [f"part {part}, sorted {ordered}, seed 5" for part in range(5)]
    check(main([data], results), [x], labels=labels)


def test_places_out_of_range_stay_inside(variable, main, execute):
    """What the interpreter refuses reads and writes nothing beyond a tensor."""
    data, where = variable("x", (4, 3)), variable("i", (4, 3), "int32")
    gathered = call("gather", data, where, axis=0)
    scattered = call("scatter_elements", data, where, data, axis=0)
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    places = np.full((4, 3), 2**31 - 1, np.int32)
    places[::2] = -(2**31)
    found, _ = execute(main([data, where], [gathered, scattered]), [x, places])
    np.testing.assert_array_equal(found, x[[0, 3, 0, 3]])
