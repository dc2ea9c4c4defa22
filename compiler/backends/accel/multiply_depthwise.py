"""Gives depthwise convolutions to the matrix engine, where the vector engine has too much to do."""

from dataclasses import replace

import numpy as np

from isa.config import Config

from .layers import Convolution, Depthwise, Graph, Layer

__all__ = ["multiply_depthwise"]


def multiply_depthwise(graph: Graph, config: Config, groups: int) -> Graph:
    """Let the matrix engine compute depthwise convolutions whose window strides.

    depthwise -> convolution whose tiles are diagonal. It takes a cycle for each tap of a vector of
    results. The vector engine reads every pixel below the window, used or not; where it waits for
    nothing that costs less, but most of the other work of such a network is its own.

    Parameters
    ----------
    groups : most groups of columns of such a layer

    Returns
    -------
    The graph itself if it has no such layer.
    """
    chosen = [_chosen(layer, config, groups) for layer in graph.layers]
    if config.columns % config.rows or not any(chosen):
        return graph
    layers = (
        _diagonal(layer, config) if taken and isinstance(layer, Depthwise) else layer
        for layer, taken in zip(graph.layers, chosen, strict=True)
    )
    return replace(graph, layers=tuple(layers))


def _chosen(layer: Layer, config: Config, groups: int) -> bool:
    return (
        isinstance(layer, Depthwise)
        and layer.window.stride[1] > 1
        and -(-layer.target.channels // config.columns) <= groups
    )


def _diagonal(layer: Depthwise, config: Config) -> Convolution:
    """Return `layer` with the taps of a channel where its row and its column meet."""
    kh, kw, channels = layer.weight.shape
    weight = np.zeros((kh, kw, config.columns, channels), np.int8)
    every = np.arange(channels)
    weight[:, :, every % config.columns, every] = layer.weight
    return Convolution(
        layer.name,
        layer.sources,
        layer.target,
        layer.window,
        weight,
        layer.records,
        layer.output,
        layer.operator,
        apart=True,
    )
