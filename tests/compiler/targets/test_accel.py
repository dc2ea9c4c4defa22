"""The accelerator as a target: what it takes, and what it says that costs."""

import numpy as np
import pytest

from compiler.errors import TooLarge
from compiler.ir import Call
from compiler.ir.visitor import post_order
from compiler.targets import AccelTarget
from isa.config import Config, preset

VTA = AccelTarget(preset("vta"))
PLAIN = {"padding": (0, 0, 0, 0), "strides": (1, 1), "dilation": (1, 1)}


@pytest.mark.parametrize("seed", range(10))
def test_every_call_belongs_to_one_match(seed, random_network):
    body = random_network(seed + 900)["main"].body
    calls = [id(node) for node in post_order(body) if isinstance(node, Call)]
    taken = [id(call) for match in VTA.matches(body) for call in match.calls]
    assert sorted(taken) == sorted(calls), f"seed {seed}"


def test_what_does_not_fit_is_refused(network_maker):
    maker = network_maker(1)
    maker.convolution(maker.input(6, 6, 8), 4, (3, 3), **PLAIN)
    maker.clip(maker.values[-1])
    body = maker.module()["main"].body
    small = Config("small", 4, 4, 1024, 16, 64, 64, bus_bytes=4)
    assert [len(match.calls) for match in VTA.matches(body)][-1] == 1
    with pytest.raises(
        TooLarge,
        match="^qnn.conv2d #0: needs 18 words of weight, configuration small has 16; "
        "use a larger configuration, or the CPU alone$",
    ):
        AccelTarget(small).matches(body)


def test_views_cost_nothing(network_maker):
    maker = network_maker(2)
    maker.dense(maker.input(1, 1, 8), 4)
    matches = VTA.matches(maker.module()["main"].body)
    costs = [
        (match.cycles, match.saved_cycles)
        for match in matches
        if match.calls[0].op.name == "reshape"
    ]
    assert costs == [(0, 0), (0, 0)]


def one_match(maker):
    (match,) = VTA.matches(maker.module()["main"].body)
    return match


def test_convolution_costs(network_maker):
    """4 x 4 results, 2 groups of channels, 9 taps, 2 input vectors; the CPU does every product."""
    maker = network_maker(3)
    maker.convolution(maker.input(6, 6, 32), 32, (3, 3), **PLAIN)
    match = one_match(maker)
    weights = 9 * 32 * 32
    assert match.cycles == 100 + max(16 * 2 * 9 * 2, weights // 8)
    assert match.saved_cycles == 16 * weights


def test_depthwise_costs(network_maker):
    maker = network_maker(4)
    maker.depthwise(maker.input(6, 6, 32), (3, 3), **PLAIN)
    match = one_match(maker)
    assert (match.cycles, match.saved_cycles) == (100 + 16 * 2 * 9, 16 * 9 * 32)


@pytest.mark.parametrize(
    ("kind", "passes", "work"), [("add", 4, 1), ("pool", 9, 9), ("clip", 1, 1)]
)
def test_other_costs(kind, passes, work, network_maker):
    maker = network_maker(5)
    image = maker.input(6, 6, 32)
    pixels = 16 if kind == "pool" else 36
    if kind == "add":
        maker.add(image, image)
    elif kind == "pool":
        maker.maximum(image, (3, 3), **PLAIN)
    else:
        maker.clip(image)
    match = one_match(maker)
    assert match.cycles == 100 + pixels * 2 * passes
    assert match.saved_cycles == pixels * 32 * work


def test_transfers():
    assert VTA.transfer_cycles(0) == 100
    assert VTA.transfer_cycles(800) == 200
    assert VTA.name == "accel" and np.isscalar(VTA.transfer_cycles(1))
