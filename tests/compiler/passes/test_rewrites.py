"""Each rewrite that a pass documents: before and after, as text."""

import numpy as np
import pytest

from compiler.errors import Unsupported
from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Constant, Function, Module, TensorType, Tuple, Var, structural_equal
from compiler.ops import call
from compiler.passes import (
    convert_layout,
    eliminate_common,
    eliminate_dead,
    fold_constants,
    simplify,
)
from compiler.text import parse, to_text

HEAD = '#[version = "0.0.5"]\n'
X = "%x: Tensor[(2, 3), int8]"
F = "%x: Tensor[(2, 3), float32]"


def check(apply, before, after):
    expected = parse(HEAD + after)
    found = apply(parse(HEAD + before))
    assert to_text(found) == to_text(expected)
    assert structural_equal(found, expected)
    assert all(found[name].type is not None for name in found)


@pytest.mark.parametrize(
    "params, before, after",
    [
        (X, 'add(%x, cast(0, dtype="int8"))', 'add(%x, cast(0, dtype="int8"))'),
        ("%x: int32", "0 + %x", "%x"),
        ("%x: int32", "1 * (%x - 0) / 1", "%x"),
        ("%x: int32", "0 - %x", "0 - %x"),
        (F, "%x + 0f", "%x + 0f"),
        (F, "%x + -0f", "%x"),
        (F, "%x - 0f", "%x"),
        (F, "%x - -0f", "%x - -0f"),
        (F, "%x * 1f", "%x"),
        (X, "reshape(reshape(%x, newshape=[-1]), newshape=[3, 2])", "reshape(%x, newshape=[3, 2])"),
        (
            X,
            "reshape(squeeze(expand_dims(%x, axis=0)), newshape=[3, -1])",
            "reshape(%x, newshape=[3, 2])",
        ),
        (X, "reshape(%x, newshape=[2, 3])", "%x"),
        (X, "nn.batch_flatten(%x)", "%x"),
        (X, "transpose(transpose(%x))", "%x"),
        (X, "transpose(%x, axes=[0, 1])", "%x"),
        (X, 'cast(%x, dtype="int8")', "%x"),
        (
            F,
            'cast(cast(%x, dtype="int8"), dtype="int8")',
            'cast(%x, dtype="int8")',
        ),
        (
            X,
            "clip(clip(%x, a_min=-5f, a_max=4f), a_min=-2f, a_max=9f)",
            "clip(%x, a_min=-2f, a_max=4f)",
        ),
        (
            X,
            "clip(clip(%x, a_min=-5f, a_max=-4f), a_min=2f, a_max=9f)",
            "clip(%x, a_min=2f, a_max=2f)",
        ),
        (X, "clip(%x, a_min=-128f, a_max=127f)", "%x"),
        (X, "nn.relu(nn.relu(%x))", "nn.relu(%x)"),
        (X, "qnn.requantize(%x, 0.5f, 3, 0.5f, 3)", "%x"),
        (X, "qnn.requantize(%x, 0.5f, 3, 0.5f, 4)", None),
        (X, 'qnn.requantize(%x, 0.5f, 3, 0.5f, 3, out_dtype="int16")', None),
        ("%x: int32", 'qnn.requantize(%x, 0.5f, 3, 0.5f, 3, out_dtype="int32")', None),
    ],
)
def test_simplify(params, before, after):
    before, after = (f"def @main({params}) {{ {body} }}" for body in (before, after or before))
    check(simplify, before, after)


@pytest.mark.parametrize(
    "before, after",
    [
        ("1f + 2f", "3f"),
        ("exp(%x) + (1f + 2f)", "exp(%x) + 3f"),
        ("(1, 2f).1", "2f"),
        ("if (1 < 2) { %x } else { 5f }", "%x"),
        ("(%x, %x + 1f).1", "%x + 1f"),
        ('zeros(shape=[99999], dtype="float32")', 'zeros(shape=[99999], dtype="float32")'),
    ],
)
def test_fold_constants(before, after):
    before, after = (f"def @main(%x: float32) {{ {body} }}" for body in (before, after))
    check(fold_constants, before, after)


def test_fold_constants_of_several_results():
    text = 'def @main() { (split(zeros(shape=[2], dtype="bool"), indices_or_sections=2),).0 }'
    parts = fold_constants(parse(HEAD + text))["main"].body
    assert [part.value.tolist() for part in parts.fields] == [[False], [False]]


def test_a_call_that_cannot_be_evaluated_stays_until_it_is_run():
    zeros = 'zeros(shape=[1], dtype="int8")'
    refused = f"qnn.softmax({zeros}, 1f, 0, 0.7f, 0)"
    text = f"def @main(%c: bool) {{ if (%c) {{ {refused} }} else {{ {zeros} }} }}"
    module = fold_constants(parse(HEAD + text))
    assert evaluate(module, np.array(False)).tolist() == [0]
    with pytest.raises(Unsupported, match=r"^<text>:2:33: qnn.softmax: output_scale 0.69.* is "):
        evaluate(module, np.array(True))


@pytest.mark.parametrize(
    "before, after",
    [
        ("def @main(%x: int8) { let %a = %x + %x; %x }", "def @main(%x: int8) { %x }"),
        (
            "def @main(%x: int8) { let %a = %x + %x; let %b = %a + %x; %x }",
            "def @main(%x: int8) { %x }",
        ),
        (
            "def @main(%x: int8) { let %a = %x + %x; let %b = %a + %x; %a }",
            "def @main(%x: int8) { let %a = %x + %x; %a }",
        ),
        (
            "def @main(%x: int8) { let %f = fn (%n: int8) -> int8 { %f(%n) }; %x }",
            "def @main(%x: int8) { %x }",
        ),
        ("def @main(%x: int8) { (%x, %x + %x).0 }", "def @main(%x: int8) { %x }"),
        (
            "def @main() { @f() } def @f() { 1 } def @g() { @f() }",
            "def @main() { @f() } def @f() { 1 }",
        ),
        ("def @f() { 1 } def @g() { 2 }", "def @f() { 1 } def @g() { 2 }"),
    ],
)
def test_eliminate_dead(before, after):
    check(eliminate_dead, before, after)


def test_constants_are_common_if_all_bits_are():
    value = np.arange(1000, dtype=np.float32).reshape(10, 100)
    other = value.copy()
    other[5, 5] = 0
    values = value, value.copy(), other, value.T.copy().T, -value, value[:0], value[:0].copy()
    body = Tuple(tuple(map(Constant, values)))
    fields = eliminate_common(infer(Module({"main": Function((), body)})))["main"].body.fields
    found = [next(n for n, one in enumerate(fields) if one is field) for field in fields]
    assert found == [0, 0, 2, 3, 4, 5, 5]


def test_eliminate_common():
    module = eliminate_common(
        parse(
            HEAD + "def @main(%x: float32) { (exp(%x) + 1f, exp(%x) + 1f, exp(%x) - 1f, (%x,).0) }"
        )
    )
    first, second, third, _ = module["main"].body.fields
    assert first is second and third is not first and third.args[0] is first.args[0]
    assert third.args[1] is first.args[1]
    different = "def @main(%x: float32) { (nn.leaky_relu(%x, alpha=1f), nn.leaky_relu(%x)) }"
    one, two = eliminate_common(parse(HEAD + different))["main"].body.fields
    assert one is not two


def test_convert_layout_as_documented():
    image = "Tensor[(1, 3, 8, 8), float32]"
    weight = Constant(np.arange(108, dtype="float32").reshape(4, 3, 3, 3))
    bias = Constant(np.arange(4, dtype="float32"))
    x = Var("x", TensorType((1, 3, 8, 8)))
    body = call("nn.conv2d", x, weight, padding=1)
    body = call("nn.bias_add", body, bias)
    body = call("nn.max_pool2d", body, pool_size=2, strides=2)
    text = to_text(convert_layout(Module({"main": Function((x,), body)})), metadata=False)
    assert (
        text
        == HEAD
        + f"""def @main(%x: {image}) {{
  %0 = transpose(%x, axes=[0, 2, 3, 1]);
  %1 = nn.conv2d(%0, meta[relay.Constant][0], padding=[1, 1, 1, 1], data_layout="NHWC", \
kernel_layout="HWIO");
  %2 = nn.bias_add(%1, meta[relay.Constant][1], axis=3);
  %3 = nn.max_pool2d(%2, pool_size=[2, 2], strides=[2, 2], layout="NHWC");
  transpose(%3, axes=[0, 3, 1, 2])
}}
"""
    )


QUANTIZED = """def @main(%x: Tensor[(1, 4, 6, 6), int8], %w: Tensor[(8, 4, 3, 3), int8],
      %d: Tensor[(8, 1, 3, 3), int8], %b: Tensor[(8), int32], %s: Tensor[(8), float32]) {
  %0 = qnn.conv2d(%x, %w, 3, 0, 0.5f, %s, padding=[1, 1]);
  %1 = nn.bias_add(%0, %b);
  %2 = qnn.requantize(%1, %s, 0, 40f, -7, axis=1, rounding="TFLITE");
  %3 = clip(%2, a_min=-7f, a_max=90f);
  %4 = qnn.conv2d(%3, %d, -7, 0, 0.5f, %s, padding=[1, 1], groups=8);
  %5 = qnn.requantize(%4, %s, 0, 9f, 5, axis=-3);
  %6 = qnn.add(%3, %5, 1f, -7, 0.5f, 5, 1.5f, 2, rounding="TFLITE");
  %7 = qnn.concatenate((%6, %5), (1f, 2f), (0, 1), 2f, 1, axis=1);
  %8 = qnn.avg_pool2d(%7, 1f, 0, 2f, 1, pool_size=[2, 2], strides=[2, 2]);
  %9 = qnn.avg_pool2d(%8, 1f, 0, 2f, 1, pool_size=[3, 3]);
  %10 = qnn.dequantize(%8, 0.5f, 1);
  (reshape(%9, newshape=[1, 16]), %10, qnn.softmax(%8, 0.1f, 0, 0.00390625f, -128, axis=1))
}"""


@pytest.mark.parametrize("seed", range(5))
def test_convert_layout_of_quantised_networks(seed):
    module = parse(HEAD + QUANTIZED)
    after = convert_layout(module)
    text = to_text(after)
    assert 'data_layout="NHWC", kernel_layout="HWIO"' in text
    assert 'data_layout="NHWC", kernel_layout="HWOI"' in text
    # Data enters, two kernels and two results turn; the 1 x 1 map is only reshaped.
    assert text.count("transpose(") == 5
    assert structural_equal(convert_layout(after), after)
    rng = np.random.default_rng(seed)
    inputs = []
    for param in module["main"].params:
        shape, dtype = param.annotation.shape, param.annotation.dtype
        scale = rng.uniform(0.01, 1, shape) if dtype == "float32" else rng.integers(-99, 99, shape)
        inputs.append(scale.astype(dtype))
    for a, b in zip(evaluate(module, *inputs), evaluate(after, *inputs), strict=True):
        np.testing.assert_array_equal(a, b, f"seed {seed}")


def test_channels_last_networks_stay_as_they_are():
    text = """def @main(%x: Tensor[(1, 8, 8, 3), float32], %w: Tensor[(3, 3, 3, 4), float32]) {
      %0 = nn.conv2d(%x, %w, data_layout="NHWC", kernel_layout="HWIO");
      nn.global_avg_pool2d(%0, layout="NHWC")
    }"""
    check(convert_layout, text, text)


@pytest.mark.parametrize("axes", [(0, 2, 3, 1), (0, 3, 1, 2), (0, 1, 3, 2), (0, 3, 2, 1)])
def test_a_product_of_a_transposed_image_takes_the_image(axes):
    """qnn.dense(reshape(transpose(x)), c) -> qnn.dense(reshape(x), c')."""
    image = Var("x", TensorType((2, 3, 4, 5), "int8"))
    random = np.random.default_rng(8)
    weight = random.integers(-128, 128, (7, 60), np.int8)
    parameters = [Constant(np.array(value, np.int32)) for value in (3, 0)]
    parameters += [Constant(np.array(value, np.float32)) for value in (0.5, 0.25)]
    flat = call("reshape", call("transpose", image, axes=axes), newshape=(2, 60))
    dense = call("qnn.dense", flat, Constant(weight), *parameters, units=7)
    before = Module({"main": Function((image,), dense)})
    after = simplify(before)
    text = to_text(after)
    assert "transpose(" not in text
    assert "reshape(%x, newshape=[2, 60])" in text
    moved = after["main"].body.args[1].value
    shape = [(3, 4, 5)[axis - 1] for axis in axes[1:]]
    back = [axes[1:].index(axis) for axis in (1, 2, 3)]
    expected = weight.reshape(7, *shape).transpose(0, *(axis + 1 for axis in back)).reshape(7, 60)
    np.testing.assert_array_equal(moved, expected)
    value = random.integers(-128, 128, (2, 3, 4, 5), np.int8)
    np.testing.assert_array_equal(evaluate(after, value), evaluate(before, value))


@pytest.mark.parametrize(
    ("axes", "rows"), [((1, 0, 2, 3), 3), ((0, 2, 3, 1), 4), ((3, 2, 1, 0), 2)]
)
def test_a_product_that_mixes_images_stays(axes, rows):
    image = Var("x", TensorType((2, 3, 4, 5), "int8"))
    columns = 120 // rows
    constants = [np.zeros((7, columns), np.int8), np.int32(0), np.int32(0)]
    constants += [np.float32(1), np.float32(1)]
    flat = call("reshape", call("transpose", image, axes=axes), newshape=(rows, columns))
    operands = [Constant(np.asarray(value)) for value in constants]
    module = Module({"main": Function((image,), call("qnn.dense", flat, *operands, units=7))})
    assert "transpose(" in to_text(simplify(module))


def test_a_pass_that_changes_nothing_gives_the_same_module():
    module = simplify(parse(HEAD + "def @main(%x: float32) { exp(%x) }"))
    for apply in (simplify, fold_constants, eliminate_dead, eliminate_common, convert_layout):
        assert apply(module) is module


@pytest.mark.parametrize("name", ["trilu", "collapse_sum_like", "collapse_sum_to", "variance"])
def test_convert_layout_leaves_what_depends_on_places(name):
    rng = np.random.default_rng(3)
    x = Var("x", TensorType((1, 3, 4, 5)))
    kernel = Constant(rng.normal(size=(2, 3, 1, 1)).astype(np.float32))
    image = call("nn.conv2d", x, kernel)
    small = Constant(np.ones((4, 1), np.float32))
    body = {
        "trilu": lambda: call("trilu", image, Constant(np.asarray(1, np.int32))),
        "collapse_sum_like": lambda: call("collapse_sum_like", image, small),
        "collapse_sum_to": lambda: call(
            "collapse_sum_to", image, Constant(np.asarray([4, 1], np.int32)), shape=[4, 1]
        ),
        "variance": lambda: call(
            "variance", image, call("mean", image, axis=1, keepdims=True), axis=1, keepdims=True
        ),
    }[name]()
    module = infer(Module({"main": Function((x,), body)}))
    value = rng.normal(size=(1, 3, 4, 5)).astype(np.float32)
    expected = evaluate(module, value)
    result = evaluate(infer(convert_layout(module)), value)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
