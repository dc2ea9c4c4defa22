"""Lays weights and parameters out as the machine's memories hold them."""

import numpy as np
import numpy.typing as npt

from isa.config import Config

from .layers import Records
from .taps import TapLayout

__all__ = ["pack_records", "pack_taps", "pack_weights"]

Int8 = npt.NDArray[np.int8]


def pack_weights(weight: Int8, config: Config) -> Int8:
    """Return the tiles of a convolution.

    Parameters
    ----------
    weight : int8[taps..., input channels, output channels]

    Returns
    -------
    int8[groups, taps, input vectors, columns, rows]; channels that do not exist are zero.
    """
    channels, outputs = weight.shape[-2:]
    flat = weight.reshape(-1, channels, outputs)
    vectors, groups = -(-channels // config.rows), -(-outputs // config.columns)
    padded = np.zeros(
        (flat.shape[0], vectors * config.rows, groups * config.columns), dtype=np.int8
    )
    padded[:, :channels, :outputs] = flat
    tiles = padded.reshape(-1, vectors, config.rows, groups, config.columns)
    return np.ascontiguousarray(tiles.transpose(3, 0, 1, 4, 2))


def pack_records(records: Records, config: Config) -> Int8:
    """Return int8[groups, param word]: biases, multipliers, shifts of each group of columns."""
    channels = len(records.bias)
    groups = -(-channels // config.columns)

    def padded(values: npt.NDArray[np.generic], dtype: str) -> Int8:
        result = np.zeros(groups * config.columns, dtype)
        result[:channels] = values
        return result.view(np.int8).reshape(groups, -1)

    parts = (
        padded(records.bias, "<i4"),
        padded(records.multiplier, "<i4"),
        padded(records.shift, "i1"),
    )
    return np.concatenate(parts, axis=1)


def pack_taps(weight: Int8, layout: TapLayout, config: Config) -> Int8:
    """Return the taps of a depthwise convolution.

    Parameters
    ----------
    weight : int8[kh, kw, channels]

    Returns
    -------
    int8[groups, layout.words, param word]
    """
    channels = weight.shape[-1]
    groups = -(-channels // config.columns)
    padded = np.zeros((groups * config.columns, layout.words, layout.slots), dtype=np.int8)
    padded[:channels] = weight.reshape(-1, channels).T.reshape(channels, layout.words, layout.slots)
    result = np.zeros(
        (groups, layout.words, config.taps_per_param_word, config.columns), dtype=np.int8
    )
    by_group = padded.reshape(groups, config.columns, layout.words, layout.slots)
    result[:, :, : layout.slots] = by_group.transpose(0, 2, 3, 1)
    return result.reshape(groups, layout.words, config.param_word_bytes)
