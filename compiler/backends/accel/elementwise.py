"""Emits layers that the vector engine computes alone: depthwise, pooling, addition, rescaling."""

from dataclasses import dataclass

import numpy as np

from isa.config import SLOTS_PER_PARAM_WORD, Config
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
from .context import Context, output_fields
from .layers import Addition, Convolution, Depthwise, Layer, Output, Pool, Records, Rescale, Window
from .levels import level_fields
from .packing import pack_records, pack_taps
from .placement import Placement
from .progress import Action
from .ranges import Range
from .schedule import Block, Schedule, window_of
from .taps import TapLayout, TapLevel, slides, tap_layout
from .work import Part, Step, Unit, Work

__all__ = ["VectorEmitter", "vector_groups", "vector_work"]

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


def vector_work(plan: Schedule, config: Config) -> Work:
    """Return the steps and units of a layer of the vector engine."""
    total = -(-plan.layer.target.channels // config.columns)
    steps: list[Step] = []
    units: list[Unit] = []
    for g0 in range(0, total, plan.step_groups):
        g1 = min(g0 + plan.step_groups, total)
        steps.append(Step(Part(g0, g1), 0, _param_words(plan.layer, g1 - g0)))
        for block in plan.blocks:
            for first in range(g0, g1, plan.groups):
                part = Part(first, min(first + plan.groups, g1))
                units.append(Unit(len(steps) - 1, part, block, len(units) % 2))
    return Work(plan, tuple(steps), tuple(units))


def _param_words(layer: Layer, groups: int) -> int:
    """Return the param words of a step of `groups` groups: records first, then taps."""
    if isinstance(layer, Depthwise):
        layout = tap_layout(layer.window)
        assert layout is not None, "recognise takes only windows with a layout"
        return groups * (1 + layout.words)
    return len(_uniform_records(layer))


def _uniform_records(layer: Layer) -> list[Records]:
    """Return the records of a layer that are the same for every channel."""
    rows: tuple[Records | None, ...]
    if isinstance(layer, Addition):
        rows = (layer.left_records, layer.right_records, layer.records)
    else:
        assert isinstance(layer, Pool | Rescale)
        rows = (layer.records,)
    return [records for records in rows if records is not None]


@dataclass(frozen=True)
class _Job:
    """One block of groups g0..g1 - 1, with its places and those of its parameters."""

    block: Block
    g0: int
    g1: int
    record: int
    taps: int
    acc: int
    sources: tuple[Placement, ...]
    target: Placement


class VectorEmitter:
    """Emits one layer; `number` is its index."""

    def __init__(self, context: Context, work: Work, number: int) -> None:
        self.context, self.config, self.work = context, context.config, work
        self.number, self.unit = number, context.columns_per_word

    def load_params(self, action: Action) -> None:
        """Load the parameters of a step."""
        part = self.work.steps[action.index].part
        data = self.parameters(part.g0, part.g1)
        self.context.load_constants(Memory.PARAM, action.param, data)

    def load_sources(self, action: Action) -> None:
        """Load lines of the staged operands of a block."""
        unit = self.work.units[action.index]
        self.context.load_sources(self.work, self.number, unit, action.first, action.stop)

    def vector(self, index: int, param: int, acc: int) -> None:
        """Emit unit `index`; an addition keeps its rescaled operands in acc from word `acc` on."""
        work, unit, layer = self.work, self.work.units[index], self.work.layer
        part = unit.part
        places = tuple(
            self.context.source(work, self.number, place, unit)
            for place in range(len(layer.sources))
        )
        target = self.context.target(work, self.number, unit)
        record, taps = self._parameters_of(unit, param)
        job = _Job(unit.block, part.g0, part.g1, record, taps, acc, places, target)
        if isinstance(layer, Addition):
            self.addition(layer, job)
        else:
            assert not isinstance(layer, Convolution)
            self.window(layer, job)
        self.context.store_target(layer.target, target, unit.block, part.g0, part.g1)

    def _parameters_of(self, unit: Unit, param: int) -> tuple[int, int]:
        """Return where the records and the taps of `unit` stand, if its step's begin at `param`."""
        layer, step = self.work.layer, self.work.steps[unit.step].part
        if not isinstance(layer, Depthwise):
            return param, param
        layout = tap_layout(layer.window)
        assert layout is not None
        before = unit.part.g0 - step.g0
        return param + before, param + step.g1 - step.g0 + before * layout.words

    def parameters(self, g0: int, g1: int) -> bytes:
        """Return the param words of groups g0..g1 - 1: records first, then taps."""
        layer = self.work.layer
        if isinstance(layer, Depthwise):
            layout = tap_layout(layer.window)
            assert layout is not None
            taps = pack_taps(layer.weight, layout, self.config)[g0:g1]
            return pack_records(layer.records, self.config)[g0:g1].tobytes() + taps.tobytes()
        return b"".join(self.uniform(records) for records in _uniform_records(layer))

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

    def window(self, layer: Depthwise | Pool | Rescale, job: _Job) -> None:
        """Emit the instruction that reduces each window of `job`."""
        window = window_of(layer)
        taps = self._taps(layer, window)
        source, unit, block = job.sources[0], self.unit, job.block
        y = block.y0 * window.stride[0] - window.top
        x = block.x0 * window.stride[1] - window.left
        depthwise = isinstance(layer, Depthwise)
        words = taps.words if depthwise else 0
        reduction = layer.reduction if isinstance(layer, Pool) else "add"
        sliding = depthwise and slides(window, self.config)
        fields = {
            "operation": Operation.MULTIPLY if depthwise else Operation.COPY,
            "reduction": Reduction.NONE if isinstance(layer, Rescale) else _REDUCTIONS[reduction],
            "reduce_levels": 0 if isinstance(layer, Rescale) else 2,
            "slide": window.stride[1] if sliding else 0,
            "b_source": BSource.TAP if depthwise else BSource.IMMEDIATE,
            "b": SLOTS_PER_PARAM_WORD * job.taps if depthwise else 0,
            "a": source.vector(y, x, job.g0, unit),
            **self._result(layer.records, job, layer.output),
        } | level_fields(
            ("a", "b", "record", "output"),
            (job.g1 - job.g0, 1, SLOTS_PER_PARAM_WORD * words, int(depthwise), 1),
            (
                block.lines,
                window.stride[0] * source.pitch * unit,
                0,
                0,
                job.target.pitch * unit,
            ),
            self._row(window, job, sliding),
            *self._tap_levels(taps, source, depthwise, sliding),
        )
        taps_read = Range("param", job.taps, job.taps + (job.g1 - job.g0) * words)
        count = job.g1 - job.g0 if depthwise else 1
        self._emit(fields, job, [self._window_lines(job, window), taps_read], count)

    def _row(self, window: Window, job: _Job, sliding: bool) -> tuple[int, ...]:
        """Return the level that walks a line: results, or the columns that a window slides over."""
        source, target = job.sources[0].pixel * self.unit, job.target.pixel * self.unit
        stride, pixels = window.stride[1], job.block.pixels
        if sliding:
            return ((pixels - 1) * stride + window.kernel[1], source, 0, 0, target)
        return (pixels, stride * source, 0, 0, target)

    def _tap_levels(
        self, taps: TapLayout, source: Placement, depthwise: bool, sliding: bool
    ) -> tuple[tuple[int, ...], ...]:
        """Return the levels that walk the taps of a window; a sliding row has only its lines."""
        line, pixel = source.pitch * self.unit, source.pixel * self.unit
        inner = TapLevel(1, 0, 0, 0) if sliding else taps.inner
        return tuple(
            (
                level.count,
                level.lines * line + level.pixels * pixel,
                level.slots if depthwise else 0,
                0,
                0,
            )
            for level in (taps.outer, inner)
        )

    def addition(self, layer: Addition, job: _Job) -> None:
        """Emit the sum: each operand rescaled into acc, then both read back, summed, rescaled."""
        block, unit = job.block, self.unit
        groups = job.g1 - job.g0
        count = groups * block.lines * block.pixels
        acc = job.acc
        operands = zip((layer.left_records, layer.right_records), job.sources, strict=True)
        for index, (records, source) in enumerate(operands):
            base = acc + index * count
            fields = {
                "requantize": 1,
                "rounding": records.rounding,
                "pre_shift": records.pre_shift,
                "destination": Destination.ACC,
                "a": source.vector(block.y0, block.x0, job.g0, unit),
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
            "output": job.target.vector(job.block.y0, job.block.x0, job.g0, self.unit),
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
