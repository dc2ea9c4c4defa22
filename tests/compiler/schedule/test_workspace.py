"""Buffers that are moved out of a nest."""

import numpy as np

from compiler.schedule.expressions import Buffer
from compiler.schedule.interpreter import run
from compiler.schedule.nodes import Allocate
from compiler.schedule.verify import verify
from compiler.schedule.walk import statements_of
from compiler.schedule.workspace import move_out
from compiler.schedule.writer import Writer


def make():
    """Return the nest of out[i, j] = 2 * x[i, j], by way of a line and a number of its own."""
    x, out = (Buffer(name, (3, 5), "float32") for name in ("x", "out"))
    nest = Writer("twice", [x], [out])
    with nest.loop(3) as i:
        line = nest.scratch("float32", 5)
        with nest.loop(5) as j:
            one = nest.local("float32", x[i, j])
            nest.store(line[j], one + one)
        with nest.loop(5) as j:
            nest.store(out[i, j], line[j])
    return nest.finish()


def test_large_buffers_become_outputs():
    nest = make()
    moved, buffers = move_out(nest, largest_bytes=19)
    assert [buffer.shape for buffer in buffers] == [(5,)]
    assert moved.outputs == (*nest.outputs, *buffers)
    left = [one.buffer.shape for one in statements_of(moved.body) if isinstance(one, Allocate)]
    assert left == [()]
    verify(moved)
    value = np.arange(15, dtype=np.float32).reshape(3, 5)
    np.testing.assert_array_equal(run(moved, [value])[0], value * 2)


def test_small_buffers_stay():
    nest = make()
    assert move_out(nest, largest_bytes=20) == (nest, ())
