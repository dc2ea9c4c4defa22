"""About how many cycles each engine spends on a unit: what the order of the work is made from."""

from dataclasses import dataclass

from isa.config import Config

from .layers import Addition, Convolution, Depthwise, Layer, Pool
from .schedule import Block, Mode, Schedule, SourcePlan, input_lines, window_of
from .taps import slides
from .windows import run_cycles
from .work import Part, Unit, Work

__all__ = ["START", "Cycles", "load_cycles", "plan_load_cycles", "unit_cycles"]

# From the end of an instruction to the start of one of another engine that waited for it.
START = 12
# A memory's answer to the first read; its exact latency only shifts the order a little.
_LATENCY = 50
# An addition rescales two operands, then reads both.
_ADDITION_PASSES = 4


@dataclass(frozen=True)
class Cycles:
    """Cycles of one unit by engine; 0 where it has no work there."""

    load: int
    matrix: int
    vector: int
    store: int


def load_cycles(tiles: int, params: int, config: Config) -> int:
    """Return the cycles that weight tiles and param words take to load."""
    size = tiles * config.tile_bytes + params * config.param_word_bytes
    return _LATENCY + size // config.bus_bytes if size else 0


def unit_cycles(work: Work, unit: Unit, config: Config) -> Cycles:
    """Return the cycles of `unit`."""
    layer, part, block = work.layer, unit.part, unit.block
    load = sum(_load(source, layer, block, config) for source in work.plan.sources)
    staged = work.plan.target_half > 0
    return Cycles(
        load=load if part.first else 0,
        matrix=_matrix(work, unit) if isinstance(layer, Convolution) else 0,
        vector=_vector(layer, part, block, config) if part.last else 0,
        store=_store(layer, part, block, config) if part.last and staged else 0,
    )


def plan_load_cycles(plan: Schedule, config: Config) -> int:
    """Return the cycles of all loads of the operands of a layer of the vector engine."""
    slices = -(-plan.step_groups // plan.groups)
    return slices * sum(
        _load(source, plan.layer, block, config) for source in plan.sources for block in plan.blocks
    )


def _load(source: SourcePlan, layer: Layer, block: Block, config: Config) -> int:
    if source.mode is Mode.RESIDENT:
        return 0
    window, channels = window_of(layer), source.channels
    first, stop = input_lines(window, block)
    lines = max(0, min(stop, source.tensor.height) - max(first, 0))
    if source.mode is Mode.WINDOWS:
        run = run_cycles(source.run_pixels(window) * channels, config)
        return _LATENCY + lines * block.pixels // source.together * run
    if source.mode is Mode.PIXELS:
        return _LATENCY + block.lines * block.pixels * run_cycles(channels, config)
    if channels < source.tensor.channels or channels % config.act_word_bytes:
        return _LATENCY + lines * source.tensor.width * run_cycles(channels, config)
    return _LATENCY + lines * source.tensor.width * channels // config.bus_bytes


def _store(layer: Layer, part: Part, block: Block, config: Config) -> int:
    pixels = block.lines * block.pixels
    channels = min(part.g1 * config.columns, layer.target.channels) - part.g0 * config.columns
    return _LATENCY + pixels * -(-channels // config.bus_bytes)


def _matrix(work: Work, unit: Unit) -> int:
    """Return the iterations: every tile of the step meets the pixels that it is for once."""
    tiles = work.steps[unit.step].tiles // work.plan.sources[0].together
    return unit.block.lines * unit.block.pixels * tiles


def _vector(layer: Layer, part: Part, block: Block, config: Config) -> int:
    results = (part.g1 - part.g0) * block.lines * block.pixels
    requantize = results * (config.columns // config.requantize_lanes)
    if isinstance(layer, Convolution):
        return START + requantize
    if isinstance(layer, Addition):
        return 3 * START + max(_ADDITION_PASSES * results, 3 * requantize)
    if not isinstance(layer, Depthwise | Pool):
        return START + requantize
    height, width = layer.window.kernel
    if isinstance(layer, Depthwise) and slides(layer.window, config):
        width = layer.window.stride[1]
    return START + max(results * height * width, requantize)
