"""Random legal instructions, every option of each opcode, without waits and signals."""

from dataclasses import dataclass

import numpy as np

from isa.config import Config
from isa.instructions import MATRIX_LEVELS, Engine, Memory, Opcode
from isa.program import Instruction

from ..functional.nest import bounds
from ..memory import Bytes
from .placement import Random, random_counts, random_nest, random_place
from .vectors import random_vector

__all__ = ["Sizes", "random_dram", "random_instruction"]

# The requantisation is defined for shifts of -31..31; every byte of param may become one.
MOST_SHIFT = 31


@dataclass(frozen=True)
class Sizes:
    """How large random instructions get.

    Attributes
    ----------
    iterations : int, most iterations of a matrix or vector instruction
    run_bytes : int, most bytes of a run of a load or store
    runs : int, most runs of a load or store
    param_start : int, loads of param read from here up to dram_start, where nothing is stored
    dram_start : int, all other loads and stores stay from here
    dram_bytes : int, up to here
    """

    iterations: int = 200
    run_bytes: int = 80
    runs: int = 24
    param_start: int = 1 << 14
    dram_start: int = 1 << 15
    dram_bytes: int = 1 << 16


def random_dram(random: Random, sizes: Sizes) -> Bytes:
    """Return uint8[dram_bytes]: random bytes, those for param legal as multipliers and shifts."""
    dram = random.integers(0, 256, sizes.dram_bytes, np.uint8)
    size = sizes.dram_start - sizes.param_start
    legal = random.integers(-MOST_SHIFT, MOST_SHIFT + 1, size).astype(np.int8)
    dram[sizes.param_start : sizes.dram_start] = legal.view(np.uint8)
    return dram


def random_instruction(random: Random, config: Config, opcode: Opcode, sizes: Sizes) -> Instruction:
    """Return a legal instruction that stays inside all memories."""
    if opcode == Opcode.LOAD:
        return Instruction(opcode, _load(random, config, sizes))
    if opcode == Opcode.MATRIX:
        return Instruction(opcode, _matrix(random, config, sizes))
    if opcode == Opcode.VECTOR:
        return random_vector(random, config, sizes.iterations)
    if opcode == Opcode.STORE:
        return Instruction(opcode, _store(random, config, sizes))
    if opcode == Opcode.SYNC:
        return Instruction(opcode, {"engine": int(random.integers(len(Engine)))})
    return Instruction(opcode)


def _transfer(
    random: Random, words: int, word_bytes: int, local: str, sizes: Sizes
) -> dict[str, int]:
    """Return the fields of load and store that place runs on chip, and the run's shape."""
    x_bytes = int(random.integers(1, min(sizes.run_bytes, words * word_bytes) + 1))
    z_count, y_count = random_counts(random, 2, sizes.runs)
    run_words = -(-x_bytes // word_bytes)
    base, strides = random_place(random, (z_count, y_count), words - run_words + 1)
    return {
        local: base,
        "x_bytes": x_bytes,
        "z_count": z_count,
        "y_count": y_count,
        "z_step": strides[0],
        "y_step": strides[1],
    }


def _strides(random: Random, sizes: Sizes, region_bytes: int) -> tuple[int, int]:
    """Return random strides of lines and runs in DRAM, often unaligned."""
    reach = region_bytes // (4 * max(sizes.runs, 1))
    z_stride, y_stride = (int(random.integers(-reach, reach + 1)) for _ in range(2))
    if random.random() < 0.5:
        y_stride = int(random.integers(-sizes.run_bytes, sizes.run_bytes + 1))
    return z_stride, y_stride


def _load(random: Random, config: Config, sizes: Sizes) -> dict[str, int]:
    choices = [Memory.ACT, Memory.ACT, Memory.WEIGHT, Memory.PARAM]
    memory = Memory(random.choice(choices + [Memory.TABLE] * bool(config.tables)))
    words, word_bytes = {
        Memory.ACT: (config.act_words, config.act_word_bytes),
        Memory.WEIGHT: (config.weight_tiles, config.tile_bytes),
        Memory.PARAM: (config.param_words, config.param_word_bytes),
        Memory.TABLE: (config.tables, config.table_bytes),
    }[memory]
    fields = _transfer(random, words, word_bytes, "destination", sizes)
    fields["memory"] = memory
    region = (sizes.dram_start, sizes.dram_bytes)
    if memory == Memory.PARAM:
        region = (sizes.param_start, sizes.dram_start)
    z_stride, y_stride = _strides(random, sizes, region[1] - region[0])
    x_origin = z_origin = 0
    if random.random() < 0.5:
        x_origin, z_origin = int(random.integers(-24, 8)), int(random.integers(-4, 3))
        fields["line_bytes"] = int(random.integers(0, 2 * sizes.run_bytes))
        fields["line_count"] = int(random.integers(0, sizes.runs))
        most = MOST_SHIFT if memory == Memory.PARAM else 127
        fields["fill"] = int(random.integers(-most, most + 1))
    counts = (fields["z_count"], fields["y_count"])
    low, high = bounds(z_origin * z_stride + x_origin, counts, (z_stride, y_stride))
    first, last = region[0] - low, region[1] - fields["x_bytes"] - high
    return fields | {
        "address": int(random.integers(max(first, 0), last + 1)),
        "z_stride": z_stride,
        "y_stride": y_stride,
        "x_origin": x_origin,
        "z_origin": z_origin,
    }


def _store(random: Random, config: Config, sizes: Sizes) -> dict[str, int]:
    fields = _transfer(random, config.act_words, config.act_word_bytes, "source", sizes)
    z_stride, y_stride = _strides(random, sizes, sizes.dram_bytes - sizes.dram_start)
    counts = (fields["z_count"], fields["y_count"])
    low, high = bounds(0, counts, (z_stride, y_stride))
    first, last = sizes.dram_start - low, sizes.dram_bytes - fields["x_bytes"] - high
    address = int(random.integers(first, last + 1))
    return fields | {"address": address, "z_stride": z_stride, "y_stride": y_stride}


def _matrix(random: Random, config: Config, sizes: Sizes) -> dict[str, int]:
    counts = random_counts(random, MATRIX_LEVELS, sizes.iterations)
    operands = {
        "acc": 2 * config.acc_words,
        "act": config.act_row_vectors,
        "weight": config.weight_tiles,
    }
    fields = random_nest(random, counts, operands)
    fields["accumulate"] = int(random.random() < 0.4)
    fields["reduce"] = int(random.integers(1 << MATRIX_LEVELS))
    if random.random() < 0.6:
        # As compilers write it: a level of the reduction does not move acc.
        for level in range(MATRIX_LEVELS):
            if fields["reduce"] >> level & 1:
                fields[f"acc{level}"] = 0
        fields["acc"], strides = random_place(random, counts, 2 * config.acc_words)
        for level, stride in enumerate(strides):
            fields[f"acc{level}"] = 0 if fields["reduce"] >> level & 1 else stride
        low, high = bounds(0, counts, [fields[f"acc{level}"] for level in range(MATRIX_LEVELS)])
        fields["acc"] = int(random.integers(-low, 2 * config.acc_words - high))
    return fields
