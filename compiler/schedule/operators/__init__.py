"""Operators as nests: what the CPU has no kernel of its own for.

A definition writes the nest of one call; `ROWS` of each file are put together in `registry`. Its
buffers are `nest.inputs`, tuples flattened, and `nest.outputs`::

    def _reverse(nest: Definition, attrs: Attributes) -> None:
        (data,), (out,) = nest.inputs, nest.outputs
        axis = attrs["axis"] % len(data.shape)
        with nest.loops(*out.shape) as at:
            mirrored = list(at)
            mirrored[axis] = size_of(data.shape[axis]) - 1 - at[axis]
            nest.store(out[at], data[tuple(mirrored)])

* Extents of ``nest.loops(n, m)`` and ``nest.loop(n)`` are sizes, or int64 expressions, which may
  depend on data. There are ``nest.when(c)``, ``nest.otherwise()``, ``nest.loop_while(c)``.
* ``total = nest.local("float32", 0)`` is a variable: read it as ``total``, write it by
  ``nest.store(total, total + x)``. ``nest.scratch("int64", n)`` is a buffer. Both live in the loop
  that they are made in. ``nest.table(array)`` holds values known now.
* Values are ``data[i, j]``, Python's signs, and `functions`. ``call("exp", x)`` names an
  element-wise operator. Data types must agree (`cast`); a number takes that of the other operand.
* ``inside(data, indices, otherwise)`` reads where the indices are in range: padding. Bring indices
  that come from data into range (`clamp`, `limit`): what `verify` cannot prove is refused.
* ``nest.known(number, name)`` is the value of an input that must be known at compile time.
* Write the last axis of the result as the innermost loop, and accumulate in a local that is stored
  once: then loops become parallel, and lanes. What a definition does not take raises `Missing`.
"""

from .definition import Definition
from .registry import DEFINITIONS

__all__ = ["DEFINITIONS", "Definition"]
