"""The matrix and the vector engine with their memories, against numpy."""

import cocotb
import numpy as np
from compute import Backdoor, Scratchpads, random_nest
from control import Bench, Pulses, Source, configuration, number, parameters

from isa.instructions import (
    MATRIX_LEVELS,
    VECTOR_LEVELS,
    AMemory,
    BSource,
    Destination,
    Opcode,
    Operation,
    Reduction,
    instruction_set,
)

ROUNDS = 6
ISA = instruction_set(configuration())
_, VECTOR_DEFAULTS = ISA.decode(ISA.encode(Opcode.VECTOR, {}))


class Engines(Bench):
    """The bench with its engines and memories, filled at random.

    Parameters
    ----------
    dut : the cocotb handle
    seed : int
    """

    def __init__(self, dut, seed):
        self.config = configuration()
        self.rng = np.random.default_rng(seed)
        self.sources = {name: Source(dut, f"{name}_instruction") for name in ("matrix", "vector")}
        self.finished = {name: Pulses(getattr(dut, f"{name}_finished")) for name in self.sources}
        self.stalled = Pulses(dut.vector_stalled)
        agents = [*self.sources.values(), *self.finished.values(), self.stalled]
        super().__init__(dut, *agents)
        dut.act_store_read__valid.value = 0
        for name in ("act", "weight", "param", *(["tables"] if self.config.tables else [])):
            getattr(dut, f"{name}_load_write__valid").value = 0
        self.scratchpads = Scratchpads(self.config, self.rng)
        self.memory = Backdoor(dut, self.config)
        self.memory.fill(self.scratchpads)

    def give(self, opcode, fields):
        """Queue an instruction."""
        word = ISA.encode(opcode, fields)
        self.sources[opcode.name.lower()].items.append(word)

    def check(self, *names):
        """Compare memories with what they should hold."""
        for name in names:
            expected = getattr(self.scratchpads, name)
            actual = self.memory.contents(name, expected)
            wrong = np.argwhere(actual != expected)
            assert not len(wrong), f"{parameters()}: {name} differs at {wrong[:5].tolist()}"

    def random_matrix(self, acc, limit=60):
        """Return the fields of a random matrix instruction; `acc` is the range of its words."""
        config, rng = self.config, self.rng
        ranges = {
            "acc": acc,
            "act": (0, config.act_row_vectors),
            "weight": (0, config.weight_tiles),
        }
        return {
            **random_nest(rng, MATRIX_LEVELS, limit, ranges),
            "reduce": int(rng.integers(1 << MATRIX_LEVELS)),
            "accumulate": int(rng.integers(2)),
        }

    def random_vector(self, **chosen):
        """Return the fields of a random vector instruction, some of them chosen.

        It reads the lower half of act and of the acc words it may use (the upper three quarters
        of each bank), and writes above that.
        """
        config, rng = self.config, self.rng
        fields = {
            "operation": int(rng.integers(6)),
            "reduction": int(rng.integers(4)),
            "reduce_levels": int(rng.integers(VECTOR_LEVELS + 1)),
            "a_memory": int(rng.integers(2)),
            "a_offset": int(rng.choice([-256, -1, 0, 1, 255, rng.integers(-256, 256)])),
            "b_source": int(rng.integers(3)),
            "immediate": int(rng.choice([-32768, -1, 0, 3, 32767, rng.integers(-32768, 32768)])),
            "table": int(rng.integers(max(1, config.tables))),
            "requantize": int(rng.integers(2)),
            "rounding": int(rng.integers(2)),
            "pre_shift": int(rng.choice([0, 0, 1, rng.integers(32)])),
            "destination": int(rng.integers(2)),
            "zero_point": int(rng.integers(-128, 128)),
            "low": int(rng.choice([-128, rng.integers(-128, 20)])),
            "high": int(rng.choice([127, rng.integers(-20, 128)])),
            **chosen,
        }
        if fields["a_memory"] == AMemory.ACC and fields["b_source"] == BSource.ACC:
            fields["b_source"] = BSource.TAP
        nest = random_nest(rng, VECTOR_LEVELS, 40, self._vector_ranges(fields))
        if fields["b_source"] == BSource.TAP:
            # Slots 0..8 of a param word exist: stay within one.
            nest |= {f"b{level}": 0 for level in range(VECTOR_LEVELS)}
            level = int(rng.integers(VECTOR_LEVELS))
            nest[f"b{level}"] = int(rng.integers(3))
            nest["b"] = 16 * int(rng.integers(config.param_words)) + int(rng.integers(3))
        return {**fields, **nest}

    def random_slide(self, columns, slide, reduce_levels, **chosen):
        """Return the fields of a random instruction that slides, on lines of `columns`."""
        rng = self.rng
        fields = self.random_vector(
            operation=Operation.MULTIPLY,
            a_memory=AMemory.ACT,
            b_source=BSource.TAP,
            reduction=Reduction.ADD,
            slide=slide,
            reduce_levels=reduce_levels,
            **chosen,
        )
        level = VECTOR_LEVELS - 1 - reduce_levels
        for n in range(VECTOR_LEVELS):
            fields[f"count{n}"] = min(fields[f"count{n}"], 2)
        fields[f"count{level}"] = columns
        ranges = self._vector_ranges(fields)
        for name in ("a", "output", "record"):
            low, high = ranges[name]
            # The other levels, of two iterations at most, step where there is room.
            roomy = high - low >= 2 * columns + VECTOR_LEVELS
            fields |= {f"{name}{n}": int(roomy and rng.integers(2)) for n in range(VECTOR_LEVELS)}
            fields[f"{name}{level}"] = int(high - low > columns) + int(roomy and rng.integers(2))
            fields[name] = low + int(rng.integers(2))
        # Lines of the kernel, if any, are three slots apart: 0, 3.
        word = 16 * int(rng.integers(self.config.param_words))
        fields |= {f"b{n}": 0 for n in range(VECTOR_LEVELS)}
        fields["b"] = word + int(rng.integers(4))
        if reduce_levels:
            fields[f"b{level + 1}"] = 3
        return fields

    def _vector_ranges(self, fields):
        config = self.config
        half = config.act_column_vectors // 2
        bank = int(self.rng.integers(2)) * config.acc_words
        acc_in = (bank + config.acc_words // 4, bank + config.acc_words // 2)
        bank = int(self.rng.integers(2)) * config.acc_words
        acc_out = (bank + config.acc_words // 2, bank + config.acc_words)
        to_acc = fields["destination"] == Destination.ACC
        return {
            "a": acc_in if fields["a_memory"] == AMemory.ACC else (0, half),
            "b": acc_in,
            "record": (0, config.param_words),
            "output": acc_out if to_acc else (half, config.act_column_vectors),
        }

    async def finish(self, name, count):
        """Run until `count` instructions of an engine have finished."""
        pulses = self.finished[name]
        await self.until(lambda: len(pulses.cycles) >= count, 20000, f"{parameters()} {name}")
        assert len(pulses.cycles) == count


@cocotb.test()
async def matrix_runs_back_to_back(dut):
    """Every hazard of acc, and one iteration a cycle without a gap between instructions."""
    bench = Engines(dut, parameters()["seed"])
    await bench.start()
    done = 0
    for _ in range(ROUNDS):
        total = 0
        for words in (2, 3, bench.config.acc_words):
            for _ in range(4):
                start = int(bench.rng.integers(2 * bench.config.acc_words - words + 1))
                fields = bench.random_matrix((start, start + words))
                bench.give(Opcode.MATRIX, fields)
                bench.scratchpads.matrix(fields)
                total += int(np.prod([fields[f"count{n}"] for n in range(MATRIX_LEVELS)]))
                done += 1
        begin = bench.finished["matrix"].cycle
        await bench.finish("matrix", done)
        # Accepted, then the nest; operands read, kept, multiplied, summed; the write.
        assert bench.finished["matrix"].cycles[-1] - begin == total + 5, parameters()
        bench.check("acc", "act")
        assert not number(dut.matrix_busy)


@cocotb.test()
async def vector_runs_every_operation(dut):
    """Every operation with every reduction, and random rest."""
    bench = Engines(dut, parameters()["seed"] + 1)
    await bench.start()
    done = 0
    for operation in Operation:
        if operation == Operation.TABLE and not bench.config.tables:
            continue
        for reduction in Reduction:
            for a_memory, b_source in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1)):
                if operation == Operation.TABLE and a_memory:
                    continue
                chosen = {"operation": operation, "reduction": reduction}
                fields = bench.random_vector(**chosen, a_memory=a_memory, b_source=b_source)
                bench.give(Opcode.VECTOR, fields)
                bench.scratchpads.vector(fields)
                done += 1
                await bench.finish("vector", done)
                bench.check("acc", "act")
    assert not bench.stalled.cycles
    assert not number(dut.vector_busy)


@cocotb.test()
async def vector_keeps_its_rate(dut):
    """One iteration a cycle; what is slower, by as much as it should be."""
    bench = Engines(dut, parameters()["seed"] + 3)
    groups = bench.config.columns // bench.config.requantize_lanes
    in_acc = {"a_memory": AMemory.ACC}
    output = bench.config.act_column_vectors // 2
    cases = [
        ({"operation": Operation.COPY}, 1, 8),
        ({"operation": Operation.MULTIPLY, "b_source": BSource.TAP}, 1, 8),
        ({"operation": Operation.MULTIPLY, "immediate": 3, **in_acc}, 2, 9),
        ({"operation": Operation.COPY, "requantize": 1, **in_acc}, groups, 15 + groups),
    ]
    await bench.start()
    done = 0
    for fields, cycles, latency in cases:
        for count in (1, 4, 11):
            fields = {**fields, "count4": count, "a4": 1, "output": output, "output4": 1}
            bench.give(Opcode.VECTOR, fields)
            begin = bench.finished["vector"].cycle
            done += 1
            await bench.finish("vector", done)
            # The instruction is accepted in the cycle after `begin`.
            took = bench.finished["vector"].cycles[-1] - begin - 1
            assert took == latency + (count - 1) * cycles, f"{fields}: {took} cycles"


@cocotb.test()
async def vector_slides(dut):
    """Rows at every level and of every length, requantised or not, one instruction on another."""
    bench = Engines(dut, parameters()["seed"] + 4)
    if bench.config.row_taps == 1:
        return
    await bench.start()
    done = 0
    for reduce_levels in range(VECTOR_LEVELS):
        for slide in (1, 2):
            for columns in (1, 2, 3, 4, 5, 8):
                # Two at once: the second one reads as soon as the first has written.
                for requantize in (columns % 2, 1 - columns % 2):
                    fields = bench.random_slide(
                        columns, slide, reduce_levels, requantize=requantize
                    )
                    bench.give(Opcode.VECTOR, fields)
                    bench.scratchpads.vector(fields)
                    done += 1
                await bench.finish("vector", done)
                bench.check("acc", "act")
    assert not bench.stalled.cycles


@cocotb.test()
async def vector_slides_at_its_rate(dut):
    """Nine products of a lane in three cycles, and no bubble between columns or lines."""
    bench = Engines(dut, parameters()["seed"] + 5)
    if bench.config.row_taps == 1:
        return
    await bench.start()
    output = bench.config.act_column_vectors // 2
    cases = ((1, 8, 1), (1, 8, 2), (2, 8, 2), (2, 7, 1))
    for done, (slide, columns, lines) in enumerate(cases, 1):
        fields = {"operation": Operation.MULTIPLY, "b_source": BSource.TAP, "slide": slide}
        fields |= {"reduction": Reduction.ADD, "reduce_levels": 1, "output": output}
        fields |= {"count2": lines, "count3": columns, "count4": 3, "output3": 1, "b4": 3, "a3": 1}
        bench.give(Opcode.VECTOR, fields)
        begin = bench.finished["vector"].cycle
        await bench.finish("vector", done)
        took = bench.finished["vector"].cycles[-1] - begin - 1
        assert took == 8 + lines * columns * 3 - 1, f"{fields}: {took} cycles"


@cocotb.test()
async def vector_begins_after_the_last_write(dut):
    """An instruction reads what the one before wrote last."""
    bench = Engines(dut, parameters()["seed"] + 6)
    await bench.start()
    half = bench.config.act_column_vectors // 2
    count = 3
    chain = [
        {"a": half - count, "output": half, "operation": Operation.ADD, "immediate": 1},
        {"a": half, "output": half + count, "operation": Operation.ADD, "immediate": 2},
        {"a": half + count, "output": half, "operation": Operation.MULTIPLY, "immediate": 3},
    ]
    for fields in chain:
        fields |= {"count4": count, "a4": 1, "output4": 1}
        bench.give(Opcode.VECTOR, fields)
        bench.scratchpads.vector(VECTOR_DEFAULTS | fields)
    await bench.finish("vector", len(chain))
    bench.check("act")
    cycles = bench.finished["vector"].cycles
    gaps = [later - earlier for earlier, later in zip(cycles, cycles[1:], strict=False)]
    # Two cycles to accept, after that of the last write, and six from a read to its write.
    assert gaps == [count + 8] * 2, gaps


@cocotb.test()
async def engines_share_the_memories(dut):
    """Matrix is never held up; vector waits for the ports, and both get everything right."""
    bench = Engines(dut, parameters()["seed"] + 2)
    await bench.start()
    matrix, vector = 0, 0
    for _ in range(ROUNDS):
        for _ in range(10):
            # The lowest quarter of each bank is the matrix engine's.
            bank = int(bench.rng.integers(2)) * bench.config.acc_words
            fields = bench.random_matrix((bank, bank + bench.config.acc_words // 4), limit=120)
            fields |= {"act": 0, **{f"act{n}": 0 for n in range(MATRIX_LEVELS)}}
            bench.give(Opcode.MATRIX, fields)
            bench.scratchpads.matrix(fields)
            matrix += 1
        for _ in range(12):
            fields = bench.random_vector()
            bench.give(Opcode.VECTOR, fields)
            bench.scratchpads.vector(fields)
            vector += 1
        await bench.finish("vector", vector)
        await bench.finish("matrix", matrix)
        bench.check("acc", "act")
    assert bench.stalled.cycles
