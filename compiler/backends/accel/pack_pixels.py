"""Packs the pixels of narrow tensors: several of them as one, in one word of act."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

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
        before = _before(head, middle, count)
        packed = (
            _pack_head(head, count, before),
            *(_pack_depthwise(layer, count, before) for layer in middle),
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


def _before(head: Convolution, middle: Sequence[Depthwise], count: int) -> int:
    """Return how many pixels of padding the packed result of `head` shall begin with.

    With the padding on the left of the only depthwise convolution that reads it, the windows of a
    packed pixel begin where a packed pixel does: they lie on fewer of them.
    """
    if len(middle) != 1:
        return 0
    window, output = middle[0].window, head.output
    exact = window.fill == output.zero_point and output.low <= window.fill <= output.high
    return window.left if exact and 0 < window.left < count else 0


def _pack_head(layer: Convolution, count: int, before: int) -> Convolution:
    """Return `layer` with windows that cover those of `count` pixels of its result.

    Parameters
    ----------
    before : pixels of padding before the first one; the line ends with padding then, too
    """
    (kh, kw), (down, right) = layer.window.kernel, layer.window.stride
    _, _, channels, outputs = layer.weight.shape
    width = kw + (count - 1) * right
    weight = np.zeros((kh, width, channels, count, outputs), np.int8)
    for pixel in range(count):
        weight[:, pixel * right : pixel * right + kw, :, pixel] = layer.weight
    window = replace(layer.window, kernel=(kh, width), stride=(down, count * right))
    target, records = _packed(layer.target, count), _repeated(layer.records, count)
    edges = None
    if before:
        target = replace(target, width=target.width + 1)
        left = window.left + before * right
        end = (target.width - 1) * count * right - left + width
        window = replace(window, left=left, right=max(0, end - layer.sources[0].width))
        pixels = np.arange(count).repeat(outputs)
        edges = _only(records, pixels >= before), _only(records, pixels < before)
    return replace(
        layer,
        target=target,
        window=window,
        weight=weight.reshape(kh, width, channels, -1),
        records=records,
        edges=edges,
    )


def _only(records: Records, here: npt.NDArray[np.bool_]) -> Records:
    """Return records that give the zero point in the columns where nothing is."""
    return replace(
        records,
        bias=np.where(here, records.bias, 0).astype(np.int32),
        multiplier=np.where(here, records.multiplier, 0).astype(np.int32),
    )


def _pack_depthwise(layer: Depthwise, count: int, before: int) -> Convolution:
    """Return the convolution whose taps lead from each packed pixel to those of its window.

    Parameters
    ----------
    before : pixels of padding that the lines of the operand begin with
    """
    (kh, kw), channels = layer.window.kernel, layer.weight.shape[2]
    begin = before - layer.window.left
    left = -(begin // count)
    right = (begin + count + kw - 2) // count
    source = _packed(layer.sources[0], count)
    if before:
        source = replace(source, width=source.width + 1)
    reach = max(0, layer.target.width // count + right - source.width)
    weight = np.zeros((kh, left + 1 + right, count, channels, count, channels), np.int8)
    every = np.arange(channels)
    for pixel in range(count):
        for tap in range(kw):
            place, other = divmod(begin + pixel + tap, count)
            weight[:, left + place, other, every, pixel, every] = layer.weight[:, tap]
    return Convolution(
        layer.name,
        (source,),
        _packed(layer.target, count),
        replace(layer.window, kernel=(kh, left + 1 + right), left=left, right=reach),
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
