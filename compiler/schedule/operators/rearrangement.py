"""Operators that move elements to other places."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

from ...ops.operator import Attributes
from ..functions import size_of
from .definition import Definition

__all__ = ["ROWS"]


def _reverse(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    axis = cast(int, attrs["axis"]) % len(data.shape)
    with nest.loops(*out.shape) as at:
        mirrored = list(at)
        mirrored[axis] = size_of(data.shape[axis]) - 1 - at[axis]
        nest.store(out[at], data[tuple(mirrored)])


def _tile(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    with nest.loops(*out.shape) as at:
        last = at[len(at) - len(data.shape) :]
        places = [index % size_of(size) for index, size in zip(last, data.shape, strict=True)]
        nest.store(out[at], data[tuple(places)])


ROWS: Mapping[str, Callable[[Definition, Attributes], None]] = MappingProxyType(
    {"reverse": _reverse, "tile": _tile}
)
