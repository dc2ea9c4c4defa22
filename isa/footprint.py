"""What an instruction reads and writes: exact sets of places, a memory at a time.

Places of act are units of min(rows, columns) bytes, so that the matrix and the vector engine's
vectors and act words are all whole numbers of them; of weight, acc and param they are words, of
`table` tables, of DRAM bytes. Sets are exact, but for DRAM of an instruction with more than a
million separate runs, where they are a superset.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

from .choices import (
    MATRIX_LEVELS,
    SLIDE_TAPS,
    VECTOR_LEVELS,
    AMemory,
    BSource,
    Destination,
    Memory,
    Opcode,
    Operation,
)
from .config import SLOTS_PER_PARAM_WORD, Config
from .instructions import slide_results
from .intervals import EMPTY, Intervals, interval, nest

__all__ = [
    "DRAM",
    "Access",
    "act_unit_bytes",
    "footprint",
    "memory_places",
    "missing_slots",
    "vector_nest",
]

Fields = Mapping[str, int]

DRAM = "dram"


@dataclass(frozen=True, eq=False)
class Access:
    """One operand of an instruction.

    Attributes
    ----------
    memory : str, act, weight, acc, param, table or dram
    writes : bool, whether it writes; else it reads
    places : Intervals
    """

    memory: str
    writes: bool
    places: Intervals


def act_unit_bytes(config: Config) -> int:
    """Return the bytes of a place of act."""
    return min(config.rows, config.columns)


def memory_places(config: Config, memory: str) -> int:
    """Return how many places `memory` has; a segment of DRAM, `dram name+`, as many as DRAM."""
    return _all_places(config)[DRAM if memory.startswith(DRAM) else memory]


def footprint(config: Config, opcode: Opcode, fields: Fields) -> tuple[Access, ...]:
    """Return the operands of an instruction; none is empty.

    Parameters
    ----------
    fields : every field of the format
    """
    found: Sequence[Access] = ()
    if opcode == Opcode.LOAD:
        found = _load(config, fields)
    elif opcode == Opcode.STORE:
        found = _store(config, fields)
    elif opcode == Opcode.MATRIX:
        found = _matrix(config, fields)
    elif opcode == Opcode.VECTOR:
        found = _vector(config, fields)
    return tuple(access for access in found if len(access.places))


def missing_slots(config: Config, fields: Fields) -> Intervals:
    """Return the tap slots that a vector instruction reads and that no param word has."""
    if not _reads_b(fields) or fields["b_source"] != BSource.TAP:
        return EMPTY
    slots = _slots(fields)
    last = (slots.stops - 1) % SLOTS_PER_PARAM_WORD
    inside = slots.starts // SLOTS_PER_PARAM_WORD == (slots.stops - 1) // SLOTS_PER_PARAM_WORD
    bad = ~inside | (last >= config.taps_per_param_word)
    return Intervals(slots.starts[bad], slots.stops[bad])


def vector_nest(fields: Fields, operand: str) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Return base, counts and steps of the addresses that a vector instruction uses.

    Those of `record` and `output` are the ones of results: the innermost `reduce_levels` levels
    stand at their last iteration; a sliding level counts results, which may be none.
    """
    counts, steps = _level_fields(fields, operand, VECTOR_LEVELS)
    if operand in ("a", "b"):
        return fields[operand], counts, steps
    outer = VECTOR_LEVELS - fields["reduce_levels"]
    inner = zip(counts[outer:], steps[outer:], strict=True)
    base = fields[operand] + sum((count - 1) * step for count, step in inner)
    if fields["slide"]:
        results = slide_results(counts[outer - 1], fields["slide"])
        counts = (*counts[: outer - 1], results, *counts[outer:])
    return base, counts[:outer], steps[:outer]


def _load(config: Config, fields: Fields) -> Sequence[Access]:
    memory = Memory(fields["memory"])
    size = {
        Memory.ACT: config.act_word_bytes,
        Memory.WEIGHT: config.tile_bytes,
        Memory.PARAM: config.param_word_bytes,
        Memory.TABLE: config.table_bytes,
    }[memory]
    words = _words(fields, "destination", size)
    if memory == Memory.ACT:
        words = _scaled(words, config.act_word_bytes // act_unit_bytes(config))
    return Access(DRAM, False, _loaded(fields)), Access(memory.name.lower(), True, words)


def _loaded(fields: Fields) -> Intervals:
    """Return the bytes of DRAM that exist and are read."""
    first = max(fields["z_origin"], 0)
    lines = min(fields["z_origin"] + fields["z_count"], fields["line_count"]) - first
    if lines <= 0:
        return EMPTY
    runs = (fields["y_count"],), (fields["y_stride"],)
    begin = fields["x_origin"] + min(0, fields["y_stride"] * (fields["y_count"] - 1))
    end = begin + abs(fields["y_stride"]) * (fields["y_count"] - 1) + fields["x_bytes"]
    base = fields["address"] + first * fields["z_stride"]
    if begin >= 0 and end <= fields["line_bytes"]:
        counts, steps = (lines, *runs[0]), (fields["z_stride"], *runs[1])
        return nest(base + fields["x_origin"], counts, steps, fields["x_bytes"])
    line = nest(fields["x_origin"], *runs, fields["x_bytes"]).clipped(0, fields["line_bytes"])
    return line.repeated((lines,), (fields["z_stride"],)).shifted(base)


def _store(config: Config, fields: Fields) -> Sequence[Access]:
    words = _words(fields, "source", config.act_word_bytes)
    units = _scaled(words, config.act_word_bytes // act_unit_bytes(config))
    counts = fields["z_count"], fields["y_count"]
    strides = fields["z_stride"], fields["y_stride"]
    stored = nest(fields["address"], counts, strides, fields["x_bytes"])
    return Access("act", False, units), Access(DRAM, True, stored)


def _matrix(config: Config, fields: Fields) -> Sequence[Access]:
    act, weight, acc = (
        nest(fields[name], *_level_fields(fields, name, MATRIX_LEVELS))
        for name in ("act", "weight", "acc")
    )
    return (
        Access("act", False, _scaled(act, config.rows // act_unit_bytes(config))),
        Access("weight", False, weight),
        # Products are added to what acc holds; who writes a place may read it too.
        Access("acc", True, acc),
    )


def _vector(config: Config, fields: Fields) -> Sequence[Access]:
    result: list[Access] = []
    ratio = config.columns // act_unit_bytes(config)

    def add(memory: str, writes: bool, operand: str) -> None:
        base, counts, steps = vector_nest(fields, operand)
        places = nest(base, counts, steps) if all(counts) else EMPTY
        result.append(Access(memory, writes, _scaled(places, ratio if memory == "act" else 1)))

    add("act" if fields["a_memory"] == AMemory.ACT else "acc", False, "a")
    if _reads_b(fields) and fields["b_source"] == BSource.ACC:
        add("acc", False, "b")
    if _reads_b(fields) and fields["b_source"] == BSource.TAP:
        result.append(Access("param", False, _slots(fields).divided(SLOTS_PER_PARAM_WORD)))
    if fields["operation"] == Operation.TABLE:
        table = fields["table"]
        result.append(Access("table", False, interval(table, table + 1)))
    if fields["requantize"]:
        add("param", False, "record")
    add("act" if fields["destination"] == Destination.ACT else "acc", True, "output")
    return result


def _reads_b(fields: Fields) -> bool:
    return fields["operation"] not in (Operation.COPY, Operation.TABLE)


def _slots(fields: Fields) -> Intervals:
    """Return the tap slots that are read."""
    base, counts, steps = vector_nest(fields, "b")
    return nest(base, counts, steps, SLIDE_TAPS if fields["slide"] else 1)


def _level_fields(
    fields: Fields, operand: str, levels: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return _getter("count", levels)(fields), _getter(operand, levels)(fields)


@lru_cache
def _getter(name: str, levels: int) -> Callable[[Fields], tuple[int, ...]]:
    """Return what takes the fields name0, name1, ... of an instruction."""
    return itemgetter(*(f"{name}{level}" for level in range(levels)))


def _words(fields: Fields, local: str, word_bytes: int) -> Intervals:
    """Return the words on the chip that a load or a store touches."""
    counts, steps = (fields["z_count"], fields["y_count"]), (fields["z_step"], fields["y_step"])
    return nest(fields[local], counts, steps, -(-fields["x_bytes"] // word_bytes))


def _scaled(words: Intervals, ratio: int) -> Intervals:
    """Return the places of words of `ratio` places each."""
    return words if ratio == 1 else Intervals(words.starts * ratio, words.stops * ratio)


@lru_cache
def _all_places(config: Config) -> dict[str, int]:
    return {
        "act": config.act_bytes // act_unit_bytes(config),
        "weight": config.weight_tiles,
        "acc": 2 * config.acc_words,
        "param": config.param_words,
        "table": config.tables,
        DRAM: 1 << config.address_bits,
    }
