"""Instruction formats: round trips on every machine, and every rule that makes a word illegal."""

import random
from dataclasses import replace

import pytest

from isa.config import preset
from isa.errors import DecodeError, EncodeError
from isa.instructions import (
    INSTRUCTION_BITS,
    MAX_COUNT,
    AMemory,
    BSource,
    Engine,
    Memory,
    Opcode,
    Operation,
    Reduction,
    Slide,
    instruction_set,
    slide_results,
)

VTA = instruction_set(preset("vta"))
WITHOUT_TABLES = instruction_set(preset("ulx3s"))
SLIDING = {"operation": Operation.MULTIPLY, "b_source": BSource.TAP, "reduction": Reduction.ADD}


def test_formats_are_in_the_order_of_the_opcodes(config):
    isa = instruction_set(config)
    for opcode in Opcode:
        form = isa.format(opcode)
        assert form.name == opcode.name.lower()
        assert form.word_bits == INSTRUCTION_BITS
        assert form.bits <= INSTRUCTION_BITS
        names = [field.name for field in form.fields]
        assert len(set(names)) == len(names)


def test_header_is_the_same_everywhere(config):
    """A decoder finds opcode, wait and signal before it knows the format."""
    isa = instruction_set(config)
    for opcode in Opcode:
        form = isa.format(opcode)
        assert form.offset("opcode") == 0
        if opcode != Opcode.END:
            assert (form.offset("wait"), form.offset("signal")) == (4, 8)


@pytest.mark.parametrize("seed", range(4))
def test_round_trip(config, instructions, seed):
    isa = instruction_set(config)
    for number, instruction in enumerate(instructions(config, seed, 25)):
        word = isa.encode(instruction.opcode, dict(instruction.fields))
        assert 0 <= word < 1 << INSTRUCTION_BITS
        found = isa.decode(word)
        assert found == (instruction.opcode, instruction.fields), f"seed {seed}, number {number}"


def test_single_fields(config):
    """Each field at each of its ends, all others at their defaults."""
    isa = instruction_set(config)
    for opcode in Opcode:
        form = isa.format(opcode)
        defaults = form.decode(form.encode({"opcode": opcode}))
        for field in form.fields[1:]:
            for value in (field.low, field.high, field.default):
                word = form.encode({"opcode": opcode, field.name: value})
                assert form.decode(word) == {**defaults, field.name: value}


def test_addresses_reach_every_word(config):
    """The address fields hold the last word of each memory, steps the way back from it."""
    isa = instruction_set(config)
    reach = {
        (Opcode.LOAD, "destination"): max(
            config.act_words, config.weight_tiles, config.param_words, config.tables
        ),
        (Opcode.LOAD, "address"): 1 << config.address_bits,
        (Opcode.MATRIX, "acc"): 2 * config.acc_words,
        (Opcode.MATRIX, "act"): config.act_row_vectors,
        (Opcode.MATRIX, "weight"): config.weight_tiles,
        (Opcode.VECTOR, "a"): max(config.act_column_vectors, 2 * config.acc_words),
        (Opcode.VECTOR, "b"): max(config.param_slots, 2 * config.acc_words),
        (Opcode.VECTOR, "record"): config.param_words,
        (Opcode.VECTOR, "output"): max(config.act_column_vectors, 2 * config.acc_words),
        (Opcode.STORE, "source"): config.act_words,
    }
    for (opcode, name), words in reach.items():
        form = isa.format(opcode)
        assert form.field(name).high >= words - 1
        if opcode in (Opcode.MATRIX, Opcode.VECTOR):
            step = form.field(f"{name}0")
            assert step.low <= -(words - 1) and step.high >= words - 1
            assert form.field("count0").high == MAX_COUNT
    if config.tables:
        assert isa.format(Opcode.VECTOR).field("table").high >= config.tables - 1


def test_defaults_are_legal(config):
    isa = instruction_set(config)
    for opcode in Opcode:
        found, fields = isa.decode(isa.encode(opcode, {}))
        assert found == opcode and "opcode" not in fields


@pytest.mark.parametrize("opcode", Opcode)
def test_reserved_bits(opcode):
    """Each bit above the last field makes the word illegal."""
    form = VTA.format(opcode)
    word = VTA.encode(opcode, {})
    for bit in range(form.bits, INSTRUCTION_BITS):
        with pytest.raises(
            DecodeError, match=rf"^{form.name}: bits from {form.bits} up must be zero$"
        ):
            VTA.decode(word | 1 << bit)
    with pytest.raises(DecodeError, match=rf"^{form.name}: bits from {form.bits} up must be zero$"):
        VTA.decode(word | 1 << INSTRUCTION_BITS)


@pytest.mark.parametrize("code", range(max(Opcode) + 1, 16))
def test_opcode_that_does_not_exist(code):
    with pytest.raises(DecodeError, match=rf"^opcode must be in 0\.\.5, not {code}$"):
        VTA.decode(code)


ITSELF = [
    (opcode, mask, engine, fields)
    for engine in Engine
    for mask in ("wait", "signal")
    for opcode, fields in ((Opcode(engine), {}), (Opcode.SYNC, {"engine": engine}))
]


@pytest.mark.parametrize(("opcode", "mask", "engine", "fields"), ITSELF)
def test_engine_neither_waits_for_nor_signals_itself(opcode, mask, engine, fields):
    reason = "cannot wait for itself" if mask == "wait" else "cannot signal itself"
    name = opcode.name.lower()
    for others in (0, 0b1111):
        with pytest.raises(DecodeError, match=rf"^{name}: an engine {reason}$"):
            VTA.encode(opcode, {**fields, mask: 1 << engine | others})
    for other in Engine:
        if other != engine:
            VTA.encode(opcode, {**fields, mask: 1 << other})


RULES = [
    (
        VTA,
        Opcode.VECTOR,
        {"a_memory": AMemory.ACC, "b_source": BSource.ACC},
        "vector: a and b cannot both be read from acc",
    ),
    (
        VTA,
        Opcode.VECTOR,
        {"a_memory": AMemory.ACC, "operation": Operation.TABLE},
        "vector: a table is indexed from act, not from acc",
    ),
    (
        WITHOUT_TABLES,
        Opcode.VECTOR,
        {"operation": Operation.TABLE},
        "vector: this machine has no tables",
    ),
    (WITHOUT_TABLES, Opcode.LOAD, {"memory": Memory.TABLE}, "load: this machine has no tables"),
]


SLIDE_RULES = [
    *(("operation", value, "multiplies") for value in Operation if value != Operation.MULTIPLY),
    *(("b_source", value, "multiplies by taps") for value in BSource if value != BSource.TAP),
    ("a_memory", AMemory.ACC, "reads a from act"),
    *(("reduction", value, "adds") for value in Reduction if value != Reduction.ADD),
    ("reduce_levels", 5, "needs a level outside of those that reduce"),
]


@pytest.mark.parametrize("slide", [Slide.ONE, Slide.TWO])
@pytest.mark.parametrize(("name", "value", "reason"), SLIDE_RULES)
def test_slide_rule(slide, name, value, reason):
    """A sliding row with one field wrong; the machine without the feature refuses all of them."""
    fields = {"slide": slide, **SLIDING, name: value}
    with pytest.raises(DecodeError, match=f"^vector: a sliding row {reason}$"):
        VTA.encode(Opcode.VECTOR, fields)
    without = replace(preset("vta"), row_taps=1)
    with pytest.raises(DecodeError, match="^vector: this machine has no sliding rows$"):
        instruction_set(without).encode(Opcode.VECTOR, fields)


def test_slides():
    """All other fields are free; without `slide` they mean what they did."""
    for slide in Slide:
        for reduce_levels in range(5):
            fields = {"slide": slide, **SLIDING, "reduce_levels": reduce_levels}
            _, found = VTA.decode(VTA.encode(Opcode.VECTOR, fields))
            assert {name: found[name] for name in fields} == fields
    WITHOUT_TABLES.encode(Opcode.VECTOR, SLIDING)
    with pytest.raises(EncodeError, match=r"^vector\.slide must be in 0\.\.2, not 3$"):
        VTA.encode(Opcode.VECTOR, {"slide": 3, **SLIDING})


@pytest.mark.parametrize("columns", range(1, 20))
def test_slide_results(columns):
    for slide in (Slide.ONE, Slide.TWO):
        ends = [x for x in range(2, columns) if (x - 2) % slide == 0]
        assert slide_results(columns, slide) == len(ends)


@pytest.mark.parametrize(("isa", "opcode", "fields", "message"), RULES)
def test_rule(isa, opcode, fields, message):
    """All conditions together are illegal; each alone, where there are several, is not."""
    with pytest.raises(DecodeError, match=f"^{message}$"):
        isa.encode(opcode, fields)
    if len(fields) > 1:
        for name, value in fields.items():
            isa.encode(opcode, {name: value})


def test_every_rule_is_tested():
    """The engines' own rules, 16 of them, and those above."""
    assert {rule.reason for rule in (*VTA.rules, *WITHOUT_TABLES.rules)} == {
        "an engine cannot wait for itself",
        "an engine cannot signal itself",
        "this machine has no sliding rows",
        *(f"a sliding row {reason}" for *_, reason in SLIDE_RULES),
        *(message.split(": ")[1] for *_, message in RULES),
    }
    assert len(VTA.rules) == len(ITSELF) + 2 + 2 * len(SLIDE_RULES)
    assert len(WITHOUT_TABLES.rules) == len(ITSELF) + 4 + 2


@pytest.mark.parametrize(
    ("opcode", "name", "value", "message"),
    [
        (Opcode.LOAD, "x_bytes", 0, r"load\.x_bytes must be in 1\.\.1048576, not 0"),
        (Opcode.MATRIX, "count3", 8193, r"matrix\.count3 must be in 1\.\.8192, not 8193"),
        (Opcode.VECTOR, "reduce_levels", 6, r"vector\.reduce_levels must be in 0\.\.5, not 6"),
        (Opcode.VECTOR, "b_source", 3, r"vector\.b_source must be in 0\.\.2, not 3"),
        (Opcode.STORE, "address", 1 << 32, r"store\.address must be in 0\.\.4294967295, not .*"),
        (Opcode.SYNC, "engine", 4, r"sync\.engine must be in 0\.\.3, not 4"),
        (Opcode.END, "wait", 1, r"end has no field 'wait'"),
        (Opcode.SYNC, "address", 0, r"sync has no field 'address'"),
    ],
)
def test_encode_error(opcode, name, value, message):
    with pytest.raises(EncodeError, match=f"^{message}$"):
        VTA.encode(opcode, {name: value})


@pytest.mark.parametrize("seed", range(3))
def test_any_word_is_decoded_or_refused(config, seed):
    """Random words never do anything else; what decodes encodes to the same word."""
    isa, draw = instruction_set(config), random.Random(seed)
    for _ in range(60):
        opcode = draw.choice(list(Opcode))
        form = isa.format(opcode)
        word = draw.getrandbits(form.bits) & ~0xF | opcode
        try:
            found, fields = isa.decode(word)
        except DecodeError:
            continue
        assert found == opcode and isa.encode(opcode, fields) == word, f"seed {seed}"
