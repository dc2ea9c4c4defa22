"""Decides, for each layer, where its operands come from and how its output is cut into blocks."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from isa.config import Config
from isa.instructions import MAX_COUNT

from ...errors import TooLarge
from .layers import Addition, Convolution, Depthwise, Layer, Pool, Tensor, Window
from .placement import pixel_words
from .windows import run_pixels, windows_together

__all__ = [
    "USUAL",
    "Block",
    "Cut",
    "Mode",
    "Schedule",
    "SourcePlan",
    "evenly",
    "input_lines",
    "load_bound",
    "schedule",
    "window_of",
]

# A layer with less work than this many acc words is one block: starting a block costs cycles too.
_SMALL = 64
# Blocks that are worth it even if they are small: layers run beside each other by blocks.
_FEW = 6
# Share of act that one staged operand, both halves together, may take.
_STAGING_SHARE = 4
# Vectors of a block that the vector engine makes alone: so many that starting it costs little.
_VECTORS = 512
# The same where blocks load lines that they share with their neighbours.
_HALO_VECTORS = 4096


@dataclass(frozen=True)
class Cut:
    """How finely layers are cut, where they have work for it.

    Fewer blocks leave the vector engine idle while the matrix engine computes, more cost cycles to
    start.

    Attributes
    ----------
    blocks : int, blocks of a layer at least
    vectors : int, vectors of a block at least; where that leaves few blocks, it has fewer
    """

    blocks: int = 4
    vectors: int = 0


USUAL = Cut()


class Mode(Enum):
    """Where a layer reads an operand.

    Members
    -------
    RESIDENT : it stands in act as a whole.
    LINES : the lines that a block needs are loaded from DRAM.
    WINDOWS : the same, laid out as one run of vectors a window line, or a few of them (im2col).
    PIXELS : only the pixels that a window of one pixel stops at are loaded.
    """

    RESIDENT = "resident"
    LINES = "lines"
    WINDOWS = "windows"
    PIXELS = "pixels"


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
    """One operand of a layer.

    Attributes
    ----------
    tensor : Tensor
    mode : Mode
    half : int, act words that are staged for a block, in two halves
    channels : int, channels that are staged for a block; all of them for a convolution
    together : int, windows beside each other that share a run; 1 unless the mode is WINDOWS
    """

    tensor: Tensor
    mode: Mode
    half: int
    channels: int
    together: int = 1

    def run_pixels(self, window: Window) -> int:
        """Return the pixels of a run that holds window lines."""
        return run_pixels(window, self.together)


@dataclass(frozen=True)
class Schedule:
    """One layer.

    Attributes
    ----------
    layer : Layer
    sources : tuple of SourcePlan, in the order of layer.sources
    target_half : int, act words staged for the output of a block, 0 where it is resident
    target_channels : int, channels that are staged for the output of a block
    step_groups : int, groups of columns whose parameters are loaded together
    groups : int, groups of columns that are computed of a block at once
    blocks : tuple of Block
    """

    layer: Layer
    sources: tuple[SourcePlan, ...]
    target_half: int
    target_channels: int
    step_groups: int
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
    layer: Layer,
    resident: Sequence[bool],
    target_resident: bool,
    groups: tuple[int, int],
    config: Config,
    cut: Cut = USUAL,
) -> Schedule:
    """Return the schedule of `layer`.

    Parameters
    ----------
    resident : for each source, whether it stands in act
    target_resident : whether the output does
    groups : (groups of columns whose parameters are loaded together, groups computed at once)
    cut : how finely the layer is cut

    Raises
    ------
    TooLarge
        The staged operands of a single line do not fit; the message says what is needed.
    """
    target = layer.target
    step_groups, slice_groups = groups
    halo = window_of(layer).kernel[0] > window_of(layer).stride[0] and not all(resident)
    vectors, limit = _vectors(layer, slice_groups, halo, config)
    pixels = evenly(target.width, min(limit // vectors, MAX_COUNT))
    modes = [
        _mode(layer, tensor, here, config)
        for tensor, here in zip(layer.sources, resident, strict=True)
    ]
    lines = _lines(layer, pixels * vectors, limit, cut, config)
    together = windows_together(layer, math.gcd(pixels, target.width), step_groups, config)
    together = together if Mode.WINDOWS in modes else 1
    slice_channels = slice_groups * config.columns
    channels = [
        tensor.channels if isinstance(layer, Convolution) else min(slice_channels, tensor.channels)
        for tensor in layer.sources
    ]
    target_channels = min(slice_channels, target.channels)

    def staged(count: int) -> list[int]:
        block = Block(0, count, 0, pixels)
        sizes = [
            _source_words(layer, tensor, mode, size, together, block, config)
            for tensor, mode, size in zip(layer.sources, modes, channels, strict=True)
        ]
        words = count * target.width * pixel_words(target_channels, config)
        return [*sizes, 0 if target_resident else words]

    lines, halves = _fitting(layer, staged, lines, config)
    shares = itertools.repeat(together)
    sources = tuple(map(SourcePlan, layer.sources, modes, halves[:-1], channels, shares))
    blocks = _blocks(target, lines, pixels)
    return Schedule(layer, sources, halves[-1], target_channels, step_groups, slice_groups, blocks)


def _fitting(
    layer: Layer, staged: Callable[[int], list[int]], lines: int, config: Config
) -> tuple[int, list[int]]:
    """Return how many of at most `lines` lines a block has so that act holds it, and its halves.

    Raises
    ------
    TooLarge
        Not even one line fits.
    """
    share = config.act_words // _staging_share(window_of(layer))
    while lines > 1 and 2 * max(staged(lines)) > share:
        lines -= 1
    halves = staged(lines)
    if 2 * sum(halves) > config.act_words:
        raise TooLarge(
            f"{layer.name}: one line needs {2 * sum(halves) * config.act_word_bytes} bytes of act, "
            f"configuration {config.name} has {config.act_bytes}; "
            "use a larger configuration, or the CPU alone"
        )
    return lines, halves


def _lines(layer: Layer, vectors: int, limit: int, cut: Cut, config: Config) -> int:
    """Return the lines of a block, where a line has `vectors` and a block at most `limit`."""
    height = layer.target.height
    lines = min(max(1, limit // vectors), MAX_COUNT)
    if height * vectors > _SMALL and not _sums_in_parts(layer, config):
        enough = min(-(-cut.vectors // vectors), -(-height // _FEW))
        lines = min(lines, max(-(-height // cut.blocks), enough))
    return evenly(height, lines)


def _vectors(layer: Layer, groups: int, halo: bool, config: Config) -> tuple[int, int]:
    """Return the vectors that a pixel takes, in acc if it goes there, and the most of a block."""
    if isinstance(layer, Convolution):
        return groups, config.acc_words
    if isinstance(layer, Addition):
        return 2 * groups, config.acc_words
    return groups, max(groups, _HALO_VECTORS if halo else _VECTORS)


def evenly(count: int, most: int) -> int:
    """Return the size of parts of at most `most` that cut `count` evenly."""
    return -(-count // -(-count // most))


def _sums_in_parts(layer: Layer, config: Config) -> bool:
    """Return whether the weights of one group are loaded in parts, again for every block."""
    if not isinstance(layer, Convolution):
        return False
    kh, kw, channels, _ = layer.weight.shape
    return bool(kh * kw * -(-channels // config.rows) > config.weight_tiles // 2)


def load_bound(layer: Layer, config: Config) -> bool:
    """Return whether a tile takes longer to load than to meet all pixels of the layer."""
    pixels = layer.target.height * layer.target.width
    return isinstance(layer, Convolution) and 1 < pixels < config.tile_bytes // config.bus_bytes


def _staging_share(window: Window) -> int:
    """Return what part of act one staged operand may take: more where blocks share lines."""
    return _STAGING_SHARE // 2 if window.kernel[0] > window.stride[0] else _STAGING_SHARE


def _mode(layer: Layer, tensor: Tensor, resident: bool, config: Config) -> Mode:
    if resident:
        return Mode.RESIDENT
    if not isinstance(layer, Convolution):
        return Mode.LINES
    window = layer.window
    if window.kernel == (1, 1) and window.stride != (1, 1) and not window.padded:
        return Mode.PIXELS
    if window.dilation[1] == 1:
        width, rows = layer.window.kernel[1], config.rows
        if -(-width * tensor.channels // rows) < width * -(-tensor.channels // rows):
            return Mode.WINDOWS
    return Mode.LINES


def _source_words(
    layer: Layer,
    tensor: Tensor,
    mode: Mode,
    channels: int,
    together: int,
    block: Block,
    config: Config,
) -> int:
    window = window_of(layer)
    first, stop = input_lines(window, block)
    if mode is Mode.RESIDENT:
        return 0
    if mode is Mode.WINDOWS:
        words = pixel_words(channels * run_pixels(window, together), config)
        # An odd pitch: the lines of a window stand in different banks of act.
        return (stop - first) * (block.pixels // together * words | 1)
    if mode is Mode.PIXELS:
        return block.lines * block.pixels * pixel_words(channels, config)
    width = window.left + tensor.width + window.right
    return (stop - first) * width * pixel_words(channels, config)


def _blocks(target: Tensor, lines: int, pixels: int) -> tuple[Block, ...]:
    return tuple(
        Block(y, min(y + lines, target.height), x, min(x + pixels, target.width))
        for y in range(0, target.height, lines)
        for x in range(0, target.width, pixels)
    )
