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
        word = instruction_set(self.config).encode(opcode, fields)
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
        # Accepted, then the nest; operands, then sums, then the write.
        assert bench.finished["matrix"].cycles[-1] - begin == total + 3, parameters()
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
        ({"operation": Operation.COPY}, 1, 5),
        ({"operation": Operation.MULTIPLY, "b_source": BSource.TAP}, 1, 5),
        ({"operation": Operation.MULTIPLY, "immediate": 3, **in_acc}, 2, 6),
        ({"operation": Operation.COPY, "requantize": 1, **in_acc}, groups, 8 + groups),
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
