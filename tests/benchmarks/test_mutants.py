"""Mutants: what the checker lets through gives the same results on hardware and in any order."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.mutants import main, network_cases, random_cases, timings
from isa.checker import Finding, check
from isa.config import preset
from simulator.mutants import Case, Tally, Verdict, run_campaign

TINY = preset("tiny")
DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits.onnx"
MEMORY_BYTES = 4 << 20


def cases(seed: int) -> list[Case]:
    """Return a compiled network and some random programs."""
    random = np.random.default_rng(seed)
    return [*network_cases(random, DIGITS, TINY), *random_cases(random, TINY, 5, 50)]


@pytest.mark.verilator
@pytest.mark.parametrize("seed", [1, 2])
def test_every_mutant_is_refused_or_compared(seed: int) -> None:
    tally = Tally()
    network, *programs = cases(seed)
    openers = timings(TINY, MEMORY_BYTES)
    run_campaign(np.random.default_rng(seed), [network], 40, openers, tally)
    run_campaign(np.random.default_rng(seed), programs, 4, openers, tally)
    print(f"seed {seed}\n{tally.table()}")
    assert not tally.missed, f"seed {seed}: {tally.missed}"
    assert sum(tally.counts.values()) == 60
    assert tally.total(Verdict.REFUSED) >= 15, f"seed {seed}\n{tally.table()}"
    assert tally.total(Verdict.COMPARED) >= 3, f"seed {seed}\n{tally.table()}"
    # The checker has reason for what it refuses: most of it was seen to go wrong.
    assert tally.wrong >= tally.total(Verdict.REFUSED) / 2, f"seed {seed}\n{tally.table()}"


def test_programs_without_a_mistake_pass() -> None:
    for case in cases(3):
        check(case.program, case.windows)


def test_without_the_checker_mutants_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge can tell: with a checker that is blind to races it finds runs that differ."""

    def blind(*_: object) -> Iterator[Finding]:
        return iter(())

    monkeypatch.setattr("simulator.mutants.judging.findings", blind)
    seed, tally = 4, Tally()
    network = cases(seed)[0]
    run_campaign(np.random.default_rng(seed), [network], 40, (), tally)
    kinds = Counter(kind for kind, verdict in tally.counts if verdict == Verdict.MISSED)
    assert kinds["drop a wait"], f"seed {seed}\n{tally.table()}"
    assert kinds["drop a signal"], f"seed {seed}\n{tally.table()}"


@pytest.mark.verilator
def test_the_command_prints_counts() -> None:
    arguments = ["--programs", "1", "--models", "none", "--mutants", "2", "--seed", "5"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "configuration tiny, seed 5, 1 programs" in result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("together")]
    assert sum(map(int, line.split()[1:])) == 2


def test_an_unknown_network() -> None:
    result = CliRunner().invoke(main, ["--models", "nothing"])
    assert result.exit_code == 1
    assert "Error: nothing: no such network; give a file, or one of " in result.stderr
