"""The benchmark of large programs, on small ones."""

import json

import pytest
from click.testing import CliRunner

from benchmarks.relay import chain, main, measure
from compiler.text import parse, to_text


@pytest.mark.parametrize("calls", [1, 2, 7])
def test_a_chain_is_canonical_text(calls):
    assert to_text(parse(chain(calls))) == chain(calls)
    assert chain(calls).count("(%") == calls + 1


def test_measure():
    report = measure(20)
    assert report["calls"] == 20 and report["characters"] == len(chain(20))
    assert list(report["seconds"])[:4] == ["parse", "infer", "print", "together"]


def test_command(tmp_path):
    path = tmp_path / "relay.json"
    result = CliRunner().invoke(main, ["--calls", "9", "--json", str(path)])
    assert result.exit_code == 0 and "together" in result.output
    assert json.loads(path.read_text())["calls"] == 9
    result = CliRunner().invoke(main, ["--json", str(tmp_path / "no" / "x.json")])
    assert result.exit_code == 1 and "there is no folder" in result.output
