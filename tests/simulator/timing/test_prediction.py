"""What the timing model gives back, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from isa.assembler import assemble
from isa.config import Config, preset
from isa.errors import DecodeError
from simulator.errors import SimulatorError
from simulator.timing import HARDWARE, Memory, cycles, predict
from simulator.trace import TRACE_DTYPE

CONFIG = preset("tiny")
TEXT = """\
load x_bytes=64 signal=matrix
matrix wait=load count5=16 signal=vector
vector wait=matrix count4=4 output4=1 signal=store
store wait=vector x_bytes=16
end
"""


def test_trace():
    found = predict(assemble(TEXT, CONFIG).words, CONFIG)
    trace = found.instruction_trace
    assert trace.dtype == TRACE_DTYPE
    assert trace["engine"].tolist() == trace["index"].tolist() == [0, 1, 2, 3]
    starts, ends = trace["start_cycle"], trace["end_cycle"]
    assert (starts[1:] == ends[:-1] + 1).all()
    assert found.cycles == ends[-1]
    assert (np.diff(found.dispatched) > 0).all()
    assert found.dispatched.size == 5
    assert found.refused.tolist() == [0] * 5


def test_refused():
    text = "matrix count5=300\nvector count4=9\nend"
    prediction = predict(assemble(text, CONFIG).words, CONFIG)
    # Both stay at bank 0: the vector engine waits until the matrix engine is done.
    (start, end), refused = prediction.instruction_trace[["start_cycle", "end_cycle"]][0], 0
    vector = prediction.instruction_trace[1]
    refused = int(end) - 1 - int(vector["start_cycle"])
    assert prediction.refused[1] == pytest.approx(refused, abs=3)
    assert int(start) < int(vector["start_cycle"])


def test_cycles_of_latencies():
    program = assemble(TEXT, CONFIG)
    near, far = cycles(program, 40), cycles(program, 100)
    assert near == predict(program.words, CONFIG, Memory(40)).cycles
    # Fetch, load and store each wait once.
    assert far - near == pytest.approx(3 * 60, abs=2)


@pytest.mark.parametrize("text", ["end", "sync\nend", "load\nend"])
def test_without_some_engines(text):
    assert cycles(assemble(text, CONFIG)) > 0


def test_words_after_the_end_do_not_count():
    words = assemble("sync\nend", CONFIG).words
    assert predict(words + words, CONFIG).cycles == predict(words, CONFIG).cycles


@pytest.mark.parametrize("bus_bytes", [4, 64])
def test_any_bus(bus_bytes):
    config = Config("wide", 64, 64, 256, 8, 16, 8, bus_bytes=bus_bytes)
    program = assemble(f"load x_bytes={64 * bus_bytes}\nend", config)
    trace = predict(program.words, config).instruction_trace[0]
    # The latency, 64 beats or the chunks of one word, and the stages before and after.
    assert 104 <= int(trace["end_cycle"] - trace["start_cycle"]) <= 112


def test_no_whole_instruction():
    with pytest.raises(DecodeError, match="^a program must be a multiple of 64 bytes, not 65$"):
        predict(bytes(65), CONFIG)


def test_unknown_opcode():
    words = assemble("sync\nend", CONFIG).words[:64] + b"\x0f" + bytes(63)
    with pytest.raises(DecodeError, match=r"^instruction 1: opcode must be in 0\.\.5, not 15$"):
        predict(words, CONFIG)


def test_latency_out_of_range():
    with pytest.raises(SimulatorError, match="^latency_cycles must be at least 1, not 0$"):
        Memory(0)


def test_token_never_given():
    program = assemble("matrix wait=load\nend", CONFIG)
    message = "^instruction 0 waits for a token of engine load, which gives only 0; "
    with pytest.raises(SimulatorError, match=message):
        cycles(program)


def test_deadlock():
    text = "matrix wait=load signal=load\nload wait=matrix signal=matrix\nend"
    message = "^every instruction must end, but instruction 0 waits for a token that never comes; "
    with pytest.raises(SimulatorError, match=message):
        cycles(assemble(text, CONFIG))


def test_too_many_in_flight():
    words = assemble("end", CONFIG).words
    with pytest.raises(SimulatorError, match="^issue_in_flight must be at most 32, not 33$"):
        predict(words, CONFIG, hardware=replace(HARDWARE, issue_in_flight=33))


def test_latencies_count():
    program = assemble("matrix count5=300\nend", CONFIG)
    slower = replace(HARDWARE, matrix_drain=HARDWARE.matrix_drain + 7)
    usual = predict(program.words, CONFIG).cycles
    assert predict(program.words, CONFIG, hardware=slower).cycles == usual + 7
