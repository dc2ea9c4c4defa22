"""Oracles: each instruction as isa.meanings states it, one iteration at a time, plain integers."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from isa.arithmetic import Rounding, requantize, saturate
from isa.instructions import (
    AMemory,
    BSource,
    Destination,
    Memory,
    Operation,
    Reduction,
    instruction_set,
)


def _wrap(value):
    return (int(value) + 2**31) % 2**32 - 2**31


def _load(config, fields, pads, dram):
    memory = pads.loaded(Memory(fields["memory"]))
    word_bytes = memory.shape[1]
    for z in range(fields["z_count"]):
        for y in range(fields["y_count"]):
            run = []
            for x in range(fields["x_bytes"]):
                position = fields["x_origin"] + y * fields["y_stride"] + x
                line = fields["z_origin"] + z
                exists = 0 <= position < fields["line_bytes"] and 0 <= line < fields["line_count"]
                address = fields["address"] + line * fields["z_stride"] + position
                run.append(dram[address] if exists else fields["fill"] & 255)
            while len(run) % word_bytes:
                run.append(fields["fill"] & 255)
            word = fields["destination"] + z * fields["z_step"] + y * fields["y_step"]
            for offset in range(len(run) // word_bytes):
                memory[word + offset] = run[offset * word_bytes : (offset + 1) * word_bytes]


def _store(config, fields, pads, dram):
    act = pads.act.reshape(-1)
    for z in range(fields["z_count"]):
        for y in range(fields["y_count"]):
            word = fields["source"] + z * fields["z_step"] + y * fields["y_step"]
            for x in range(fields["x_bytes"]):
                address = fields["address"] + z * fields["z_stride"] + y * fields["y_stride"] + x
                dram[address] = act[word * config.act_word_bytes + x]


def _iterate(fields, levels):
    return itertools.product(*(range(fields[f"count{level}"]) for level in range(levels)))


def _at(fields, name, index):
    return fields[name] + sum(i * fields[f"{name}{level}"] for level, i in enumerate(index))


def _matrix(config, fields, pads, dram):
    for index in _iterate(fields, 6):
        tile = pads.tiles[_at(fields, "weight", index)].astype(np.int64)
        product = tile @ pads.act_rows[_at(fields, "act", index)].astype(np.int64)
        first = not fields["accumulate"] and all(
            i == 0 for level, i in enumerate(index) if fields["reduce"] >> level & 1
        )
        word = _at(fields, "acc", index)
        for column in range(config.columns):
            old = 0 if first else int(pads.acc[word, column])
            pads.acc[word, column] = _wrap(old + int(product[column]))


def _lanes(config, fields, pads, index):
    """Return the value of every lane in one iteration."""
    place = _at(fields, "a", index)
    source = pads.act_columns if fields["a_memory"] == AMemory.ACT else pads.acc
    a = [_wrap(int(value) + fields["a_offset"]) for value in source[place]]
    operation = fields["operation"]
    if operation == Operation.COPY:
        return a
    if operation == Operation.TABLE:
        table = pads.table[fields["table"]].view(np.int8)
        return [int(table[(value + 128) % 256]) for value in a]
    if fields["b_source"] == BSource.IMMEDIATE:
        b = [fields["immediate"]] * config.columns
    elif fields["b_source"] == BSource.ACC:
        b = [int(value) for value in pads.acc[_at(fields, "b", index)]]
    else:
        word, slot = divmod(_at(fields, "b", index), 16)
        taps = pads.param[word, slot * config.columns : (slot + 1) * config.columns]
        b = [int(value) for value in taps.view(np.int8)]
    function = {
        Operation.ADD: lambda x, y: x + y,
        Operation.SUBTRACT: lambda x, y: x - y,
        Operation.MULTIPLY: lambda x, y: x * y,
        Operation.MAXIMUM: max,
        Operation.MINIMUM: min,
    }[operation]
    return [_wrap(function(x, y)) for x, y in zip(a, b, strict=True)]


def _slide(config, fields, pads):
    """Every result of every line, as the sum that isa.meanings gives."""
    level = 4 - fields["reduce_levels"]
    counts = [fields[f"count{level}"] for level in range(5)]
    slide = fields["slide"]
    for outer in itertools.product(*map(range, counts[:level])):
        for result in range(max(0, (counts[level] - 3) // slide + 1)):
            total = [0] * config.columns
            for inner in itertools.product(*map(range, counts[level + 1 :])):
                for tap in range(3):
                    index = (*outer, result * slide + tap, *inner)
                    b = _at(fields, "b", index) + tap
                    lanes = _lanes(config, {**fields, "b": b, **_no_steps("b")}, pads, index)
                    total = [_wrap(x + y) for x, y in zip(total, lanes, strict=True)]
            last = tuple(count - 1 for count in counts[level + 1 :])
            _write(config, fields, pads, (*outer, result, *last), total)


def _no_steps(name):
    return {f"{name}{level}": 0 for level in range(5)}


def _vector(config, fields, pads, dram):
    if fields["slide"]:
        _slide(config, fields, pads)
        return
    inner = 5 - fields["reduce_levels"]
    combine = {
        Reduction.NONE: lambda x, y: y,
        Reduction.ADD: lambda x, y: _wrap(x + y),
        Reduction.MAXIMUM: max,
        Reduction.MINIMUM: min,
    }[fields["reduction"]]
    counts = [fields[f"count{level}"] for level in range(5)]
    total = None
    for index in _iterate(fields, 5):
        lanes = _lanes(config, fields, pads, index)
        begins = all(i == 0 for i in index[inner:])
        ends = all(i == n - 1 for i, n in zip(index[inner:], counts[inner:], strict=True))
        total = lanes if begins else [combine(x, y) for x, y in zip(total, lanes, strict=True)]
        if ends:
            _write(config, fields, pads, index, total)


def _write(config, fields, pads, index, values):
    if fields["requantize"]:
        columns = config.columns
        word = pads.param[_at(fields, "record", index)]
        bias = word[: 4 * columns].copy().view("<i4")
        multiplier = word[4 * columns : 8 * columns].copy().view("<i4")
        shift = word[8 * columns :].view(np.int8)
        values = [
            int(
                requantize(
                    _wrap(_wrap(values[c] + int(bias[c])) << fields["pre_shift"]),
                    multiplier[c],
                    shift[c],
                    Rounding(fields["rounding"]),
                )
            )
            for c in range(columns)
        ]
    place = _at(fields, "output", index)
    if fields["destination"] == Destination.ACC:
        pads.acc[place] = values
    else:
        for lane, value in enumerate(values):
            pads.act_columns[place, lane] = saturate(
                value, fields["zero_point"], fields["low"], fields["high"]
            )


@pytest.fixture
def oracle():
    """Return a function that executes one instruction the slow way."""

    def execute(config, instruction, pads, dram):
        form = instruction_set(config).format(instruction.opcode)
        fields = {item.name: item.default for item in form.fields} | dict(instruction.fields)
        table = {"load": _load, "store": _store, "matrix": _matrix, "vector": _vector}
        table[form.name](config, fields, pads, dram)

    return execute


@pytest.fixture
def fill_scratchpads():
    """Return a function that fills all memories with random, legal content."""

    def fill(config, pads, random):
        for memory in (pads.act, pads.weight, pads.param, pads.table):
            memory[...] = random.integers(0, 256, memory.shape)
        pads.acc[...] = random.integers(-(2**31), 2**31, pads.acc.shape)
        columns = config.columns
        # Multipliers are not negative, shifts are in -31..31.
        pads.param[:, 4 * columns + 3 : 8 * columns : 4] &= 0x7F
        shifts = random.integers(-31, 32, (config.param_words, columns)).astype(np.int8)
        pads.param[:, 8 * columns :] = shifts.view(np.uint8)

    return fill


@pytest.fixture
def memories():
    """Return a function that copies the content of all memories, to compare."""

    def snapshot(pads):
        return SimpleNamespace(
            **{
                name: getattr(pads, name).copy()
                for name in ("act", "weight", "param", "table", "acc")
            }
        )

    return snapshot
