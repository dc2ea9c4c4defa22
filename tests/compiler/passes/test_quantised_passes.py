"""Passes over quantised operators: the same bits as plain integers, or a step from fake ones."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Constant, Function, Module, TensorType, Tuple, Var
from compiler.ops import call
from compiler.passes.fake_quantization_to_integer import fake_quantization_to_integer
from compiler.passes.qnn_canonicalise import qnn_canonicalise
from compiler.passes.qnn_legalise import qnn_legalise
from compiler.text import to_text
from compiler.verify import verify


def number(value, dtype="float32"):
    return Constant(np.asarray(value, dtype))


class Case:
    """A program over quantised tensors of shape [1, 4, 6, 6], drawn from a seed."""

    def __init__(self, seed, dtype="int8"):
        self.rng = np.random.default_rng(seed)
        self.dtype = dtype
        self.x, self.y = (Var(name, TensorType((1, 4, 6, 6), dtype)) for name in "xy")

    def scale(self, *shape):
        return number(self.rng.uniform(0.002, 0.2, shape))

    def point(self):
        limits = np.iinfo(self.dtype)
        return number(self.rng.integers(limits.min, limits.max + 1), "int32")

    def pair(self):
        return self.scale(), self.point()

    def weights(self, *shape):
        limits = np.iinfo(self.dtype)
        return number(self.rng.integers(limits.min, limits.max + 1, shape), self.dtype)

    def module(self, *results):
        return infer(Module({"main": Function((self.x, self.y), Tuple(results))}))

    def inputs(self):
        limits = np.iinfo(self.dtype)
        shape = (1, 4, 6, 6)
        return [self.rng.integers(limits.min, limits.max + 1, shape, self.dtype) for _ in "xy"]


def product(case, per_channel):
    """Return a convolution and a matrix product, requantised."""
    weight_scale = case.scale(8) if per_channel else case.scale()
    point = number(np.zeros(8) if per_channel else case.rng.integers(0, 3), "int32")
    data_point = case.point()
    convolution = call(
        "qnn.conv2d", case.x, case.weights(8, 2, 3, 3), data_point, point, case.scale(),
        weight_scale, groups=2, padding=[1, 0, 2, 1], strides=2, channels=8, kernel_size=[3, 3],
    )  # fmt: skip
    flat = call("reshape", case.y, newshape=[1, 144])
    dense = call(
        "qnn.dense", flat, case.weights(8, 144), data_point, point, case.scale(), weight_scale
    )
    return convolution, dense


ROUNDINGS = ("UPWARD", "TFLITE")


class TestCanonicalise:
    """Plain integer operators give the very bits."""

    @staticmethod
    def check(case, *results):
        module = case.module(*results)
        after = verify(qnn_canonicalise(module))
        assert "qnn." not in to_text(after)
        inputs = case.inputs()
        for left, right in zip(evaluate(module, *inputs), evaluate(after, *inputs), strict=True):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("dtype", ["int8", "uint8"])
    def test_products(self, seed, dtype):
        case = Case(seed, dtype)
        self.check(case, *product(case, per_channel=bool(seed % 2)))

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("rounding", ROUNDINGS)
    def test_requantise(self, seed, rounding):
        case = Case(seed)
        sums, dense = product(case, per_channel=True)
        vector = Constant(case.rng.uniform(1e-6, 2, 8)), number(0, "int32")
        self.check(
            case,
            call("qnn.requantize", sums, *vector, *case.pair(), axis=1, rounding=rounding),
            call("qnn.requantize", dense, *vector, *case.pair(), rounding=rounding),
            call("qnn.requantize", case.x, *case.pair(), *case.pair(), rounding=rounding),
        )

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("rounding", ROUNDINGS)
    @pytest.mark.parametrize("name", ["qnn.add", "qnn.subtract", "qnn.mul"])
    def test_elementwise(self, name, seed, rounding):
        case = Case(seed)
        parameters = (*case.pair(), *case.pair(), *case.pair())
        self.check(case, call(name, case.x, case.y, *parameters, rounding=rounding))

    @pytest.mark.parametrize("seed", range(3))
    def test_concatenate_quantise_and_dequantise(self, seed):
        case = Case(seed)
        first, second, out = case.pair(), case.pair(), case.pair()
        scales, points = Tuple((first[0], second[0], out[0])), Tuple((first[1], second[1], out[1]))
        data = Tuple((case.x, case.y, case.x))
        real = call("qnn.dequantize", case.x, *first)
        # Not a number and infinities: 0 / 0 and 1 / 0.
        odd = call("divide", real, call("qnn.dequantize", case.y, second[0], number(0, "int32")))
        self.check(
            case,
            call("qnn.concatenate", data, scales, points, *out, axis=1),
            real,
            call("qnn.quantize", odd, *out, out_dtype="int8"),
        )

    def test_parameters_that_are_no_constants_stay(self):
        case = Case(0)
        scale = call("multiply", case.scale(), case.scale())
        module = case.module(call("qnn.dequantize", case.x, scale, case.point()))
        assert qnn_canonicalise(module) is module


class TestLegalise:
    """Operands of other types, the same sums."""

    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("dtype", ["int8", "int16"])
    def test_unsigned_operands(self, seed, dtype):
        case = Case(seed, "uint8")
        module = case.module(*product(case, per_channel=bool(seed % 2)))
        after = verify(qnn_legalise(module, dtype))
        assert to_text(after).count(f'dtype="{dtype}"') >= 2
        inputs = case.inputs()
        for left, right in zip(evaluate(module, *inputs), evaluate(after, *inputs), strict=True):
            np.testing.assert_array_equal(left, right)

    def test_signed_operands_stay(self):
        case = Case(1)
        module = case.module(*product(case, per_channel=False))
        assert qnn_legalise(module) is module

    def test_a_type_that_is_none(self):
        case = Case(1)
        with pytest.raises(ValueError, match=r"^dtype must be .int8. or .int16., not 'int4'$"):
            qnn_legalise(case.module(case.x), "int4")


class TestFakeQuantization:
    """Regions between dequantise and quantise, in integers within a step."""

    @staticmethod
    def real(data, pair, axis=-1):
        return call("qnn.dequantize", data, *pair, axis=axis)

    @staticmethod
    def steps(data, pair):
        return call("qnn.quantize", data, *pair, out_dtype="int8")

    @staticmethod
    def check(case, most, *results):
        module = case.module(*results)
        after = verify(fake_quantization_to_integer(module))
        assert "qnn.quantize" not in to_text(after)
        inputs = case.inputs()
        for left, right in zip(evaluate(module, *inputs), evaluate(after, *inputs), strict=True):
            assert np.abs(left.astype(int) - right).max() <= most

    @pytest.mark.parametrize("seed", range(4))
    def test_convolution_with_bias_and_activation(self, seed):
        case = Case(seed)
        weight = self.real(case.weights(8, 4, 3, 3), (case.scale(8), number([0] * 8, "int32")), 0)
        bias = number(case.rng.normal(size=8))
        data = self.real(case.x, (number(0.05), case.point()))
        total = call("nn.bias_add", call("nn.conv2d", data, weight, padding=[1, 1, 1, 1]), bias)
        limited = call("clip", call("nn.relu", total), a_min=0, a_max=1e9)
        self.check(
            case, 1, self.steps(call("nn.relu", total), (number(0.5), number(-128, "int32")))
        )
        assert "clip" in to_text(
            fake_quantization_to_integer(case.module(self.steps(limited, case.pair())))
        )

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("name", ["add", "subtract", "multiply"])
    def test_elementwise(self, seed, name):
        case = Case(seed)
        left = self.real(case.x, (number(0.05), case.point()))
        right = self.real(case.y, (number(0.03), case.point()))
        self.check(case, 1, self.steps(call(name, left, right), (number(0.1), case.point())))

    @pytest.mark.parametrize("seed", range(4))
    def test_moves_pools_and_concatenation(self, seed):
        case = Case(seed)
        pair = number(0.05), case.point()
        data = self.real(case.x, pair)
        moved = call("reshape", call("transpose", data, axes=[0, 2, 3, 1]), newshape=[1, 4, 36])
        pooled = call("nn.max_pool2d", data, pool_size=2)
        average = call("nn.avg_pool2d", data, pool_size=2)
        joined = call("concatenate", Tuple((pooled, average)), axis=1)
        self.check(
            case,
            2,
            self.steps(moved, pair),
            self.steps(call("nn.global_avg_pool2d", data), pair),
            self.steps(joined, (number(0.06), case.point())),
        )

    def test_an_operator_without_a_rule_keeps_its_region(self):
        case = Case(0)
        data = call("exp", self.real(case.x, case.pair()))
        module = case.module(self.steps(data, case.pair()))
        assert fake_quantization_to_integer(module) is module

    def test_a_float_that_was_never_quantised_keeps_the_region(self):
        case = Case(0)
        real = call("cast", case.y, dtype="float32")
        data = call("add", self.real(case.x, case.pair()), real)
        module = case.module(self.steps(data, case.pair()))
        assert fake_quantization_to_integer(module) is module
