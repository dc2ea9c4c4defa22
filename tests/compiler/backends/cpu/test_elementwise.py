"""Element-wise operators, alone and in chains, against the interpreter."""

import numpy as np
import pytest

from compiler.ir import TupleGetItem
from compiler.ops import call

FLOATS = ("float16", "float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")

# A library function is allowed four units in the last place of its type; numpy is as far off.
ULPS = 4

FLOAT_UNARY = (
    *("exp", "log", "sqrt", "rsqrt", "tanh", "sigmoid", "erf", "sin", "cos", "floor", "ceil"),
    *("trunc", "round", "negative", "abs", "sign", "copy", "nn.relu", "logical_not"),
)
INTEGER_UNARY = ("negative", "abs", "sign", "copy", "nn.relu", "logical_not")
QUOTIENTS = ("floor_divide", "trunc_divide", "floor_mod", "trunc_mod", "mod")
BITS = ("bitwise_and", "bitwise_or", "bitwise_xor")
BINARY = ("add", "subtract", "multiply", "divide", "maximum", "minimum")
COMPARE = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


def numbers(rng, shape, dtype):
    """Return random elements; integers of the whole range, with both ends among them."""
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.startswith("float"):
        return rng.normal(0, 3, shape).astype(dtype)
    limits = np.iinfo(dtype)
    x = rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    small = rng.integers(-3 if limits.min else 0, 4, shape).astype(dtype)
    x = np.where(rng.random(shape) < 0.5, x, small)
    x.flat[:2] = limits.min, limits.max
    return x


def tolerance(dtype):
    """Return the relative error allowed to floating-point results."""
    return ULPS * float(np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", FLOATS)
def test_float_unary(dtype, variable, main, check):
    rng = np.random.default_rng(1)
    x = numbers(rng, (5, 37), dtype)
    x.flat[:5] = np.nan, np.inf, -np.inf, -0.0, 0.0
    data = variable("x", x.shape, dtype)
    module = main([data], [call(name, data) for name in FLOAT_UNARY])
    check(module, [x], rtol=tolerance(dtype), atol=tolerance(dtype), labels=FLOAT_UNARY)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_unary(dtype, variable, main, check):
    x = numbers(np.random.default_rng(2), (3, 50), dtype)
    data = variable("x", x.shape, dtype)
    module = main([data], [call(name, data) for name in INTEGER_UNARY])
    check(module, [x], labels=INTEGER_UNARY)


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
@pytest.mark.parametrize(
    "shapes",
    [((4, 33), (4, 33)), ((2, 3, 20), (3, 1)), ((7,), (5, 1)), ((1, 40), (6, 40)), ((), (19,))],
)
def test_binary(dtype, shapes, variable, main, check):
    rng = np.random.default_rng(3)
    left, right = (numbers(rng, shape, dtype) for shape in shapes)
    lhs, rhs = variable("a", shapes[0], dtype), variable("b", shapes[1], dtype)
    names = (*BINARY, *COMPARE)
    module = main([lhs, rhs], [call(name, lhs, rhs) for name in names])
    rtol = tolerance(dtype) if dtype in FLOATS else 0.0
    check(module, [left, right], rtol=rtol, labels=names)


@pytest.mark.parametrize("cpu", [None, "x86-64"])
def test_division_by_a_known_number_is_exact(cpu, variable, constant, main, check):
    seed = 14
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2**32, 20000, dtype=np.uint32).view(np.float32)
    x = np.concatenate(
        [np.nan_to_num(x, nan=1.5), np.float32([0.0, -0.0, np.inf, -np.inf, np.nan])]
    )
    divisors = (3.0, 0.1, -7.3, 8.0, 0.0, np.inf, 1.9999999, *rng.uniform(1, 2, 9), 1e-30, 1e30)
    data = variable("x", x.shape)
    module = main([data], [call("divide", data, constant(d, "float32")) for d in divisors])
    with np.errstate(all="ignore"):
        check(module, [x], cpu, labels=[f"{d} seed {seed}" for d in divisors])


def test_integer_division_corner_cases(variable, main, check):
    x = np.array([-128, -128, 127, 5, -5, 0, -7], np.int8)
    y = np.array([-1, 0, 0, 2, 2, -1, -3], np.int8)
    a, b = variable("a", x.shape, "int8"), variable("b", y.shape, "int8")
    check(main([a, b], call("divide", a, b)), [x, y])


@pytest.mark.parametrize("dtype", FLOATS)
def test_extremes_pass_on_not_a_number(dtype, variable, main, check):
    x = np.array([np.nan, 1, np.inf, -0.0, 2], dtype)
    y = np.array([1, np.nan, -np.inf, 3, 2], dtype)
    a, b = variable("a", x.shape, dtype), variable("b", y.shape, dtype)
    names = ("maximum", "minimum", *COMPARE)
    check(main([a, b], [call(name, a, b) for name in names]), [x, y], labels=names)


@pytest.mark.parametrize("dtype", FLOATS)
def test_power(dtype, variable, main, check):
    rng = np.random.default_rng(4)
    x, y = rng.uniform(0, 4, (3, 21)).astype(dtype), rng.uniform(-3, 3, (21,)).astype(dtype)
    a, b = variable("a", x.shape, dtype), variable("b", y.shape, dtype)
    check(main([a, b], call("power", a, b)), [x, y], rtol=tolerance(dtype))


def test_power_that_is_known(variable, constant, main, check):
    x = np.random.default_rng(5).normal(0, 3, (3, 21)).astype(np.float32)
    x.flat[:5] = np.nan, np.inf, -np.inf, -0.0, 1e30
    a = variable("x", x.shape)
    exponents = (1.0, 2.0, 3.0, 2.5, -1.0, 0.0)
    with np.errstate(all="ignore"):
        module = main([a], [call("power", a, constant(y, "float32")) for y in exponents])
        check(module, [x], rtol=tolerance("float32"), labels=list(map(str, exponents)))


def test_bool(variable, main, check):
    rng = np.random.default_rng(5)
    x, y = numbers(rng, (3, 70), "bool"), numbers(rng, (70,), "bool")
    a, b = variable("a", x.shape, "bool"), variable("b", y.shape, "bool")
    names = ("add", "multiply", "maximum", "minimum", *COMPARE)
    check(main([a, b], [call(name, a, b) for name in names]), [x, y], labels=names)


@pytest.mark.parametrize("source", FLOATS + INTEGERS + ("bool",))
def test_cast(source, variable, main, check):
    x = numbers(np.random.default_rng(6), (67,), source)
    if source in FLOATS:
        x.flat[:6] = np.nan, np.inf, -np.inf, 6e4, -6e4, 254.5
    data = variable("x", x.shape, source)
    targets = FLOATS + INTEGERS + ("bool",)
    module = main([data], [call("cast", data, dtype=target) for target in targets])
    check(module, [x], rtol=2.0**-53, labels=targets)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "float32"])
def test_clip(dtype, variable, main, check):
    x = numbers(np.random.default_rng(7), (41,), dtype)
    data = variable("x", x.shape, dtype)
    bounds = [(-3.0, 6.0), (0.0, 300.0), (-1e9, 1e12), (2.0, 2.0)]
    module = main([data], [call("clip", data, a_min=low, a_max=high) for low, high in bounds])
    check(module, [x], labels=list(map(str, bounds)))


def test_where_and_leaky_relu(variable, main, check):
    rng = np.random.default_rng(8)
    c, x, y = numbers(rng, (4, 1), "bool"), numbers(rng, (4, 18), "float32"), np.float32(2)
    a, b, d = variable("c", c.shape, "bool"), variable("x", x.shape), variable("y", ())
    module = main([a, b, d], [call("where", a, b, d), call("nn.leaky_relu", b, alpha=0.1)])
    check(module, [c, x, y])


@pytest.mark.parametrize("seed", range(4))
def test_chain_is_fused_with_broadcast_operands(seed, variable, constant, main, check):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 9, 3))
    x = rng.normal(size=shape).astype(np.float32)
    bias = constant(rng.normal(size=shape[1:]), "float32")
    data = variable("x", shape)
    scaled = call("multiply", call("add", data, bias), constant(0.5, "float32"))
    chain = call("maximum", scaled, call("subtract", data, scaled))
    mixed = call("cast", call("greater", chain, data), dtype="float32")
    check(main([data], call("add", mixed, chain)), [x], rtol=1e-6, atol=1e-6)


def test_batch_norm(variable, constant, main, check):
    rng = np.random.default_rng(9)
    x = rng.normal(size=(2, 5, 3, 4)).astype(np.float32)
    data = variable("x", x.shape)
    vectors = [constant(rng.uniform(0.5, 2, 5), "float32") for _ in range(4)]
    normal = call("nn.batch_norm", data, *vectors)
    plain = call("nn.batch_norm", data, *vectors, scale=False, center=False)
    results = [TupleGetItem(normal, 0), TupleGetItem(plain, 0), TupleGetItem(normal, 2)]
    # Six roundings, each half a unit of values of up to 10.
    check(main([data], results), [x], rtol=1e-6, atol=10 * 6 * 2.0**-24)


def test_dropout_passes_on(variable, main, check):
    x = np.arange(6, dtype=np.float32)
    data = variable("x", x.shape)
    dropped = call("nn.dropout", data)
    module = main([data], [TupleGetItem(dropped, 0), TupleGetItem(dropped, 1)])
    check(module, [x])


def test_full_and_broadcast_to(variable, main, check):
    x, y = np.int32(-7), np.arange(3, dtype=np.int16).reshape(3, 1)
    a, b = variable("a", (), "int32"), variable("b", y.shape, "int16")
    results = [
        call("full", a, shape=(2, 5), dtype="int8"),
        call("full", a, shape=(3,)),
        call("broadcast_to", b, shape=(2, 3, 4)),
        call("zeros", shape=(2, 2), dtype="float32"),
        call("ones", shape=(3,), dtype="int8"),
    ]
    check(main([a, b], results), [x, y])


@pytest.mark.parametrize("dtype", (*INTEGERS, *FLOATS))
def test_quotients_and_remainders(dtype, variable, main, check):
    rng = np.random.default_rng(20)
    x, y = numbers(rng, (7, 37), dtype), numbers(rng, (7, 37), dtype)
    if dtype in FLOATS:
        ends = np.array([0.0, -0.0, 1.5, -1.5, np.inf, -np.inf, np.nan], dtype)
        x[:, :7], y[:, :7] = ends, ends[:, None]
    left, right = (variable(name, x.shape, dtype) for name in "xy")
    module = main([left, right], [call(name, left, right) for name in QUOTIENTS])
    check(module, [x, y], labels=QUOTIENTS)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_shifts_and_bits(dtype, variable, main, check):
    rng = np.random.default_rng(21)
    x, y = (numbers(rng, (3, 50), dtype) for _ in range(2))
    left, right = (variable(name, x.shape, dtype) for name in "xy")
    names = ("left_shift", "right_shift", *BITS)
    parts = [call(name, left, right) for name in names]
    module = main([left, right], [*parts, call("bitwise_not", left)])
    check(module, [x, y], labels=(*names, "bitwise_not"))


def test_logic(variable, main, check):
    rng = np.random.default_rng(22)
    x, y = (rng.random((3, 50)) < 0.5 for _ in range(2))
    left, right = (variable(name, x.shape, "bool") for name in "xy")
    names = (*BITS, "logical_and", "logical_or", "logical_xor")
    parts = [call(name, left, right) for name in names]
    module = main([left, right], [*parts, call("bitwise_not", left)])
    check(module, [x, y], labels=(*names, "bitwise_not"))


@pytest.mark.parametrize("dtype", FLOATS)
def test_kinds_and_bits_of_numbers(dtype, variable, main, check):
    x = np.array([0.0, -0.0, 1.5, -np.inf, np.inf, np.nan, -3e-7, 6e4] * 3, dtype)
    data = variable("x", x.shape, dtype)
    names = ("isnan", "isinf", "isfinite")
    bits = call("reinterpret", data, dtype=f"int{dtype[5:]}")
    module = main([data], [*(call(name, data) for name in names), bits])
    check(module, [x], labels=(*names, "reinterpret"))


def test_tensors_like_others(variable, main, check):
    rng = np.random.default_rng(23)
    x, value = rng.normal(size=(3, 1)).astype(np.float32), np.int32(7)
    data, other, fill = (
        variable(name, shape, dtype)
        for name, shape, dtype in (
            ("x", (3, 1), "float32"),
            ("y", (2, 3, 4), "int8"),
            ("z", (), "int32"),
        )
    )
    names = ("zeros_like", "ones_like")
    parts = [
        *(call(name, data) for name in names),
        call("full_like", data, fill),
        call("cast_like", data, other),
        call("broadcast_to_like", data, other),
        call("reshape_like", call("negative", data), call("zeros", shape=(1, 3), dtype="int8")),
        call("annotation.stop_fusion", call("negative", data)),
    ]
    inputs = [x, np.zeros((2, 3, 4), np.int8), value]
    check(main([data, other, fill], parts), inputs)
