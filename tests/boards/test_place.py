"""A unit of the machine, synthesised, placed and routed; and machines that are too large."""

import pytest

from boards.catalog import find_board
from boards.device import Device, Resources
from boards.errors import DoesNotFit, ToolFailed
from boards.place import place_component, place_machine
from boards.synthesis import count_cells, resources_of
from boards.ulx3s import ULX3S_85F
from hardware.mac_array import MacArray
from isa.config import Config, preset

SMALL = Config("small", 2, 4, 16, 2, 2, 2, bus_bytes=4, address_bits=16, tables=0, row_taps=1)


def test_array_placed_and_routed(tmp_path):
    """Eight products: one multiplier each, and every register between the ports."""
    steps = []
    result = place_component(
        MacArray(SMALL),
        "array",
        ULX3S_85F.device,
        frequency_mhz=80.0,
        folder=tmp_path,
        progress=steps.append,
    )
    used = result.placed.used
    assert used.dsp == SMALL.macs_per_cycle
    assert used.bram == 0
    # Registers of the inputs, of the operands, of sums of two products, of their last sums; bits
    # above the sign are copies, and may be kept or not.
    inputs, operands, parts = 1 + 16 + 64, 16 + 64, 4 * 17
    assert inputs + 2 + operands + 2 * parts <= used.ff <= inputs + 2 + operands + 4 * 4 * 32
    assert 20 < result.placed.fmax_mhz < 500
    assert result.seeds_mhz == {1: result.placed.fmax_mhz}
    assert steps == ["synthesising array", "placing and routing array, seed 1"]
    assert {path.name for path in tmp_path.iterdir()} >= {"netlist.json", "report-1.json"}


def test_array_too_large(tmp_path):
    device = Device("SMALL", "25k", "CABGA256", 6, Resources(24288, 24288, 7, 56))
    message = (
        r"^array does not fit SMALL: it needs at least 8 multipliers of 18 x 18 bits \(dsp\), "
        "it has 7. Take a smaller configuration, or a larger board$"
    )
    with pytest.raises(DoesNotFit, match=message):
        place_component(MacArray(SMALL), "array", device, frequency_mhz=80.0, folder=tmp_path)


def test_machine_too_large():
    message = (
        "^configuration vta does not fit LFE5U-85F-6BG381C: it needs at least 256 multipliers of "
        r"18 x 18 bits \(dsp\), it has 156; \d+ block memories of 18 kbit \(bram\), it has 208. "
        "Take a smaller configuration, or a larger board$"
    )
    with pytest.raises(DoesNotFit, match=message):
        place_machine(find_board("ulx3s-85f"), preset("vta"))


def test_cells():
    text = '{"design": {"num_cells_by_type": {"LUT4": 5, "CCU2C": 2, "TRELLIS_FF": 7}}}'
    assert resources_of(count_cells(text)) == Resources(lut=9, ff=7, dsp=0, bram=0)
    with pytest.raises(ToolFailed, match="^yosys's report of cells cannot be read: KeyError"):
        count_cells('{"modules": {}}')
