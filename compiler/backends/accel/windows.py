"""How lines of windows lie in act where several of them share a vector (im2col)."""

import numpy as np

from isa.config import Config

from .layers import Convolution, Int8, Layer, Window

__all__ = ["run_cycles", "run_lane", "run_pixels", "shared_weight", "windows_together"]


def run_pixels(window: Window, together: int) -> int:
    """Return the pixels under the lines of `together` windows beside each other."""
    return window.kernel[1] + (together - 1) * window.stride[1]


def run_cycles(size: int, config: Config) -> int:
    """Return the cycles of a short run of `size` bytes that may begin anywhere."""
    return 1 + -(-size // config.bus_bytes)


def run_lane(layer: Convolution, together: int, config: Config) -> int:
    """Return the lane of the bus in which the operand of `layer` shall begin.

    It is the one with which the runs of window lines take the fewest beats.

    Parameters
    ----------
    together : int, windows beside each other that share a run
    """
    window, source, bus = layer.window, layer.sources[0], config.bus_bytes
    size = run_pixels(window, together) * source.channels
    step = together * window.stride[1] * source.channels
    origin = -window.left * source.channels

    def beats(lane: int) -> int:
        # After as many lines and runs as the bus has lanes, the same ones come again.
        starts = (
            lane + origin + line * source.width * source.channels + run * step
            for line in range(bus)
            for run in range(bus)
        )
        return sum(-(-(start % bus + size) // bus) for start in starts)

    return min(range(bus), key=beats)


def windows_together(layer: Layer, pixels: int, groups: int, config: Config) -> int:
    """Return how many windows shall share a run: a divisor of `pixels`.

    It is the number that takes the fewest cycles to load, weights included, of those with which a
    window meets no more vectors than it does alone.

    Parameters
    ----------
    groups : int, groups of columns whose weights are on chip together
    """
    if not isinstance(layer, Convolution):
        return 1
    window, channels = layer.window, layer.sources[0].channels
    lines = layer.sources[0].height

    def vectors(together: int) -> int:
        return -(-run_pixels(window, together) * channels // config.rows)

    def tiles(together: int) -> int:
        return window.kernel[0] * together * vectors(together) * groups

    def cycles(together: int) -> int:
        run = run_cycles(run_pixels(window, together) * channels, config)
        weights = tiles(together) * config.tile_bytes // config.bus_bytes
        return lines * layer.target.width // together * run + weights

    return min(
        (
            together
            for together in range(1, pixels + 1)
            if pixels % together == 0
            and vectors(together) == vectors(1)
            and (together == 1 or tiles(together) <= config.weight_tiles // 2)
        ),
        key=cycles,
    )


def shared_weight(weight: Int8, window: Window, together: int) -> Int8:
    """Return the weights of windows that share a run: those of each stand at its place.

    Parameters
    ----------
    weight : int8[kh, kw, input channels, output channels]

    Returns
    -------
    int8[kh, together, bytes of a run, output channels]; zero where a window does not reach
    """
    kh, kw, channels, outputs = weight.shape
    result = np.zeros((kh, together, run_pixels(window, together), channels, outputs), np.int8)
    for index in range(together):
        first = index * window.stride[1]
        result[:, index, first : first + kw] = weight
    return result.reshape(kh, together, -1, outputs)
