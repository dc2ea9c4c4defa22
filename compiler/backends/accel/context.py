"""What all layers share while instructions are emitted: memories, halves, loads and stores."""

from collections.abc import Callable
from dataclasses import dataclass, field

from isa.config import Config
from isa.image import Slot
from isa.instructions import Engine, Memory, Opcode, instruction_set

from .builder import Builder
from .layers import Output, Tensor, Window
from .placement import Placement, pixel_words
from .ranges import Range
from .schedule import Block, Mode, SourcePlan, input_lines

__all__ = ["Constants", "Context", "Step", "Unit", "output_fields"]

_ALIGNMENT = 64


@dataclass
class Constants:
    """The segment `constants` under construction."""

    data: bytearray = field(default_factory=bytearray)

    def add(self, data: bytes) -> int:
        """Append `data`; return its offset."""
        self.data += bytes(-len(self.data) % _ALIGNMENT)
        offset = len(self.data)
        self.data += data
        return offset


@dataclass(frozen=True)
class Unit:
    """One block: `load` brings its operands, `compute` does the rest.

    Attributes
    ----------
    early : bool, whether `load` may run before the unit before this one computes
    """

    load: Callable[[], None]
    compute: Callable[[], None]
    early: bool


@dataclass(frozen=True)
class Step:
    """Units that share weights and parameters, which `load` brings."""

    layer: int
    load: Callable[[], None]
    units: tuple[Unit, ...]


@dataclass
class Context:
    """State of the emission of one region.

    Attributes
    ----------
    config : Config
    builder : Builder
    constants : Constants
    placements : of the resident tensors, by index
    slots : of the tensors that have a place in DRAM, by index
    staging : act word where a layer's staged operand begins, by (kind, number)
    steps : int, steps made so far; its parity chooses the half of weight and param
    """

    config: Config
    builder: Builder
    constants: Constants
    placements: dict[int, Placement]
    slots: dict[int, Slot]
    staging: dict[tuple[str, int], int]
    steps: int = 0
    blocks: int = 0

    @property
    def rows_per_word(self) -> int:
        """Matrix vectors of an act word."""
        return self.config.act_word_bytes // self.config.rows

    @property
    def columns_per_word(self) -> int:
        """Vectors of the vector engine in an act word."""
        return self.config.act_word_bytes // self.config.columns

    def load_constants(self, memory: Memory, destination: int, data: bytes) -> None:
        """Emit the load of `data` to `destination`, a word of `memory`, in runs of whole words."""
        sizes = {Memory.WEIGHT: self.config.tile_bytes, Memory.PARAM: self.config.param_word_bytes}
        size = sizes[memory]
        most_bytes = instruction_set(self.config).format(Opcode.LOAD).field("x_bytes").high
        offset = self.constants.add(data)
        for start in range(0, len(data), most_bytes // size * size):
            run_bytes = min(len(data) - start, most_bytes // size * size)
            first = destination + start // size
            fields = {
                "memory": memory,
                "destination": first,
                "address": offset + start,
                "x_bytes": run_bytes,
            }
            target = Range(memory.name.lower(), first, first + run_bytes // size)
            self.builder.emit(Engine.LOAD, fields, writes=[target], segment="constants")

    def source(
        self, plan: SourcePlan, key: int, parity: int, window: Window, block: Block
    ) -> Placement:
        """Return where the operand of `block` stands in act."""
        if plan.mode is Mode.RESIDENT:
            return self.placements[plan.tensor.index]
        base = self.staging["source", key] + parity * plan.half
        first, _ = input_lines(window, block)
        channels = plan.tensor.channels
        if plan.mode is Mode.WINDOWS:
            words = pixel_words(channels * window.kernel[1], self.config)
            return Placement(base, words, block.pixels * words, -block.x0, first)
        words = pixel_words(channels, self.config)
        pitch = (window.left + plan.tensor.width + window.right) * words
        return Placement(base, words, pitch, window.left, first)

    def load_source(
        self, plan: SourcePlan, placement: Placement, window: Window, block: Block
    ) -> None:
        """Emit the load of the lines of an operand that `block` reads, if they are in DRAM."""
        if plan.mode is Mode.RESIDENT:
            return
        tensor = plan.tensor
        first, stop = input_lines(window, block)
        slot, channels = self.slots[tensor.index], tensor.channels
        line_bytes = tensor.width * channels
        width = window.left + tensor.width + window.right
        if plan.mode is Mode.WINDOWS:
            run, count, stride = window.kernel[1] * channels, block.pixels, window.stride[1]
            origin, step = block.x0 * stride - window.left, stride * channels
        elif channels % self.config.act_word_bytes:
            run, count, origin, step = channels, width, -window.left, channels
        else:
            run, count, origin, step = width * channels, 1, -window.left, 0
        fields = {
            "memory": Memory.ACT,
            "destination": placement.base,
            "address": slot.offset,
            "x_bytes": run,
            "y_count": count,
            "z_count": stop - first,
            "y_stride": step,
            "z_stride": line_bytes,
            "y_step": placement.pixel,
            "z_step": placement.pitch,
            "x_origin": origin * channels,
            "z_origin": first,
            "line_bytes": line_bytes,
            "line_count": tensor.height,
            "fill": window.fill,
        }
        reads = [Range("dram", slot.offset, slot.offset + slot.size)]
        self.builder.emit(
            Engine.LOAD, fields, reads, [placement.lines(first, stop)], segment="data"
        )

    def target(self, tensor: Tensor, half: int, key: int, parity: int, block: Block) -> Placement:
        """Return where the output of `block` goes in act."""
        if tensor.index in self.placements:
            return self.placements[tensor.index]
        words = pixel_words(tensor.channels, self.config)
        base = self.staging["target", key] + parity * half
        return Placement(base, words, tensor.width * words, 0, block.y0)

    def store_target(
        self, tensor: Tensor, placement: Placement, block: Block, start: int, stop: int
    ) -> None:
        """Emit the store of channels start..stop - 1, word-aligned, if the tensor is in DRAM."""
        slot = self.slots.get(tensor.index)
        if slot is None:
            return
        channels, word = tensor.channels, self.config.act_word_bytes
        size = min(stop, channels) - start
        merged = size == channels and channels % word == 0
        offset = slot.offset + (block.y0 * tensor.width + block.x0) * channels + start
        fields = {
            "source": placement.word(block.y0, block.x0) + start // word,
            "address": offset,
            "x_bytes": block.pixels * channels if merged else size,
            "y_count": 1 if merged else block.pixels,
            "z_count": block.lines,
            "y_stride": 0 if merged else channels,
            "z_stride": tensor.width * channels,
            "y_step": placement.pixel,
            "z_step": placement.pitch,
        }
        end = offset + ((block.lines - 1) * tensor.width + block.pixels) * channels
        self.builder.emit(
            Engine.STORE,
            fields,
            [placement.lines(block.y0, block.y1)],
            [Range("dram", offset, end)],
            segment="data",
        )


def output_fields(output: Output) -> dict[str, int]:
    """Return the fields of a vector instruction that make int8 of a result."""
    return {"zero_point": output.zero_point, "low": output.low, "high": output.high}
