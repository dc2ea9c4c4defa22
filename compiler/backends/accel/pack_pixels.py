"""Packs the pixels of narrow tensors: several of them as one, in one word of act."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from isa.config import Config

from .layers import Convolution, Depthwise, Graph, Int8, Layer, Records, Tensor, Window

__all__ = ["pack_pixels"]

Chain = tuple[Convolution, tuple[Depthwise, ...], Convolution]


def pack_pixels(graph: Graph, config: Config) -> Graph:
    """Let layers whose channels fill a fraction of the columns compute several pixels as one.

    convolution to c channels, depthwise, ..., 1x1 convolution -> the same layers on tensors of
    columns / c times the channels and as much less width, which are the same bytes. All are
    convolutions then: a column is a channel of one of the pixels.

    Layers keep their numbers.
    """
    layers = list(graph.layers)
    numbers = {id(layer): number for number, layer in enumerate(graph.layers)}
    changed = False
    for head, middle, tail in _chains(graph, config):
        count = config.columns // head.target.channels
        packed = (
            _pack_head(head, count),
            *(_pack_depthwise(layer, count) for layer in middle),
            _pack_tail(tail, count),
        )
        for old, new in zip((head, *middle, tail), packed, strict=True):
            layers[numbers[id(old)]] = new
        changed = True
    return replace(graph, layers=tuple(layers)) if changed else graph


def _chains(graph: Graph, config: Config) -> Iterator[Chain]:
    """Yield the layers that may be packed: nothing else reads what they hand on."""
    results = {tensor.index for tensor in graph.outputs}
    for head in graph.layers:
        if not isinstance(head, Convolution) or not _fits(head, config):
            continue
        middle: list[Depthwise] = []
        layer: Layer = head
        while layer.target.index not in results:
            readers = [
                reader
                for reader in graph.layers
                if any(source.index == layer.target.index for source in reader.sources)
            ]
            if len(readers) != 1:
                break
            layer = readers[0]
            if _is_tail(layer, config):
                assert isinstance(layer, Convolution)
                yield head, tuple(middle), layer
                break
            if not isinstance(layer, Depthwise) or not _slides_by_one(layer.window):
                break
            middle.append(layer)


def _fits(head: Convolution, config: Config) -> bool:
    """Return whether whole pixels of what `head` makes fill a word and a line."""
    channels, width = head.target.channels, head.target.width
    return (
        config.act_word_bytes == config.columns > channels
        and config.columns % channels == 0
        and width % (config.columns // channels) == 0
        and head.window.dilation[1] == 1
    )


def _is_tail(layer: Layer, config: Config) -> bool:
    """Return whether the pixels of `layer` depend on no others and take a word each."""
    return (
        isinstance(layer, Convolution)
        and layer.window == Window(fill=layer.window.fill)
        and layer.target.channels == config.act_word_bytes
    )


def _slides_by_one(window: Window) -> bool:
    return window.stride[1] == window.dilation[1] == 1


def _pack_head(layer: Convolution, count: int) -> Convolution:
    """Return `layer` with windows that cover those of `count` pixels of its result."""
    (kh, kw), (down, right) = layer.window.kernel, layer.window.stride
    _, _, channels, outputs = layer.weight.shape
    width = kw + (count - 1) * right
    weight = np.zeros((kh, width, channels, count, outputs), np.int8)
    for pixel in range(count):
        weight[:, pixel * right : pixel * right + kw, :, pixel] = layer.weight
    window = replace(layer.window, kernel=(kh, width), stride=(down, count * right))
    return replace(
        layer,
        target=_packed(layer.target, count),
        window=window,
        weight=weight.reshape(kh, width, channels, -1),
        records=_repeated(layer.records, count),
    )


def _pack_depthwise(layer: Depthwise, count: int) -> Convolution:
    """Return the convolution whose taps lead from each packed pixel to those of its window."""
    (kh, kw), channels = layer.window.kernel, layer.weight.shape[2]
    left = -(-layer.window.left // count)
    right = max(0, (count + kw - 2 - layer.window.left) // count)
    weight = np.zeros((kh, left + 1 + right, count, channels, count, channels), np.int8)
    every = np.arange(channels)
    for pixel in range(count):
        for tap in range(kw):
            place, source = divmod(pixel - layer.window.left + tap, count)
            weight[:, left + place, source, every, pixel, every] = layer.weight[:, tap]
    return Convolution(
        layer.name,
        (_packed(layer.sources[0], count),),
        _packed(layer.target, count),
        replace(layer.window, kernel=(kh, left + 1 + right), left=left, right=right),
        _flat(weight),
        _repeated(layer.records, count),
        layer.output,
        layer.operator,
    )


def _pack_tail(layer: Convolution, count: int) -> Convolution:
    """Return `layer` with the same weights for each of the packed pixels."""
    _, _, channels, outputs = layer.weight.shape
    weight = np.zeros((1, 1, count, channels, count, outputs), np.int8)
    for pixel in range(count):
        weight[0, 0, pixel, :, pixel] = layer.weight[0, 0]
    return replace(
        layer,
        sources=(_packed(layer.sources[0], count),),
        target=_packed(layer.target, count),
        weight=_flat(weight),
        records=_repeated(layer.records, count),
    )


def _packed(tensor: Tensor, count: int) -> Tensor:
    """Return the same bytes as pixels of `count` times the channels."""
    return replace(tensor, width=tensor.width // count, channels=count * tensor.channels)


def _flat(weight: Int8) -> Int8:
    """Return int8[kh, kw, pixels x channels, pixels x channels] of six axes."""
    kh, kw, count, channels, _, outputs = weight.shape
    return weight.reshape(kh, kw, count * channels, count * outputs)


def _repeated(records: Records, count: int) -> Records:
    """Return the records of `count` pixels."""
    return replace(
        records,
        bias=np.tile(records.bias, count),
        multiplier=np.tile(records.multiplier, count),
        shift=np.tile(records.shift, count),
    )
