"""Results in the memory of their operands: what kernels claim, and programs that make use of it."""

import re
from dataclasses import replace

import numpy as np
import pytest

from compiler.backends.cpu.compile import lower
from compiler.backends.cpu.entry import write_module
from compiler.backends.cpu.formula import row_major
from compiler.backends.cpu.graph import Tensor
from compiler.backends.cpu.kernels import (
    Contraction,
    Depthwise,
    DepthwiseDot,
    Elementwise,
    Normalization,
    Pool,
    QuantizedSoftmax,
    Reduction,
    Softmax,
    Transpose,
)
from compiler.backends.cpu.lowering import Context
from compiler.backends.cpu.machine import assemble, find_machine
from compiler.backends.cpu.memory import lay_out_memory
from compiler.backends.cpu.program import Program
from compiler.ops import call
from driver.host import HostProgram
from isa.host import CLOSE_POOL, MAIN, OPEN_POOL
from isa.image import Host

ALWAYS, NEVER = float("-inf"), 2.0
_CLAIMING = (
    *(Contraction, Depthwise, DepthwiseDot, Elementwise, Normalization),
    *(Pool, QuantizedSoftmax, Reduction, Softmax),
)


def _image(variable, name, dtype="float32", shape=(1, 9, 11, 20)):
    return variable(name, shape, dtype)


def _convolution(variable, constant, groups, dtype):
    """Return a convolution with something added, which goes through the formula of its kernel."""
    rng = np.random.default_rng(groups)
    shape = (3, 3, 20 // groups, 20)
    x = _image(variable, "x", dtype)
    attrs = {
        "data_layout": "NHWC",
        "kernel_layout": "HWIO",
        "padding": [1, 1, 1, 1],
        "groups": groups,
        "channels": 20,
        "kernel_size": [3, 3],
    }
    if dtype == "float32":
        weight = constant(rng.normal(size=shape).astype(dtype))
        y = _image(variable, "y")
        return [x, y], call("add", call("nn.conv2d", x, weight, **attrs), y)
    weight = constant(rng.integers(-128, 128, shape).astype("int8"))
    points = [constant(0, "int32"), constant(0, "int32")]
    scales = [constant(0.1, "float32"), constant(0.1, "float32")]
    total = call("qnn.conv2d", x, weight, *points, *scales, out_dtype="int32", **attrs)
    y = _image(variable, "y", "int32")
    return [x, y], call("add", total, y)


def _cases(variable, constant):
    """Yield (name, parameters, result) of programs that are one kernel."""
    x, y, z = (_image(variable, name) for name in "xyz")
    row = variable("r", (20,))
    yield "elementwise", [x, y, z], call("add", call("multiply", x, y), z)
    yield "elementwise, a row", [x, row], call("add", x, row)
    large = [variable(name, (70, 1000)) for name in "xy"]
    yield "elementwise of several parts", large, call("maximum", *large)
    rows = [variable(name, (12, 13, 1000)) for name in "xy"]
    line = variable("z", (13, 1))
    yield "rows of several parts", [*rows, line], call("add", call("multiply", *rows), line)
    yield "softmax", [x], call("nn.softmax", x, axis=-1)
    yield "softmax across", [x], call("nn.softmax", x, axis=1)
    yield "logarithm", [x], call("nn.log_softmax", x, axis=2)
    yield "softmax, sum", [x, y], call("add", call("nn.softmax", x, axis=-1), y)
    long = variable("x", (3, 5001))
    yield "softmax of long lines", [long], call("nn.softmax", long, axis=-1)
    many = variable("x", (40, 3000))
    yield "softmax of several parts", [many], call("nn.softmax", many, axis=-1)
    scale, shift = variable("s", (20,)), variable("t", (20,))
    norm = call("nn.layer_norm", x, scale, shift, axis=-1, epsilon=1e-5)
    yield "normalisation", [x, scale, shift, y], call("multiply", norm, y)
    lines = [variable("s", (9,)), variable("t", (9,))]
    norm = call("nn.layer_norm", x, *lines, axis=1, epsilon=1e-5)
    yield "normalisation across", [x, *lines], norm
    attrs = {"pool_size": [3, 3], "padding": [1, 1, 1, 1], "layout": "NHWC"}
    yield "pooling", [x, y], call("add", call("nn.max_pool2d", x, **attrs), y)
    few = variable("y", (1, 9, 11))
    yield "reduction", [x, few], call("add", call("sum", x, axis=[3]), few)
    for groups in (1, 20):
        for dtype in ("float32", "int8"):
            yield f"{dtype} in {groups}", *_convolution(variable, constant, groups, dtype)
    for batch, inner, columns in ((1, 7, 13), (6, 64, 100)):
        a, b = variable("a", (batch, 40, inner)), variable("b", (batch, inner, columns))
        c = variable("c", (batch, 40, columns))
        product = call("nn.batch_matmul", a, b, transpose_b=False)
        yield f"products of {columns}", [a, b, c], call("add", product, c)
    data = variable("x", (6, 30), "int8")
    points = [constant(0.1, "float32"), constant(3, "int32")]
    result = [constant(1 / 256, "float32"), constant(-128, "int32")]
    yield "integers", [data], call("qnn.softmax", data, *points, *result, axis=-1)


def _around(program, place, machine):
    """Return a program whose last kernel reads, at `place`, and writes memory that it owns.

    In front of it are copies of the operand, after it of its result.
    """
    *before, last = program.operations
    given, target = last.reads[place], last.target
    source, made = Tensor(given.shape, given.dtype), Tensor(target.shape, target.dtype)
    context = Context(machine)

    def copied(to, of):
        context.operations.clear()
        strides = row_major(to.shape)
        context.copy(to, of, to.shape, strides, strides)
        return list(context.operations)

    reads = tuple(source if read is given else read for read in last.reads)
    copies = [replace(last, target=made, reads=reads), *copied(target, made)]
    return Program(program.inputs, program.outputs, (*before, *copied(source, given), *copies)), (
        source,
        made,
    )


def _backwards(text):
    """Return a module whose kernels of several parts run these from the last to the first."""
    pattern = re.compile(r"^  call void (@kernel\d+\(.*), i64 0, i64 (\d+)\)$", re.MULTILINE)

    def parts(found):
        head, count = found[1], int(found[2])
        calls = (f"  call void {head}, i64 {one}, i64 {one + 1})" for one in reversed(range(count)))
        return "\n".join(calls)

    return pattern.sub(parts, text)


def _run(program, machine, least_saving, inputs, backwards=False):
    layout = lay_out_memory(program, least_saving=least_saving)
    text = write_module(program, layout, machine.triple, threads=not backwards)
    code = assemble(_backwards(text) if backwards else text, machine, (MAIN, OPEN_POOL, CLOSE_POOL))
    constants, arena = layout.constants.collect(), layout.arena_bytes
    host = Host(code, MAIN, machine.triple, machine.cpu, machine.features, arena, constants, False)
    outputs = [np.zeros(one.shape, one.dtype) for one in program.outputs]
    assert HostProgram(host, threads=1).run(inputs, outputs) == 0
    return outputs, layout


def _inputs(program, seed):
    rng = np.random.default_rng(seed)
    found = []
    for one in program.inputs:
        if one.dtype == "float32":
            found.append(rng.normal(size=one.shape).astype(one.dtype))
        else:
            found.append(rng.integers(-100, 100, one.shape).astype(one.dtype))
    return found


def _is_same(program, place, machine, inputs, expected):
    """Return whether the kernel gives the same in place, its parts in either order.

    None if it is not put in place.
    """
    wrapped, (source, made) = _around(program, place, machine)
    same = []
    for backwards in (False, True):
        found, layout = _run(wrapped, machine, ALWAYS, inputs, backwards)
        if layout.places[source] != layout.places[made]:
            return None
        same.append(all(map(np.array_equal, found, expected)))
    return all(same)


@pytest.mark.parametrize("cpu", [None, "x86-64"], ids=["host", "v1"])
def test_each_kernel_does_what_it_claims(cpu, variable, constant, main):
    machine, seen, seed = find_machine(cpu), set(), 3
    for name, params, body in _cases(variable, constant):
        program, _ = lower(main(params, body), {}, machine)
        kernel = program.operations[-1].kernel
        assert kernel.in_place, f"{name}: {type(kernel).__name__}"
        inputs = _inputs(program, seed)
        expected, _ = _run(program, machine, NEVER, inputs)
        for place in kernel.in_place:
            same = _is_same(program, place, machine, inputs, expected)
            assert same, f"{name}, operand {place}: {same}, seed {seed}"
        seen.add(type(kernel))
    known = set(_CLAIMING) if machine.has_dot_product else set(_CLAIMING) - {DepthwiseDot}
    assert seen == known


def _wrong(variable, constant):
    """Yield (kernel class, parameters, result) of which no operand 0 may be written over."""
    x = _image(variable, "x")
    params, body = _convolution(variable, constant, 1, "float32")
    yield Contraction, params, body
    params, body = _convolution(variable, constant, 20, "float32")
    yield Depthwise, params, body
    attrs = {"pool_size": [3, 3], "padding": [1, 1, 1, 1], "layout": "NHWC"}
    yield Pool, [x], call("nn.max_pool2d", x, **attrs)
    square = variable("x", (32, 32))
    yield Transpose, [square], call("transpose", square, axes=[1, 0])


def test_wrong_claim_is_found(variable, constant, main, monkeypatch):
    machine, seed = find_machine(None), 4
    for kernel, params, body in _wrong(variable, constant):
        program, _ = lower(main(params, body), {}, machine)
        assert type(program.operations[-1].kernel) is kernel
        inputs = _inputs(program, seed)
        expected, _ = _run(program, machine, NEVER, inputs)
        with monkeypatch.context() as patch:
            patch.setattr(kernel, "in_place", property(lambda _: (0,)))
            same = _is_same(program, 0, machine, inputs, expected)
        assert same is False, f"{kernel.__name__}: {same}, seed {seed}"
