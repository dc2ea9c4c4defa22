"""A network that ran on the RTL, and a region with a trace made by hand."""

from pathlib import Path

import numpy as np
import pytest

import tilewright as tw
from isa.assembler import assemble
from isa.config import preset
from isa.image import Layer, Region
from tilewright.running import random_inputs

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits.onnx"
TRACE_DTYPE = [("engine", "u4"), ("index", "u4"), ("start_cycle", "u8"), ("end_cycle", "u8")]
TEXT = """
load memory=weight address=constants+0x0 x_bytes=512 signal=matrix
load memory=act address=data+0x0 x_bytes=6 y_count=4 y_stride=3 y_step=1 x_origin=-3 line_bytes=9
matrix wait=load signal=vector count5=4 act5=1
vector wait=matrix signal=store a_memory=acc output=16
store wait=vector source=16 x_bytes=16 z_count=2 z_stride=16 address=data+0x40
end
"""
ROWS = [(0, 0, 11, 110), (0, 1, 100, 120), (1, 2, 111, 400), (2, 3, 401, 410), (3, 4, 421, 500)]


@pytest.fixture
def region() -> Region:
    """Two layers, five instructions and the end."""
    program = assemble(TEXT, preset("vta"))
    layers = (Layer("first", "conv2d", 25600), Layer("second", "rescale", 0))
    return Region("accel_0", program, b"", 128, (), (), layers, (0, 0, 0, 1, 1, 1))


@pytest.fixture
def trace() -> np.ndarray:
    """When the instructions of `region` ran; the two loads overlap."""
    return np.array(ROWS, TRACE_DTYPE)


@pytest.fixture
def make_region():
    """Return a function that makes a region of one layer from program text."""

    def make(text: str, config: str = "tiny") -> Region:
        program = assemble(text, preset(config))
        owners = (0,) * len(program)
        return Region("accel_0", program, b"", 0, (), (), (Layer("only", "conv2d", 0),), owners)

    return make


@pytest.fixture
def make_trace():
    """Return a function that makes a trace of rows (engine, index, start_cycle, end_cycle)."""
    return lambda *rows: np.array(list(rows), TRACE_DTYPE)


@pytest.fixture(scope="session")
def digits_run():
    """The region of the example network, with counters and trace, from the Verilated machine."""
    image = tw.compile(DIGITS, "tiny")
    with tw.open_device("verilator") as device:
        (run,) = device.run(image, random_inputs(image.inputs, seed=0)).regions
    return run
