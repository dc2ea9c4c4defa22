"""`tilewright passes`: the list, passes run on a network, and the search for the wrong one."""

import re

import pytest
from click.testing import CliRunner

from compiler.passes.registry import passes
from compiler.text import parse
from tilewright.command import main

TEXT = """#[version = "0.0.5"]
def @main(%x: Tensor[(4), float32]) { nn.relu(add(%x, add(1f, 2f))) }
"""


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "network.relay"
    path.write_text(TEXT)
    return str(path)


def run(*arguments):
    return CliRunner().invoke(main, ["passes", *arguments])


def test_the_list_has_every_pass():
    names = [re.fullmatch(r"(\w+) +[0-4]  \w.*\.", line)[1] for line in run().output.splitlines()]
    assert names == sorted(passes())


def test_passes_run_and_are_measured(network, tmp_path):
    folder, output = tmp_path / "dump", tmp_path / "out.relay"
    names = "simplify,fold_constants"
    result = run(
        *(network, "--passes", names, "--time", "--memory", "--verify", "--dump", str(folder)),
        *("-o", str(output)),
    )
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.output.splitlines()]
    assert [row[0] for row in rows[1:]] == names.split(",")
    assert all(re.fullmatch(r"\d+\.\d", row[1]) and row[2].isdigit() for row in rows[1:])
    assert len(list(folder.iterdir())) == 4
    assert "3f" in output.read_text()
    assert parse(output.read_text())["main"] is not None


def test_bisect_says_that_nothing_differs(network):
    result = run(network, "--bisect", "--seed", "5")
    assert result.output == "no difference after any of 7 passes (input seed 5)\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--passes", "simplfy"), r"Error: there is no pass 'simplfy'; did you mean simplify.*\?"),
        (("--level", "7"), r"Error: level must be in 0\.\.4, not 7"),
        (("--bisect", "--time"), "Error: --bisect stands alone: leave .* out"),
    ],
)
def test_wrong_options_are_refused(network, options, message):
    result = run(network, *options)
    assert result.exit_code == 1
    assert re.fullmatch(message, result.output.strip())


def test_options_without_a_network_are_refused():
    result = run("--time")
    assert result.exit_code == 2
    assert result.output.endswith("Error: options of passes need a NETWORK to run on\n")
