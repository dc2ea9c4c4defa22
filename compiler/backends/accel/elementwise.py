"""Emits layers that the vector engine computes alone: depthwise, pooling, addition, rescaling."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from isa.config import Config
from isa.instructions import (
    MAX_COUNT,
    AMemory,
    BSource,
    Destination,
    Engine,
    Memory,
    Operation,
    Reduction,
)

from .capacity import require_words
from .context import Context, Step, Unit, output_fields
from .layers import Addition, Convolution, Depthwise, Layer, Output, Pool, Records, Rescale, Window
from .levels import level_fields
from .packing import pack_records, pack_taps
from .placement import Placement
from .ranges import Range
from .schedule import Block, Schedule, window_of
from .taps import TapLayout, TapLevel, tap_layout

__all__ = ["vector_groups", "vector_steps"]

# Of the two operands and of their sum.
_ADDITION_RECORDS = 3
_REDUCTIONS = {"add": Reduction.ADD, "maximum": Reduction.MAXIMUM}


def vector_groups(layer: Layer, config: Config) -> int:
    """Return how many groups of channels a step may compute.

    Raises
    ------
    TooLarge
        One act word of channels needs more than half of param or of acc.
    """
    groups = -(-layer.target.channels // config.columns)
    unit = config.act_word_bytes // config.columns
    fitting = MAX_COUNT
    if isinstance(layer, Addition):
        require_words(layer.name, "param", 2 * _ADDITION_RECORDS, config.param_words, config)
        require_words(layer.name, "acc", 4 * unit, 2 * config.acc_words, config)
        fitting = min(fitting, config.acc_words // 2)
    elif isinstance(layer, Depthwise):
        layout = tap_layout(layer.window)
        assert layout is not None, "recognise takes only windows with a layout"
        words = layout.words + 1
        require_words(layer.name, "param", 2 * words * unit, config.param_words, config)
        fitting = min(fitting, config.param_words // 2 // words)
    return min(-(-groups // unit), fitting // unit) * unit


def vector_steps(context: Context, plan: Schedule, number: int, early: bool) -> Iterator[Step]:
    """Yield the steps of a layer of the vector engine; `number` is the index of the layer."""
    emitter = _Emitter(context, plan, number, early)
    total = -(-plan.layer.target.channels // context.config.columns)
    for g0 in range(0, total, plan.groups):
        yield emitter.step(g0, min(g0 + plan.groups, total))


@dataclass(frozen=True)
class _Job:
    """One block of groups g0..g1 - 1, with its places."""

    block: Block
    g0: int
    g1: int
    record: int
    turn: int
    sources: tuple[Placement, ...]
    target: Placement


class _Emitter:
    """Emits one layer."""

    def __init__(self, context: Context, plan: Schedule, number: int, early: bool) -> None:
        self.context, self.config, self.plan = context, context.config, plan
        self.number, self.early = number, early
        self.unit = context.columns_per_word

    def step(self, g0: int, g1: int) -> Step:
        """Return the step that computes groups g0..g1 - 1."""
        half = self.context.steps % 2 * (self.config.param_words // 2)
        self.context.steps += 1
        units = tuple(
            self.job_unit(block, g0, g1, half, index)
            for index, block in enumerate(self.plan.blocks)
        )
        data = self.parameters(g0, g1)

        def load() -> None:
            if data:
                self.context.load_constants(Memory.PARAM, half, data)

        return Step(self.number, load, units)

    def parameters(self, g0: int, g1: int) -> bytes:
        """Return the param words of groups g0..g1 - 1: records first, then taps."""
        layer = self.plan.layer
        if isinstance(layer, Depthwise):
            layout = tap_layout(layer.window)
            assert layout is not None
            taps = pack_taps(layer.weight, layout, self.config)[g0:g1]
            return pack_records(layer.records, self.config)[g0:g1].tobytes() + taps.tobytes()
        rows: tuple[Records | None, ...]
        if isinstance(layer, Addition):
            rows = (layer.left_records, layer.right_records, layer.records)
        else:
            assert isinstance(layer, Pool | Rescale)
            rows = (layer.records,)
        return b"".join(self.uniform(records) for records in rows if records is not None)

    def uniform(self, records: Records) -> bytes:
        """Return one record, the same for every column."""
        columns = self.config.columns
        spread = Records(
            np.repeat(records.bias, columns),
            np.repeat(records.multiplier, columns),
            np.repeat(records.shift, columns),
            records.rounding,
        )
        return pack_records(spread, self.config).tobytes()

    def job_unit(self, block: Block, g0: int, g1: int, record: int, index: int) -> Unit:
        """Return the unit of one block."""
        self.context.blocks += 1
        turn, layer = self.context.blocks % 2, self.plan.layer
        window = window_of(layer)
        places = tuple(
            self.context.source(source, 2 * self.number + place, turn, window, block)
            for place, source in enumerate(self.plan.sources)
        )
        target = self.context.target(layer.target, self.plan.target_half, self.number, turn, block)
        job = _Job(block, g0, g1, record, turn, places, target)

        def load() -> None:
            for source, place in zip(self.plan.sources, places, strict=True):
                self.context.load_source(source, place, window, block)

        def compute() -> None:
            if isinstance(layer, Addition):
                self.addition(layer, job)
            else:
                assert not isinstance(layer, Convolution)
                self.window(layer, job)
            columns = self.config.columns
            self.context.store_target(layer.target, target, block, g0 * columns, g1 * columns)

        return Unit(load, compute, self.early or index > 0)

    def window(self, layer: Depthwise | Pool | Rescale, job: _Job) -> None:
        """Emit the instruction that reduces each window of `job`."""
        window = window_of(layer)
        taps = self._taps(layer, window)
        source, unit, block = job.sources[0], self.unit, job.block
        line, pixel = source.pitch * unit, source.pixel * unit
        first = source.word(
            block.y0 * window.stride[0] - window.top, block.x0 * window.stride[1] - window.left
        )
        depthwise = isinstance(layer, Depthwise)
        words = taps.words if depthwise else 0
        reduction = layer.reduction if isinstance(layer, Pool) else "add"
        fields = {
            "operation": Operation.MULTIPLY if depthwise else Operation.COPY,
            "reduction": Reduction.NONE if isinstance(layer, Rescale) else _REDUCTIONS[reduction],
            "reduce_levels": 0 if isinstance(layer, Rescale) else 2,
            "b_source": BSource.TAP if depthwise else BSource.IMMEDIATE,
            "b": 16 * (job.record + job.g1 - job.g0) if depthwise else 0,
            "a": first * unit + job.g0,
            **self._result(layer.records, job, layer.output),
        } | level_fields(
            ("a", "b", "record", "output"),
            (job.g1 - job.g0, 1, 16 * words, int(depthwise), 1),
            (block.lines, window.stride[0] * line, 0, 0, job.target.pitch * unit),
            (block.pixels, window.stride[1] * pixel, 0, 0, job.target.pixel * unit),
            *(
                (
                    level.count,
                    level.lines * line + level.pixels * pixel,
                    level.slots if depthwise else 0,
                    0,
                    0,
                )
                for level in (taps.outer, taps.inner)
            ),
        )
        count = (job.g1 - job.g0) * (words + 1)
        self._emit(fields, job, [self._window_lines(job, window)], count)

    def addition(self, layer: Addition, job: _Job) -> None:
        """Emit the sum: each operand rescaled into acc, then both read back, summed, rescaled."""
        block, unit = job.block, self.unit
        groups = job.g1 - job.g0
        count = groups * block.lines * block.pixels
        acc = job.turn * self.config.acc_words
        operands = zip((layer.left_records, layer.right_records), job.sources, strict=True)
        for index, (records, source) in enumerate(operands):
            base = acc + index * count
            fields = {
                "requantize": 1,
                "rounding": records.rounding,
                "pre_shift": records.pre_shift,
                "destination": Destination.ACC,
                "a": source.word(block.y0, block.x0) * unit + job.g0,
                "record": job.record + index,
                "output": base,
            } | level_fields(
                ("a", "output"),
                (block.lines, source.pitch * unit, block.pixels * groups),
                (block.pixels, source.pixel * unit, groups),
                (groups, 1, 1),
            )
            reads = [source.lines(block.y0, block.y1), self._params(job, _ADDITION_RECORDS)]
            writes = [Range("acc", base, base + count)]
            self.context.builder.emit(Engine.VECTOR, fields, reads, writes)
        target = job.target
        fields = {
            "a_memory": AMemory.ACC,
            "reduction": Reduction.ADD,
            "reduce_levels": 1,
            "a": acc,
            **self._result(layer.records, job, layer.output, 2),
        } | level_fields(
            ("a", "output"),
            (block.lines, block.pixels * groups, target.pitch * unit),
            (block.pixels, groups, target.pixel * unit),
            (groups, 1, 1),
            (1, 0, 0),
            (2, count, 0),
        )
        reads = [Range("acc", acc, acc + 2 * count)]
        self._emit(fields, job, reads, _ADDITION_RECORDS)

    def _taps(self, layer: Depthwise | Pool | Rescale, window: Window) -> TapLayout:
        """Return how the window's taps are walked; without weights any window can be."""
        layout = tap_layout(window) if isinstance(layer, Depthwise) else None
        if layout is not None:
            return layout
        (height, width), (down, right) = window.kernel, window.dilation
        return TapLayout(0, 0, TapLevel(height, 0, down, 0), TapLevel(width, 0, 0, right))

    def _result(
        self, records: Records | None, job: _Job, output: Output, index: int = 0
    ) -> dict[str, int]:
        """Return the fields that requantise with record `index` and write to act."""
        fields = {
            "destination": Destination.ACT,
            "output": job.target.word(job.block.y0, job.block.x0) * self.unit + job.g0,
            **output_fields(output),
        }
        if records is None:
            return fields
        return fields | {
            "requantize": 1,
            "rounding": records.rounding,
            "pre_shift": records.pre_shift,
            "record": job.record + index,
        }

    def _window_lines(self, job: _Job, window: Window) -> Range:
        first = job.block.y0 * window.stride[0] - window.top
        reach = (job.block.lines - 1) * window.stride[0]
        stop = first + reach + (window.kernel[0] - 1) * window.dilation[0] + 1
        return job.sources[0].lines(first, stop)

    def _params(self, job: _Job, count: int) -> Range:
        return Range("param", job.record, job.record + count)

    def _emit(self, fields: dict[str, int], job: _Job, reads: list[Range], count: int) -> None:
        """Emit a vector instruction that writes the output of `job` and reads `count` params."""
        writes = [job.target.lines(job.block.y0, job.block.y1)]
        self.context.builder.emit(Engine.VECTOR, fields, [*reads, self._params(job, count)], writes)
