"""Random vector instructions, every option, without waits and signals."""

from collections.abc import Sequence

from isa.config import SLOTS_PER_PARAM_WORD, Config
from isa.instructions import (
    SLIDE_TAPS,
    VECTOR_LEVELS,
    AMemory,
    BSource,
    Destination,
    Opcode,
    Operation,
    Reduction,
    Slide,
    slide_results,
)
from isa.program import Instruction

from ..functional.nest import bounds
from .accesses import reads_its_own_writes
from .placement import Random, random_counts, random_nest, random_place

__all__ = ["random_vector"]

# How many of the vector instructions slide, where the machine can.
_SLIDING = 0.3
_MOST_COLUMNS = 24


def random_vector(random: Random, config: Config, iterations: int) -> Instruction:
    """Return an instruction of at most `iterations` that does not read what it wrote itself."""
    while True:
        if config.row_taps == SLIDE_TAPS and random.random() < _SLIDING:
            fields = _sliding(random, config, iterations)
        else:
            fields = _plain(random, config, iterations)
        instruction = Instruction(Opcode.VECTOR, fields | _options(random, config))
        if not reads_its_own_writes(config, instruction):
            return instruction


def _options(random: Random, config: Config) -> dict[str, int]:
    """Return the fields that are independent of the others."""
    low, high = sorted(int(value) for value in random.integers(-128, 128, 2))
    return {
        "a_offset": 0 if random.random() < 0.3 else int(random.integers(-256, 256)),
        "immediate": int(random.integers(-(1 << 15), 1 << 15)),
        "table": int(random.integers(max(1, config.tables))),
        "requantize": int(random.random() < 0.5),
        "rounding": int(random.integers(2)),
        "pre_shift": int(random.integers(32)) if random.random() < 0.3 else 0,
        "zero_point": int(random.integers(-128, 128)),
        "low": low if random.random() < 0.5 else -128,
        "high": high if random.random() < 0.5 else 127,
    }


def _plain(random: Random, config: Config, iterations: int) -> dict[str, int]:
    """Return operation, operands and nest of an instruction that does not slide."""
    operations = [op for op in Operation if config.tables or op != Operation.TABLE]
    operation = Operation(random.choice(operations))
    act, acc = config.act_column_vectors, 2 * config.acc_words
    a_memory = AMemory.ACT if operation == Operation.TABLE else AMemory(int(random.integers(2)))
    sources = [source for source in BSource if not (a_memory and source == BSource.ACC)]
    b_source = BSource(random.choice(sources))
    destination = Destination(int(random.integers(2)))
    counts = random_counts(random, VECTOR_LEVELS, iterations)
    operands = {
        "a": acc if a_memory else act,
        "b": acc if b_source == BSource.ACC else config.param_slots,
        "record": config.param_words,
        "output": acc if destination else act,
    }
    fields = random_nest(random, counts, operands)
    if b_source == BSource.TAP:
        fields |= _taps(random, config, counts)
    return fields | {
        "operation": operation,
        "a_memory": a_memory,
        "b_source": b_source,
        "destination": destination,
        "slide": Slide.OFF,
        "reduction": int(random.choice(list(Reduction))),
        "reduce_levels": int(random.integers(VECTOR_LEVELS + 1)) if random.random() < 0.6 else 0,
    }


def _sliding(random: Random, config: Config, iterations: int) -> dict[str, int]:
    """Return operation, operands and nest of an instruction that slides."""
    destination = Destination(int(random.integers(2)))
    slide = Slide(int(random.integers(Slide.ONE, Slide.TWO + 1)))
    reduce_levels = int(random.integers(VECTOR_LEVELS))
    level = VECTOR_LEVELS - 1 - reduce_levels
    # Lines that are too short, or just long enough, come often.
    most = 4 if random.random() < 0.3 else _MOST_COLUMNS
    columns = int(random.integers(1, min(most, iterations) + 1))
    counts = random_counts(random, VECTOR_LEVELS - 1, max(1, iterations // columns))
    counts.insert(level, columns)
    fields = random_nest(random, counts, {"a": config.act_column_vectors})
    fields |= _taps(random, config, counts, SLIDE_TAPS)
    outputs = 2 * config.acc_words if destination else config.act_column_vectors
    results = [*counts[:level], max(1, slide_results(columns, slide)), *counts[level + 1 :]]
    places = random_nest(random, results, {"record": config.param_words, "output": outputs})
    return {
        **places,
        **fields,
        "operation": Operation.MULTIPLY,
        "a_memory": AMemory.ACT,
        "b_source": BSource.TAP,
        "destination": destination,
        "slide": slide,
        "reduction": Reduction.ADD,
        "reduce_levels": reduce_levels,
    }


def _taps(random: Random, config: Config, counts: Sequence[int], taps: int = 1) -> dict[str, int]:
    """Return b and its steps, so that `taps` slots from each address exist in one word.

    All levels but one step by whole words; that one walks the slots of a word.
    """
    slots = config.taps_per_param_word - taps + 1
    walking = [level for level, count in enumerate(counts) if 1 < count <= slots]
    word, strides = random_place(random, counts, config.param_words)
    steps = [SLOTS_PER_PARAM_WORD * stride for stride in strides]
    first = int(random.integers(slots))
    if walking and random.random() < 0.8:
        level = int(random.choice(walking))
        low, high = bounds(0, counts, strides[:level] + [0] + strides[level + 1 :])
        word = int(random.integers(-low, config.param_words - high))
        steps[level] = int(random.integers(1, (slots - 1) // (counts[level] - 1) + 1))
        reach = steps[level] * (counts[level] - 1)
        first = int(random.integers(slots - reach))
        if random.random() < 0.2:
            first, steps[level] = first + reach, -steps[level]
    steps_by_name = {f"b{level}": step for level, step in enumerate(steps)}
    return {"b": SLOTS_PER_PARAM_WORD * word + first} | steps_by_name
