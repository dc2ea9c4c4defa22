"""What the cocotb tests of the compute units share: scratchpads in numpy, what an instruction does
to them, random instructions, and the way into the memories of the simulation."""

from io import BytesIO

import numpy as np

from isa.arithmetic import Rounding, requantize, saturate, wrap_int32
from isa.instructions import (
    MATRIX_LEVELS,
    VECTOR_LEVELS,
    AMemory,
    BSource,
    Destination,
    Operation,
    Reduction,
)

INT32 = np.iinfo(np.int32)


def random_int32(rng, shape):
    """Return int32 of every magnitude, one in four an extreme."""
    values = rng.integers(INT32.min, INT32.max, shape, endpoint=True) >> rng.integers(0, 32, shape)
    extremes = rng.choice([INT32.min, INT32.min + 1, -1, 0, 1, INT32.max], shape)
    return np.where(rng.random(shape) < 0.25, extremes, values).astype(np.int32)


def random_param(rng, config, words):
    """Return uint8[words, 9 * columns]: records with any bias, multiplier and shift."""
    bias = random_int32(rng, (words, config.columns))
    multiplier = random_int32(rng, (words, config.columns))
    shift = rng.integers(-31, 32, (words, config.columns)).astype(np.int8)
    parts = [bias.view(np.uint8), multiplier.view(np.uint8), shift.view(np.uint8)]
    return np.concatenate(parts, axis=1)


class Scratchpads:
    """The memories of the machine, filled at random.

    Attributes
    ----------
    act : int8[act_bytes]
    weight : int8[weight_tiles, columns, rows]
    acc : int32[2 * acc_words, columns]
    param : uint8[param_words, 9 * columns]
    table : int8[tables, 256]
    """

    def __init__(self, config, rng):
        self.config = config
        self.act = rng.integers(-128, 128, config.act_bytes).astype(np.int8)
        shape = (config.weight_tiles, config.columns, config.rows)
        self.weight = rng.choice([-128, 127, *rng.integers(-128, 128, 8)], shape).astype(np.int8)
        self.acc = random_int32(rng, (2 * config.acc_words, config.columns))
        self.param = random_param(rng, config, config.param_words)
        self.table = rng.integers(-128, 128, (config.tables, 256)).astype(np.int8)

    def matrix(self, fields):
        """Do a matrix instruction."""
        config = self.config
        act = self.act.reshape(-1, config.rows).astype(np.int64)
        reduce = [level for level in range(MATRIX_LEVELS) if fields["reduce"] >> level & 1]
        for i in iterations(fields, MATRIX_LEVELS):
            at = {name: address(fields, name, i) for name in ("acc", "act", "weight")}
            product = self.weight[at["weight"]].astype(np.int64) @ act[at["act"]]
            first = not fields["accumulate"] and not any(i[level] for level in reduce)
            before = np.int64(0) if first else self.acc[at["acc"]].astype(np.int64)
            self.acc[at["acc"]] = wrap_int32(product + before)

    def vector(self, fields):
        """Do a vector instruction."""
        if fields.get("slide"):
            self._slide(fields)
            return
        kept = VECTOR_LEVELS - fields["reduce_levels"]
        counts = [fields[f"count{level}"] for level in range(VECTOR_LEVELS)]
        total = None
        for i in iterations(fields, VECTOR_LEVELS):
            value = self._operate(fields, i)
            first = not any(i[kept:]) or fields["reduction"] == Reduction.NONE
            combine = {
                Reduction.ADD: lambda x, y: wrap_int32(x.astype(np.int64) + y),
                Reduction.MAXIMUM: np.maximum,
                Reduction.MINIMUM: np.minimum,
            }
            total = value if first else combine[fields["reduction"]](total, value)
            if all(n == count - 1 for n, count in zip(i[kept:], counts[kept:], strict=True)):
                self._write(fields, i, total)

    def _slide(self, fields):
        """Do a vector instruction that slides: column x of a line completes the result of x - 2."""
        level = VECTOR_LEVELS - 1 - fields["reduce_levels"]
        last = tuple(fields[f"count{n}"] - 1 for n in range(level + 1, VECTOR_LEVELS))
        totals = {}
        for i in iterations(fields, VECTOR_LEVELS):
            for tap in range(3):
                # The result that has this column at its tap.
                key = (*i[:level], i[level] - tap)
                value = self._operate(fields, i, tap).astype(np.int64)
                totals[key] = wrap_int32(totals.get(key, np.int64(0)) + value)
        for (*outer, x), total in totals.items():
            result, odd = divmod(x, fields["slide"])
            if not odd and 0 <= x < fields[f"count{level}"] - 2:
                self._write(fields, (*outer, result, *last), total)

    def _operate(self, fields, i, slot=0):
        """Return int32[columns]: the operation of one iteration, `slot` after its tap."""
        config = self.config
        at = address(fields, "a", i)
        in_acc = fields["a_memory"] == AMemory.ACC
        a = self.acc[at] if in_acc else self.act.reshape(-1, config.columns)[at]
        a = wrap_int32(a.astype(np.int64) + fields["a_offset"])
        if fields["operation"] == Operation.TABLE:
            return self.table[fields["table"]][(a + 128) & 255].astype(np.int32)
        at = address(fields, "b", i) + slot
        if fields["b_source"] == BSource.IMMEDIATE:
            b = np.full(config.columns, fields["immediate"])
        elif fields["b_source"] == BSource.ACC:
            b = self.acc[at]
        else:
            b = self.param[at >> 4].view(np.int8).reshape(9, config.columns)[at & 15]
        a, b = a.astype(np.int64), b.astype(np.int64)
        result = {
            Operation.COPY: lambda: a,
            Operation.ADD: lambda: a + b,
            Operation.SUBTRACT: lambda: a - b,
            Operation.MULTIPLY: lambda: a * b,
            Operation.MAXIMUM: lambda: np.maximum(a, b),
            Operation.MINIMUM: lambda: np.minimum(a, b),
        }
        return wrap_int32(result[fields["operation"]]())

    def _write(self, fields, i, value):
        """Requantise and write one result."""
        if fields["requantize"]:
            record = self.param[address(fields, "record", i)]
            value = requantized(self.config, record, value, fields["pre_shift"], fields["rounding"])
        at = address(fields, "output", i)
        if fields["destination"] == Destination.ACC:
            self.acc[at] = value
        else:
            self.act.reshape(-1, self.config.columns)[at] = saturate(
                value, fields["zero_point"], fields["low"], fields["high"]
            )


def requantized(config, record, value, pre_shift, rounding):
    """Return int32[columns]: `value` requantised by one param word, uint8[9 * columns]."""
    words = record[: 8 * config.columns].view(np.int32).reshape(2, config.columns)
    shift = record[8 * config.columns :].view(np.int8)
    x = wrap_int32(value.astype(np.int64) + words[0])
    x = wrap_int32(x.astype(np.int64) << pre_shift)
    return requantize(x, words[1], shift, Rounding(rounding))


def iterations(fields, levels):
    """Return the indices of the iterations of a nest, in order."""
    return np.ndindex(*(fields[f"count{level}"] for level in range(levels)))


def address(fields, name, i):
    """Return the address of one stream in the iteration `i`."""
    return fields[name] + sum(n * fields[f"{name}{level}"] for level, n in enumerate(i))


def random_nest(rng, levels, limit, ranges):
    """Return the fields of a nest of at most `limit` iterations.

    Parameters
    ----------
    rng : numpy Generator
    levels : int
    limit : int
    ranges : dict of name to (low, high), the addresses that may be used, high excluded
    """
    counts = [1] * levels
    while True:
        level = int(rng.integers(levels))
        count = int(rng.integers(1, 5))
        others = int(np.prod(counts)) // counts[level]
        if others * count > limit or rng.random() < 0.05:
            break
        counts[level] = count
    fields = {f"count{level}": count for level, count in enumerate(counts)}
    for name, (low, high) in ranges.items():
        choices = [step for step in (-3, -2, -1, 0, 0, 0, 1, 1, 2, 5) if abs(step) < high - low]
        steps = [int(step) for step in rng.choice(choices, levels)]
        spans = [(count - 1) * step for count, step in zip(counts, steps, strict=True)]
        while sum(abs(span) for span in spans) >= high - low:
            steps[int(np.argmax(np.abs(spans)))] = 0
            spans = [(count - 1) * step for count, step in zip(counts, steps, strict=True)]
        below = sum(min(0, span) for span in spans)
        above = sum(max(0, span) for span in spans)
        fields[name] = int(rng.integers(low - below, high - above))
        fields |= {f"{name}{level}": step for level, step in enumerate(steps)}
    return fields


class Backdoor:
    """Reads and writes the memories of the simulation directly, as the words that they hold.

    Parameters
    ----------
    dut : the cocotb handle of a bench with the parts act, weight, acc, param and tables
    config : Config
    """

    def __init__(self, dut, config):
        self.config = config
        banks = config.act_banks
        lines = config.act_words // banks
        self.act = [getattr(dut.act, f"bank{n % banks}")[n // banks] for n in range(banks * lines)]
        self.weight = [dut.weight.tiles[n] for n in range(config.weight_tiles)]
        self.acc = [
            getattr(dut.acc, f"bank{bank}")[word]
            for bank in range(2)
            for word in range(config.acc_words)
        ]
        parts = (dut.param.biases, dut.param.multipliers, dut.param.shifts)
        lines = [len(part) // config.param_words for part in parts]
        self.param = [
            part[word * count + line]
            for word in range(config.param_words)
            for part, count in zip(parts, lines, strict=True)
            for line in range(count)
        ]
        self.table = []
        if config.tables:
            entries = config.tables * 256 // config.bus_bytes
            self.table = [dut.tables.entries[n] for n in range(entries)]

    def fill(self, scratchpads):
        """Write every memory."""
        for name in ("act", "weight", "acc", "param", "table"):
            if handles := getattr(self, name):
                content = BytesIO(getattr(scratchpads, name).tobytes())
                for handle in handles:
                    handle.value = int.from_bytes(content.read(len(handle) // 8), "little")

    def contents(self, name, like):
        """Return what the memory `name` holds, with the type and shape of `like`."""
        handles = getattr(self, name)
        words = b"".join(
            int(handle.value).to_bytes(len(handle) // 8, "little") for handle in handles
        )
        return np.frombuffer(words, like.dtype).reshape(like.shape)
