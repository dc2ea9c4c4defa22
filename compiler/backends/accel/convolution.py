"""Convolutions: the matrix engine sums in acc, the vector engine requantises it."""

from collections.abc import Iterator

from isa.config import Config
from isa.instructions import MAX_COUNT, AMemory, Destination, Engine, Memory

from .capacity import require_words
from .context import Context, output_fields
from .layers import Convolution, Layer, Records
from .levels import level_fields
from .packing import pack_records, pack_weights
from .placement import Placement
from .progress import Action
from .ranges import Range
from .schedule import Block, Mode, Schedule, evenly, load_bound, window_of
from .windows import shared_weight
from .work import Part, Step, Unit, Work

__all__ = ["ConvolutionEmitter", "convolution_groups", "convolution_work"]


# Weight tiles of a step of a layer that waits for its weights: so few that it begins soon.
_STEP_TILES = 64


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
    if load_bound(layer, config):
        half = min(half, max(unit * tiles, _STEP_TILES))
    fitting = min(half // tiles, config.param_words // 2, config.acc_words, MAX_COUNT)
    groups = -(-int(outputs) // (config.columns * unit))
    return max(1, min(groups, fitting // unit)) * unit


def convolution_work(plan: Schedule, config: Config) -> Work:
    """Return the steps and units of a convolution.

    Weights that fit are loaded once for all blocks; where a sum has parts, every part of every
    block is a step of its own.
    """
    steps: list[Step] = []
    units: list[Unit] = []
    turn = 0
    for parts in _parts(plan, config):
        taps = _taps(plan)
        if len(parts) == 1:
            steps.append(_step(parts[0], taps, plan.layer))
        for block in plan.blocks:
            for part in parts:
                if len(parts) > 1:
                    steps.append(_step(part, taps, plan.layer))
                units.append(Unit(len(steps) - 1, part, block, turn % 2))
            turn += 1
    return Work(plan, tuple(steps), tuple(units))


def _taps(plan: Schedule) -> int:
    """Return the taps of the window that have vectors of their own."""
    height, width = window_of(plan.layer).kernel
    source = plan.sources[0]
    return height * (source.together if source.mode is Mode.WINDOWS else width)


def _parts(plan: Schedule, config: Config) -> Iterator[list[Part]]:
    """Yield, for each range of groups, the ranges of input vectors that sum up to it."""
    layer = plan.layer
    assert isinstance(layer, Convolution)
    source = plan.sources[0]
    run = source.run_pixels(layer.window) if source.mode is Mode.WINDOWS else 1
    vectors = -(-layer.weight.shape[2] * run // config.rows)
    count = -(-layer.weight.shape[3] // config.columns)
    groups = min(plan.groups, count)
    most = min(vectors, config.weight_tiles // 2 // (_taps(plan) * groups), MAX_COUNT)
    chunk = evenly(vectors, most)
    for g0 in range(0, count, groups):
        g1 = min(g0 + groups, count)
        yield [
            Part(g0, g1, v0, min(v0 + chunk, vectors), v0 == 0, v0 + chunk >= vectors)
            for v0 in range(0, vectors, chunk)
        ]


def _step(part: Part, taps: int, layer: Layer) -> Step:
    groups = part.g1 - part.g0
    params = groups * len(_all_records(layer)) if part.last else 0
    return Step(part, groups * taps * (part.v1 - part.v0), params)


def _all_records(layer: Layer) -> tuple[Records, ...]:
    """Return the records of a convolution: of any pixel, of the first and the last of a line."""
    assert isinstance(layer, Convolution)
    return (layer.records, *(layer.edges or ()))


class ConvolutionEmitter:
    """Emits one convolution; `number` is the index of its layer."""

    def __init__(self, context: Context, work: Work, number: int) -> None:
        layer = work.layer
        assert isinstance(layer, Convolution)
        self.context, self.config, self.work = context, context.config, work
        self.layer, self.number = layer, number
        mode, weight = work.plan.sources[0].mode, layer.weight
        self.together = work.plan.sources[0].together
        # Whether the operand holds one vector for each place where the window stops.
        self.stops = mode in (Mode.WINDOWS, Mode.PIXELS)
        if mode is Mode.WINDOWS:
            weight = shared_weight(weight, layer.window, self.together)
        self.tiles = pack_weights(weight, self.config)
        self.records = [pack_records(records, self.config) for records in _all_records(layer)]
        self.line_stride = 1 if mode is Mode.PIXELS else layer.window.stride[0]

    def load_weights(self, action: Action) -> None:
        """Load some of the weight tiles of a step."""
        part = self.work.steps[action.index].part
        tiles = self.tiles[part.g0 : part.g1, :, part.v0 : part.v1]
        chosen = tiles.reshape(-1, self.config.tile_bytes)[action.first : action.stop]
        weight = action.weight + action.first
        self.context.load_constants(Memory.WEIGHT, weight, chosen.tobytes())

    def load_params(self, action: Action) -> None:
        """Load the records of a step."""
        part = self.work.steps[action.index].part
        data = b"".join(records[part.g0 : part.g1].tobytes() for records in self.records)
        self.context.load_constants(Memory.PARAM, action.param, data)

    def load_sources(self, action: Action) -> None:
        """Load lines of the staged operands of a block."""
        unit = self.work.units[action.index]
        self.context.load_sources(self.work, self.number, unit, action.first, action.stop)

    def matrix(self, index: int, weight: int, acc: int) -> None:
        """Emit the products of unit `index`, summed from acc word `acc` on."""
        unit = self.work.units[index]
        part, block, window = unit.part, unit.block, self.layer.window
        place = self.context.source(self.work, self.number, 0, unit)
        scale = self.context.rows_per_word
        stride = window.stride[1]
        x = block.x0 // self.together if self.stops else block.x0 * stride - window.left
        y = block.y0 * self.line_stride - window.top
        vectors, taps = part.v1 - part.v0, self.tiles.shape[1]
        kernel_lines, count = window.kernel[0], part.g1 - part.g0
        inner, reduce = self._inner_levels(place, block, vectors)
        fields = {
            "accumulate": int(not part.first),
            "reduce": reduce,
            "acc": acc,
            "act": place.word(y, x) * scale + part.v0,
            "weight": weight,
        } | level_fields(
            ("acc", "act", "weight"),
            (count, block.lines * block.pixels, 0, taps * vectors),
            (block.lines, block.pixels, self.line_stride * place.pitch * scale, 0),
            *inner,
        )
        last = y + (block.lines - 1) * self.line_stride
        reads = [
            place.lines(y, last + (kernel_lines - 1) * window.dilation[0] + 1),
            Range("weight", weight, weight + count * taps * vectors),
        ]
        words = Range("acc", acc, acc + count * block.lines * block.pixels)
        self.context.builder.emit(Engine.MATRIX, fields, reads, [words])

    def _inner_levels(
        self, place: Placement, block: Block, vectors: int
    ) -> tuple[tuple[tuple[int, ...], ...], int]:
        """Return the levels that walk a line and its windows, and which of all levels reduce."""
        window, scale = self.layer.window, self.context.rows_per_word
        line, pixel = window.dilation[0] * place.pitch * scale, place.pixel * scale
        height, width = window.kernel
        if self.stops:
            together = self.together
            return (
                (block.pixels // together, together, pixel, 0),
                (together, 1, 0, vectors),
                (height, 0, line, together * vectors),
                (vectors, 0, 1, 1),
            ), 0b110000
        return (
            (block.pixels, 1, window.stride[1] * pixel, 0),
            (height, 0, line, width * vectors),
            (width, 0, window.dilation[1] * pixel, vectors),
            (vectors, 0, 1, 1),
        ), 0b111000

    def vector(self, index: int, param: int, acc: int) -> None:
        """Emit the requantisation of the sums from acc word `acc` on, and the store of it."""
        context, unit = self.context, self.work.units[index]
        part, block = unit.part, unit.block
        place = context.target(self.work, self.number, unit)
        for number, pixels in self._spans(block):
            record = param + number * (part.g1 - part.g0)
            self._requantize(unit, place, pixels, record, acc)
        context.store_target(self.layer.target, place, block, part.g0, part.g1)

    def _spans(self, block: Block) -> Iterator[tuple[int, range]]:
        """Yield the pixels of a line of `block` that go together, with the number of the records.

        Those are of the first pixel; the records of a second one, the other edge, follow.
        """
        if self.layer.edges is None:
            yield 0, range(block.x0, block.x1)
            return
        last = self.layer.target.width - 1
        if inner := range(max(block.x0, 1), min(block.x1, last)):
            yield 0, inner
        if edges := [x for x in (0, last) if block.x0 <= x < block.x1]:
            yield 1 + (edges[0] > 0), range(edges[0], edges[-1] + 1, last)

    def _requantize(
        self, unit: Unit, place: Placement, pixels: range, record: int, acc: int
    ) -> None:
        """Emit the requantisation of `pixels` of the lines of a block."""
        part, block, scale = unit.part, unit.block, self.context.columns_per_word
        count, records, step = part.g1 - part.g0, self.layer.records, pixels.step
        used = count if step == 1 else count * len(pixels)
        fields = {
            "a_memory": AMemory.ACC,
            "requantize": 1,
            "rounding": records.rounding,
            "pre_shift": records.pre_shift,
            "destination": Destination.ACT,
            "a": acc + pixels.start - block.x0,
            "record": record,
            "output": place.vector(block.y0, pixels.start, part.g0, scale),
            **output_fields(self.layer.output),
        } | level_fields(
            ("a", "record", "output"),
            (count, block.lines * block.pixels, 1, 1),
            (block.lines, block.pixels, 0, place.pitch * scale),
            (len(pixels), step, used - count, step * place.pixel * scale),
        )
        reads = [
            Range("acc", acc, acc + count * block.lines * block.pixels),
            Range("param", record, record + used),
        ]
        writes = [place.lines(block.y0, block.y1)]
        self.context.builder.emit(Engine.VECTOR, fields, reads, writes)
