"""Instructions by themselves, and two that meet: predicted to the cycle or nearly so."""

import numpy as np
import pytest

from isa.assembler import assemble
from isa.config import preset
from simulator.timing import Memory, predict
from simulator.timing.calibration import run_verilated

pytestmark = pytest.mark.verilator

CONFIG = preset("tiny")
BUSY = "matrix count5=400 signal={}\n"
EXACT = (
    "matrix count0=3 count3=5 count5=7 acc5=1 act3=2 weight0=1",
    "matrix count5=60\nmatrix count5=3 acc5=1\nmatrix count4=5 accumulate=1",
    "vector count4=9 a4=1 output4=1",
    "vector count2=5 count3=3 count4=3 reduce_levels=2 reduction=add a4=1 output2=1",
    "vector count2=5 count4=7 reduce_levels=1 reduction=maximum requantize=1 a4=1 output2=1",
    "vector requantize=1 count4=40 a_memory=acc a4=1 output4=1",
    "vector operation=multiply a_memory=acc immediate=3 count4=20 destination=acc output4=1",
    "vector operation=multiply b_source=acc requantize=1 count3=4 count4=5 output4=1",
    "vector operation=table count4=33 a4=1 output4=1",
    "vector count4=9\nvector count4=4 requantize=1\nvector",
    "vector slide=one operation=multiply b_source=tap reduction=add reduce_levels=1 "
    "requantize=1 count2=2 count3=9 count4=3 a3=1 b4=3 output3=1",
    "vector slide=two operation=multiply b_source=tap reduction=add reduce_levels=1 "
    "requantize=1 count2=2 count3=9 count4=3 a3=1 b4=3 output3=1",
    "vector slide=two operation=multiply b_source=tap reduction=add count4=8 a4=1",
    "vector slide=one operation=multiply b_source=tap reduction=add count4=2",
    "load x_bytes=64",
    "load x_bytes=4096 address=0x40",
    "load x_bytes=4096 address=0xfe2",
    "load memory=weight x_bytes=1600 address=0x1ffc",
    "load memory=param x_bytes=36 y_count=3 y_stride=100 y_step=1",
    "load x_bytes=13 address=0x3 y_count=9 y_stride=29 y_step=4",
    "load x_bytes=7 y_count=15 y_stride=4 y_step=2",
    "load x_bytes=24 x_origin=-8 z_origin=-1 z_count=3 line_bytes=20 line_count=2 z_stride=64",
    "load x_bytes=16 z_origin=5 line_count=9 z_stride=64 z_count=2 z_step=4",
    "load x_origin=-64 x_bytes=40",
    "load x_bytes=600\nload memory=weight x_bytes=300\nload memory=param x_bytes=72",
    "store x_bytes=64 address=0x1000",
    "store x_bytes=1000 address=0x1f02",
    "store x_bytes=6 address=0x1003 y_count=5 y_stride=11 y_step=2",
    "store x_bytes=40 address=0x1000\nstore x_bytes=8 address=0x2000\nstore address=0x3001",
    "sync engine=load\nsync engine=store signal=load\nsync engine=load wait=store",
    BUSY.format("vector") + "vector wait=matrix signal=store count4=9\nstore wait=vector x_bytes=9",
    BUSY.format("load") + "load wait=matrix x_bytes=80 signal=matrix\nmatrix wait=load count5=4",
)
# In one of them something waits for the other; spans are within 3 %.
MEETING = {
    "four words in the bank of acc that vector writes": (
        "matrix reduce=56 acc=252 act=1000 count0=9 acc0=28 count2=28 acc2=1 act2=2 count5=2 act5=1"
        "\nvector requantize=1 destination=acc count3=7 count4=32 a3=32 output3=32 a4=1 output4=1"
    ),
    "a load that waits for answers, and for the bank of act that vector writes": (
        "load x_bytes=3 destination=1792 y_count=226 z_count=3 y_stride=3 z_stride=672 y_step=1 "
        "z_step=226 line_bytes=672 line_count=224\n"
        "vector a_memory=acc requantize=1 output=1568 count3=8 count4=28 a3=28 a4=1 "
        "output3=1 output4=8"
    ),
    "bursts of one and of two beats in turn, for whose answers a load waits": (
        "load x_bytes=4 y_count=300 y_stride=3 y_step=1"
    ),
}


@pytest.mark.parametrize("latency_cycles", [40, 100])
@pytest.mark.parametrize("name", MEETING)
def test_meeting(name, latency_cycles):
    program = assemble(f"{MEETING[name]}\nend", CONFIG)
    seen = run_verilated(program, latency_cycles)
    found = predict(program.words, CONFIG, Memory(latency_cycles))
    trace = found.instruction_trace[np.argsort(found.instruction_trace["index"])]
    cycles = [last - first for first, last in seen.spans]
    assert (trace["end_cycle"] - trace["start_cycle"]).tolist() == pytest.approx(cycles, rel=0.03)


@pytest.mark.parametrize("latency_cycles", [40, 100])
@pytest.mark.parametrize("text", EXACT)
def test_exact(text, latency_cycles):
    program = assemble(f"{text}\nend", CONFIG)
    seen = run_verilated(program, latency_cycles)
    found = predict(program.words, CONFIG, Memory(latency_cycles))
    trace = found.instruction_trace[np.argsort(found.instruction_trace["index"])]
    spans = list(zip(trace["start_cycle"].tolist(), trace["end_cycle"].tolist(), strict=True))
    assert (spans, found.cycles) == (seen.spans, seen.cycles)
