"""Mutants of legal programs: each is refused by the static checker, or runs the same every time."""

from .campaign import Tally, run_campaign
from .case import Case
from .judging import Judgement, Opener, Verdict, judge
from .mutate import Mutant, mutate

__all__ = [
    "Case",
    "Judgement",
    "Mutant",
    "Opener",
    "Tally",
    "Verdict",
    "judge",
    "mutate",
    "run_campaign",
]
