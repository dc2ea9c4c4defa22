"""Random machines and random instructions of them."""

import random

import pytest

from isa.config import PRESETS, Config
from isa.errors import ConfigError, DecodeError
from isa.instructions import AMemory, BSource, Opcode, Operation, Reduction, instruction_set
from isa.program import Instruction

# What a sliding row needs.
SLIDING = {
    "operation": Operation.MULTIPLY,
    "b_source": BSource.TAP,
    "a_memory": AMemory.ACT,
    "reduction": Reduction.ADD,
}


def random_config(seed):
    """Return a machine of random, legal numbers whose instructions fit."""
    draw = random.Random(seed)
    while True:
        rows = draw.choice([1, 2, 3, 4, 6, 8, 12, 16, 32])
        columns = max(1, rows * draw.choice([1, 1, 2, 4, 8]) // draw.choice([1, 1, 2, 4]))
        try:
            config = Config(
                f"random{seed}",
                rows,
                columns,
                act_words=16 * draw.randint(1, 2048),
                weight_tiles=draw.randint(2, 3000),
                acc_words=2 ** draw.randint(1, 11),
                param_words=draw.randint(2, 500),
                tables=draw.randint(0, 16),
                act_banks=2 ** draw.randint(0, 4),
                bus_bytes=2 ** draw.randint(2, 4),
                address_bits=draw.randint(16, 40),
                windows=draw.randint(1, 16),
                row_taps=draw.choice([1, 3]),
            )
            instruction_set(config)
        except ConfigError:
            continue
        return config


def random_value(draw, field):
    """Return a legal value of `field`, often one of its ends."""
    if field.choices is not None and not field.mask:
        return int(draw.choice(list(field.choices)))
    return draw.choice([field.low, field.high, field.default, draw.randint(field.low, field.high)])


def random_instruction(draw, config, opcode):
    """Return a legal instruction with every field."""
    isa = instruction_set(config)
    while True:
        fields = {
            field.name: random_value(draw, field)
            for field in isa.format(opcode).fields
            if field.name != "opcode"
        }
        if fields.get("slide") and draw.random() < 0.5:
            fields |= SLIDING
        try:
            isa.encode(opcode, fields)
        except DecodeError:
            continue
        return Instruction(opcode, fields)


CONFIGS = [*PRESETS.values(), *(random_config(seed) for seed in range(8))]


@pytest.fixture(params=CONFIGS, ids=lambda config: config.name)
def config(request):
    """Every preset and some random machines; their seeds stand in their names."""
    return request.param


@pytest.fixture
def instructions():
    """`instructions(config, seed, count)` gives random legal instructions of every opcode."""

    def make(config, seed, count):
        draw = random.Random(seed)
        opcodes = [opcode for opcode in Opcode if opcode != Opcode.END]
        return [random_instruction(draw, config, draw.choice(opcodes)) for _ in range(count)]

    return make
