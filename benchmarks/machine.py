"""Cycles of whole networks on the Verilated machine: `python -m benchmarks.machine`.

For each layer MACs, cycles, share of the peak, DRAM bytes, what bounds it and what the timing model
predicts; for each network the sums, how far the prediction is off, and how fast simulation and
prediction ran. Cycles are exact; seconds depend on the computer.
"""

import sys
import time
from typing import Any

import click
from rich.console import Console

import tilewright as tw
from simulator.timing import Memory, predict
from tilewright.errors import USER_ERRORS
from tilewright.files import require_folder, write_json
from tilewright.progress import Reporter
from tilewright.report import layer_rows, print_layers, print_table
from tilewright.running import random_inputs

from .models import find_models

__all__ = ["main"]


@click.command()
@click.option("--config", default="vta", show_default=True, help="Machine: tiny, ulx3s, vta or zu.")
@click.option("--models", help="Networks by comma: short names or files; all by default.")
@click.option("--latency", default=40, show_default=True, help="DRAM latency in cycles.")
@click.option("--repeat", default=3, show_default=True, help="Runs; seconds are the median.")
@click.option("--json", "json_path", type=click.Path(), help="Write everything to this file.")
def main(config: str, models: str | None, latency: int, repeat: int, json_path: str | None) -> None:
    """Measure whole networks on the Verilated machine."""
    try:
        require_folder(json_path)
        report = _measure(config, models, latency, repeat)
    except (*USER_ERRORS, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from None
    if json_path is not None:
        write_json(json_path, report)


def _measure(config: str, models: str | None, latency: int, repeat: int) -> dict[str, Any]:
    console = Console(width=120)
    machine = tw.preset(config)
    rows: list[dict[str, Any]] = []
    totals: dict[str, dict[str, float]] = {}
    with (
        Reporter() as reporter,
        tw.open_device("verilator", latency_cycles=latency, progress=reporter.build) as device,
    ):
        settings: dict[str, Any] = dict(getattr(device.machine(machine), "settings", {}))
        console.print(settings, highlight=False)
        for name, path in find_models(models).items():
            image = tw.compile(path, machine)
            layers, totals[name] = _run(device, image, latency, repeat)
            rows += [{**row, "model": name} for row in layers]
            console.print(f"\n{name}", style="bold")
            print_layers(console, layers, machine)
    console.print()
    print_table(console, _HEAD, [_line(name, total) for name, total in totals.items()])
    return {"settings": settings, "rows": rows, "totals": totals}


_HEAD = (
    *("model", "cycles", "MACs", "of peak", "seconds", "cycles/s"),
    *("predicted", "off by", "layers", "faster"),
)


def _line(name: str, total: dict[str, float]) -> tuple[str, ...]:
    return (
        name,
        f"{total['cycles']:,}",
        f"{total['macs']:,}",
        f"{100 * total['peak_share']:.1f} %",
        f"{total['seconds']:.2f}",
        f"{total['cycles_per_second']:,.0f}",
        f"{total['predicted_cycles']:,}",
        f"{100 * total['prediction_error']:+.2f} %",
        f"{100 * total['layer_error']:.2f} %",
        f"{total['prediction_speed']:,.0f} x",
    )


def _run(
    device: tw.Device, image: tw.Image, latency: int, repeat: int
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Return the layers' rows and the sums of one network."""
    inputs = random_inputs(image.inputs, seed=0)
    seconds = []
    for _ in range(repeat):
        begin = time.perf_counter()
        result = device.run(image, inputs)
        seconds.append(time.perf_counter() - begin)
    rows = layer_rows(image, result, latency)
    cycles = sum(run.counters["cycles"] for run in result.regions)
    macs = sum(row["macs"] for row in rows)
    median = sorted(seconds)[len(seconds) // 2]
    return rows, {
        "cycles": cycles,
        "macs": macs,
        "peak_share": macs / (cycles * image.config.macs_per_cycle) if cycles else 0.0,
        "seconds": median,
        "cycles_per_second": cycles / median,
        **_prediction(image, rows, cycles, median, latency, repeat),
    }


def _prediction(
    image: tw.Image,
    rows: list[dict[str, Any]],
    cycles: int,
    machine_seconds: float,
    latency: int,
    repeat: int,
) -> dict[str, float]:
    """Return what the timing model says of one network, how far it is off, and how fast it is."""
    seconds, predicted = [], 0
    for _ in range(repeat):
        begin = time.perf_counter()
        predictions = [
            predict(region.program.words, image.config, Memory(latency)) for region in image.regions
        ]
        seconds.append(time.perf_counter() - begin)
        predicted = sum(prediction.cycles for prediction in predictions)
    median = sorted(seconds)[len(seconds) // 2]
    errors = [
        abs(row["predicted_cycles"] - row["cycles"]) / row["cycles"]
        for row in rows
        if row["cycles"]
    ]
    return {
        "predicted_cycles": predicted,
        "prediction_error": predicted / cycles - 1 if cycles else 0.0,
        "layer_error": max(errors, default=0.0),
        "prediction_seconds": median,
        "prediction_speed": machine_seconds / median,
    }


if __name__ == "__main__":
    sys.exit(main())
