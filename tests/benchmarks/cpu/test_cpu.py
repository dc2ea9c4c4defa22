"""What `python -m benchmarks.cpu` reports; the times themselves are not looked at."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.cpu import measure, peers
from benchmarks.cpu.command import _totals, main
from benchmarks.cpu.errors import find_reference
from benchmarks.cpu.peak import measure_peak
from benchmarks.cpu.timing import interleaved
from benchmarks.cpu.work import module_macs, operator_macs
from benchmarks.networks import write_network
from compiler.backends.cpu.machine import find_machine
from compiler.frontends import import_model


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory):
    """Return the file of the smallest network."""
    path = tmp_path_factory.mktemp("networks") / "autoencoder.onnx"
    write_network("tiny-autoencoder", path, 1, 32)
    return path


@pytest.fixture
def run(tmp_path):
    """`run(*arguments)` returns the JSON that a run writes; it must succeed."""

    def report(*arguments):
        path = tmp_path / "report.json"
        result = CliRunner().invoke(main, [*map(str, arguments), "--json", str(path)])
        assert result.exit_code == 0, result.output
        return json.loads(path.read_text())

    return report


def test_rows_of_a_network(autoencoder, run):
    report = run("--models", autoencoder, "--rounds", 1)
    assert {"settings", "rows", "totals", "checks", "compile"} == set(report)
    installed = [name for name in ("onnxruntime", "openvino") if peers.is_installed(name)]
    assert [row["peer"] for row in report["rows"]] == (installed or [None])
    for row in report["rows"]:
        keys = {"model", "threads", "ours_ms", "peer", "peer_ms", "ratio", "peak_share"}
        assert set(row) == keys
        assert row["ratio"] == pytest.approx(row["peer_ms"] / row["ours_ms"])
    (check,) = report["checks"]
    assert check["exact"] and check["errors"]["tilewright"] == 0
    missing = report["settings"]["missing"]
    assert set(missing) == {name for name in peers.PEERS if not peers.is_installed(name)}


def test_kernels_of_a_network(autoencoder, run):
    report = run("--models", autoencoder, "--rounds", 1, "--kernels")
    rows = report["rows"]
    assert [row["number"] for row in rows] == list(range(len(rows)))
    assert sum(row["macs"] for row in rows) == module_macs(import_model(autoencoder))["int8"]
    assert sum(row["share"] for row in rows) == pytest.approx(1)


def test_cold_process(autoencoder, run):
    report = run("--models", autoencoder, "--rounds", 1, "--no-check", "--cold", autoencoder)
    assert [row["runtime"] for row in report["compile"]] == ["tilewright", "onnxruntime"]
    assert all(row["cpu_seconds"] > 0 and row["peak_mb"] > 1 for row in report["compile"])


@pytest.mark.parametrize("threads", ["0", "two", "1,-1"])
def test_counts_of_threads_that_are_none(threads, autoencoder):
    result = CliRunner().invoke(main, ["--models", str(autoencoder), "--threads", threads])
    assert result.exit_code == 2
    assert re.search(
        rf"^Error: --threads must be numbers > 0 by comma, not '{threads}'$", result.output, re.M
    )


def test_network_that_is_not_there():
    result = CliRunner().invoke(main, ["--models", "none"])
    assert result.exit_code == 1
    assert re.search(
        r"^Error: none: no such network; give a file, or one of .+", result.output, re.M
    )


def test_totals_take_the_best_peer():
    rows = [
        {"model": model, "threads": 1, "peer": peer, "ratio": ratio}
        for model, peer, ratio in (
            ("resnet8", "a", 2.0), ("resnet8", "b", 0.5), ("dscnn", "b", 2.0),
            ("mobilenet", "b", 4.0), ("autoencoder", "b", 4.0),
        )
    ]  # fmt: skip
    totals = _totals(rows)
    assert totals["ratio_to_best_peer"]["1"]["resnet8"] == 0.5
    assert totals["tiny_geometric_mean"] == pytest.approx(2.0)


def test_peak_is_of_the_machine():
    machine = find_machine()
    peak = measure_peak(machine)
    assert peak.float32 > 0
    assert (peak.int8 is None) != machine.has_dot_product


def test_turns_go_round():
    order = []
    runners = [peers.Runner(name, lambda name=name: order.append(name), list) for name in "abc"]
    ticks = iter(range(10_000))
    medians = interleaved(runners, 3, lambda: float(next(ticks)))
    assert set(medians) == {"a", "b", "c"}
    first = [name for name, before in zip(order, ["", *order], strict=False) if name != before]
    assert "".join(first)[-9:] == "abcbcacab"


@pytest.mark.parametrize(
    ("name", "attrs", "shapes", "result", "macs"),
    [
        ("nn.conv2d", {"kernel_layout": "OIHW"}, [(1, 4, 9, 9), (6, 2, 3, 3)], (1, 6, 7, 7), 5292),
        ("nn.conv2d", {"kernel_layout": "HWIO"}, [(1, 9, 9, 4), (3, 3, 4, 6)], (1, 7, 7, 6), 10584),
        ("nn.conv2d_transpose", {"data_layout": "NCHW"}, [(1, 4, 3, 3), (4, 2, 2, 2)], (), 288),
        ("qnn.dense", {}, [(5, 7), (3, 7)], (5, 3), 105),
        ("nn.batch_matmul", {"transpose_a": True}, [(2, 7, 5), (2, 7, 3)], (2, 5, 3), 210),
        ("add", {}, [(5,), (5,)], (5,), 0),
    ],
)
def test_multiplications_of_an_operator(name, attrs, shapes, result, macs):
    assert operator_macs(name, attrs, shapes, result) == macs


@pytest.mark.parametrize(
    ("name", "size", "macs"),
    [("lstm", 2, 2 * 2 * 4 * 256 * 512), ("bert-mini-fp32", 8, 8 * 4 * 256 * (12 * 256 + 2 * 8))],
)
def test_multiplications_of_float_networks(name, size, macs, tmp_path):
    path = tmp_path / "network.onnx"
    assert write_network(name, path, 1, size) == macs
    assert module_macs(import_model(path)) == {"float32": macs}


@pytest.mark.parametrize("name", ["resnet18-fp32", "mobilenetv2-fp32", "lstm", "bert-mini-fp32"])
def test_float_networks_are_near_a_float64_evaluation(name, tmp_path):
    """Small ones: an error of a layer would be far larger than rounding."""
    path = tmp_path / "network.onnx"
    write_network(name, path, 1, {"lstm": 3, "bert-mini-fp32": 8}.get(name, 32))
    case = measure.open_case(name, path)
    reference = find_reference(case.module, case.inputs)
    assert not reference.exact
    ours = peers.open_ours(case.image, case.inputs)
    ours.run()
    largest = max(np.abs(output).max() for output in reference.outputs)
    assert 0 < reference.error(ours.outputs()) < 3e-6 * max(largest, 1)


def test_int8_transformer_equals_the_interpreter_up_to_its_floats(tmp_path):
    """What is float between its int8 products may round otherwise: one step, here and there."""
    path = tmp_path / "network.onnx"
    write_network("bert-mini-int8", path, 1, 8)
    case = measure.open_case("bert", path)
    reference = find_reference(case.module, case.inputs)
    assert reference.exact and set(case.macs) == {"int8"}
    ours = peers.open_ours(case.image, case.inputs)
    ours.run()
    (given,), (right,) = ours.outputs(), reference.outputs
    assert np.mean(np.abs(given - right) > 1e-4) < 0.05
    assert np.abs(given - right).max() < 0.2
