"""The machine alone, placed and routed for a board."""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib.wiring import Component

from hardware.core import Core
from hardware.verilog import component_verilog
from isa.config import Config

from .board import Board
from .device import Device, Resources, require_fit
from .out_of_context import OutOfContext
from .report import Placed, parse_report
from .synthesis import synthesise
from .toolchain import NEXTPNR, YOSYS, require_tools

__all__ = ["Result", "place_component", "place_machine"]

_TOP = "out_of_context"
_BRAM_BITS = 18432
# Wires a quarter shorter than those of nextpnr's first choice, "heap", which finds no order in a
# design of four pins; and the router for designs of this size.
_PLACER, _ROUTER = "static", "router2"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """A design placed and routed.

    Attributes
    ----------
    placed : Placed, as the best seed has it
    seed : int, that one
    seeds_mhz : dict of int to float, what each seed reached
    seconds : float, synthesis and all placements
    """

    placed: Placed
    seed: int
    seeds_mhz: dict[int, float]
    seconds: float


def place_machine(
    board: Board,
    config: Config,
    *,
    seeds: tuple[int, ...] = (1,),
    frequency_mhz: float | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Place and route the machine of `config` alone for `board`; see `place_component`.

    Raises
    ------
    DoesNotFit
        The board has too little of a resource; found before synthesis where it can be.
    ToolMissing, ToolFailed
    """
    require_fit(f"configuration {config.name}", _least(config), board.device)
    require_tools(YOSYS, NEXTPNR)
    return place_component(
        Core(config),
        f"configuration {config.name}",
        board.device,
        seeds=seeds,
        frequency_mhz=board.frequency_mhz if frequency_mhz is None else frequency_mhz,
        folder=folder,
        progress=progress,
    )


def place_component(
    component: Component,
    name: str,
    device: Device,
    *,
    frequency_mhz: float,
    seeds: tuple[int, ...] = (1,),
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Place and route `component` alone, behind registers.

    Parameters
    ----------
    component : wiring.Component
    name : str, for messages
    device : Device
    frequency_mhz : float, the clock that the tools aim at; falling short of it is no error
    seeds : of the placements; the fastest counts
    folder : where netlist, logs and reports stay; by default they are deleted
    progress : called with the name of each step

    Raises
    ------
    DoesNotFit, ToolMissing, ToolFailed
    """
    require_tools(YOSYS, NEXTPNR)
    say = progress or (lambda step: None)
    begin = time.perf_counter()
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        say(f"synthesising {name}")
        verilog = component_verilog(OutOfContext(component), _TOP)
        netlist, needed = synthesise(verilog, _TOP, folder)
        require_fit(name, needed, device)
        placed = {}
        for seed in seeds:
            say(f"placing and routing {name}, seed {seed}")
            placed[seed] = _place(netlist, device, frequency_mhz, seed, folder)
    best = max(seeds, key=lambda seed: placed[seed].fmax_mhz)
    seeds_mhz = {seed: result.fmax_mhz for seed, result in placed.items()}
    return Result(placed[best], best, seeds_mhz, time.perf_counter() - begin)


def _place(netlist: Path, device: Device, frequency_mhz: float, seed: int, folder: Path) -> Placed:
    report = folder / f"report-{seed}.json"
    output = NEXTPNR.run(
        [
            *(f"--{device.die}", "--package", device.package, "--speed", str(device.speed)),
            *("--json", netlist.name, "--report", report.name, "--seed", str(seed)),
            *("--freq", str(frequency_mhz), "--timing-allow-fail", "--lpf-allow-unconstrained"),
            *("--placer", _PLACER, "--router", _ROUTER),
        ],
        folder,
    )
    (folder / f"nextpnr-{seed}.log").write_text(output)
    return parse_report(report.read_text())


def _least(config: Config) -> Resources:
    """Return what any machine of `config` takes: its array, and the bits of its memories."""
    return Resources(
        lut=0,
        ff=0,
        dsp=config.macs_per_cycle,
        bram=-(-8 * config.scratchpad_bytes // _BRAM_BITS),
    )
