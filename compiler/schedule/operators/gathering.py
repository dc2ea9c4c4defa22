"""Operators that read elements at places that another tensor names."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast as is_

from ...ops.operator import Attributes
from ..functions import cast, limit
from .definition import Definition

__all__ = ["ROWS"]


def _gather(nest: Definition, attrs: Attributes) -> None:
    (data, indices), (out,) = nest.inputs, nest.outputs
    axis = is_(int, attrs["axis"]) % len(data.shape)
    with nest.loops(*out.shape) as at:
        places = list(at)
        places[axis] = limit(cast(indices[at], "int64"), data.shape[axis])
        nest.store(out[at], data[tuple(places)])


ROWS: Mapping[str, Callable[[Definition, Attributes], None]] = MappingProxyType({"gather": _gather})
