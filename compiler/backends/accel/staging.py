"""Operands and results that do not stand in act as a whole: where their blocks are, and the DMA."""

from isa.config import Config
from isa.image import Slot
from isa.instructions import Engine, Memory

from .builder import Builder
from .layers import Tensor, Window
from .placement import Placement, pixel_words
from .ranges import Range
from .schedule import Block, Mode, SourcePlan, input_lines

__all__ = ["load_source", "source_placement", "store_target", "target_placement"]


def source_placement(
    plan: SourcePlan, base: int, window: Window, block: Block, group: int, config: Config
) -> Placement:
    """Return where the staged operand of `block` stands, if its half begins at act word `base`.

    Parameters
    ----------
    group : int, the first group of columns that is staged
    """
    first, _ = input_lines(window, block)
    if plan.mode is Mode.WINDOWS:
        words = pixel_words(plan.channels * plan.run_pixels(window), config)
        count, left = block.pixels // plan.together, -(block.x0 // plan.together)
        return Placement(base, words, count * words | 1, left, first)
    words = pixel_words(plan.channels, config)
    if plan.mode is Mode.PIXELS:
        return Placement(base, words, block.pixels * words, -block.x0, block.y0)
    pitch = (window.left + plan.tensor.width + window.right) * words
    return Placement(base, words, pitch, window.left, first, group)


def target_placement(
    tensor: Tensor, channels: int, base: int, block: Block, group: int, config: Config
) -> Placement:
    """Return where the staged result of `block` goes, if its half begins at act word `base`.

    Parameters
    ----------
    channels : int, most channels that are staged
    group : int, the first group of columns that is staged
    """
    words = pixel_words(channels, config)
    return Placement(base, words, tensor.width * words, 0, block.y0, group)


def load_source(
    builder: Builder,
    plan: SourcePlan,
    placement: Placement,
    slot: Slot,
    window: Window,
    block: Block,
    part: range,
) -> None:
    """Emit the load of some of the lines of an operand that `block` reads.

    Parameters
    ----------
    part : which lines, counted from the first that `block` reads
    """
    tensor, config = plan.tensor, builder.config
    channels, line_bytes = tensor.channels, tensor.width * tensor.channels
    begin = placement.first_group * config.columns
    size = min(plan.channels, channels - begin)
    first, _ = input_lines(window, block)
    line_count, line_stride = tensor.height, line_bytes
    width = window.left + tensor.width + window.right
    if plan.mode is Mode.PIXELS:
        run, count, step = channels, block.pixels, window.stride[1] * channels
        origin = block.x0 * window.stride[1]
        first = block.y0
        line_count, line_stride = block.y1, window.stride[0] * line_bytes
    elif plan.mode is Mode.WINDOWS:
        run, count = plan.run_pixels(window) * channels, block.pixels // plan.together
        step = plan.together * window.stride[1] * channels
        origin = block.x0 * window.stride[1] - window.left
    elif size < channels or channels % config.act_word_bytes:
        run, count, origin, step = size, width, -window.left, channels
    else:
        run, count, origin, step = width * channels, 1, -window.left, 0
    first, stop = first + part.start, first + part.stop
    fields = {
        "memory": Memory.ACT,
        "destination": placement.base + part.start * placement.pitch,
        "address": slot.offset,
        "x_bytes": run,
        "y_count": count,
        "z_count": stop - first,
        "y_stride": step,
        "z_stride": line_stride,
        "y_step": placement.pixel,
        "z_step": placement.pitch,
        "x_origin": origin * channels + begin,
        "z_origin": first,
        "line_bytes": line_bytes,
        "line_count": line_count,
        "fill": window.fill,
    }
    lines = range(max(first, 0), min(stop, line_count))
    reads = []
    if lines:
        start = slot.offset + lines[0] * line_stride
        reads.append(Range("dram", start, slot.offset + lines[-1] * line_stride + line_bytes))
    builder.emit(Engine.LOAD, fields, reads, [placement.lines(first, stop)], segment="data")


def store_target(
    builder: Builder,
    tensor: Tensor,
    placement: Placement,
    slot: Slot,
    block: Block,
    g0: int,
    g1: int,
) -> None:
    """Emit the store of groups of columns g0..g1 - 1 of the results of `block`."""
    channels, columns = tensor.channels, builder.config.columns
    word, start = builder.config.act_word_bytes, g0 * columns
    size = min(g1 * columns, channels) - start
    merged = size == channels == placement.pixel * word
    offset = slot.offset + (block.y0 * tensor.width + block.x0) * channels + start
    fields = {
        "source": placement.word(block.y0, block.x0)
        + (g0 - placement.first_group) * columns // word,
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
    builder.emit(
        Engine.STORE,
        fields,
        [placement.lines(block.y0, block.y1)],
        [Range("dram", offset, end)],
        segment="data",
    )
