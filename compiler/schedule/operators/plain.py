"""Operators that have kernels of their own, as nests: for sizes that are known only at run time."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast as is_

from ...ops.operator import Attributes
from ..expressions import Constant, Expr
from ..functions import call, cast, lowest, maximum, size_of
from .approximations import fast_exp
from .axes import Define, axis_of, widened
from .definition import Definition

__all__ = ["ROWS"]


def _dense(nest: Definition, attrs: Attributes) -> None:
    """Rows times the rows of a matrix."""
    (data, weight), (out,) = nest.inputs, nest.outputs
    with nest.loops(*out.shape) as at:
        total = nest.local("float64" if data.dtype.startswith("float") else "int64", 0)
        with nest.loop(weight.shape[1]) as k:
            product = widened(data[(*at[:-1], k)]) * widened(weight[at[-1], k])
            nest.store(total, total + product)
        nest.store(out[at], cast(total, out.dtype))


def _batch_matmul(nest: Definition, attrs: Attributes) -> None:
    """Matrix products of a batch, which one of the operands may lack."""
    (x, y), (out,) = nest.inputs, nest.outputs
    inner = x.shape[1 if attrs["transpose_a"] else 2]
    zero = Constant(0, "int64")
    with nest.loops(*out.shape) as (batch, row, column):
        total = nest.local("float64" if x.dtype.startswith("float") else "int64", 0)
        with nest.loop(inner) as k:
            of_x = zero if x.shape[0] == 1 else batch
            of_y = zero if y.shape[0] == 1 else batch
            left = x[(of_x, k, row) if attrs["transpose_a"] else (of_x, row, k)]
            right = y[(of_y, column, k) if attrs["transpose_b"] else (of_y, k, column)]
            nest.store(total, total + widened(left) * widened(right))
        nest.store(out[batch, row, column], cast(total, out.dtype))


def _exp(x: Expr) -> Expr:
    return call("exp", x)


def _softmax(power: Callable[[Expr], Expr], logarithm: bool = False) -> Define:
    """Return the definition of softmax, or of its logarithm, by a way to compute exp."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (data,), (out,) = nest.inputs, nest.outputs
        axis = axis_of(attrs, len(data.shape))
        others = [size for n, size in enumerate(data.shape) if n != axis]
        with nest.loops(*others) as rest:
            best = nest.local(data.dtype, lowest(data.dtype))
            total = nest.local("float64", 0.0)
            with nest.loop(data.shape[axis]) as index:
                nest.store(best, maximum(best, data[(*rest[:axis], index, *rest[axis:])]))
            with nest.loop(data.shape[axis]) as index:
                here = (*rest[:axis], index, *rest[axis:])
                nest.store(total, total + power(widened(data[here]) - widened(best)))
            with nest.loop(data.shape[axis]) as index:
                here = (*rest[:axis], index, *rest[axis:])
                shifted = widened(data[here]) - widened(best)
                value = shifted - call("log", total) if logarithm else power(shifted) / total
                nest.store(out[here], cast(value, out.dtype))

    return define


def _split(nest: Definition, attrs: Attributes) -> None:
    """Copy each part."""
    (data,) = nest.inputs
    axis = axis_of(attrs, len(data.shape))
    start: Expr = Constant(0, "int64")
    for out in nest.outputs:
        with nest.loops(*out.shape) as at:
            places = list(at)
            places[axis] = at[axis] + start
            nest.store(out[at], data[tuple(places)])
        start = start + size_of(out.shape[axis])


def _transpose(nest: Definition, attrs: Attributes) -> None:
    """Read at the places in another order."""
    (data,), (out,) = nest.inputs, nest.outputs
    rank = len(data.shape)
    given = is_(tuple[int, ...] | None, attrs["axes"])
    axes = [axis % rank for axis in given] if given else list(reversed(range(rank)))
    with nest.loops(*out.shape) as at:
        nest.store(out[at], data[tuple(at[axes.index(axis)] for axis in range(rank))])


ROWS: Mapping[str, Define] = MappingProxyType(
    {
        "nn.batch_matmul": _batch_matmul,
        "nn.dense": _dense,
        "nn.fast_softmax": _softmax(fast_exp),
        "nn.log_softmax": _softmax(_exp, logarithm=True),
        "nn.softmax": _softmax(_exp),
        "split": _split,
        "transpose": _transpose,
    }
)
