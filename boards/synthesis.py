"""Verilog to a netlist of an ECP5's cells."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from .device import Resources
from .errors import ToolFailed
from .toolchain import YOSYS

__all__ = ["count_cells", "resources_of", "synthesise"]

# Look-up tables that a cell takes: nextpnr splits a CCU2C into two, a memory of 16 x 4 bits into
# four and two that hold its write port.
_LUTS = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6}
# No read of a program that the checker passes meets a write of the same word in its cycle. Without
# the promise yosys builds around each memory what gives the old word, 7500 flip-flops in ulx3s.
_OPTIONS = "-no-rw-check"
# What a wire between two tables takes, picoseconds: about 1 ns where a design is placed well. By
# synth_ecp5's own 300 a carry chain is long, and it spares tables where their number decides.
_WIRE_PS = 1000
_FFS, _DSPS, _BRAMS = "TRELLIS_FF", "MULT18X18D", "DP16KD"


def synthesise(verilog: str, top: str, folder: Path) -> tuple[Path, Resources]:
    """Return the netlist of module `top`, a file in `folder`, and what it takes at least.

    Raises
    ------
    ToolMissing, ToolFailed
    """
    source, netlist, stat = "design.v", "netlist.json", "stat.json"
    (folder / source).write_text(verilog)
    steps = (
        f"read_verilog -sv {source}",
        f"synth_ecp5 {_OPTIONS} -top {top} -run begin:map_luts",
        "techmap -map +/lattice/latches_map.v",
        f"abc9 -W {_WIRE_PS}",
        "clean",
        f"synth_ecp5 {_OPTIONS} -top {top} -run map_cells: -json {netlist}",
        f"tee -q -o {stat} stat -json -top {top}",
    )
    YOSYS.run(["-q", "-l", "yosys.log", "-p", "; ".join(steps)], folder)
    return folder / netlist, resources_of(count_cells((folder / stat).read_text()))


def count_cells(stat: str) -> Counter[str]:
    """Return how many cells of each type a design has, by the text of yosys's `stat -json`.

    Raises
    ------
    ToolFailed
        The text is no such report.
    """
    try:
        return Counter(json.loads(stat)["design"]["num_cells_by_type"])
    except (ValueError, KeyError, TypeError) as error:
        raise ToolFailed(f"yosys's report of cells cannot be read: {error!r}") from None


def resources_of(cells: Mapping[str, int]) -> Resources:
    """Return what `cells` take."""
    return Resources(
        lut=sum(cells.get(name, 0) * luts for name, luts in _LUTS.items()),
        ff=cells.get(_FFS, 0),
        dsp=cells.get(_DSPS, 0),
        bram=cells.get(_BRAMS, 0),
    )
