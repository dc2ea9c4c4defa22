"""The machine placed and routed alone for a board: `python -m benchmarks.boards`.

Every port stands behind a register, every path is there; yosys and nextpnr come from the extra
`boards`. The numbers depend on the tools' versions and the seed, not on the computer; seconds do.
"""

import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from boards.board import Board
from boards.catalog import BOARDS, find_board
from boards.errors import BoardError
from boards.place import Result, place_machine
from boards.toolchain import NEXTPNR, YOSYS
from isa.config import Config, preset
from tilewright.errors import USER_ERRORS
from tilewright.files import require_folder, write_json
from tilewright.progress import Reporter
from tilewright.report import print_table

__all__ = ["main"]

_HEAD = ("board", "config", "LUT", "FF", "DSP", "BRAM", "MHz", "seconds")


@click.command()
@click.option(
    "--board", default="ulx3s-85f", show_default=True, help=f"One of {', '.join(BOARDS)}."
)
@click.option("--config", default="ulx3s", show_default=True, help="Machine: tiny, ulx3s, ...")
@click.option(
    "--seed",
    "seeds",
    type=click.IntRange(1),
    multiple=True,
    default=(1,),
    show_default=True,
    help="Seed of the placement; give it again for more, the fastest counts.",
)
@click.option("--mhz", default=90.0, show_default=True, help="The clock that the tools aim at.")
@click.option("--keep", type=click.Path(), help="Folder for netlist, logs and reports.")
@click.option("--json", "json_path", type=click.Path(), help="Write everything to this file.")
def main(
    board: str,
    config: str,
    seeds: tuple[int, ...],
    mhz: float,
    keep: str | None,
    json_path: str | None,
) -> None:
    """Place and route a machine alone for a board; a first run takes a quarter of an hour."""
    try:
        require_folder(json_path)
        report = _measure(find_board(board), preset(config), seeds, mhz, keep)
    except (*USER_ERRORS, BoardError) as error:
        raise click.ClickException(str(error)) from None
    if json_path is not None:
        write_json(json_path, report)


def _measure(
    board: Board, config: Config, seeds: tuple[int, ...], mhz: float, keep: str | None
) -> dict[str, Any]:
    console = Console(width=120)
    with Reporter() as reporter:
        result = place_machine(
            board,
            config,
            seeds=seeds,
            frequency_mhz=mhz,
            folder=None if keep is None else Path(keep),
            progress=reporter.step,
        )
    row = _row(board, config, result)
    print_table(console, _HEAD, [_line(row), _budget(board)], text=(0, 1))
    _print_path(console, result)
    path = [vars(step) for step in result.placed.critical_path]
    return {
        "settings": {
            "device": board.device.name,
            "tools": [YOSYS.version(), NEXTPNR.version()],
            "aim_mhz": mhz,
            "seed_mhz": {str(seed): mhz for seed, mhz in result.seeds_mhz.items()},
        },
        "rows": [row],
        "totals": {"critical_path": path},
    }


def _row(board: Board, config: Config, result: Result) -> dict[str, Any]:
    return {
        "board": board.name,
        "config": config.name,
        **vars(result.placed.used),
        "fmax_mhz": result.placed.fmax_mhz,
        "seconds": result.seconds,
    }


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    counts = (f"{row[name]:,}" for name in ("lut", "ff", "dsp", "bram"))
    return (
        row["board"],
        row["config"],
        *counts,
        f"{row['fmax_mhz']:.1f}",
        f"{row['seconds']:.0f}",
    )


def _budget(board: Board) -> tuple[str, ...]:
    """Return the line that says what the board leaves the machine."""
    counts = (f"{count:,}" for count in vars(board.budget).values())
    return ("", "must", *counts, f"{board.frequency_mhz:.1f}", "")


def _print_path(console: Console, result: Result) -> None:
    steps = result.placed.critical_path
    total = sum(step.delay_ns for step in steps)
    routing = sum(step.delay_ns for step in steps if step.kind == "routing")
    console.print(
        f"\nlongest path: {total:.2f} ns, {routing:.2f} of it routing, "
        f"from {steps[0].source} to {steps[-1].sink}",
        highlight=False,
        markup=False,
    )
    for step in steps:
        if step.kind != "routing":
            place = f"{step.kind:10} {step.delay_ns:6.2f} ns  {step.sink}"
            console.print(place, highlight=False, markup=False)


if __name__ == "__main__":
    sys.exit(main())
