"""Makes and judges many mutants, and counts what became of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from .case import Case
from .interleave import Content, Random, Steps, run_sequence
from .judging import Judgement, Opener, Verdict, judge
from .mutate import KINDS, Mutant, mutate

__all__ = ["Tally", "run_campaign"]


@dataclass
class Tally:
    """Counts of mutants.

    Attributes
    ----------
    counts : by kind of mistake and Verdict
    wrong : refused mutants of which a wrong run was seen
    missed : (case, what was changed, how its runs differ) of each missed mutant
    """

    counts: Counter[tuple[str, Verdict]] = field(default_factory=Counter)
    wrong: int = 0
    missed: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, case: Case, mutant: Mutant, judgement: Judgement) -> None:
        """Count one mutant."""
        self.counts[mutant.kind, judgement.verdict] += 1
        self.wrong += judgement.verdict == Verdict.REFUSED and judgement.wrong
        if judgement.verdict == Verdict.MISSED:
            self.missed.append((case.name, mutant.text, judgement.text))

    def total(self, verdict: Verdict) -> int:
        """Return how many mutants of any kind got `verdict`."""
        return sum(count for (_, found), count in self.counts.items() if found == verdict)

    def table(self) -> str:
        """Return the counts as lines of text."""
        heads = [verdict.name.lower() for verdict in Verdict]
        lines = [f"{'mistake':24}" + "".join(f"{head:>11}" for head in heads)]
        for kind in KINDS:
            row = [self.counts[kind, verdict] for verdict in Verdict]
            lines.append(f"{kind:24}" + "".join(f"{count:11}" for count in row))
        row = [self.total(verdict) for verdict in Verdict]
        lines.append(f"{'together':24}" + "".join(f"{count:11}" for count in row))
        lines.append(f"of the refused, {self.wrong} were seen to go wrong")
        return "\n".join(lines)


def run_campaign(
    random: Random, cases: Sequence[Case], mutants: int, openers: Sequence[Opener], tally: Tally
) -> None:
    """Judge `mutants` mutants of each case, and count them in `tally`.

    Parameters
    ----------
    openers : fresh machines of the cases' configuration; more of them see more timings
    """
    for case in cases:
        expected = _expected(case)
        for _ in range(mutants):
            mutant = mutate(random, case.program)
            tally.add(case, mutant, judge(random, case, mutant, openers, expected))


def _expected(case: Case) -> Content:
    steps = Steps(case)
    content = run_sequence(case, steps, steps.order.sequence)
    assert content.end == "done", f"{case.name} itself must run, it ends with {content.end}"
    return content
