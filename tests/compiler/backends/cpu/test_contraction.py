"""Convolutions and matrix products against the interpreter, fused and not, on several CPUs."""

import subprocess
import sys

import numpy as np
import pytest

from compiler.backends.cpu import compile_host
from compiler.backends.cpu.compile import lower
from compiler.backends.cpu.kernels import Contraction
from compiler.backends.cpu.machine import find_machine
from compiler.interpreter import evaluate
from compiler.ops import call
from driver.host import HostProgram

# (n, h, w, c), outputs, window, strides, padding, dilation, groups
GEOMETRIES = {
    "stem": ((1, 9, 11, 3), 16, (3, 3), (2, 2), (0, 0, 1, 1), (1, 1), 1),
    "same": ((1, 7, 9, 8), 20, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    "pointwise": ((2, 5, 7, 16), 33, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    "pointwise strided": ((1, 8, 7, 12), 70, (1, 1), (2, 2), (0, 0, 0, 0), (1, 1), 1),
    "one channel": ((1, 13, 10, 1), 64, (10, 4), (2, 2), (4, 1, 5, 1), (1, 1), 1),
    "one output": ((1, 6, 6, 5), 1, (3, 2), (1, 2), (1, 0, 0, 1), (1, 1), 1),
    "dilated": ((2, 12, 13, 5), 6, (3, 2), (1, 1), (2, 3, 1, 2), (2, 3), 1),
    "dilated down": ((1, 12, 9, 6), 9, (3, 3), (2, 1), (2, 1, 2, 1), (2, 1), 1),
    "two groups": ((1, 6, 7, 6), 10, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 2),
    "groups dilated": ((1, 9, 9, 8), 32, (3, 3), (1, 1), (2, 2, 2, 2), (2, 2), 4),
    "depthwise": ((1, 9, 10, 24), 24, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 24),
    "depthwise strided": ((2, 9, 10, 7), 7, (5, 3), (2, 2), (0, 1, 2, 1), (1, 1), 7),
    "depthwise dilated": ((1, 11, 10, 33), 33, (3, 3), (1, 2), (2, 1, 2, 1), (2, 1), 33),
    "multiplier": ((1, 6, 7, 5), 15, (3, 3), (1, 1), (1, 0, 1, 0), (1, 1), 5),
    "whole map": ((3, 4, 5, 6), 18, (4, 5), (1, 1), (0, 0, 0, 0), (1, 1), 1),
}
LAYOUTS = [("NHWC", "HWIO"), ("NCHW", "OIHW"), ("NHWC", "OHWI"), ("NCHW", "HWOI")]


@pytest.fixture(params=GEOMETRIES.values(), ids=GEOMETRIES.keys())
def geometry(request):
    """Return one of the convolutions above."""
    return request.param


def arrays(rng, geometry, layouts, dtype):
    """Return random data and weights in their layouts, and the attributes of the convolution."""
    shape, outputs, window, strides, padding, dilation, groups = geometry
    kernel = (*window, shape[3] // groups, outputs)
    if dtype.startswith("float"):
        x, w = rng.normal(size=shape).astype(dtype), rng.normal(size=kernel).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        x = rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
        w = rng.integers(limits.min, limits.max, kernel, dtype=dtype, endpoint=True)
    x = np.transpose(x, ["NHWC".index(letter) for letter in layouts[0]])
    w = np.transpose(w, ["HWIO".index(letter) for letter in layouts[1]])
    attrs = {
        "strides": strides,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "channels": outputs,
        "kernel_size": window,
        "data_layout": layouts[0],
        "kernel_layout": layouts[1],
    }
    return np.ascontiguousarray(x), np.ascontiguousarray(w), attrs


def quantized_layer(rng, data, weight, attrs, constant, rounding, weight_zero_point=0):
    """Return convolution, bias, requantise and clip, as importers write them."""
    outputs = attrs["channels"]
    axis = attrs["data_layout"].index("C")
    scale = rng.uniform(1e-5, 1e-2, outputs)
    total = call(
        "qnn.conv2d",
        data,
        weight,
        constant(int(rng.integers(-128, 128)), "int32"),
        constant(weight_zero_point, "int32"),
        constant(0.5, "float32"),
        constant(scale, "float32"),
        **attrs,
    )
    bias = constant(rng.integers(-(2**20), 2**20, outputs), "int32")
    moved = call(
        "qnn.requantize",
        call("nn.bias_add", total, bias, axis=axis),
        constant(scale * 0.5, "float64"),
        constant(0, "int32"),
        constant(0.05, "float32"),
        constant(int(rng.integers(-128, 128)), "int32"),
        axis=axis,
        rounding=rounding,
        out_dtype="int8",
    )
    return total, call("clip", moved, a_min=-100.0, a_max=90.0)


@pytest.mark.parametrize("rounding", ["TFLITE", "UPWARD"])
def test_quantized_layer(geometry, rounding, cpu, variable, constant, main, check):
    rng = np.random.default_rng(1)
    x, w, attrs = arrays(rng, geometry, LAYOUTS[0], "int8")
    data = variable("x", x.shape, "int8")
    _, layer = quantized_layer(rng, data, constant(w), attrs, constant, rounding)
    check(main([data], layer), [x], cpu=cpu)


@pytest.mark.parametrize("layouts", LAYOUTS[1:], ids="-".join)
def test_layouts(geometry, layouts, variable, constant, main, check):
    rng = np.random.default_rng(2)
    x, w, attrs = arrays(rng, geometry, layouts, "int8")
    data = variable("x", x.shape, "int8")
    total, layer = quantized_layer(rng, data, constant(w), attrs, constant, "TFLITE")
    check(main([data], [total, layer]), [x], labels=("unfused", "its epilogue"))


@pytest.mark.parametrize("point", [5, "per channel"])
def test_weight_zero_point(geometry, point, variable, constant, main, check):
    rng = np.random.default_rng(3)
    x, w, attrs = arrays(rng, geometry, LAYOUTS[0], "uint8")
    data, point = (
        variable("x", x.shape, "uint8"),
        5 if point == 5 else rng.integers(0, 255, w.shape[3]),
    )
    zero = [constant(value, "int32") for value in (130, point)]
    scales = constant(0.5, "float32"), constant(np.full(w.shape[3], 0.5), "float32")
    known = call("qnn.conv2d", data, constant(w), *zero, *scales, **attrs)
    weight = variable("w", w.shape, "uint8")
    unknown = call("qnn.conv2d", data, weight, *zero, *scales, **attrs)
    check(main([data, weight], [known, unknown]), [x, w], labels=("constant", "variable"))


@pytest.mark.parametrize("layouts", LAYOUTS[:2], ids="-".join)
def test_float_convolution(geometry, layouts, variable, main, check):
    rng = np.random.default_rng(4)
    x, w, attrs = arrays(rng, geometry, layouts, "float32")
    data, weight = variable("x", x.shape), variable("w", w.shape)
    axis = layouts[0].index("C")
    bias = variable("b", (attrs["channels"],))
    biased = call("nn.bias_add", call("nn.conv2d", data, weight, **attrs), bias, axis=axis)
    b = rng.normal(size=attrs["channels"]).astype(np.float32)
    # A sum of n products is off by at most n units of its sum of magnitudes, below n * 25 here.
    taps = w.size // attrs["channels"]
    atol = taps * 2.0**-24 * taps * 25
    check(main([data, weight, bias], call("nn.relu", biased)), [x, w, b], atol=atol)


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8", "int64", "float64", "float16"])
@pytest.mark.parametrize("out_dtype", ["", "int64", "float64", "int8"])
def test_data_types(dtype, out_dtype, variable, main, check):
    rng = np.random.default_rng(5)
    geometry = GEOMETRIES["same"]
    x, w, attrs = arrays(rng, geometry, LAYOUTS[0], dtype)
    if dtype.startswith("float") and "int" in out_dtype:
        x, w = np.sign(x), np.sign(w)
    data, weight = variable("x", x.shape, dtype), variable("w", w.shape, dtype)
    body = call("nn.conv2d", data, weight, out_dtype=out_dtype, **attrs)
    # 72 products of up to 16: 72 roundings of float32 sums, one of float16 results.
    atol = {"float16": 72 * 16 * 2.0**-11, "float64": 1e-10}.get(dtype, 0.0)
    check(main([data, weight], body), [x, w], atol=atol, rtol=2.0**-50)


@pytest.mark.parametrize("units", [1, 10, 12, 16, 200])
@pytest.mark.parametrize("inputs", [6, 7, 64])
def test_quantized_dense(units, inputs, cpu, variable, constant, main, check):
    rng = np.random.default_rng(units)
    x = rng.integers(-128, 128, (3, inputs)).astype(np.int8)
    w = rng.integers(-128, 128, (units, inputs)).astype(np.int8)
    data, weight = variable("x", x.shape, "int8"), variable("w", w.shape, "int8")
    parameters = [constant(7, "int32"), constant(0, "int32"), *[constant(0.1, "float32")] * 2]
    bias = constant(rng.integers(-999, 999, units), "int32")
    results = []
    for kernel in (constant(w), weight):
        total = call("qnn.dense", data, kernel, *parameters, units=units)
        biased = call("nn.bias_add", total, bias, axis=-1)
        results.append(
            call(
                "qnn.requantize",
                biased,
                constant(0.01, "float32"),
                constant(0, "int32"),
                constant(0.5, "float32"),
                constant(-3, "int32"),
                rounding="TFLITE",
            )
        )
    check(main([data, weight], results), [x, w], cpu=cpu, labels=("constant", "variable"))


@pytest.mark.parametrize("shape", [(5,), (1, 5), (2, 3, 5)])
def test_float_dense(shape, variable, main, check):
    rng = np.random.default_rng(6)
    x, w = rng.normal(size=shape).astype(np.float32), rng.normal(size=(21, 5)).astype(np.float32)
    data, weight = variable("x", shape), variable("w", w.shape)
    body = call("sigmoid", call("nn.dense", data, weight, units=21))
    check(main([data, weight], body), [x, w], atol=1e-5)


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("batches", [(3, 3), (1, 3), (3, 1)])
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_batch_matmul(transpose_a, transpose_b, batches, dtype, variable, main, check):
    rng = np.random.default_rng(7)
    shapes = [(batches[0], 4, 6), (batches[1], 6, 19)]
    if transpose_a:
        shapes[0] = (batches[0], 6, 4)
    if transpose_b:
        shapes[1] = (batches[1], 19, 6)
    x, y = (rng.integers(-100, 100, shape).astype(dtype) for shape in shapes)
    a, b = (variable(name, shape, dtype) for name, shape in zip("ab", shapes, strict=True))
    body = call(
        "nn.batch_matmul",
        a,
        b,
        transpose_a=transpose_a,
        transpose_b=transpose_b,
        out_dtype="int32" if dtype == "int8" else "",
    )
    check(main([a, b], body), [x, y], rtol=1e-6)


GUARDED = """
import ctypes, mmap
import numpy as np
from compiler.backends.cpu import compile_host
from compiler.infer import infer
from compiler.ir import Constant, Function, Module, TensorType, Var
from compiler.ops import call
from driver.host import HostProgram

rng = np.random.default_rng(8)
page = mmap.PAGESIZE
memory = mmap.mmap(-1, 2 * page)
whole = np.frombuffer(memory, np.int8)
protect = ctypes.CDLL(None, use_errno=True).mprotect
protect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
assert protect(whole.ctypes.data + page, page, 0) == 0, ctypes.get_errno()
w = rng.integers(-128, 128, (1, 1, 3, 8)).astype(np.int8)
x = whole[page - 60 : page].reshape(1, 4, 5, 3)
x[...] = rng.integers(-128, 128, x.shape)
data = Var("x", TensorType(x.shape, "int8"))
zero, scale = Constant(np.int32(0)), Constant(np.float32(1))
attrs = dict(kernel_size=(1, 1), channels=8, data_layout="NHWC", kernel_layout="HWIO")
body = call("qnn.conv2d", data, Constant(w), zero, zero, scale, scale, **attrs)
module = infer(Module({"main": Function((data,), body)}))
found = np.empty((1, 4, 5, 8), np.int32)
HostProgram(compile_host(module, {})).run([x], [found])
assert (found == x.astype(np.int32) @ w[0, 0].astype(np.int32)).all()
print("equal")
"""


def test_convolution_reads_nothing_past_its_input():
    """Rows of three bytes are not read as four where the page after the input is forbidden."""
    done = subprocess.run([sys.executable, "-c", GUARDED], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "equal\n"), done.stderr


@pytest.mark.parametrize("channels", [3, 8])
def test_convolution_of_channels_first_data_that_are_transposed(
    channels, variable, constant, main, check
):
    rng = np.random.default_rng(channels)
    x = rng.normal(size=(2, channels, 9, 7)).astype(np.float32)
    weight = constant(rng.normal(size=(3, 3, channels, 16)).astype(np.float32))
    data = variable("x", x.shape)
    image = call("transpose", data, axes=(0, 2, 3, 1))
    attrs = {"padding": (1, 2, 1, 2), "data_layout": "NHWC", "kernel_layout": "HWIO"}
    result = call("nn.conv2d", image, weight, kernel_size=(3, 3), channels=16, **attrs)
    check(main([data], result), [x], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("units", [1024, 1000, 1041])
@pytest.mark.parametrize("threads", [1, 2])
def test_large_weights_are_read_forth_and_back(units, threads, variable, constant, main):
    seed = units
    rng = np.random.default_rng(seed)
    weight = constant(rng.normal(size=(units, 256)) / 16, "float32")
    x = variable("x", (1, 256))
    state = x
    for _ in range(3):
        product = call("nn.dense", state, weight)
        state = call("strided_slice", product, begin=(0, units - 256), end=(1, units))
    module = main([x], [product, state])
    data = rng.normal(size=(1, 256)).astype(np.float32)
    kernels = {operation.kernel for operation in lower(module, {}, find_machine())[0].operations}
    turned = {kernel.backward for kernel in kernels if isinstance(kernel, Contraction)}
    assert turned == {False, True}
    outputs = [np.zeros((1, units), np.float32), np.zeros((1, 256), np.float32)]
    program = HostProgram(compile_host(module, {}), threads=threads)
    assert program.run([data], outputs) == 0
    for found, want in zip(outputs, evaluate(module, data), strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5, err_msg=f"seed {seed}")
