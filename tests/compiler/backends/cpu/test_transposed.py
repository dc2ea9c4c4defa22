"""Transposed convolutions by phases: each place of the result from what reaches it."""

from dataclasses import dataclass

import numpy as np
import pytest

from compiler.backends.cpu import compile_host, find_machine, lower
from compiler.backends.cpu.expansion import expand
from compiler.backends.cpu.trace import trace
from compiler.interpreter import evaluate
from compiler.ops import call
from compiler.passes.convert_layout import convert_layout
from driver.host import HostProgram


@dataclass(frozen=True)
class Window:
    """Of a transposed convolution; pairs are down and across."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    extra: tuple[int, int] = (0, 0)
    groups: int = 1
    layout: str = "NHWC"


WINDOWS = [
    Window((4, 4), (2, 2), (1, 1, 1, 1)),
    Window((2, 2), (2, 2)),
    Window((3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),
    Window((3, 3), (2, 2), (1, 1, 1, 1)),
    Window((5, 3), (3, 2), (1, 0, 2, 1), (2, 0)),
    Window((8, 8), (4, 4), (2, 2, 2, 2), layout="NCHW"),
    Window((1, 4), (1, 2), (0, 1, 0, 1)),
    Window((1, 1), (3, 2)),
    Window((6, 5), (2, 3), (3, 2, 1, 0), groups=2),
    Window((4, 4), (2, 2), (1, 1, 1, 1), groups=3, layout="NCHW"),
]


def written(window, variable, constant, seed, size=(2, 7, 5), channels=(6, 12)):
    """Return a parameter, its value, and a transposed convolution of it."""
    rng = np.random.default_rng(seed)
    n, h, w = size
    inputs, outputs = channels
    shape = (n, h, w, inputs) if window.layout == "NHWC" else (n, inputs, h, w)
    data = rng.normal(size=shape).astype(np.float32)
    weight = rng.normal(size=(inputs, outputs // window.groups, *window.kernel))
    x = variable("x", shape)
    made = call(
        "nn.conv2d_transpose",
        x,
        constant(weight, "float32"),
        channels=outputs,
        kernel_size=window.kernel,
        strides=window.strides,
        padding=window.padding,
        output_padding=window.extra,
        groups=window.groups,
        data_layout=window.layout,
        kernel_layout="IOHW",
    )
    return x, data, made


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_values(window, cpu, variable, constant, main, check):
    x, data, made = written(window, variable, constant, 31)
    axis = window.layout.index("C")
    bias = constant(np.random.default_rng(32).normal(size=12), "float32")
    module = main([x], call("nn.relu", call("nn.bias_add", made, bias, axis=axis)))
    names = [step.name for step in expand(trace(module, {}).steps)]
    assert "conv2d_phases" in names and "nn.dilate" not in names
    check(module, [data], cpu, rtol=1e-5, atol=2e-5, labels=["seed 31"])


def test_what_follows_reads_its_own_places(variable, constant, main, check):
    """A residual sum, and a convolution that wants a border around the result."""
    x, data, made = written(WINDOWS[0], variable, constant, 33)
    other = variable("other", (2, 14, 10, 12))
    total = call("add", made, other)
    weight = constant(np.random.default_rng(34).normal(size=(3, 3, 12, 8)), "float32")
    layouts = {"data_layout": "NHWC", "kernel_layout": "HWIO"}
    last = call("nn.conv2d", total, weight, kernel_size=(3, 3), padding=(1, 1), **layouts)
    rng = np.random.default_rng(35)
    module = main([x, other], [total, last])
    inputs = [data, rng.normal(size=(2, 14, 10, 12)).astype(np.float32)]
    check(module, inputs, rtol=1e-5, atol=1e-4, labels=["seed 33"] * 2)
    check(main([x, other], last), inputs, rtol=1e-5, atol=1e-4, labels=["seed 33"])


def test_threads_share_phases(variable, constant, main):
    window = WINDOWS[0]
    x, data, made = written(window, variable, constant, 36, (1, 32, 32), (16, 32))
    module = main([x], made)
    program, _ = lower(module, {}, find_machine())
    assert max(one.kernel.chunks for one in program.operations) >= 4
    host = compile_host(module, {})
    found = []
    for threads in (1, 2):
        found.append(np.full((1, 64, 64, 32), np.nan, np.float32))
        assert HostProgram(host, threads=threads).run([data], [found[-1]]) == 0
    np.testing.assert_array_equal(found[1], found[0], err_msg="seed 36")
    wanted = evaluate(module, data)
    np.testing.assert_allclose(found[0], wanted, rtol=1e-5, atol=5e-5, err_msg="seed 36")


@pytest.mark.parametrize(
    "attrs", [{"dilation": (2, 2)}, {"strides": (1, 1)}, {"groups": 6}, {"padding": (3, 3)}]
)
def test_others_stay(attrs, variable, constant, main, check):
    rng = np.random.default_rng(37)
    x = variable("x", (1, 6, 5, 5))
    weight = constant(rng.normal(size=(6, 6 // attrs.get("groups", 1), 2, 2)), "float32")
    given = {"strides": (2, 2), "kernel_size": (2, 2), "channels": 6, **attrs}
    module = main([x], call("nn.conv2d_transpose", x, weight, **given))
    names = [step.name for step in expand(trace(module, {}).steps)]
    assert "conv2d_phases" not in names
    data = rng.normal(size=(1, 6, 5, 5)).astype(np.float32)
    check(module, [data], rtol=1e-5, atol=1e-5, labels=["seed 37"])


def test_channels_come_last(variable, constant, main, check):
    """The layout of the network is that of the kernels: one transpose in, one out."""
    x, data, made = written(WINDOWS[5], variable, constant, 38)
    module = convert_layout(main([x], call("nn.relu", made)))
    names = [step.name for step in trace(module, {}).steps]
    assert names == ["transpose", "nn.conv2d_transpose", "nn.relu", "transpose"]
    check(module, [data], rtol=1e-5, atol=2e-5, labels=["seed 38"])
