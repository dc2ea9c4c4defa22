"""Kernels in parts: every element is computed, and the same as in one piece."""

import numpy as np
import pytest

from compiler.backends.cpu import compile_host, find_machine, lower
from compiler.backends.cpu.kernels.parts import count_parts, runs
from compiler.backends.cpu.program import KernelCall
from compiler.ops import call
from driver.host import HostProgram

SEED = 11


def convolution(data, weight, window, padding=0, groups=1, strides=1, dtype="float32"):
    """Return arguments of `check` for nn.conv2d, channels last."""
    shape = (*window, data[3] // groups, weight) if groups != data[3] else (*window, groups, 1)
    layout = "HWOI" if groups == data[3] else "HWIO"
    attrs = {"groups": groups, "strides": (strides, strides), "padding": (padding, padding)}
    attrs |= {"data_layout": "NHWC", "kernel_layout": layout}
    if dtype == "int8":
        attrs["out_dtype"] = "int32"
    return "nn.conv2d", data, shape, attrs, dtype


CASES = {
    "lines": convolution((1, 20, 9, 16), 32, (3, 3), 1),
    "places": convolution((1, 30, 31, 16), 24, (1, 1)),
    "columns": convolution((1, 2, 2, 64), 320, (1, 1)),
    "columns that no vector holds": convolution((1, 2, 2, 64), 329, (1, 1)),
    "images": convolution((3, 7, 9, 5), 33, (3, 3), 1, strides=2),
    "groups": convolution((1, 9, 8, 12), 24, (3, 3), groups=4),
    "int8": convolution((1, 19, 17, 16), 20, (3, 3), 1, dtype="int8"),
    "int8 places": convolution((1, 30, 31, 16), 24, (1, 1), dtype="int8"),
    "depthwise": convolution((1, 12, 11, 24), 24, (3, 3), 1, groups=24),
    "depthwise, uneven": convolution((1, 14, 13, 24), 24, (3, 3), 1, groups=24),
    "depthwise, images": convolution((2, 14, 13, 24), 24, (3, 3), 1, groups=24),
    "depthwise int8": convolution((1, 14, 13, 24), 24, (3, 3), 1, groups=24, dtype="int8"),
    "dense": ("nn.dense", (5, 96), (345, 96), {}, "float32"),
    "vector": ("nn.dense", (1, 96), (345, 96), {}, "float32"),
}


@pytest.mark.parametrize("case", CASES)
def test_parts_are_the_whole(case, variable, constant, main, monkeypatch):
    operator, shape, weight_shape, attrs, dtype = CASES[case]
    random = np.random.default_rng(SEED)
    x, weight = ((8 * random.normal(size=size)).astype(dtype) for size in (shape, weight_shape))
    data = variable("x", shape, dtype)
    module = main([data], call("nn.relu", call(operator, data, constant(weight), **attrs)))
    kind = module["main"].body.type
    found = []
    for least_work, threads in ((1 << 60, 1), (0, 1), (0, 3)):
        monkeypatch.setattr("compiler.backends.cpu.kernels.parts._LEAST_WORK", least_work)
        host = compile_host(module, {})
        assert host.threaded == (least_work == 0)
        y = np.full(kind.shape, 99, kind.dtype)
        assert HostProgram(host, threads=threads).run([x], [y]) == 0
        found.append(y)
    np.testing.assert_array_equal(found[1], found[0], err_msg=f"seed {SEED}")
    np.testing.assert_array_equal(found[2], found[0], err_msg=f"seed {SEED}")


@pytest.mark.parametrize("case", ["lines", "places", "columns", "depthwise, uneven", "vector"])
def test_one_image_has_several_parts(case, variable, constant, main, monkeypatch):
    monkeypatch.setattr("compiler.backends.cpu.kernels.parts._LEAST_WORK", 0)
    operator, shape, weight_shape, attrs, dtype = CASES[case]
    data = variable("x", shape, dtype)
    weight = constant(np.ones(weight_shape), dtype)
    program, _ = lower(main([data], call(operator, data, weight, **attrs)), {}, find_machine())
    chunks = [row.kernel.chunks for row in program.operations if isinstance(row, KernelCall)]
    assert max(chunks) >= 3


@pytest.mark.parametrize(
    "extents, work, parts",
    [
        ((), 1 << 30, 1),
        ((5, 7), 10, 1),
        ((5, 7), 1 << 30, 35),
        ((40, 7), 1 << 30, 40),
        ((1, 1, 64, 9), 1 << 30, 64),
    ],
)
def test_count(extents, work, parts):
    assert count_parts(extents, work) == parts


@pytest.mark.parametrize("extent, largest", [(1, 4), (7, 4), (8, 4), (14, 4), (9, 100)])
def test_runs_cover_an_axis(extent, largest):
    covered, number = [], 0
    for run in runs(extent, largest):
        assert run.number == number and run.size <= largest
        number += run.count
        covered += range(run.first, run.first + run.count * run.size)
    assert covered == list(range(extent))
