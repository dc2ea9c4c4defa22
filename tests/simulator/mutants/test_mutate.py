"""Mistakes: each changes the program, in the way that it says."""

import numpy as np
import pytest

from isa.assembler import assemble
from isa.config import preset
from simulator.mutants import mutate
from simulator.mutants.mutate import KINDS

PROGRAM = assemble(
    """load destination=8 x_bytes=64 y_count=2 y_step=20 y_stride=64 signal=matrix
    load memory=weight address=0x100 x_bytes=32 wait=matrix signal=matrix
    matrix act=8 count0=3 act0=1 acc0=1 wait=load signal=load|vector
    matrix act=9 acc=5 wait=load
    vector a_memory=acc output=100 count4=3 a4=1 output4=1 wait=matrix signal=store
    vector a=9 output=200 signal=store
    store source=100 address=0x200 x_bytes=12 wait=vector
    store source=200 address=0x300 x_bytes=12
    end""",
    preset("tiny"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_changes_little(kind: str) -> None:
    seed = 3
    random = np.random.default_rng(seed)
    before = list(PROGRAM.instructions())
    texts = set()
    for _ in range(20):
        mutant = mutate(random, PROGRAM, kind)
        after = list(mutant.program.instructions())
        changed = [
            i for i, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]
        ]
        assert mutant.kind == kind
        assert 1 <= len(changed) <= 2, f"seed {seed}: {mutant.text}"
        assert all(f"instruction {index}:" in mutant.text or "exchanged" in mutant.text
                   for index in changed), f"seed {seed}: {mutant.text}"  # fmt: skip
        texts.add(mutant.text)
    fewest = 1 if kind.startswith("swap") else 3
    assert len(texts) >= fewest, f"seed {seed}: {texts}"


def test_a_kind_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="^no mutant of kind drop a wait was found in 200 draws; "):
        mutate(np.random.default_rng(0), assemble("load\nend", preset("tiny")), "drop a wait")


def test_the_same_seed_gives_the_same_mutants() -> None:
    first, second = (
        [mutate(np.random.default_rng(seed), PROGRAM) for seed in range(9)] for _ in range(2)
    )
    assert first == second
