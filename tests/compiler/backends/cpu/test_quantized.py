"""Quantised operators against the interpreter, bit for bit."""

import numpy as np
import pytest

from compiler.errors import Unsupported
from compiler.ir import Tuple
from compiler.ops import call
from isa.arithmetic import Rounding, quantize_multiplier, requantize

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32")


def whole_range(rng, shape, dtype):
    """Return random integers with both ends of the range among them."""
    limits = np.iinfo(dtype)
    x = rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    x.flat[:2] = limits.min, limits.max
    return x


@pytest.mark.parametrize("rounding", ["TFLITE", "UPWARD"])
@pytest.mark.parametrize("source", INTEGERS)
@pytest.mark.parametrize("points", [(0, 0), (3, -5)])
def test_requantize(rounding, source, points, variable, constant, main, check):
    rng = np.random.default_rng(1)
    x = whole_range(rng, (7, 37), source)
    data = variable("x", x.shape, source)
    results = []
    for target in INTEGERS:
        for in_scale in (rng.uniform(1e-6, 1e-1, 37), np.float64(0.02), np.float64(3.7)):
            results.append(
                call(
                    "qnn.requantize",
                    data,
                    constant(in_scale, "float64"),
                    constant(points[0], "int32"),
                    constant(0.05, "float32"),
                    constant(points[1], "int32"),
                    axis=1,
                    rounding=rounding,
                    out_dtype=target,
                )
            )
    check(main([data], results), [x])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rounding", [Rounding.TFLITE, Rounding.UPWARD])
def test_every_shift(seed, rounding, variable, constant, main, execute):
    """Every exponent from the smallest ratio of scales to the largest, on hard values."""
    rng = np.random.default_rng(seed)
    exponents = np.arange(-31, 31)
    ratios = np.ldexp(rng.uniform(0.5, 1, exponents.size), exponents)
    ratios[::7] = np.ldexp(0.5, exponents[::7])
    near = rng.integers(-3, 4, (40, exponents.size)) + (1 << np.maximum(-exponents, 0))
    x = np.where(rng.random(near.shape) < 0.5, near, rng.integers(-(2**31), 2**31, near.shape))
    x = x.astype(np.int32)
    data = variable("x", x.shape, "int32")
    one, zero = constant(1.0, "float32"), constant(0, "int32")
    body = call(
        "qnn.requantize",
        data,
        constant(ratios),
        zero,
        one,
        zero,
        rounding=rounding.name,
        out_dtype="int32",
    )
    (found,) = execute(main([data], body), [x])
    mantissa, exponent = np.frexp(ratios)
    multiplier = np.floor(mantissa * 2.0**31 + 0.5).astype(np.int64)
    carry = multiplier == 2**31
    multiplier, exponent = np.where(carry, 2**30, multiplier), exponent + carry
    expected = requantize(x, multiplier, exponent, rounding)
    np.testing.assert_array_equal(found, expected, err_msg=f"seed {seed}")


@pytest.mark.parametrize("name", ["qnn.add", "qnn.subtract", "qnn.mul"])
@pytest.mark.parametrize("rounding", ["TFLITE", "UPWARD"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("shapes", [((2, 5, 19), (2, 5, 19)), ((3, 40), (40,)), ((4, 1), (1, 6))])
def test_binary(name, rounding, dtype, shapes, variable, constant, main, check):
    rng = np.random.default_rng(2)
    x, y = (whole_range(rng, shape, dtype) for shape in shapes)
    lhs, rhs = variable("a", x.shape, dtype), variable("b", y.shape, dtype)
    results = []
    for _ in range(3):
        parameters = []
        for _ in range(3):
            parameters.append(constant(rng.uniform(1e-3, 1e-1), "float32"))
            parameters.append(constant(int(rng.integers(-20, 20)), "int32"))
        results.append(call(name, lhs, rhs, *parameters, rounding=rounding))
    check(main([lhs, rhs], results), [x, y])


@pytest.mark.parametrize("dtype", INTEGERS)
def test_quantize(dtype, variable, constant, main, check):
    rng = np.random.default_rng(3)
    x = rng.normal(0, 30, (5, 23)).astype(np.float32)
    x.flat[:6] = np.nan, np.inf, -np.inf, 0.5, -0.5, 3e9
    data = variable("x", x.shape)
    attrs = {"out_dtype": dtype, "axis": 1}
    single = [constant(0.25, "float32"), constant(3, "int32")]
    several = [constant(rng.uniform(0.1, 1, 23), "float32"), constant(np.arange(23) - 9, "int32")]
    results = [call("qnn.quantize", data, *pair, **attrs) for pair in (single, several)]
    check(main([data], results), [x], labels=("scalar", "per channel"))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_dequantize(dtype, variable, constant, main, check):
    rng = np.random.default_rng(4)
    x = whole_range(rng, (5, 23), dtype)
    data = variable("x", x.shape, dtype)
    single = [constant(0.1, "float32"), constant(-3, "int32")]
    several = [constant(rng.uniform(0.1, 1, 5), "float32"), constant(np.arange(5), "int32")]
    results = [call("qnn.dequantize", data, *pair, axis=0) for pair in (single, several)]
    check(main([data], results), [x], labels=("scalar", "per channel"))


@pytest.mark.parametrize("rounding", ["TFLITE", "UPWARD"])
def test_concatenate(rounding, variable, constant, main, check):
    rng = np.random.default_rng(5)
    shapes = [(2, 3, 5), (2, 4, 5), (2, 1, 5)]
    arrays = [whole_range(rng, shape, "int8") for shape in shapes]
    fields = [variable(f"x{n}", shape, "int8") for n, shape in enumerate(shapes)]
    body = call(
        "qnn.concatenate",
        Tuple(tuple(fields)),
        Tuple(tuple(constant(scale, "float32") for scale in (0.1, 0.25, 0.1))),
        Tuple(tuple(constant(point, "int32") for point in (3, -4, 3))),
        constant(0.1, "float32"),
        constant(3, "int32"),
        axis=1,
        rounding=rounding,
    )
    check(main(fields, body), arrays)


def test_unknown_scale_of_a_concatenation_is_refused(variable, constant, main, execute):
    data, scale = variable("x", (2,), "int8"), variable("s", ())
    one, zero = constant(1.0, "float32"), constant(0, "int32")
    body = call("qnn.concatenate", Tuple((data,)), Tuple((scale,)), Tuple((zero,)), one, zero)
    message = r"^qnn\.concatenate: every input scale must be a constant on the CPU; fold it before$"
    with pytest.raises(Unsupported, match=message):
        execute(main([data, scale], body), [np.zeros(2, np.int8), np.float32(1)])


@pytest.mark.parametrize("shape, axis", [((3, 12), -1), ((2, 5, 3), 1), ((1, 300), 1), ((4, 1), 0)])
@pytest.mark.parametrize("out", [(2.0**-8, -128), (2.0**-7, 0), (1.0, 5)])
def test_softmax(shape, axis, out, variable, constant, main, check):
    rng = np.random.default_rng(6)
    x = whole_range(rng, shape, "int8")
    data = variable("x", shape, "int8")
    parameters = [constant(0.08, "float32"), constant(4, "int32")]
    ends = [constant(out[0], "float32"), constant(out[1], "int32")]
    check(main([data], call("qnn.softmax", data, *parameters, *ends, axis=axis)), [x])


@pytest.mark.parametrize("seed", range(6))
def test_residual_sum_is_fused_with_its_convolutions(seed, variable, constant, main, check):
    """Two convolutions, their sum, a clip: the sum joins one of them and reads the other."""
    rng = np.random.default_rng(seed)
    c, o = int(rng.integers(1, 20)), int(rng.integers(1, 40))
    x = whole_range(rng, (1, 6, 5, c), "int8")
    data = variable("x", x.shape, "int8")
    zero, scale = constant(0, "int32"), constant(0.1, "float32")
    branches = []
    for size in (1, 3):
        w = constant(rng.integers(-127, 128, (size, size, c, o)), "int8")
        total = call(
            "qnn.conv2d",
            data,
            w,
            constant(-7, "int32"),
            zero,
            scale,
            scale,
            channels=o,
            kernel_size=(size, size),
            padding=size // 2,
            data_layout="NHWC",
            kernel_layout="HWIO",
        )
        tail = constant(0.002, "float32"), zero, scale, constant(2, "int32")
        branches.append(call("qnn.requantize", total, *tail, rounding="TFLITE"))
    pairs = [constant(0.1, "float32"), constant(2, "int32")] * 2
    ends = [constant(0.15, "float32"), constant(-5, "int32")]
    total = call("qnn.add", *branches, *pairs, *ends, rounding="TFLITE")
    check(main([data], call("clip", total, a_min=-5.0, a_max=127.0)), [x])


@pytest.mark.parametrize("points", [(0, 0), (-128, 0), (7, -31)])
@pytest.mark.parametrize(("transpose_a", "transpose_b"), [(False, False), (True, True)])
def test_batch_matmul(points, transpose_a, transpose_b, variable, constant, main, check):
    """Products of two activations, as int32 and requantised."""
    rng = np.random.default_rng(3)
    left = whole_range(rng, (3, 21, 5) if transpose_a else (3, 5, 21), "int8")
    right = whole_range(rng, (3, 18, 21) if transpose_b else (3, 21, 18), "int8")
    x, y = variable("x", left.shape, "int8"), variable("y", right.shape, "int8")
    zero_points = [constant(point, "int32") for point in points]
    scales = [constant(scale, "float32") for scale in (0.02, 0.03)]
    sums = call(
        "qnn.batch_matmul", x, y, *zero_points, *scales,
        transpose_a=transpose_a, transpose_b=transpose_b,
    )  # fmt: skip
    unit, zero = constant(6e-4, "float64"), constant(0, "int32")
    target = constant(0.7, "float32"), constant(-9, "int32")
    made = call("qnn.requantize", sums, unit, zero, *target, out_dtype="int8")
    check(main([x, y], [sums, made]), [left, right])


def test_batch_matmul_with_a_computed_zero_point(variable, constant, main, execute):
    x, y = variable("x", (1, 2, 4), "int8"), variable("y", (1, 4, 2), "int8")
    point, zero = variable("z", (), "int32"), constant(0, "int32")
    one = constant(1.0, "float32")
    module = main([x, y, point], call("qnn.batch_matmul", x, y, point, zero, one, one))
    data = np.zeros((1, 2, 4), np.int8), np.zeros((1, 4, 2), np.int8), np.array(1, np.int32)
    with pytest.raises(
        Unsupported,
        match=r"^.*qnn\.batch_matmul: x_zero_point must be a constant on the CPU; fold it before$",
    ):
        execute(module, list(data))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rounding", [Rounding.TFLITE, Rounding.UPWARD])
def test_every_shift_to_bytes(seed, rounding, cpu, variable, constant, main, execute):
    """Scaled, moved and saturated at once: every exponent for which that is one operation."""
    rng = np.random.default_rng(seed)
    exponents = np.arange(-22, 2)
    ratios = np.ldexp(rng.uniform(0.5, 1, exponents.size), exponents)
    ratios[::5] = np.ldexp(0.5, exponents[::5])
    ties = (2 * rng.integers(-200, 200, (30, exponents.size)) + 1) << np.maximum(-exponents, 1)
    ties = ties + rng.integers(-1, 2, ties.shape)
    wild = rng.integers(-(2**31), 2**31, ties.shape)
    x = np.where(rng.random(ties.shape) < 0.7, ties, wild).astype(np.int32)
    x[0], x[1] = -(2**31), 2**31 - 1
    data = variable("x", x.shape, "int32")
    one, zero = constant(1.0, "float32"), constant(0, "int32")
    points = {"int8": int(rng.integers(-128, 128)), "uint8": int(rng.integers(0, 256))}
    results = []
    # All, and those from 2**-19 to 2**-1: these become one operation.
    ranges = (0, exponents.size), (3, 22)
    for first, last in ranges:
        part = call("strided_slice", data, begin=(0, first), end=(x.shape[0], last))
        for dtype, point in points.items():
            scales = constant(ratios[first:last]), zero, one, constant(point, "int32")
            moved = call(
                "qnn.requantize", part, *scales, axis=1, rounding=rounding.name, out_dtype=dtype
            )
            results.append(moved)
    found = execute(main([data], results), [x], cpu)
    multiplier, shift = quantize_multiplier(ratios)
    wide = requantize(x, multiplier, shift, rounding).astype(np.int64)
    for number, value in enumerate(found):
        first, last = ranges[number // 2]
        limits = np.iinfo(value.dtype)
        point = points[str(value.dtype)]
        wanted = np.clip(wide[:, first:last] + point, limits.min, limits.max)
        np.testing.assert_array_equal(value, wanted, err_msg=f"seed {seed}, result {number}")
