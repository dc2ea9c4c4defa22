"""Verdicts: each of them, with machines that behave, that differ, and that hang."""

from functools import partial

import numpy as np
import pytest

from isa.assembler import assemble
from isa.config import preset
from simulator import FunctionalMachine
from simulator.mutants import Mutant, Tally, Verdict, judge, run_campaign
from simulator.mutants.interleave import Steps, run_sequence

TINY = preset("tiny")
MACHINE = partial(FunctionalMachine, TINY, 1 << 16)
PROGRAM = """load address=0x404 x_bytes=4
load memory=param address=0x464 x_bytes=36 signal=vector
vector wait=load output=9 signal=store
store source=9 address=0x500 x_bytes=4 wait=vector
end"""
MUTANTS = {
    "a lost wait": ("vector wait=load", "vector", Verdict.REFUSED),
    "a lost signal": ("x_bytes=36 signal=vector", "x_bytes=36", Verdict.REFUSED),
    "a token to spare": ("x_bytes=4\nload", "x_bytes=4 signal=matrix\nload", Verdict.HARMLESS),
    "another source": ("address=0x404", "address=0x410", Verdict.COMPARED),
    "another place": ("output=9", "output=30", Verdict.COMPARED),
    "an unused immediate": ("vector wait", "vector immediate=7 wait", Verdict.HARMLESS),
    "shifts without meaning": ("vector wait", "vector requantize=1 wait", Verdict.COMPARED),
}


class Forgetful(FunctionalMachine):
    """A machine whose DRAM loses a bit."""

    def read(self, address, size):
        content = super().read(address, size)
        return bytes([content[0] ^ 1]) + content[1:]


class Hanging(FunctionalMachine):
    """A machine that never ends a program."""

    def wait(self, timeout_cycles=None):
        """Return at once."""


def judged(case, text, openers=(MACHINE,)):
    steps = Steps(case)
    expected = run_sequence(case, steps, steps.order.sequence)
    mutant = Mutant("mistake", text, assemble(text, TINY))
    return judge(np.random.default_rng(0), case, mutant, openers, expected, orders=12)


@pytest.mark.parametrize("name", MUTANTS)
def test_verdicts(make_case, name):
    old, new, verdict = MUTANTS[name]
    assert old in PROGRAM
    judgement = judged(make_case(PROGRAM), PROGRAM.replace(old, new))
    assert judgement.verdict == verdict, judgement
    assert judgement.wrong == (verdict != Verdict.HARMLESS)


def test_the_reason_of_a_refusal(make_case):
    judgement = judged(make_case(PROGRAM), PROGRAM.replace(" wait=vector", ""))
    assert judgement.text.startswith(
        "instruction 2 (vector) writes and instruction 3 (store) reads"
    )


@pytest.mark.parametrize(
    ("machine", "text"),
    [
        (Forgetful, "machine 1: status 2, or other bytes than before"),
        (Hanging, "machine 1: status 1, or other bytes than before"),
    ],
)
def test_machines_that_do_not_agree_missed_it(make_case, machine, text):
    openers = (MACHINE, partial(machine, TINY, 1 << 16))
    judgement = judged(make_case(PROGRAM), PROGRAM.replace("0x404", "0x408"), openers)
    assert (judgement.verdict, judgement.text) == (Verdict.MISSED, text)


def test_counts(make_case):
    tally = Tally()
    run_campaign(np.random.default_rng(3), [make_case(PROGRAM)], 30, [], tally)
    assert sum(tally.counts.values()) == 30
    assert tally.missed == []
    lines = tally.table().splitlines()
    assert lines[0].split() == ["mistake", "refused", "compared", "harmless", "missed"]
    assert [int(word) for word in lines[-2].split()[1:]] == [tally.total(v) for v in Verdict]
    assert lines[-1] == f"of the refused, {tally.wrong} were seen to go wrong"
