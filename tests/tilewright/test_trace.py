"""Profiles and traces from an instruction trace made by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from driver.device import RegionRun, Result
from driver.profile import dram_bytes, profile_region
from isa.assembler import assemble
from isa.config import preset
from isa.image import Layer, Region
from tilewright.trace import write_trace

TEXT = """
load memory=weight address=constants+0x0 x_bytes=512 signal=matrix
load memory=act address=data+0x0 x_bytes=6 y_count=4 y_stride=3 x_origin=-3 line_bytes=9
matrix wait=load signal=vector
vector wait=matrix signal=store
store wait=vector x_bytes=16 z_count=2 address=data+0x40
end
"""
TRACE = np.array(
    [(0, 0, 10, 109), (0, 1, 110, 119), (1, 2, 110, 399), (2, 3, 400, 409), (3, 4, 410, 499)],
    [("engine", "u4"), ("index", "u4"), ("start_cycle", "u8"), ("end_cycle", "u8")],
)


@pytest.fixture
def region() -> Region:
    program = assemble(TEXT, preset("vta"))
    layers = (Layer("first", "conv2d", 25600), Layer("second", "rescale", 0))
    return Region("accel_0", program, b"", 128, (), (), layers, (0, 0, 0, 1, 1, 1))


def test_profile(region: Region) -> None:
    first, second = profile_region(region, TRACE, preset("vta"))
    assert (first.name, first.cycles, first.bound) == ("first", 399, "matrix")
    assert first.peak_share == pytest.approx(25600 / (399 * 256))
    assert (second.name, second.cycles, second.bound) == ("second", 100, "store")
    assert second.peak_share == 0


def test_dram_bytes_leave_padding_out(region: Region) -> None:
    # Four windows of 6 bytes from -3, 0, 3, 6 over a line of 9: 3 + 6 + 6 + 3 bytes exist.
    assert dram_bytes(region) == [512 + 18, 32]


def test_a_layer_that_mostly_waits_is_bound_by_latency(region: Region) -> None:
    late = TRACE.copy()
    late["start_cycle"][4] = 480
    assert profile_region(region, late, preset("vta"))[1].bound == "latency"


def test_trace_file(region: Region, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    write_trace(path, Result((), (RegionRun(region, {}, TRACE), RegionRun(region, {}, None))))
    events = json.loads(path.read_text())["traceEvents"]
    names = [event["args"]["name"] for event in events if event["ph"] == "M"]
    assert names == ["load", "matrix", "vector", "store"]
    slices = [event for event in events if event["ph"] == "X"]
    assert len(slices) == len(TRACE)
    assert slices[2]["name"] == "first"
    assert (slices[2]["ts"], slices[2]["dur"], slices[2]["tid"]) == (110, 290, 1)
