"""Whole programs: generated graphs, regions, functions, results in unusual places, bad input."""

import ctypes
import re

import numpy as np
import pytest

from compiler.backends.cpu import compile_host
from compiler.backends.cpu.graph import VIEWS
from compiler.backends.cpu.lowering import ANCHORS, ELEMENTWISE, OTHERS
from compiler.errors import Unsupported
from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import (
    Call,
    Constant,
    Function,
    GlobalVar,
    Let,
    Module,
    Span,
    TensorType,
    Tuple,
    TupleGetItem,
    Var,
)
from compiler.ops import call, operators
from driver.host import HostProgram

# Lowered in terms of other operators, or known when the program is compiled.
EXPANDED = {"nn.dropout", "nn.l2_normalize", "ones", "zeros"}


def test_what_is_lowered_are_operators():
    taken = {*ANCHORS, *ELEMENTWISE, *OTHERS, *VIEWS, *EXPANDED}
    # What several operators become together is none.
    assert sorted(taken - set(operators())) == ["attention"]
    assert len(taken) >= 84


def test_a_scale_that_is_computed_is_refused_where_a_table_needs_it():
    x, scale = Var("x", TensorType((2, 3), "int8")), Var("scale", TensorType((), "float32"))
    point = Constant(np.int32(0))
    body = call("qnn.tanh", x, scale, point, Constant(np.float32(0.1)), point)
    module = infer(Module({"main": Function((x, scale), body)}))
    message = "qnn.tanh: input_scale must be a constant on the CPU; fold it before"
    with pytest.raises(Unsupported, match=f"^{message}$"):
        compile_host(module, {})


def test_an_operator_that_is_not_lowered_is_refused_by_name():
    shape = Var("shape", TensorType((0,), "int32"))
    module = infer(Module({"main": Function((shape,), call("dyn.zeros", shape, dtype="int8"))}))
    message = r"^operator dyn.zeros is not supported on the CPU; the nearest is [a-z_0-9.]+$"
    with pytest.raises(Unsupported, match=message):
        compile_host(module, {})


def random_graph(rng, variable, constant):
    """Return parameters and results of a random graph of int8 image operators with sharing."""
    height, width = (int(rng.integers(3, 9)) for _ in range(2))
    params = [variable(f"x{n}", (1, height, width, 8), "int8") for n in range(2)]
    values = list(params)
    zero, scale = constant(0, "int32"), constant(0.1, "float32")
    for _ in range(int(rng.integers(6, 16))):
        picked = [values[int(rng.integers(len(values)))] for _ in range(2)]
        match int(rng.integers(6)):
            case 0:
                kernel = constant(rng.integers(-20, 20, (3, 3, 8, 8)), "int8")
                attrs = {"kernel_size": 3, "channels": 8, "padding": 1}
                layouts = {"data_layout": "NHWC", "kernel_layout": "HWIO"}
                total = call(
                    "qnn.conv2d", picked[0], kernel, zero, zero, scale, scale, **attrs, **layouts
                )
                ends = constant(0.004, "float32"), zero, scale, zero
                value = call("qnn.requantize", total, *ends, rounding="TFLITE")
            case 1:
                value = call("qnn.add", *picked, scale, zero, scale, zero, scale, zero)
            case 2:
                value = call("clip", picked[0], a_min=-50.0, a_max=50.0)
            case 3:
                value = call("maximum", *picked)
            case 4:
                attrs = {"pool_size": 3, "padding": 1, "layout": "NHWC"}
                value = call("nn.max_pool2d", picked[0], **attrs)
            case _:
                turned = call("transpose", picked[0], axes=(0, 2, 1, 3))
                value = call("reshape", turned, newshape=(1, height, width, 8))
        values.append(value)
    count = int(rng.integers(1, 4))
    return params, [values[-1], *(values[int(rng.integers(len(values)))] for _ in range(count))]


@pytest.mark.parametrize("seed", range(25))
def test_random_graphs(seed, variable, constant, main, check):
    """Buffers are shared by tensors that do not live together, and by no others."""
    rng = np.random.default_rng(seed)
    params, results = random_graph(rng, variable, constant)
    inputs = [rng.integers(-128, 128, p.annotation.shape).astype(np.int8) for p in params]
    check(main(params, results), inputs, labels=[f"seed {seed}"] * len(results))


def test_arena_is_shared(variable, constant, main):
    """A long chain that cannot be fused needs memory for two tensors, not for all."""
    data = variable("x", (64, 64), "float32")
    value = data
    for _ in range(10):
        value = call("transpose", call("exp", value))
    host = compile_host(main([data], value), {})
    assert host.arena_bytes == 2 * 64 * 64 * 4


def test_equal_kernels_and_constants_exist_once(variable, constant, main):
    data = variable("x", (1, 6, 6, 4), "int8")
    kernel = np.ones((3, 3, 4, 4), np.int8)
    zero, scale = constant(0, "int32"), constant(0.1, "float32")
    attrs = {"kernel_size": 3, "channels": 4, "padding": 1}
    layouts = {"data_layout": "NHWC", "kernel_layout": "HWIO"}

    def chain(count):
        value = data
        for _ in range(count):
            value = call(
                "qnn.conv2d", value, constant(kernel), zero, zero, scale, scale, **attrs, **layouts
            )
            ends = constant(0.004, "float32"), zero, scale, zero
            value = call("qnn.requantize", value, *ends, rounding="TFLITE")
        return compile_host(main([data], value), {})

    two, eight = chain(2), chain(8)
    assert len(two.constants) == len(eight.constants)
    assert len(eight.code) < 1.3 * len(two.code)


def test_the_same_module_gives_the_same_bytes(two_regions):
    first, second = (compile_host(two_regions, {"first": 0, "second": 1}) for _ in range(2))
    assert first == second


def test_results_may_be_inputs_constants_and_repeats(variable, constant, main, check):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    data = variable("x", x.shape)
    twice = call("add", data, data)
    known = constant([1, 2, 3], "int64")
    results = [data, known, twice, twice, call("reshape", data, newshape=(6,)), twice]
    check(main([data], [*results, call("reshape", twice, newshape=(3, 2))]), [x])


def test_functions_become_part_of_the_program(variable, main):
    x = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    data, inner, other = (variable(name, x.shape) for name in "xab")
    helper = Function((inner,), call("add", inner, inner), None, {"Primitive": 1})
    pair = Function((other,), Tuple((other, Call(GlobalVar("helper"), (other,)))))
    both = Call(pair, (call("negative", data),))
    result = call("multiply", TupleGetItem(both, 0), Call(GlobalVar("helper"), (data,)))
    body = Tuple((result, TupleGetItem(both, 1)))
    module = infer(Module({"main": Function((data,), body), "helper": helper}))
    found = [np.empty_like(x), np.empty_like(x)]
    HostProgram(compile_host(module, {})).run([x], found)
    for have, want in zip(found, evaluate(module, x), strict=True):
        np.testing.assert_array_equal(have, want)


def view(address, shape, dtype):
    """Return the memory at `address` as an array."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_uint8 * size).from_address(address), dtype).reshape(shape)


@pytest.fixture
def two_regions(variable, constant):
    """Return a module with a region of one result, one of two, and CPU operators around them."""
    shape = (4, 6)
    names = iter("abcdefgh")

    def function(body_of, count):
        params = tuple(variable(next(names), shape, "int8") for _ in range(count))
        return Function(params, body_of(*params), None, {"Compiler": "accel"})

    data, other = variable("x", shape, "int8"), variable("y", shape, "int8")
    moved = call("clip", data, a_min=-100.0, a_max=100.0)
    first = Call(GlobalVar("first"), (moved, other))
    second = Call(GlobalVar("second"), (call("maximum", first, other),))
    weights = constant(np.full(shape, 3), "int8")
    last = Call(GlobalVar("first"), (TupleGetItem(second, 1), weights))
    results = Tuple((call("add", TupleGetItem(second, 0), last), first))
    return infer(
        Module(
            {
                "main": Function((data, other), results),
                "first": function(lambda a, b: call("subtract", a, b), 2),
                "second": function(lambda a: Tuple((call("negative", a), call("add", a, a))), 1),
            }
        )
    )


def test_regions(two_regions):
    rng = np.random.default_rng(2)
    x, y = (rng.integers(-128, 128, (4, 6)).astype(np.int8) for _ in range(2))
    program = HostProgram(compile_host(two_regions, {"first": 7, "second": 2}))
    calls = []

    def run_region(region, inputs, outputs):
        calls.append((region, len(inputs), len(outputs)))
        given = [view(address, (4, 6), np.int8) for address in inputs]
        written = [view(address, (4, 6), np.int8) for address in outputs]
        if region == 7:
            written[0][...] = given[0] - given[1]
        else:
            written[0][...], written[1][...] = -given[0], given[0] + given[0]
        return 0

    found = [np.empty_like(x), np.empty_like(x)]
    assert program.run([x, y], found, run_region) == 0
    assert calls == [(7, 2, 1), (2, 1, 2), (7, 2, 1)]
    for have, want in zip(found, evaluate(two_regions, x, y), strict=True):
        np.testing.assert_array_equal(have, want)


def test_region_that_fails_ends_the_program(two_regions):
    program = HostProgram(compile_host(two_regions, {"first": 0, "second": 1}))
    x = np.zeros((4, 6), np.int8)
    calls = []

    def run_region(region, inputs, outputs):
        calls.append(region)
        return 5 if region == 1 else 0

    assert program.run([x, x.copy()], [np.empty_like(x), np.empty_like(x)], run_region) == 5
    assert calls == [0, 1]


PLACE = Span("net.relay", 3, 7)


def refused(body, params, message, **others):
    """Check that a module is refused with exactly this message."""
    module = infer(Module({"main": Function(tuple(params), body), **others}))
    with pytest.raises(Unsupported, match=f"^{re.escape(message)}$"):
        compile_host(module, {})


def test_let_keeps_the_plain_entry(variable, main):
    """A program without control flow takes and gives plain tensors, however it is written."""
    data, name = variable("x", (2,)), Var("y")
    module = main([data], Let(name, call("exp", data), call("add", name, name)))
    host = compile_host(module, {})
    assert host.interface is None
    x, found = np.array([0.5, -1.0], np.float32), np.empty(2, np.float32)
    assert HostProgram(host).run([x], [found]) == 0
    np.testing.assert_allclose(found, 2 * np.exp(x), rtol=1e-6)


def test_unknown_scale_is_refused(variable, constant):
    data, scale = variable("x", (2,), "int8"), variable("s", ())
    body = call("qnn.dequantize", data, scale, constant(0, "int32"), span=PLACE)
    message = (
        "net.relay:3:7: qnn.dequantize: input_scale must be a constant on the CPU; fold it before"
    )
    refused(body, [data, scale], message)


def test_unknown_cpu_is_refused(variable, main):
    data = variable("x", (2,))
    with pytest.raises(Unsupported, match=r"^cpu must be one of .*: is it x86-64-v3\?$"):
        compile_host(main([data], call("exp", data)), {}, cpu="x86_64-v3")


def test_half_precision_is_refused_without_instructions(variable, main):
    data = variable("x", (2,), "float16")
    message = r"^exp of float16 needs cpu x86-64-v3 or better, or aarch64; use float32 instead$"
    with pytest.raises(Unsupported, match=message):
        compile_host(main([data], call("exp", data)), {}, cpu="x86-64")


def test_softmax_scale_is_refused(variable, constant, main):
    data = variable("x", (1, 4), "int8")
    ends = constant(0.1, "float32"), constant(0, "int32")
    body = call("qnn.softmax", data, *ends, constant(0.3, "float32"), constant(0, "int32"))
    message = (
        r"^qnn\.softmax: output_scale 0\.3\d* is not supported; it must be a power of two "
        r"2\*\*-16\.\.1, as TFLite's 1/256 is$"
    )
    with pytest.raises(Unsupported, match=message):
        compile_host(main([data], body), {})


def test_long_chains_do_not_recurse(variable, main, check):
    data = variable("x", (5,), "int32")
    value = data
    for _ in range(3000):
        value = call("negative", value)
    check(main([data], value), [np.arange(5, dtype=np.int32)])


def test_constants_are_computed_once(variable, main, constant, check):
    data = variable("x", (3,))
    known = call("exp", constant([0.0, 1.0, 2.0], "float32"))
    check(main([data], call("add", data, known)), [np.ones(3, np.float32)])
