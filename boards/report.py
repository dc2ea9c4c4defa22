"""What nextpnr reports of a placed and routed design."""

import json
from dataclasses import dataclass
from typing import Any

from .device import Resources
from .errors import ToolFailed

__all__ = ["Placed", "Step", "parse_report"]

_CELLS = {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "dsp": "MULT18X18D", "bram": "DP16KD"}


@dataclass(frozen=True)
class Step:
    """A part of a path.

    Attributes
    ----------
    kind : str, as nextpnr has it: clk-to-q, logic, routing, setup, ...
    delay_ns : float
    source, sink : str, the cells it leads from and to
    """

    kind: str
    delay_ns: float
    source: str
    sink: str


@dataclass(frozen=True)
class Placed:
    """A placed and routed design.

    Attributes
    ----------
    used : Resources
    fmax_mhz : float, of its only clock
    critical_path : tuple of Step, the path that bounds fmax_mhz
    """

    used: Resources
    fmax_mhz: float
    critical_path: tuple[Step, ...]


def parse_report(text: str) -> Placed:
    """Return what the JSON that nextpnr writes with --report says.

    Raises
    ------
    ToolFailed
        The text is no such report, or the design has not one clock.
    """
    try:
        report = json.loads(text)
        clocks = report["fmax"]
        if len(clocks) != 1:
            raise ToolFailed(f"a design must have one clock, nextpnr found {sorted(clocks)}")
        ((clock, fmax),) = clocks.items()
        cells = report["utilization"]
        return Placed(
            used=Resources(**{name: cells[cell]["used"] for name, cell in _CELLS.items()}),
            fmax_mhz=float(fmax["achieved"]),
            critical_path=_critical_path(report["critical_paths"], clock),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolFailed(f"nextpnr's report cannot be read: {error!r}") from None


def _critical_path(paths: list[dict[str, Any]], clock: str) -> tuple[Step, ...]:
    """Return the path from `clock` to itself."""
    for path in paths:
        if path["from"].endswith(clock) and path["to"].endswith(clock):
            return tuple(
                Step(
                    kind=step["type"],
                    delay_ns=float(step["delay"]),
                    source=step["from"]["cell"],
                    sink=step["to"]["cell"],
                )
                for step in path["path"]
            )
    raise ToolFailed(f"nextpnr reports no path of clock {clock}")
