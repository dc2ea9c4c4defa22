"""Tables for people, and the same facts as JSON."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from driver.device import Result
from driver.profile import LayerProfile, dram_bytes, layer_cycles, profile_region
from isa.config import Config
from isa.image import Image, Region
from simulator.timing import Memory, predict

__all__ = ["layer_rows", "print_layers", "print_table", "run_report"]


def layer_rows(
    image: Image, result: Result, latency_cycles: int | None = None
) -> list[dict[str, Any]]:
    """Return one row a layer of every region that ran; cycles where the machine has time.

    Parameters
    ----------
    latency_cycles : int, the DRAM's, for rows to hold `predicted_cycles` of the timing model too
    """
    rows: list[dict[str, Any]] = []
    for run in result.regions:
        if run.trace is not None:
            profiles = profile_region(run.region, run.trace, image.config)
            timed = [_row(image.name, profile) for profile in profiles]
            if latency_cycles is not None:
                _add_predictions(timed, run.region, latency_cycles)
            rows += timed
        else:
            moved = dram_bytes(run.region)
            rows += [
                {"model": image.name, "layer": layer.name, "macs": layer.macs, "dram_bytes": size}
                for layer, size in zip(run.region.layers, moved, strict=True)
            ]
    return rows


def _row(model: str, profile: LayerProfile) -> dict[str, Any]:
    return {
        "model": model,
        "layer": profile.name,
        "macs": profile.macs,
        "cycles": profile.cycles,
        "peak_share": profile.peak_share,
        "dram_bytes": profile.dram_bytes,
        "bound": profile.bound,
    }


def _add_predictions(rows: list[dict[str, Any]], region: Region, latency_cycles: int) -> None:
    program = region.program
    prediction = predict(program.words, program.config, Memory(latency_cycles))
    predicted = layer_cycles(region, prediction.instruction_trace)
    for row, cycles in zip(rows, predicted, strict=True):
        row["predicted_cycles"] = cycles


def run_report(
    image: Image, result: Result, settings: Mapping[str, Any], seconds: float
) -> dict[str, Any]:
    """Return the object that `run --json` writes."""
    counters: dict[str, int] = {}
    for run in result.regions:
        for name, value in run.counters.items():
            counters[name] = counters.get(name, 0) + value
    outputs = [
        {
            "name": tensor.name,
            "shape": list(tensor.shape),
            "dtype": tensor.dtype,
            "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
        }
        for tensor, array in zip(image.outputs, result.outputs, strict=True)
    ]
    return {
        "settings": dict(settings),
        "rows": layer_rows(image, result, settings.get("dram_latency_cycles")),
        "totals": {"outputs": outputs, "counters": counters, "seconds": seconds},
    }


def print_layers(console: Console, rows: Sequence[Mapping[str, Any]], config: Config) -> None:
    """Print the layers of a run on a machine with time, and their sum."""
    cycles = sum(row["cycles"] for row in rows)
    macs = sum(row["macs"] for row in rows)
    total = {
        "layer": "total",
        "macs": macs,
        "cycles": cycles,
        "peak_share": macs / (cycles * config.macs_per_cycle) if cycles else 0.0,
        "dram_bytes": sum(row["dram_bytes"] for row in rows),
        "bound": "",
    }
    head = ["layer", "MACs", "cycles", "of peak", "DRAM bytes", "bound by"]
    predicted = bool(rows) and all("predicted_cycles" in row for row in rows)
    if predicted:
        head.append("predicted")
        total["predicted_cycles"] = sum(row["predicted_cycles"] for row in rows)
    lines = [_line(row, predicted) for row in (*rows, total)]
    print_table(console, head, lines, text=(0, 5))


def _line(row: Mapping[str, Any], predicted: bool) -> list[str]:
    cells = [
        str(row["layer"]),
        f"{row['macs']:,}",
        f"{row['cycles']:,}",
        f"{100 * row['peak_share']:.1f} %",
        f"{row['dram_bytes']:,}",
        str(row["bound"]),
    ]
    return [*cells, f"{row['predicted_cycles']:,}"] if predicted else cells


def print_table(
    console: Console,
    head: Sequence[str],
    lines: Sequence[Sequence[str]],
    text: Sequence[int] = (0,),
) -> None:
    """Print a table; columns in `text` are left-aligned, the others are numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(head):
        table.add_column(name, justify="left" if place in text else "right", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    console.print(table, markup=False, highlight=False)
