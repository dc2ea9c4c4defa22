"""Orders that tokens allow, and what a program leaves behind when it runs in one of them."""

import numpy as np
import pytest

from simulator.mutants.interleave import Steps, run_sequence

GUARDED = """load address=0x404 x_bytes=4 signal=store
store address=0x500 x_bytes=4 wait=load signal=load
load address=0x408 x_bytes=4 wait=store signal=store
store address=0x504 x_bytes=4 wait=load
end"""


def test_tokens_fix_the_order(make_case):
    steps = Steps(make_case(GUARDED))
    for seed in range(10):
        assert steps.shuffled(np.random.default_rng(seed)) == [0, 1, 2, 3], f"seed {seed}"


def test_engines_run_apart_in_every_order(make_case):
    steps = Steps(make_case("load\nload\nstore source=9 address=0x500\nend"))
    orders = {tuple(steps.shuffled(np.random.default_rng(seed))) for seed in range(60)}
    assert orders == {(0, 1, 2), (0, 2, 1), (2, 0, 1)}


def test_what_is_left_behind(make_case):
    case = make_case(GUARDED)
    content = run_sequence(case, Steps(case), [0, 1, 2, 3])
    assert content.end == "done"
    assert content.dram == bytes([4, 5, 6, 7, 8, 9, 10, 11, *range(8, 256)])
    assert content.chip[:4] == bytes([8, 9, 10, 11])
    early = run_sequence(case, Steps(case), [1, 3, 0, 2])
    assert early.dram[:8] == bytes(8)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("store address=0x400\nend", "fault"),
        ("vector a=16383\nend", "done"),
        ("load destination=16383 address=0x400 x_bytes=8\nend", "fault"),
        ("load memory=param address=0x464 x_bytes=36\nvector requantize=1\nend", "undefined"),
        ("load memory=param address=0x464 x_bytes=36\nvector requantize=1 record=1\nend", "done"),
    ],
)
def test_ends(make_case, text, end):
    case = make_case(text)
    steps = Steps(case)
    assert run_sequence(case, steps, steps.order.sequence).end == end
