"""Nests as native code: equal to what the numpy interpreter of nests gives."""

import numpy as np
import pytest

from compiler.backends.cpu.loops import NestKernel
from compiler.backends.cpu.machine import find_machine
from compiler.schedule.default import default_schedule
from compiler.schedule.expressions import Buffer
from compiler.schedule.functions import call, cast, clamp, equal, inside, maximum, select
from compiler.schedule.interpreter import run
from compiler.schedule.nodes import For, Tensor
from compiler.schedule.verify import verify
from compiler.schedule.walk import statements_of
from compiler.schedule.writer import Writer


def kinds(nest):
    return [one.kind for one in statements_of(nest.body) if isinstance(one, For)]


def padded(nest):
    (data,), (out,) = nest.inputs, nest.outputs
    with nest.loops(*out.shape) as (i, j):
        nest.store(out[i, j], inside(data, (i - 1, j - 2), 7))


def running(nest):
    """A sum down each column: the loop over columns is outside, and its lanes have locals."""
    (data,), (out,) = nest.inputs, nest.outputs
    with nest.loop(out.shape[1]) as j:
        total = nest.local(out.dtype, 0)
        with nest.loop(out.shape[0]) as i:
            nest.store(total, total + data[i, j])
            nest.store(out[i, j], total)


def gathered(nest):
    (data, places), (out,) = nest.inputs, nest.outputs
    with nest.loops(*out.shape) as (i, j):
        row = clamp(cast(places[i, j], "int64"), 0, data.shape[0] - 1)
        nest.store(out[i, j], data[row, j] + data[row, data.shape[1] - 1])


def masked(nest):
    """Lanes take different branches, and loops of different lengths."""
    (data,), (out,) = nest.inputs, nest.outputs
    with nest.loop(out.shape[0]) as i:
        left = nest.local(data.dtype, data[i])
        steps = nest.local(out.dtype, 0)
        with nest.loop_while(left > 1):
            with nest.when(equal(left % 2, 0)):
                nest.store(left, left // 2)
            with nest.otherwise():
                nest.store(left, left * 3 + 1)
            nest.store(steps, steps + 1)
        nest.store(out[i], steps)


def triangle(nest):
    """A loop whose length follows from another one."""
    (data,), (out,) = nest.inputs, nest.outputs
    with nest.loop(out.shape[0]) as i:
        total = nest.local(out.dtype, 0)
        with nest.loop(i + 1) as j:
            nest.store(total, total + data[j])
        nest.store(out[i], total)


def reduced(nest):
    """A sum, a product and a maximum of each line."""
    (data,), (out,) = nest.inputs, nest.outputs
    with nest.loop(out.shape[0]) as i:
        total = nest.local(data.dtype, 3)
        most = nest.local(data.dtype, data[i, 0])
        with nest.loop(data.shape[1]) as j:
            nest.store(total, total + data[i, j] * data[i, j])
            nest.store(most, maximum(data[i, j], most))
        nest.store(out[i], total - most)


def two_results(nest):
    (data,), (small, large) = nest.inputs, nest.outputs
    with nest.loops(*small.shape) as (i, j):
        value = nest.local(data.dtype, data[j, i])
        nest.store(small[i, j], call("negative", value))
        nest.store(large[i, j], select(value < 0, value * 2, cast(i * 3 + j, value.dtype)))


def build(define, inputs, outputs):
    buffers = [Buffer(f"x{n}", one.shape, str(one.dtype)) for n, one in enumerate(inputs)]
    results = [Buffer(f"y{n}", shape, dtype) for n, (shape, dtype) in enumerate(outputs)]
    writer = Writer(define.__name__, buffers, results)
    define(writer)
    nest = writer.finish()
    verify(nest)
    return nest


def case(define, seed, dtype):
    random = np.random.default_rng(seed)
    n, m = (int(size) for size in random.integers(1, 40, 2))

    def numbers(*shape):
        return random.integers(0 if define is masked else -20, 20, shape).astype(dtype)

    match define.__name__:
        case "padded":
            return build(define, [numbers(n, m)], [((n + 3, m + 2), dtype)]), [numbers(n, m)]
        case "running":
            return build(define, [numbers(n, m)], [((n, m), dtype)]), [numbers(n, m)]
        case "gathered":
            inputs = [numbers(n, m), random.integers(-3, n + 3, (5, m)).astype("int32")]
            return build(define, inputs, [((5, m), dtype)]), inputs
        case "reduced":
            return build(define, [numbers(n, 9 * m)], [((n,), dtype)]), [numbers(n, 9 * m)]
        case "two_results":
            return build(define, [numbers(m, n)], [((n, m), dtype)] * 2), [numbers(m, n)]
        case _:
            return build(define, [numbers(n)], [((n,), dtype)]), [numbers(n)]


@pytest.mark.parametrize(
    ("dtype", "cpu"),
    [
        ("float32", None),
        ("int8", None),
        ("int64", None),
        ("float32", "x86-64"),
        ("int8", "x86-64-v3"),
    ],
)
@pytest.mark.parametrize(
    "define", [padded, running, gathered, masked, triangle, two_results, reduced]
)
def test_native_code_computes_the_nest(run_nest, define, dtype, cpu):
    if define is masked and dtype == "int8":
        dtype = "int16"
    if define is masked and dtype == "float32":
        dtype = "int32"
    for seed in range(2):
        nest, inputs = case(define, seed, dtype)
        expected = run(nest, inputs)
        scheduled = default_schedule(nest, 64)
        verify(scheduled)
        for one in (nest, scheduled) if seed == 0 else (scheduled,):
            for found, value in zip(run_nest(one, inputs, cpu), expected, strict=True):
                np.testing.assert_array_equal(found, value, f"seed {seed}: {one}")


@pytest.mark.parametrize(
    ("define", "expected"),
    [
        (padded, ["parallel", "vector"]),
        (running, ["vector", "serial"]),
        (gathered, ["parallel", "vector"]),
        (masked, ["vector"]),
        (triangle, ["parallel", "vector", "serial", *["vector"] * 4, "unrolled", "serial"]),
        (reduced, ["parallel", "vector", "serial", *["vector"] * 5, "unrolled", "serial"]),
    ],
)
def test_the_default_schedule(define, expected):
    nest, _ = case(define, 0, "int32")
    assert kinds(default_schedule(nest, 64)) == expected


def product(nest):
    (a, b), (out,) = nest.inputs, nest.outputs
    with nest.loops(*out.shape) as (n, i, j):
        total = nest.local(out.dtype, 0)
        with nest.loop(a.shape[2]) as k:
            nest.store(total, total + cast(a[n, i, k], out.dtype) * cast(b[n, k, j], out.dtype))
        nest.store(out[n, i, j], total)


@pytest.mark.parametrize("cpu", [None, "x86-64"])
@pytest.mark.parametrize(
    ("source", "target"), [("float32", "float32"), ("int8", "int32"), ("float64", "float64")]
)
@pytest.mark.parametrize("sizes", [(2, 9, 29, 19), (1, 64, 16, 33)])
def test_a_product_by_the_microkernel(run_nest, sizes, source, target, cpu):
    batch, rows, depth, columns = sizes
    random = np.random.default_rng(rows)
    a = random.integers(-9, 9, (batch, rows, depth)).astype(source)
    b = random.integers(-9, 9, (batch, depth, columns)).astype(source)
    nest = build(product, [a, b], [((batch, rows, columns), target)])
    scheduled = default_schedule(nest, 64)
    assert any(isinstance(one, Tensor) for one in statements_of(scheduled.body))
    verify(scheduled)
    expected = np.matmul(a.astype(target), b.astype(target))
    np.testing.assert_array_equal(run_nest(scheduled, [a, b], cpu)[0], expected)


def test_parts_on_threads(run_nest):
    random = np.random.default_rng(5)
    a = random.integers(-9, 9, (1, 128, 32)).astype("float32")
    b = random.integers(-9, 9, (1, 32, 96)).astype("float32")
    image = random.integers(-9, 9, (300, 500)).astype("int16")
    for nest, inputs, expected in (
        (build(product, [a, b], [((1, 128, 96), "float32")]), [a, b], np.matmul(a, b)),
        (
            build(padded, [image], [((303, 502), "int16")]),
            [image],
            np.pad(image, ((1, 2), (2, 0)), constant_values=7),
        ),
    ):
        scheduled = default_schedule(nest, 64)
        assert NestKernel(scheduled, find_machine()).chunks > 1
        np.testing.assert_array_equal(run_nest(scheduled, inputs, threads=3)[0], expected)
