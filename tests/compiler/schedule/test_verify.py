"""What makes a nest ill formed, and what running one refuses."""

import re
from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import InvalidInput, InvalidModule
from compiler.ir.dims import symbol
from compiler.schedule.expressions import Buffer, Constant, Symbol, Variable
from compiler.schedule.functions import cast, clamp, inside
from compiler.schedule.interpreter import run
from compiler.schedule.nodes import For, Store
from compiler.schedule.verify import verify
from compiler.schedule.writer import Writer


def write(define, *shapes, dtype="int32"):
    buffers = [Buffer(f"x{number}", shape, dtype) for number, shape in enumerate(shapes)]
    writer = Writer("nest", buffers[:-1], [replace(buffers[-1], name="y")], [Symbol("n")])
    define(writer)
    return writer.finish()


def shifted(nest):
    (x,), (y,) = nest.inputs, nest.outputs
    with nest.loop(y.shape[0]) as i:
        nest.store(y[i], x[i + 1])


def looked_up(nest):
    (x,), (y,) = nest.inputs, nest.outputs
    with nest.loop(y.shape[0]) as i:
        nest.store(y[i], x[cast(x[i], "int64")])


def forward(nest):
    """Each element from the one before: no loop over them is parallel."""
    (x,), (y,) = nest.inputs, nest.outputs
    nest.store(y[0], x[0])
    with nest.loop(4) as i:
        nest.store(y[i + 1], y[i] + x[i])


def as_kind(nest, kind):
    (first, loop) = nest.body.parts
    return replace(nest, body=replace(nest.body, parts=(first, replace(loop, kind=kind))))


def twice(nest):
    (x,), (y,) = nest.inputs, nest.outputs
    with nest.loop(5) as i:
        nest.store(y[i], x[i])
    body = nest._levels[-1][0]
    nest._levels[-1].append(body)


REFUSED = [
    (lambda: write(shifted, (5,), (5,)),
     "index 0 of x0 must be in 0..5 - 1, and is in 1..5 as far as is known: clamp it"),
    (lambda: write(looked_up, (5,), (5,)),
     "index 0 of x0 must be in 0..5 - 1, and is in -2.14748e+09..2.14748e+09 as far as is known: "
     "clamp it"),
    (lambda: as_kind(write(forward, (5,), (5,)), "parallel"),
     "loop i0 cannot be parallel: iterations of i0 may write the same elements of y, or read what "
     "another one writes"),
    (lambda: as_kind(write(forward, (5,), (5,)), "quick"),
     "loop i0 must be serial, parallel, vector, unrolled: quick"),
    (lambda: write(twice, (5,), (5,)), "name i0 must be used once, not twice"),
    (lambda: replace(write(shifted, (6,), (5,)), inputs=()),
     "x0 is used where it does not exist"),
    (lambda: replace(write(shifted, (6,), (5,)),
                     body=Store(Buffer("y", (5,), "int32"), (Variable("i0"),),
                                Constant(1, "int32"))),
     "i0 is used outside of its loop"),
    (lambda: replace(write(shifted, (6,), (5,)),
                     body=Store(Buffer("y", (5,), "int32"), (Constant(0, "int64"),),
                                Constant(1, "int8"))),
     "what is stored to y must be int32, not int8"),
    (lambda: replace(write(shifted, (6,), (5,)),
                     body=Store(Buffer("x0", (6,), "int32"), (Constant(0, "int64"),),
                                Constant(1, "int32"))),
     "input x0 must not be written"),
    (lambda: replace(write(shifted, (6,), (5,)),
                     body=For("j", Symbol("m"), "serial", Store(
                         Buffer("y", (5,), "int32"), (Constant(0, "int64"),),
                         Constant(1, "int32")))),
     "symbol m is not declared"),
]  # fmt: skip


@pytest.mark.parametrize(("make_nest", "message"), REFUSED)
def test_what_is_not_well_formed(make_nest, message):
    with pytest.raises(InvalidModule, match=f"^{re.escape(f'nest nest: {message}')}$"):
        verify(make_nest())


def bordered(nest):
    (x,), (y,) = nest.inputs, nest.outputs
    with nest.loops(*y.shape) as (i, j):
        row = clamp(i - 1, 0, x.shape[0] - 1) if isinstance(x.shape[0], int) else i
        nest.store(y[i, j], inside(x, (row, j - 2), 7))


def test_indices_of_symbolic_sizes_are_proved():
    n = symbol("n")
    nest = write(bordered, (n, n), (n, n + 4))
    verify(nest)
    data = np.arange(9, dtype=np.int32).reshape(3, 3)
    expected = np.pad(data, ((0, 0), (2, 2)), constant_values=7)
    np.testing.assert_array_equal(run(nest, [data], {"n": 3})[0], expected)


def test_running_checks_its_inputs():
    nest = write(shifted, (6,), (5,))
    given = np.zeros(6, np.int32)
    for inputs, message in (
        ([], "nest has 1 inputs, not 0"),
        ([given[:5]], "nest: x0 must be int32[6], not int32[5]"),
        ([given.astype(np.int8)], "nest: x0 must be int32[6], not int8[6]"),
    ):
        with pytest.raises(InvalidInput, match=f"^{re.escape(message)}$"):
            run(nest, inputs, {"n": 1})
    with pytest.raises(InvalidInput, match="^nest needs a value for symbol n: pass symbols$"):
        run(nest, [given])


def test_running_checks_every_index():
    nest = write(shifted, (5,), (5,))
    message = re.escape("nest: index [5] is outside of x0, whose shape is [5]")
    with pytest.raises(InvalidInput, match=f"^{message}$"):
        run(nest, [np.zeros(5, np.int32)], {"n": 1})
