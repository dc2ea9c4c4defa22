"""A nest cut into nests that run one after the other."""

import numpy as np

from compiler.schedule.interpreter import run
from compiler.schedule.phases import phases
from compiler.schedule.verify import verify
from compiler.schedule.workspace import move_out


def test_what_one_part_writes_the_next_one_reads(make, inputs):
    nest = make("pair")
    moved, (between,) = move_out(nest, 0)
    first, second = phases(moved)
    assert [one.name for one in first.outputs] == [between.name]
    assert second.inputs == first.outputs
    assert second.outputs == nest.outputs
    for one in (first, second):
        verify(one)
    (data,) = inputs(nest, 0)
    found = run(second, run(first, [data]))[0]
    np.testing.assert_array_equal(found, run(nest, [data])[0])


def test_a_nest_of_one_part_stays(make):
    nest = make("product")
    assert phases(nest) == (nest,)
