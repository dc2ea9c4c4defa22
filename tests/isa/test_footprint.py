"""What instructions touch: the same as their meaning in docs/isa.md, walked step by step."""

import itertools
import random

import pytest

from isa.config import SLOTS_PER_PARAM_WORD, Config
from isa.footprint import act_unit_bytes, footprint, memory_places, missing_slots
from isa.instructions import (
    MATRIX_LEVELS,
    VECTOR_LEVELS,
    AMemory,
    BSource,
    Destination,
    Memory,
    Opcode,
    Operation,
    Reduction,
    Slide,
    instruction_set,
)

# Rows and columns differ both ways, and words of every memory differ in size.
WIDE = Config("wide", 4, 16, act_words=64, weight_tiles=32, acc_words=32, param_words=16)
TALL = Config(
    "tall", 16, 4, act_words=64, weight_tiles=32, acc_words=32, param_words=16, bus_bytes=4
)
CONFIGS = (WIDE, TALL)

Touched = dict[tuple[str, bool], set[int]]


def found(config: Config, opcode: Opcode, fields: dict[str, int]) -> Touched:
    result: Touched = {}
    for access in footprint(config, opcode, fields):
        assert len(access.places), "an operand that touches nothing is left out"
        places = {p for start, stop in access.places for p in range(start, stop)}
        result.setdefault((access.memory, access.writes), set()).update(places)
    return result


def every_field(config: Config, opcode: Opcode, fields: dict[str, int]) -> dict[str, int]:
    form = instruction_set(config).format(opcode)
    return {field.name: field.default for field in form.fields[1:]} | fields


def units(config: Config, address: int, vector_bytes: int) -> set[int]:
    """Return the places of act of one vector or word."""
    ratio = vector_bytes // act_unit_bytes(config)
    return set(range(address * ratio, (address + 1) * ratio))


def walk(counts: list[int]) -> itertools.product:
    return itertools.product(*(range(count) for count in counts))


def expected_load(config: Config, fields: dict[str, int]) -> Touched:
    memory = Memory(fields["memory"])
    sizes = (config.act_word_bytes, config.tile_bytes, config.param_word_bytes, config.table_bytes)
    size = sizes[memory]
    reads, writes = set(), set()
    for z, y in walk([fields["z_count"], fields["y_count"]]):
        line, start = fields["z_origin"] + z, fields["x_origin"] + y * fields["y_stride"]
        if 0 <= line < fields["line_count"]:
            for position in range(start, start + fields["x_bytes"]):
                if 0 <= position < fields["line_bytes"]:
                    reads.add(fields["address"] + line * fields["z_stride"] + position)
        word = fields["destination"] + z * fields["z_step"] + y * fields["y_step"]
        writes |= set(range(word, word - (-fields["x_bytes"] // size)))
    if memory == Memory.ACT:
        writes = set().union(*(units(config, word, size) for word in writes))
    result = {("dram", False): reads, (memory.name.lower(), True): writes}
    return {key: places for key, places in result.items() if places}


def expected_store(config: Config, fields: dict[str, int]) -> Touched:
    reads, writes = set(), set()
    for z, y in walk([fields["z_count"], fields["y_count"]]):
        start = fields["address"] + z * fields["z_stride"] + y * fields["y_stride"]
        writes |= set(range(start, start + fields["x_bytes"]))
        word = fields["source"] + z * fields["z_step"] + y * fields["y_step"]
        for chunk in range(-(-fields["x_bytes"] // config.act_word_bytes)):
            reads |= units(config, word + chunk, config.act_word_bytes)
    return {("act", False): reads, ("dram", True): writes}


def address(fields: dict[str, int], operand: str, at: tuple[int, ...]) -> int:
    return fields[operand] + sum(i * fields[f"{operand}{level}"] for level, i in enumerate(at))


def expected_matrix(config: Config, fields: dict[str, int]) -> Touched:
    act, weight, acc = set(), set(), set()
    for at in walk([fields[f"count{level}"] for level in range(MATRIX_LEVELS)]):
        act |= units(config, address(fields, "act", at), config.rows)
        weight.add(address(fields, "weight", at))
        acc.add(address(fields, "acc", at))
    return {("act", False): act, ("weight", False): weight, ("acc", True): acc}


def expected_vector(config: Config, fields: dict[str, int]) -> Touched:
    result: Touched = {}

    def touch(memory: str, writes: bool, place: int) -> None:
        places = units(config, place, config.columns) if memory == "act" else {place}
        result.setdefault((memory, writes), set()).update(places)

    counts = [fields[f"count{level}"] for level in range(VECTOR_LEVELS)]
    inner = VECTOR_LEVELS - fields["reduce_levels"]
    reads_b = fields["operation"] not in (Operation.COPY, Operation.TABLE)
    for at in walk(counts):
        memory = "act" if fields["a_memory"] == AMemory.ACT else "acc"
        touch(memory, False, address(fields, "a", at))
        slot = address(fields, "b", at)
        if reads_b and fields["b_source"] == BSource.ACC:
            touch("acc", False, slot)
        if reads_b and fields["b_source"] == BSource.TAP:
            for tap in range(3 if fields["slide"] else 1):
                touch("param", False, (slot + tap) // SLOTS_PER_PARAM_WORD)
        if fields["operation"] == Operation.TABLE:
            touch("table", False, fields["table"])
        if any(at[level] != counts[level] - 1 for level in range(inner, VECTOR_LEVELS)):
            continue
        result_at = list(at)
        if fields["slide"]:
            column = at[inner - 1]
            if column < 2 or (column - 2) % fields["slide"]:
                continue
            result_at[inner - 1] = (column - 2) // fields["slide"]
        if fields["requantize"]:
            touch("param", False, address(fields, "record", result_at))
        memory = "act" if fields["destination"] == Destination.ACT else "acc"
        touch(memory, True, address(fields, "output", result_at))
    return result


EXPECTED = {
    Opcode.LOAD: expected_load,
    Opcode.STORE: expected_store,
    Opcode.MATRIX: expected_matrix,
    Opcode.VECTOR: expected_vector,
}


def draw_fields(draw: random.Random, config: Config, opcode: Opcode) -> dict[str, int]:
    """Return fields, not always legal together: small counts, any addresses and steps."""
    fields = {"wait": 0, "signal": 0}
    for field in instruction_set(config).format(opcode).fields[3:]:
        name = field.name
        if field.choices is not None:
            fields[name] = int(draw.choice(list(field.choices)))
        elif "count" in name and name != "line_count":
            fields[name] = draw.choice([1, 1, 2, 3, 5])
        elif name in ("x_bytes", "line_bytes"):
            fields[name] = draw.randint(1, 40)
        elif name == "line_count":
            fields[name] = draw.randint(0, 6)
        elif field.signed:
            reach = min(field.high, draw.choice([2, 20]))
            fields[name] = draw.randint(-reach, reach)
        else:
            fields[name] = draw.randint(field.low, min(field.high, 300))
    if opcode == Opcode.VECTOR and fields["slide"]:
        fields |= {"operation": Operation.MULTIPLY, "b_source": BSource.TAP, "a_memory": 0}
        fields |= {"reduction": Reduction.ADD, "reduce_levels": draw.randint(0, 4)}
    return fields


@pytest.mark.parametrize("opcode", EXPECTED, ids=lambda opcode: opcode.name.lower())
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_places_are_those_of_the_meaning(config: Config, opcode: Opcode) -> None:
    seed = 11
    draw = random.Random(seed)
    for _ in range(60):
        fields = draw_fields(draw, config, opcode)
        expected = EXPECTED[opcode](config, fields)
        assert found(config, opcode, fields) == expected, f"seed {seed}: {fields}"


def test_a_row_too_short_to_slide_writes_nothing() -> None:
    fields = {"operation": Operation.MULTIPLY, "b_source": BSource.TAP, "reduction": Reduction.ADD}
    fields = every_field(WIDE, Opcode.VECTOR, fields | {"slide": Slide.ONE, "count4": 2})
    assert set(found(WIDE, Opcode.VECTOR, fields)) == {("act", False), ("param", False)}


def test_sync_and_end_touch_nothing() -> None:
    assert footprint(WIDE, Opcode.SYNC, {"wait": 1, "signal": 0, "engine": 1}) == ()
    assert footprint(WIDE, Opcode.END, {}) == ()


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"b": 8}, []),
        ({"b": 9}, [(9, 10)]),
        ({"b": 32, "count4": 9, "b4": 1}, []),
        ({"b": 32, "count4": 10, "b4": 1}, [(32, 42)]),
        ({"b": 6, "count4": 3, "b4": 16, "slide": Slide.ONE, "count3": 3}, []),
        ({"b": 7, "slide": Slide.ONE}, [(7, 10)]),
        ({"b": 9, "operation": Operation.COPY}, []),
    ],
)
def test_slots_that_do_not_exist(fields: dict[str, int], missing: list[tuple[int, int]]) -> None:
    given = {"operation": Operation.MULTIPLY, "b_source": BSource.TAP} | fields
    assert list(missing_slots(WIDE, every_field(WIDE, Opcode.VECTOR, given))) == missing


def test_sizes_of_memories() -> None:
    sizes = {"act": 256, "weight": 32, "acc": 64, "param": 16, "table": 2, "dram": 1 << 32}
    assert {memory: memory_places(WIDE, memory) for memory in sizes} == sizes
