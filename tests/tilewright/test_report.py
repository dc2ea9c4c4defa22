"""Rows of layers, and their table on the terminal."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from isa.config import preset
from tilewright.report import layer_rows, print_layers, run_report

pytestmark = pytest.mark.verilator
KEYS = {"model", "layer", "macs", "cycles", "peak_share", "dram_bytes", "bound"}


def printed(rows):
    """Return the words of the head and of the sum."""
    console = Console(file=io.StringIO(), width=120)
    print_layers(console, rows, preset("tiny"))
    lines = [line.split() for line in console.file.getvalue().splitlines()]
    return lines[0], next(line for line in lines if line[0] == "total")


def test_rows_of_layers(digits_run):
    image, result = digits_run
    rows = layer_rows(image, result)
    assert all(set(row) == KEYS for row in rows)
    assert sum(row["cycles"] for row in rows) == result.regions[0].counters["cycles"]
    head, total = printed(rows)
    assert head[-1] == "by"
    assert total[2].replace(",", "") == str(result.regions[0].counters["cycles"])


def test_rows_with_what_the_timing_model_predicts(digits_run):
    image, result = digits_run
    rows = layer_rows(image, result, latency_cycles=40)
    assert all(set(row) == KEYS | {"predicted_cycles"} for row in rows)
    predicted = sum(row["predicted_cycles"] for row in rows)
    assert predicted == pytest.approx(result.regions[0].counters["cycles"], rel=0.03)
    head, total = printed(rows)
    assert head[-1] == "predicted"
    assert total[-1].replace(",", "") == str(predicted)
    assert run_report(image, result, {"dram_latency_cycles": 40}, 0.1)["rows"] == rows


def test_prediction_follows_the_latency(digits_run):
    image, result = digits_run
    near, far = (layer_rows(image, result, latency_cycles=cycles) for cycles in (1, 400))
    near, far = (sum(row["predicted_cycles"] for row in rows) for rows in (near, far))
    assert near + 300 < far


def test_without_time_there_are_no_cycles(digits_run):
    image, result = digits_run
    runs = tuple(replace(run, trace=None) for run in result.regions)
    rows = layer_rows(image, replace(result, regions=runs), latency_cycles=40)
    assert all(set(row) == {"model", "layer", "macs", "dram_bytes"} for row in rows)
