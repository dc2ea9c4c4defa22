"""Operators as nests: what the CPU has no kernel of its own for.

A definition is a function of a `Writer` and the call's attributes. It writes the nest of one call,
whose buffers are `nest.inputs` (tuples are flattened) and `nest.outputs`::

    def _reverse(nest: Definition, attrs: Attributes) -> None:
        (data,), (out,) = nest.inputs, nest.outputs
        axis = attrs["axis"] % len(data.shape)
        with nest.loops(*out.shape) as at:
            mirrored = list(at)
            mirrored[axis] = size_of(data.shape[axis]) - 1 - at[axis]
            nest.store(out[at], data[tuple(mirrored)])

    ROWS = {"reverse": _reverse}

* ``with nest.loops(n, m) as (i, j)`` and ``with nest.loop(n) as i``: extents are sizes or int64
  expressions, which may depend on data. ``with nest.when(c)``, ``nest.otherwise()``,
  ``nest.loop_while(c)``.
* ``total = nest.local("float32", 0)`` is a variable: read it as ``total``, write it with
  ``nest.store(total, total + x)``. ``nest.scratch("int64", n)`` is a buffer of one's own.
  ``nest.table(array)`` holds values known now. A local lives in the loop that it is made in.
* Values: ``data[i, j]``, Python's signs, and `functions`: call("exp", x), cast, select, equal,
  minimum, maximum, clamp, both, either, negate, lowest, highest, number. Operation names are those
  of element-wise operators, with their meaning. Data types must agree: cast. A number takes the
  data type of the other operand. Indices are int64.
* ``inside(data, indices, otherwise)`` reads where the indices are in range: padding. An index that
  comes from data must be brought into range (`clamp`, `limit`): generated code checks nothing.
* ``nest.known(number, name)`` is the value of an input that must be known at compile time.
* What stands outside of loops runs once. The loops are made parallel and vectors where
  `dependence` proves that legal, best when the last axis of the result is the innermost loop and
  stores are the last statement; an accumulation goes into a local and is stored once.
* An operator that cannot be expressed for some attributes raises `Missing`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ...ops.operator import Attributes
from . import gathering, rearrangement, scans
from .definition import Definition

__all__ = ["DEFINITIONS", "Definition"]

DEFINITIONS: Mapping[str, Callable[[Definition, Attributes], None]] = MappingProxyType(
    {**gathering.ROWS, **rearrangement.ROWS, **scans.ROWS}
)
"""From an operator's name to the function that writes its nest."""
