"""Running sums and products."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast as is_

from ...ops.operator import Attributes
from ..expressions import combine
from ..functions import cast, offset_of, size_of
from .definition import Definition

__all__ = ["ROWS"]


def _scan(operation: str, first: int) -> Callable[[Definition, Attributes], None]:
    """Return the definition of a running `operation`."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (data,), (out,) = nest.inputs, nest.outputs
        dtype, exclusive = out.dtype, attrs["exclusive"]
        given = is_(int | None, attrs["axis"])
        if given is None:
            total = nest.local(dtype, first)
            with nest.loops(*data.shape) as at:
                following = combine(operation, total, cast(data[at], dtype))
                nest.store(out[offset_of(data, at)], total if exclusive else following)
                nest.store(total, following)
            return
        axis = given % len(data.shape)
        others = [size for number, size in enumerate(data.shape) if number != axis]
        with nest.loops(*others) as rest:
            total = nest.local(dtype, first)
            with nest.loop(size_of(data.shape[axis])) as index:
                at = (*rest[:axis], index, *rest[axis:])
                following = combine(operation, total, cast(data[at], dtype))
                nest.store(out[at], total if exclusive else following)
                nest.store(total, following)

    return define


ROWS: Mapping[str, Callable[[Definition, Attributes], None]] = MappingProxyType(
    {"cumsum": _scan("add", 0), "cumprod": _scan("multiply", 1)}
)
