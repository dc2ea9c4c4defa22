"""Decides, for each layer, where its operands come from and how its output is cut into blocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from isa.config import Config
from isa.instructions import MAX_COUNT

from ...errors import TooLarge
from .layers import Addition, Convolution, Depthwise, Layer, Pool, Tensor, Window
from .placement import pixel_words

__all__ = ["Block", "Mode", "Schedule", "SourcePlan", "input_lines", "schedule", "window_of"]

# Fewer blocks than this would leave the vector engine idle while the matrix engine computes.
_BLOCKS = 4
# A layer with less work than this many acc words is one block: starting a block costs cycles too.
_SMALL = 64
# Share of act that one staged operand, both halves together, may take.
_STAGING_SHARE = 4


class Mode(Enum):
    """Where a layer reads an operand.

    Members
    -------
    RESIDENT : it stands in act as a whole.
    LINES : the lines that a block needs are loaded from DRAM.
    WINDOWS : the same, laid out as one vector a window line (im2col).
    """

    RESIDENT = "resident"
    LINES = "lines"
    WINDOWS = "windows"


@dataclass(frozen=True)
class Block:
    """Output lines y0..y1 - 1, pixels x0..x1 - 1."""

    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def lines(self) -> int:
        """Lines of the block."""
        return self.y1 - self.y0

    @property
    def pixels(self) -> int:
        """Pixels of a line of the block."""
        return self.x1 - self.x0


@dataclass(frozen=True)
class SourcePlan:
    """One operand: `half` act words are staged for a block, in two halves."""

    tensor: Tensor
    mode: Mode
    half: int


@dataclass(frozen=True)
class Schedule:
    """One layer.

    Attributes
    ----------
    layer : Layer
    sources : tuple of SourcePlan, in the order of layer.sources
    target_half : int, act words staged for the output of a block, 0 where it is resident
    groups : int, groups of columns that a block computes
    blocks : tuple of Block
    """

    layer: Layer
    sources: tuple[SourcePlan, ...]
    target_half: int
    groups: int
    blocks: tuple[Block, ...]


def window_of(layer: Layer) -> Window:
    """Return the window of `layer`; element-wise layers have one of a single pixel."""
    return layer.window if isinstance(layer, Convolution | Depthwise | Pool) else Window()


def input_lines(window: Window, block: Block) -> tuple[int, int]:
    """Return the range of source lines that `block` reads, padding included."""
    first = block.y0 * window.stride[0] - window.top
    reach = (window.kernel[0] - 1) * window.dilation[0]
    return first, (block.y1 - 1) * window.stride[0] - window.top + reach + 1


def schedule(
    layer: Layer, resident: Sequence[bool], target_resident: bool, groups: int, config: Config
) -> Schedule:
    """Return the schedule of `layer`.

    Parameters
    ----------
    resident : for each source, whether it stands in act
    target_resident : whether the output does
    groups : groups of columns whose weights and parameters fit on chip together

    Raises
    ------
    TooLarge
        The staged operands of a single line do not fit; the message says what is needed.
    """
    target = layer.target
    vectors, limit = _acc_vectors(layer, groups, config)
    pixels = min(target.width, limit // vectors, MAX_COUNT)
    modes = [
        _mode(layer, tensor, here, config)
        for tensor, here in zip(layer.sources, resident, strict=True)
    ]
    lines = min(target.height, max(1, limit // (pixels * vectors)), MAX_COUNT)
    if target.height * pixels * vectors > _SMALL:
        lines = min(lines, -(-target.height // _BLOCKS))

    def staged(count: int) -> list[int]:
        block = Block(0, count, 0, pixels)
        sizes = [
            _source_words(layer, tensor, mode, block, config)
            for tensor, mode in zip(layer.sources, modes, strict=True)
        ]
        words = count * target.width * pixel_words(target.channels, config)
        return [*sizes, 0 if target_resident else words]

    share = config.act_words // _STAGING_SHARE
    while lines > 1 and 2 * max(staged(lines)) > share:
        lines -= 1
    halves = staged(lines)
    if 2 * sum(halves) > config.act_words:
        raise TooLarge(
            f"{layer.name}: one line needs {2 * sum(halves) * config.act_word_bytes} bytes of act, "
            f"configuration {config.name} has {config.act_bytes}; "
            "use a larger configuration, or the CPU alone"
        )
    sources = tuple(map(SourcePlan, layer.sources, modes, halves[:-1]))
    return Schedule(layer, sources, halves[-1], groups, _blocks(target, lines, pixels))


def _acc_vectors(layer: Layer, groups: int, config: Config) -> tuple[int, int]:
    """Return the acc words that a pixel takes, and how many a block may take."""
    if isinstance(layer, Convolution):
        return groups, config.acc_words
    if isinstance(layer, Addition):
        return 2 * groups, config.acc_words
    return 1, layer.target.height * layer.target.width


def _mode(layer: Layer, tensor: Tensor, resident: bool, config: Config) -> Mode:
    if resident:
        return Mode.RESIDENT
    if isinstance(layer, Convolution) and layer.window.dilation[1] == 1:
        width, rows = layer.window.kernel[1], config.rows
        if -(-width * tensor.channels // rows) < width * -(-tensor.channels // rows):
            return Mode.WINDOWS
    return Mode.LINES


def _source_words(layer: Layer, tensor: Tensor, mode: Mode, block: Block, config: Config) -> int:
    window = window_of(layer)
    first, stop = input_lines(window, block)
    if mode is Mode.RESIDENT:
        return 0
    if mode is Mode.WINDOWS:
        words = pixel_words(tensor.channels * window.kernel[1], config)
        return (stop - first) * block.pixels * words
    width = window.left + tensor.width + window.right
    return (stop - first) * width * pixel_words(tensor.channels, config)


def _blocks(target: Tensor, lines: int, pixels: int) -> tuple[Block, ...]:
    return tuple(
        Block(y, min(y + lines, target.height), x, min(x + pixels, target.width))
        for y in range(0, target.height, lines)
        for x in range(0, target.width, pixels)
    )
