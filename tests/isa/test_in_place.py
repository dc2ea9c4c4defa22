"""Vector instructions that read what they wrote: found as a walk over the iterations finds them."""

import itertools
import random

import pytest

from isa.config import preset
from isa.in_place import reads_its_own_writes
from isa.instructions import (
    VECTOR_LEVELS,
    AMemory,
    BSource,
    Destination,
    Opcode,
    Operation,
    Reduction,
    instruction_set,
)

FORM = instruction_set(preset("tiny")).format(Opcode.VECTOR)


def every_field(**fields: int) -> dict[str, int]:
    return {field.name: field.default for field in FORM.fields[1:]} | fields


def walked(fields: dict[str, int]) -> set[int]:
    """Return the addresses that are read after they were written."""
    counts = [fields[f"count{level}"] for level in range(VECTOR_LEVELS)]
    inner = VECTOR_LEVELS - fields["reduce_levels"]
    acc = fields["destination"] == Destination.ACC
    written, late = set(), set()

    def address(operand: str, at: tuple[int, ...]) -> int:
        steps = (i * fields[f"{operand}{level}"] for level, i in enumerate(at))
        return fields[operand] + sum(steps)

    for at in itertools.product(*(range(count) for count in counts)):
        if (fields["a_memory"] == AMemory.ACC) == acc:
            late |= {address("a", at)} & written
        if acc and fields["b_source"] == BSource.ACC and fields["operation"] == Operation.ADD:
            late |= {address("b", at)} & written
        result = list(at)
        if fields["slide"]:
            column = at[inner - 1]
            if column < 2 or (column - 2) % fields["slide"]:
                continue
            result[inner - 1] = (column - 2) // fields["slide"]
        if all(at[level] == counts[level] - 1 for level in range(inner, VECTOR_LEVELS)):
            written.add(address("output", tuple(result)))
    return late


def draw_fields(draw: random.Random) -> dict[str, int]:
    fields = every_field(
        operation=Operation.ADD,
        a_memory=draw.randrange(2),
        destination=draw.randrange(2),
        reduce_levels=draw.choice([0, 0, 1, 2]),
    )
    if fields["a_memory"] == AMemory.ACT:
        fields["b_source"] = draw.randrange(3)
    if draw.random() < 0.3:
        fields |= {"operation": Operation.MULTIPLY, "b_source": BSource.TAP, "a_memory": 0}
        fields |= {"reduction": Reduction.ADD, "slide": draw.choice([1, 2])}
    for operand in ("a", "b", "output"):
        fields[operand] = draw.randrange(12)
        for level in range(VECTOR_LEVELS):
            fields[f"{operand}{level}"] = draw.choice([0, 1, 1, 2, 4, -1])
    if draw.random() < 0.3:
        same = {f"output{level}": fields[f"a{level}"] for level in range(VECTOR_LEVELS)}
        fields |= same | {"output": fields["a"]}
    for level in range(VECTOR_LEVELS):
        fields[f"count{level}"] = draw.choice([1, 1, 2, 4])
    return fields


@pytest.mark.parametrize("seed", range(4))
def test_the_same_as_a_walk(seed: int) -> None:
    draw = random.Random(seed)
    answers = set()
    for _ in range(100):
        fields = draw_fields(draw)
        found = {p for start, stop in reads_its_own_writes(fields) for p in range(start, stop)}
        late = walked(fields)
        # The first operand that is late is told; the other may be late too.
        assert found <= late, f"seed {seed}: {fields}"
        assert bool(found) == bool(late), f"seed {seed}: {fields}"
        answers.add(bool(found))
    assert answers == {False, True}, f"seed {seed}"


def test_large_nests() -> None:
    """In place is fine at any size; an overlap that is too large to walk counts as late."""
    counts = {f"count{level}": 200 for level in (2, 3, 4)}
    steps = {f"a{level}": 200 ** (4 - level) for level in (2, 3, 4)}
    same = {f"output{level}": step for level, step in zip((2, 3, 4), steps.values(), strict=True)}
    assert not len(reads_its_own_writes(every_field(**counts, **steps, **same)))
    found = reads_its_own_writes(every_field(**counts, **steps, **same, output=1))
    assert list(found) == [(1, 200**3)]
