"""Emits convolutions: the matrix engine fills an acc bank, the vector engine requantises it."""

from collections.abc import Iterator
from dataclasses import dataclass

from isa.config import Config
from isa.instructions import MAX_COUNT, AMemory, Destination, Engine, Memory

from .capacity import require_words
from .context import Context, Step, Unit, output_fields
from .layers import Convolution
from .levels import level_fields
from .packing import pack_records, pack_weights
from .ranges import Range
from .schedule import Block, Mode, Schedule

__all__ = ["convolution_groups", "convolution_steps"]


@dataclass(frozen=True)
class _Part:
    """What one step computes: groups g0..g1 - 1 over input vectors v0..v1 - 1."""

    g0: int
    g1: int
    v0: int
    v1: int
    first: bool
    last: bool


def convolution_groups(layer: Convolution, config: Config) -> int:
    """Return how many groups of output channels have their weights on chip at once.

    Raises
    ------
    TooLarge
        One act word of output channels needs more than half of weight, of param or of acc.
    """
    half, unit = config.weight_tiles // 2, config.act_word_bytes // config.columns
    kh, kw, channels, outputs = layer.weight.shape
    require_words(layer.name, "weight", 2 * kh * kw * unit, config.weight_tiles, config)
    require_words(layer.name, "param", 2 * unit, config.param_words, config)
    require_words(layer.name, "acc", 2 * unit, 2 * config.acc_words, config)
    tiles = int(kh * kw * -(-channels // config.rows))
    fitting = min(half // tiles, config.param_words // 2, config.acc_words, MAX_COUNT)
    groups = -(-int(outputs) // (config.columns * unit))
    return max(1, min(groups, fitting // unit)) * unit


def convolution_steps(context: Context, plan: Schedule, number: int, early: bool) -> Iterator[Step]:
    """Yield the steps of a convolution; `number` is the index of its layer."""
    layer = plan.layer
    assert isinstance(layer, Convolution)
    emitter = _Emitter(context, plan, layer, number, early)
    for parts in emitter.parts():
        if len(parts) == 1:
            yield emitter.step(parts[0], plan.blocks)
        else:
            for block in plan.blocks:
                for part in parts:
                    yield emitter.step(part, (block,))


class _Emitter:
    """Emits one convolution."""

    def __init__(
        self, context: Context, plan: Schedule, layer: Convolution, number: int, early: bool
    ) -> None:
        self.context, self.config, self.plan = context, context.config, plan
        self.layer, self.number, self.early = layer, number, early
        self.source = plan.sources[0]
        weight = layer.weight
        if self.source.mode is Mode.WINDOWS:
            weight = weight.reshape(weight.shape[0], -1, weight.shape[3])
        self.tiles = pack_weights(weight, self.config)
        self.records = pack_records(layer.records, self.config)
        self.taps_wide = 1 if self.source.mode is Mode.WINDOWS else layer.window.kernel[1]

    def parts(self) -> Iterator[list[_Part]]:
        """Yield, for each range of groups, the ranges of input vectors that sum up to it."""
        count, taps, vectors = self.tiles.shape[:3]
        half = self.config.weight_tiles // 2
        groups = self.plan.groups
        chunk = min(vectors, half // (taps * min(groups, count)), MAX_COUNT)
        for g0 in range(0, count, groups):
            g1 = min(g0 + groups, count)
            yield [
                _Part(g0, g1, v0, min(v0 + chunk, vectors), v0 == 0, v0 + chunk >= vectors)
                for v0 in range(0, vectors, chunk)
            ]

    def step(self, part: _Part, blocks: tuple[Block, ...]) -> Step:
        """Return the step that computes `part` of `blocks`."""
        parity = self.context.steps % 2
        self.context.steps += 1
        units = tuple(self.unit(part, block, parity, index) for index, block in enumerate(blocks))
        return Step(self.number, lambda: self.load(part, parity), units)

    def load(self, part: _Part, parity: int) -> None:
        """Load the weights, and with the first of them the records."""
        tiles = self.tiles[part.g0 : part.g1, :, part.v0 : part.v1]
        half = parity * (self.config.weight_tiles // 2)
        self.context.load_constants(Memory.WEIGHT, half, tiles.tobytes())
        if part.last:
            records = self.records[part.g0 : part.g1]
            half = parity * (self.config.param_words // 2)
            self.context.load_constants(Memory.PARAM, half, records.tobytes())

    def unit(self, part: _Part, block: Block, parity: int, index: int) -> Unit:
        """Return the unit of one block."""
        if part.first:
            self.context.blocks += 1
        turn = self.context.blocks % 2
        window, source = self.layer.window, self.source
        place = self.context.source(source, 2 * self.number, turn, window, block)

        def load() -> None:
            if part.first:
                self.context.load_source(source, place, window, block)

        def compute() -> None:
            self.matrix(part, block, parity, turn)
            if part.last:
                self.vector(part, block, parity, turn)

        return Unit(load, compute, self.early or index > 0 or not part.first)

    def matrix(self, part: _Part, block: Block, parity: int, turn: int) -> None:
        """Emit the products of `part` into acc bank `turn`."""
        context, window = self.context, self.layer.window
        place = context.source(self.source, 2 * self.number, turn, window, block)
        unit = context.rows_per_word
        windows = self.source.mode is Mode.WINDOWS
        line, pixel = place.pitch * unit, place.pixel * unit
        pixel_step = pixel if windows else window.stride[1] * pixel
        x = block.x0 if windows else block.x0 * window.stride[1] - window.left
        y = block.y0 * window.stride[0] - window.top
        vectors, taps = part.v1 - part.v0, self.tiles.shape[1]
        acc = turn * self.config.acc_words
        weight = parity * (self.config.weight_tiles // 2)
        kernel_lines = window.kernel[0]
        count = part.g1 - part.g0
        fields = {
            "accumulate": int(not part.first),
            "reduce": 0b111000,
            "acc": acc,
            "act": place.word(y, x) * unit + part.v0,
            "weight": weight,
        } | level_fields(
            ("acc", "act", "weight"),
            (count, block.lines * block.pixels, 0, taps * vectors),
            (block.lines, block.pixels, window.stride[0] * line, 0),
            (block.pixels, 1, pixel_step, 0),
            (kernel_lines, 0, window.dilation[0] * line, self.taps_wide * vectors),
            (self.taps_wide, 0, window.dilation[1] * pixel, vectors),
            (vectors, 0, 1, 1),
        )
        last = y + (block.lines - 1) * window.stride[0]
        reads = [
            place.lines(y, last + (kernel_lines - 1) * window.dilation[0] + 1),
            Range("weight", weight, weight + count * taps * vectors),
        ]
        words = Range("acc", acc, acc + count * block.lines * block.pixels)
        context.builder.emit(Engine.MATRIX, fields, reads, [words])

    def vector(self, part: _Part, block: Block, parity: int, turn: int) -> None:
        """Emit the requantisation of acc bank `turn`, and the store of its result."""
        context, target = self.context, self.layer.target
        place = context.target(target, self.plan.target_half, self.number, turn, block)
        unit = context.columns_per_word
        acc = turn * self.config.acc_words
        record = parity * (self.config.param_words // 2)
        count = part.g1 - part.g0
        records = self.layer.records
        fields = {
            "a_memory": AMemory.ACC,
            "requantize": 1,
            "rounding": records.rounding,
            "pre_shift": records.pre_shift,
            "destination": Destination.ACT,
            "a": acc,
            "record": record,
            "output": place.word(block.y0, block.x0) * unit + part.g0,
            **output_fields(self.layer.output),
        } | level_fields(
            ("a", "record", "output"),
            (count, block.lines * block.pixels, 1, 1),
            (block.lines, block.pixels, 0, place.pitch * unit),
            (block.pixels, 1, 0, place.pixel * unit),
        )
        reads = [
            Range("acc", acc, acc + count * block.lines * block.pixels),
            Range("param", record, record + count),
        ]
        context.builder.emit(Engine.VECTOR, fields, reads, [place.lines(block.y0, block.y1)])
        columns = self.config.columns
        context.store_target(target, place, block, part.g0 * columns, part.g1 * columns)
