"""The command line of `python -m benchmarks.cpu`: options, tables, the report."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from math import exp, log
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from compiler.backends.cpu.machine import find_machine
from tilewright.errors import USER_ERRORS
from tilewright.files import require_folder, write_json
from tilewright.report import print_table

from ..models import find_models
from .cold import COLD, run_cold
from .kernels import KernelTime
from .measure import Case, check, compare, open_case, profile
from .peak import Peak, measure_peak
from .peers import PEERS, is_installed
from .symbolic import OPEN_AXES, compare_open
from .timing import CLOCKS

__all__ = ["main"]

# Of `benchmarks.networks`.
MODELS = (
    *("resnet18-fp32", "mobilenetv2-fp32", "resnet18", "mobilenetv2"),
    *("lstm", "bert-mini-fp32", "bert-mini-int8"),
)
# Its geometric mean is quoted, where the files are here.
TINY = ("resnet8", "dscnn", "mobilenet", "autoencoder")


@click.command()
@click.option("--models", help="Networks by comma: short names or files; all by default.")
@click.option("--threads", default="1", show_default=True, help="Counts of threads by comma.")
@click.option("--rounds", default=15, show_default=True, help="Turns of each runtime.")
@click.option("--clock", type=click.Choice(list(CLOCKS)), default="wall", show_default=True)
@click.option("--kernels", is_flag=True, help="Print the time of each kernel of ours instead.")
@click.option("--check/--no-check", "checked", default=True, help="Compare the results as well.")
@click.option("--cold", help="Networks by comma: compile time and memory in fresh processes.")
@click.option(
    "--symbolic", is_flag=True, help="Measure programs of open sizes beside known ones instead."
)
@click.option("--json", "json_path", type=click.Path(), help="Write everything to this file.")
def main(json_path: str | None, kernels: bool, symbolic: bool, **options: Any) -> None:
    """Measure networks on the CPU beside other runtimes."""
    console = Console(width=140)
    try:
        require_folder(json_path)
        measure = _profiles if kernels else _compare_open if symbolic else _compare
        report = measure(console, **options)
    except (*USER_ERRORS, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from None
    if json_path is not None:
        write_json(json_path, report)


def _models(names: str | None) -> dict[str, Path]:
    """Return the networks' files; by default all of the table that are here."""
    if names is not None:
        return find_models(names)
    here = find_models(None)
    return find_models(",".join(MODELS)) | {name: here[name] for name in TINY if name in here}


def _settings(console: Console, peak: Peak, clock: str) -> dict[str, Any]:
    machine = find_machine()
    settings = {
        "processor": platform.processor() or platform.machine(),
        "features": machine.features,
        "peak_float32_gops": peak.float32 / 1e9,
        "peak_int8_gops": None if peak.int8 is None else peak.int8 / 1e9,
        "clock": clock,
        "missing": [peer for peer in PEERS if not is_installed(peer)],
    }
    console.print(settings, highlight=False)
    return settings


def _compare(
    console: Console,
    models: str | None,
    threads: str,
    rounds: int,
    clock: str,
    checked: bool,
    cold: str | None,
) -> dict[str, Any]:
    peak = measure_peak(find_machine())
    settings = _settings(console, peak, clock)
    rows: list[dict[str, Any]] = []
    checks, compiles = [], []
    for name, path in _models(models).items():
        case = open_case(name, path)
        for count in _counts(threads):
            rows += compare(case, count, rounds, CLOCKS[clock], peak)
        if checked:
            checks.append(check(case))
    _print_rows(console, rows)
    _print_checks(console, checks)
    for name, path in find_models(cold).items() if cold else ():
        compiles += [{"model": name, "runtime": one, **run_cold(one, path)} for one in COLD]
    _print_compiles(console, compiles)
    totals = _totals(rows)
    console.print(totals, highlight=False)
    return {
        "settings": settings,
        "rows": rows,
        "checks": checks,
        "compile": compiles,
        "totals": totals,
    }


def _counts(threads: str) -> list[int]:
    try:
        counts = [int(part) for part in threads.split(",")]
    except ValueError:
        counts = [0]
    if min(counts) < 1:
        raise click.UsageError(f"--threads must be numbers > 0 by comma, not {threads!r}")
    return counts


def _totals(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return for each network and count of threads the best peer's time / ours."""
    best: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["ratio"] is not None:
            known = best.setdefault(str(row["threads"]), {})
            known[row["model"]] = min(row["ratio"], known.get(row["model"], row["ratio"]))
    totals: dict[str, Any] = {"ratio_to_best_peer": best}
    tiny = [best.get("1", {}).get(name) for name in TINY]
    found = [ratio for ratio in tiny if ratio is not None]
    if len(found) == len(TINY):
        totals["tiny_geometric_mean"] = exp(sum(map(log, found)) / len(found))
    return totals


def _print_rows(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    lines = [
        (
            row["model"],
            str(row["threads"]),
            f"{row['ours_ms']:.4f}",
            row["peer"] or "none installed",
            "" if row["peer_ms"] is None else f"{row['peer_ms']:.4f}",
            "" if row["ratio"] is None else f"{row['ratio']:.2f}",
            f"{100 * row['peak_share']:.1f} %",
        )
        for row in rows
    ]
    head = ("model", "threads", "ours ms", "peer", "peer ms", "ratio", "of peak")
    print_table(console, head, lines, text=(0, 3))


def _print_checks(console: Console, checks: Sequence[dict[str, Any]]) -> None:
    lines = [
        (
            row["model"],
            "interpreter" if row["exact"] else "float64",
            f"{row['largest_output']:.3g}",
            "" if row["error_ratio"] is None else f"{row['error_ratio']:.2f}",
            ", ".join(f"{name} {error:.3g}" for name, error in row["errors"].items()),
        )
        for row in checks
    ]
    if lines:
        console.print()
        head = ("model", "errors to", "largest output", "ours/ORT's", "largest errors")
        print_table(console, head, lines, text=(0, 1, 4))


def _print_compiles(console: Console, compiles: Sequence[dict[str, Any]]) -> None:
    lines = [
        (
            row["model"],
            row["runtime"],
            f"{row['import']:.2f}",
            f"{row['seconds']:.2f}",
            f"{row['cpu_seconds']:.2f}",
            f"{row['peak_mb']:.0f}",
        )
        for row in compiles
    ]
    if lines:
        console.print()
        head = ("model", "runtime", "import s", "compile or load s", "CPU s", "peak MB")
        print_table(console, head, lines, text=(0, 1))


def _compare_open(
    console: Console, models: str | None, threads: str, rounds: int, clock: str, **_: Any
) -> dict[str, Any]:
    names = ",".join(OPEN_AXES) if models is None else models
    unknown = sorted(set(names.split(",")) - set(OPEN_AXES))
    if unknown:
        raise click.UsageError(f"--symbolic takes {', '.join(OPEN_AXES)}, not {', '.join(unknown)}")
    rows: list[dict[str, Any]] = []
    for name, path in find_models(names).items():
        for count in _counts(threads):
            rows += compare_open(name, path, count, rounds, CLOCKS[clock])
    lines = [
        (
            row["model"],
            str(row["axis"]),
            str(row["size"]),
            str(row["threads"]),
            f"{row['known_ms']:.3f}",
            f"{row['open_ms']:.3f}",
            f"{row['ratio']:.2f}",
            f"{row['largest_difference']:.2g}",
        )
        for row in rows
    ]
    head = ("model", "axis", "size", "threads", "known ms", "open ms", "ratio", "difference")
    print_table(console, head, lines, text=(0,))
    return {"rows": rows}


def _profiles(
    console: Console, models: str | None, rounds: int, clock: str, **_: Any
) -> dict[str, Any]:
    machine = find_machine()
    peak = measure_peak(machine)
    settings = _settings(console, peak, clock)
    rows: list[dict[str, Any]] = []
    for name, path in _models(models).items():
        case = open_case(name, path)
        times = profile(case, machine, peak, rounds)
        _print_kernels(console, case, times)
        rows += [{"model": name, **asdict(one)} for one in times]
    return {"settings": settings, "rows": rows, "totals": {}}


def _print_kernels(console: Console, case: Case, times: Sequence[KernelTime]) -> None:
    lines = [
        (
            str(one.number),
            one.kernel,
            f"{one.dtype}{list(one.shape)}",
            f"{one.macs:,}",
            f"{one.microseconds:.1f}",
            f"{100 * one.share:.1f} %",
            f"{100 * one.peak_share:.0f} %" if one.macs else "",
            one.steps[:60],
        )
        for one in times
    ]
    total = sum(one.microseconds for one in times)
    console.print(f"\n{case.name}: {total:.0f} us", style="bold", highlight=False)
    head = ("", "kernel", "result", "MACs", "us", "share", "of peak", "steps")
    print_table(console, head, lines, text=(1, 2, 7))
