"""Sizes that are known only when the program runs."""

import re

import numpy as np
import pytest

from compiler.infer import infer
from compiler.ir import Any, Constant, Function, Module, TensorType, Var
from compiler.ops import call
from driver.errors import DeviceFault

F = np.float32


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(F)


@pytest.mark.parametrize("rows", (0, 1, 5, 70))
def test_elementwise_of_any_size(typed, agree, rows):
    text = "def @main(%x: Tensor[(?, 3), float32], %b: Tensor[(3), float32]) { tanh(%x + %b) * %x }"
    agree(typed(text), numbers(rows, 3), numbers(3))


@pytest.mark.parametrize("sizes", ((4, 4), (1, 4), (4, 1), (1, 1)))
def test_two_unknown_sizes_broadcast(typed, agree, sizes):
    text = "def @main(%x: Tensor[(?), float32], %y: Tensor[(?), float32]) { (%x + %y, %y * 2f) }"
    agree(typed(text), *(numbers(size, seed=size) for size in sizes))


def test_sizes_that_do_not_broadcast_are_an_error(typed, native):
    text = "def @main(%x: Tensor[(?), float32], %y: Tensor[(?), float32]) { %x + %y }"
    message = r"test\.relay:2:\d+: add: sizes must be equal, or one of them 1"
    with pytest.raises(DeviceFault, match=f"^{message}$"):
        native(typed(text), numbers(3), numbers(4))


def test_a_size_that_is_annotated_is_looked_at(typed, native):
    text = """
    def @three(%x: Tensor[(3), float32]) -> Tensor[(3), float32] { %x + %x }
    def @main(%x: Tensor[(?), float32]) { @three(%x) }
    """
    module = typed(text)
    np.testing.assert_array_equal(native(module, numbers(3)), 2 * numbers(3))
    message = "%x must be Tensor[(3), float32], but has other sizes"
    with pytest.raises(DeviceFault, match=f"^{re.escape(message)}$"):
        native(module, numbers(4))


@pytest.mark.parametrize("name", ("sum", "mean", "max", "min", "prod"))
@pytest.mark.parametrize("axis", (0, 1))
def test_reductions(typed, agree, name, axis):
    text = f"def @main(%x: Tensor[(?, ?), float32]) {{ {name}(%x, axis=[{axis}]) }}"
    agree(typed(text), numbers(5, 19))


@pytest.mark.parametrize("rows", (1, 6))
def test_layers_of_any_batch(typed, agree, rows):
    text = """
    def @main(%x: Tensor[(?, 6), float32], %w: Tensor[(4, 6), float32], %b: Tensor[(4), float32]) {
      let %y = nn.bias_add(nn.dense(%x, %w, units=4), %b);
      let %p = split(%y, indices_or_sections=2, axis=1);
      (nn.softmax(%y, axis=1), %p.1, transpose(%y), concatenate((%y, %y), axis=0),
       reshape(%y, newshape=[-1]))
    }
    """
    agree(typed(text), numbers(rows, 6), numbers(4, 6), numbers(4))


def test_a_sequence_of_any_length(typed, agree):
    text = """
    def @main(%q: Tensor[(2, ?, 4), float32], %k: Tensor[(2, ?, 4), float32]) {
      nn.softmax(nn.batch_matmul(%q, %k, transpose_b=True), axis=2)
    }
    """
    agree(typed(text), numbers(2, 3, 4), numbers(2, 7, 4))


def test_an_image_of_any_size(typed, agree):
    text = """
    def @main(%x: Tensor[(1, 2, ?, ?), float32], %w: Tensor[(3, 2, 3, 3), float32]) {
      nn.relu(nn.conv2d(%x, %w, channels=3, kernel_size=[3, 3], padding=[1, 1]))
    }
    """
    agree(typed(text), numbers(1, 2, 5, 9), numbers(3, 2, 3, 3))


def test_sizes_that_follow_from_values(typed, agree):
    text = """
    def @main(%x: Tensor[(2, 3), float32], %s: Tensor[(2), int64]) {
      (dyn.full(2f, %s, dtype="float32"), dyn.tile(%x, %s), dyn.zeros(%s + 1i64, dtype="int32"),
       dyn.broadcast_to(1, %s))
    }
    """
    agree(typed(text), numbers(2, 3), np.array([3, 2]))


def test_a_negative_size_is_an_error(typed, native):
    text = 'def @main(%s: Tensor[(1), int64]) { dyn.zeros(%s, dtype="float32") }'
    with pytest.raises(DeviceFault, match="^a size that is computed must not be negative$"):
        native(typed(text), np.array([-1]))


def test_a_reshape_to_another_count_is_an_error(typed, native):
    text = "def @main(%x: Tensor[(?), float32]) { reshape(%x, newshape=[2, 3]) }"
    message = "reshape: the number of elements must stay the same"
    with pytest.raises(DeviceFault, match=re.escape(message) + "$"):
        native(typed(text), numbers(5))


@pytest.mark.parametrize("known", (False, True), ids=("weight", "constant"))
@pytest.mark.parametrize("rows", (0, 1, 13, 200))
def test_dense_of_any_number_of_rows(typed, agree, known, rows):
    """Whole tiles of rows, then one row after the other, with what follows in registers."""
    data = Var("x", TensorType((Any(), 40)))
    params, weight = (data,), Constant(numbers(35, 40))
    if not known:
        weight = Var("w", TensorType((35, 40)))
        params = data, weight
    product = call("nn.dense", data, weight, units=35)
    body = call("nn.relu", call("nn.bias_add", product, Constant(numbers(35))))
    given = [numbers(rows, 40), numbers(35, 40)][: len(params)]
    agree(infer(Module({"main": Function(params, body)})), *given)


def test_a_norm_along_an_unknown_axis(typed, agree, native):
    """Its factors say how long the axis is."""
    text = """
    def @main(%x: Tensor[(2, ?), float32], %g: Tensor[(4), float32], %b: Tensor[(4), float32]) {
      nn.layer_norm(%x, %g, %b, axis=-1)
    }
    """
    module = typed(text)
    agree(module, numbers(2, 4), numbers(4), numbers(4))
    message = "nn.layer_norm: factors and summands must be as many as the data's axis 1 has"
    with pytest.raises(DeviceFault, match=re.escape(message) + "$"):
        native(module, numbers(2, 5), numbers(4), numbers(4))


@pytest.mark.parametrize("sizes", [(1 << 60, 16), (1 << 32, 1 << 32), (1 << 62, 1)])
def test_sizes_from_values_do_not_wrap_around(typed, native, sizes):
    """Their product is 0, or small, in 64 bits."""
    module = typed("def @main(%n: Tensor[(2), int64]) { dyn.full(1f, %n) }")
    assert native(module, np.int64([2, 3])).shape == (2, 3)
    message = "the values of the program need more than 1000000 bytes; give it more"
    with pytest.raises(DeviceFault, match=f"^{message}$"):
        native(module, np.int64(sizes), heap_bytes=1_000_000)
