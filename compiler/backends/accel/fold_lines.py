"""Folds lines of a narrow window into one vector, so that a tile has few empty rows."""

from dataclasses import replace

import numpy as np

from isa.arithmetic import Rounding
from isa.config import Config

from .layers import Convolution, Graph, Layer, Output, Records, Tensor, Window

__all__ = ["fold_lines"]

# Of the cycles of the matrix engine, at most so much may be left: the copies cost some elsewhere.
_WORTH = (3, 4)


def fold_lines(graph: Graph, config: Config) -> tuple[Graph, tuple[int, ...]]:
    """Let convolutions whose window lines fill a fraction of a vector read several at once.

    convolution of kh x kw -> copy of each f x kw window to f kw channels, convolution of the
    copies, kh / f x 1. The copy is a convolution too: its weights are 0 and 1.

    Returns
    -------
    The graph, and for each of its layers the number of the one that it comes from.
    """
    layers: list[Layer] = []
    origins: list[int] = []
    made = (layer.target for layer in graph.layers)
    fresh = 1 + max((tensor.index for tensor in (*graph.inputs, *made)), default=0)
    for number, layer in enumerate(graph.layers):
        lines = _lines(layer, config)
        if isinstance(layer, Convolution) and lines > 1:
            copy = _copy(layer, lines, fresh)
            layers += [copy, _rest(layer, copy.target, lines)]
            origins += [number, number]
            fresh += 1
        else:
            layers.append(layer)
            origins.append(number)
    return replace(graph, layers=tuple(layers)), tuple(origins)


def _lines(layer: Layer, config: Config) -> int:
    """Return how many lines of the window of `layer` shall fill a vector; 1 if that gains nothing.

    It is a multiple of the stride: every window finds the lines that it needs in the same copies.
    """
    if not isinstance(layer, Convolution) or layer.window.dilation != (1, 1):
        return 1
    kh, kw, channels, outputs = layer.weight.shape
    stride = layer.window.stride[0]
    most = min(config.rows, config.columns) // (kw * channels)
    lines = most // stride * stride
    if lines < 2 or lines >= kh:
        return 1
    pixels = layer.target.height * layer.target.width
    groups = -(-outputs // config.columns)
    copies = _copied_height(layer, lines) * layer.target.width * lines
    folded = copies + pixels * groups * -(-kh // lines)
    share, whole = _WORTH
    return lines if folded * whole <= pixels * groups * kh * share else 1


def _copied_height(layer: Convolution, lines: int) -> int:
    """Return the lines of the copy: one for each place where some window has a line to read."""
    (height, _), (stride, _) = layer.window.kernel, layer.window.stride
    return layer.target.height + (-(-height // lines) - 1) * (lines // stride)


def _copy(layer: Convolution, lines: int, index: int) -> Convolution:
    """Return the copy of `lines` lines of each window to tensor `index`."""
    window, source = layer.window, layer.sources[0]
    _, kw, channels, _ = layer.weight.shape
    height, size = _copied_height(layer, lines), lines * kw * channels
    reach = (height - 1) * window.stride[0] + lines - window.top
    ones = np.full(size, 1, np.int32)
    return Convolution(
        layer.name,
        layer.sources,
        Tensor(index, height, layer.target.width, size),
        replace(window, kernel=(lines, kw), bottom=max(0, reach - source.height)),
        np.eye(size, dtype=np.int8).reshape(lines, kw, channels, size),
        # requantize(x, 1 << 30, 1) is x.
        Records(0 * ones, ones << 30, ones.astype(np.int8), Rounding.UPWARD),
        Output(0),
        layer.operator,
    )


def _rest(layer: Convolution, source: Tensor, lines: int) -> Convolution:
    """Return `layer` as a convolution of the copies in `source`."""
    kh, kw, channels, outputs = layer.weight.shape
    count = -(-kh // lines)
    weight = np.zeros((count * lines, kw * channels, outputs), np.int8)
    weight[:kh] = layer.weight.reshape(kh, -1, outputs)
    window = Window((count, 1), (1, 1), (lines // layer.window.stride[0], 1))
    return replace(
        layer,
        sources=(source,),
        window=window,
        weight=weight.reshape(count, 1, source.channels, outputs),
    )
