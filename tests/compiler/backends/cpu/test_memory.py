"""Where tensors lie: random programs give the same bits wherever that is; and what is saved."""

from functools import partial

import numpy as np
import pytest

from compiler.backends.cpu.compile import lower
from compiler.backends.cpu.machine import find_machine
from compiler.backends.cpu.memory import lay_out_memory
from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Any, Function, Module, TensorType, Tuple, TupleGetItem, Var
from compiler.ops import call
from tests.compiler.native_values import run_native

ALWAYS, NEVER = float("-inf"), 2.0
SHAPE = (1, 6, 7, 8)


class Maker:
    """Makes random graphs of operators over images of one shape."""

    def __init__(self, seed, constant):
        self.rng, self.constant = np.random.default_rng(seed), constant

    def numbers(self, *shape):
        return self.constant(self.rng.normal(size=shape).astype("float32") / 4)

    def pick(self, values):
        """Return one of the last values, mostly: then others die early."""
        return values[-1 - min(int(self.rng.geometric(0.4)) - 1, len(values) - 1)]

    def step(self, values):
        """Return a new value."""
        x, y = self.pick(values), self.pick(values)
        kinds = (self.sum, self.sum, self.lines, self.image, self.image, self.parts, self.moved)
        return kinds[int(self.rng.integers(len(kinds)))](x, y)

    def sum(self, x, y):
        name = str(self.rng.choice(["add", "multiply", "maximum", "subtract"]))
        return call("tanh", call(name, x, y))

    def lines(self, x, y):
        axis = int(self.rng.integers(1, 4))
        if self.rng.random() < 0.5:
            return call("add", call("nn.softmax", x, axis=axis), y)
        vectors = [self.numbers(SHAPE[axis]) for _ in range(2)]
        return call("nn.layer_norm", x, *vectors, axis=axis, epsilon=1e-3)

    def image(self, x, y):
        kind = int(self.rng.integers(4))
        if kind == 3:
            attrs = {"pool_size": [3, 3], "padding": [1, 1, 1, 1], "layout": "NHWC"}
            return call("add", call("nn.max_pool2d", x, **attrs), y)
        size, groups = (1, 1) if kind == 2 else (3, 8 if kind else 1)
        pad = [size // 2] * 4
        attrs = {"kernel_size": [size, size], "padding": pad, "groups": groups, "channels": 8}
        weight = self.numbers(size, size, 8 // groups, 8)
        layouts = {"data_layout": "NHWC", "kernel_layout": "HWIO"}
        total = call("nn.conv2d", x, weight, **layouts, **attrs)
        return call("nn.relu", total) if self.rng.random() < 0.5 else call("add", total, y)

    def parts(self, x, y):
        halves = [call("reshape", one, newshape=[2, 168]) for one in (x, y)]
        left, right = (call("split", one, indices_or_sections=2, axis=0) for one in halves)
        pieces = TupleGetItem(left, 1), TupleGetItem(right, 0)
        whole = call("concatenate", Tuple(tuple(call("tanh", one) for one in pieces)), axis=0)
        return call("reshape", whole, newshape=list(SHAPE))

    def moved(self, x, y):
        turned = call("transpose", x, axes=[0, 3, 1, 2])
        return call("add", call("reshape", turned, newshape=list(SHAPE)), y)


@pytest.mark.parametrize("seed", range(10))
def test_random_programs_give_the_same_bits(seed, variable, constant, main, execute, monkeypatch):
    maker = Maker(seed, constant)
    inputs = [variable(name, SHAPE) for name in "xy"]
    values = list(inputs)
    for _ in range(14):
        values.append(maker.step(values))
    module = main(inputs, values[-2:])
    given = [maker.rng.normal(size=SHAPE).astype("float32") for _ in inputs]
    found = []
    for saving in (NEVER, ALWAYS):
        plan = partial(lay_out_memory, least_saving=saving)
        monkeypatch.setattr("compiler.backends.cpu.compile.lay_out_memory", plan)
        found.append(execute(module, given))
    for number, (left, right) in enumerate(zip(*found, strict=True)):
        np.testing.assert_array_equal(left, right, err_msg=f"result {number}, seed {seed}")


def _program(variable, main, steps):
    x = variable("x", (64, 64))
    value = x
    for name in steps:
        value = call(name, value, axis=-1)
    return lower(main([x], value), {}, find_machine())[0]


def test_chain_in_place_needs_one_block(variable, main):
    program = _program(variable, main, ["nn.softmax"] * 5)
    size = 64 * 64 * 4
    assert lay_out_memory(program, least_saving=NEVER).arena_bytes == 2 * size
    assert lay_out_memory(program).arena_bytes == size


def test_what_is_read_later_is_kept(variable, main):
    x = variable("x", (64, 64))
    first = call("nn.softmax", x, axis=-1)
    second = call("nn.softmax", first, axis=-1)
    body = call("nn.batch_matmul", *(call("expand_dims", one, axis=0) for one in (first, second)))
    program = lower(main([x], body), {}, find_machine())[0]
    layout = lay_out_memory(program, least_saving=ALWAYS)
    places = {layout.places[call.target.root] for call in program.operations}
    assert len(places) == len(program.operations)


def test_little_saving_is_left(variable, main):
    x, big = variable("x", (4, 4)), variable("y", (300, 400))
    small = x
    for _ in range(3):
        small = call("nn.softmax", small, axis=-1)
    large = call("transpose", call("nn.softmax", big, axis=-1), axes=[1, 0])
    for _ in range(2):
        large = call("transpose", large, axes=[1, 0])
    program = lower(main([x, big], [small, large]), {}, find_machine())[0]
    layouts = [lay_out_memory(program, least_saving=saving) for saving in (NEVER, ALWAYS, 1 / 32)]
    assert layouts[2].places == layouts[0].places != layouts[1].places


@pytest.mark.parametrize("rows", (0, 1, 50))
def test_unknown_sizes_share_memory(rows, monkeypatch):
    layouts = []

    def plan(program):
        layouts.append(lay_out_memory(program))
        return layouts[-1]

    monkeypatch.setattr("compiler.backends.cpu.flow.whole.lay_out_memory", plan)
    x = Var("x", TensorType((Any(), 64), "float32"))
    value = call("tanh", x)
    for axes in ([0], [1]) * 3:
        value = call("multiply", value, call("sum", value, axis=axes, keepdims=True))
    module = infer(Module({"main": Function((x,), value)}))
    given = np.random.default_rng(rows).normal(size=(rows, 64)).astype("float32")
    found = run_native(module, given)
    np.testing.assert_allclose(found, evaluate(module, given), 1e-4, err_msg=f"seed {rows}")
    # The last product is the result's; all others lie in one block, sums of rows in another.
    (layout,) = layouts
    assert len(layout.workspace) == 2
