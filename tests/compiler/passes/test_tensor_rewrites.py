"""Each rewrite that a tensor pass documents: before and after, as text."""

import numpy as np
import pytest

from compiler.interpreter import evaluate
from compiler.ir import Constant, Function, Module, TensorType, Var, structural_equal
from compiler.ops import call
from compiler.passes.canonicalise_casts import canonicalise_casts
from compiler.passes.canonicalise_ops import canonicalise_ops
from compiler.passes.combine_parallel_batch_matmul import combine_parallel_batch_matmul
from compiler.passes.combine_parallel_conv2d import combine_parallel_conv2d
from compiler.passes.combine_parallel_dense import combine_parallel_dense
from compiler.passes.dynamic_to_static import dynamic_to_static
from compiler.passes.fast_math import fast_math
from compiler.passes.fold_scale_axis import fold_scale_axis
from compiler.passes.simplify_inference import simplify_inference
from compiler.text import parse, to_text

HEAD = '#[version = "0.0.5"]\n'
X = "%x: Tensor[(1, 4, 5, 5), float32]"
VECTORS = ", ".join(f"%{name}: Tensor[(4), float32]" for name in "gbmv")


def check(apply, params, before, after):
    expected = parse(f"{HEAD}def @main({params}) {{ {after} }}")
    found = apply(parse(f"{HEAD}def @main({params}) {{ {before} }}"))
    assert to_text(found) == to_text(expected)
    assert structural_equal(found, expected)


def assert_close(left, right):
    np.testing.assert_allclose(left, right, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "%0 = nn.batch_norm(%x, %g, %b, %m, %v); %0.0",
            "%0 = %g * rsqrt(%v + 1e-05f); %1 = expand_dims(%0, axis=1, num_newaxis=2);"
            "%2 = %b + negative(%m * %0); %x * %1 + expand_dims(%2, axis=1, num_newaxis=2)",
        ),
        (
            "%0 = nn.batch_norm(%x, %g, %b, %m, %v, center=False, scale=False, axis=-1); %0.0",
            "%0 = rsqrt(%v + 1e-05f); %x * %0 + negative(%m * %0)",
        ),
        ("%0 = nn.batch_norm(%x, %g, %b, %m, %v); %0.1", "%m"),
        ("%0 = nn.dropout(%x); %0.0", "%x"),
        ("%0 = nn.dropout(%x); %0.1", 'ones(shape=[1, 4, 5, 4], dtype="float32")'),
        (
            "nn.l2_normalize(%x, eps=0.5f, axis=[1])",
            "%x / sqrt(maximum(sum(%x * %x, axis=[1], keepdims=True), 0.5f))",
        ),
    ],
)
def test_simplify_inference(before, after):
    sizes = X.replace("5, 5)", "5, 4)") + ", " + VECTORS
    check(simplify_inference, sizes, before, after)


NORMS = [
    "nn.layer_norm(%x, %g, %b, axis=1)",
    "nn.layer_norm(%x, %g, %b, axis=1, center=False)",
    "nn.instance_norm(%x, %g, %b)",
    "nn.group_norm(%x, %g, %b, num_groups=2)",
]


@pytest.mark.parametrize("body", NORMS)
def test_unpacked_normalisation_is_the_operator(body):
    module = parse(f"{HEAD}def @main({X}, {VECTORS}) {{ {body} }}")
    after = simplify_inference(module)
    assert "norm" not in to_text(after)
    rng = np.random.default_rng(3)
    shapes = ((1, 4, 5, 5), (4,), (4,), (4,), (4,))
    inputs = [rng.normal(size=shape).astype("float32") for shape in shapes]
    assert_close(evaluate(module, *inputs), evaluate(after, *inputs))


def test_canonicalise_ops():
    params = f"{X}, {VECTORS}"
    check(
        canonicalise_ops,
        params,
        "nn.bias_add(%x, %b)",
        "%x + expand_dims(%b, axis=1, num_newaxis=2)",
    )


def test_canonicalise_casts():
    check(
        canonicalise_casts,
        "%x: int8, %y: int32",
        '%0 = cast(%x, dtype="int32"); (%0 + %y) * %0',
        '(cast(%x, dtype="int32") + %y) * cast(%x, dtype="int32")',
    )
    module = parse(f'{HEAD}def @main(%x: int32) {{ %0 = cast(%x, dtype="int8"); %0 + %0 }}')
    text = to_text(canonicalise_casts(module))
    assert text.count("cast") == 1, "a narrowing cast stays shared"


def test_fast_math():
    check(
        fast_math,
        X,
        "nn.softmax(exp(tanh(erf(%x))), axis=1)",
        "nn.fast_softmax(fast_exp(fast_tanh(fast_erf(%x))), axis=1)",
    )
    check(fast_math, "%x: float64", "exp(%x)", "exp(%x)")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'dyn.reshape(%x, concatenate((cast(shape_of(%y), dtype="int64"), expand_dims('
            "-1i64, axis=0))))",
            "reshape(%x, newshape=[4, -1])",
        ),
        (
            'dyn.broadcast_to(%y, shape_of(%x, dtype="int64"))',
            "broadcast_to(%y, shape=[1, 5, 4, 4])",
        ),
        ('dyn.tile(%y, shape_of(%y, dtype="int64"))', "tile(%y, reps=[4])"),
    ],
)
def test_dynamic_to_static(before, after):
    params = "%x: Tensor[(1, 5, 4, 4), float32], %y: Tensor[(4), float32]"
    check(dynamic_to_static, params, before, after)


def test_what_has_no_operands_left_is_a_constant():
    text = f'{HEAD}def @main({X}) {{ dyn.zeros(shape_of(%x), dtype="int8") }}'
    assert isinstance(dynamic_to_static(parse(text))["main"].body, Constant)


def test_dynamic_stays_where_the_shape_is_data():
    text = f"{HEAD}def @main({X}, %s: Tensor[(2), int64]) {{ dyn.reshape(%x, %s) }}"
    assert "dyn.reshape" in to_text(dynamic_to_static(parse(text)))


WEIGHTS = ", ".join(
    f"%{name}: Tensor[({size}, 4, 3, 3), float32], %{name}b: Tensor[({size}), float32]"
    for name, size in (("p", 2), ("q", 3), ("r", 4))
)


def test_combine_parallel_conv2d():
    branch = "nn.relu(nn.bias_add(nn.conv2d(%x, %{0}), %{0}b))"
    check(
        combine_parallel_conv2d,
        f"{X}, {WEIGHTS}",
        f"({branch.format('p')}, {branch.format('q')}, {branch.format('r')})",
        "%0 = nn.relu(nn.bias_add(nn.conv2d(%x, concatenate((%p, %q, %r))),"
        " concatenate((%pb, %qb, %rb))));"
        "(strided_slice(%0, begin=[0], end=[2], axes=[1]),"
        " strided_slice(%0, begin=[2], end=[5], axes=[1]),"
        " strided_slice(%0, begin=[5], end=[9], axes=[1]))",
    )


def test_two_branches_are_left_alone():
    text = f"{HEAD}def @main({X}, {WEIGHTS}) {{ (nn.conv2d(%x, %p), nn.conv2d(%x, %q)) }}"
    module = parse(text)
    assert "strided_slice" not in to_text(combine_parallel_conv2d(module))
    assert "strided_slice" in to_text(combine_parallel_conv2d(module, least=2))


def test_different_windows_are_left_alone():
    body = "(nn.conv2d(%x, %p), nn.conv2d(%x, %q, strides=[2, 2]), nn.conv2d(%x, %r))"
    module = parse(f"{HEAD}def @main({X}, {WEIGHTS}) {{ {body} }}")
    assert "strided_slice" not in to_text(combine_parallel_conv2d(module))


def test_combine_parallel_dense_stops_where_branches_differ():
    params = "%x: Tensor[(2, 4), float32], " + ", ".join(
        f"%{name}: Tensor[({size}, 4), float32]" for name, size in (("p", 2), ("q", 3), ("r", 4))
    )
    check(
        combine_parallel_dense,
        params,
        "(nn.relu(nn.dense(%x, %p)), nn.relu(nn.dense(%x, %q)), exp(nn.dense(%x, %r)))",
        "%0 = nn.dense(%x, concatenate((%p, %q, %r)));"
        "(nn.relu(strided_slice(%0, begin=[0], end=[2], axes=[1])),"
        " nn.relu(strided_slice(%0, begin=[2], end=[5], axes=[1])),"
        " exp(strided_slice(%0, begin=[5], end=[9], axes=[1])))",
    )


def test_combine_parallel_batch_matmul():
    params = "%x: Tensor[(2, 3, 4), float32], " + ", ".join(
        f"%{name}: Tensor[(2, {size}, 4), float32]" for name, size in (("p", 2), ("q", 3))
    )
    check(
        lambda module: combine_parallel_batch_matmul(module, least=2),
        params,
        "(nn.batch_matmul(%x, %p, transpose_b=True), nn.batch_matmul(%x, %q, transpose_b=True))",
        "%0 = nn.batch_matmul(%x, concatenate((%p, %q), axis=1), transpose_b=True);"
        "(strided_slice(%0, begin=[0], end=[2], axes=[2]),"
        " strided_slice(%0, begin=[2], end=[5], axes=[2]))",
    )


class TestFoldScaleAxis:
    """Factors of channels around convolutions with constant weights."""

    @pytest.fixture
    def run(self):
        rng = np.random.default_rng(5)
        x = Var("x", TensorType((1, 3, 6, 6), "float32"))

        def constant(*shape):
            return Constant(rng.uniform(0.5, 2, shape).astype("float32"))

        def run(build):
            module = Module({"main": Function((x,), build(x, constant))})
            after = fold_scale_axis(module)
            data = rng.normal(size=(1, 3, 6, 6)).astype("float32")
            assert_close(evaluate(module, data), evaluate(after, data))
            return to_text(after).split("#[metadata]")[0]

        return run

    def test_backward_through_sum_and_relu(self, run):
        def build(x, constant):
            total = call("add", call("nn.conv2d", x, constant(4, 3, 3, 3)), constant(4, 1, 1))
            return call("multiply", constant(4, 1, 1), call("nn.relu", total))

        text = run(build)
        assert "multiply" not in text and "nn.relu" in text and "add" in text

    def test_forward_through_pool_and_relu(self, run):
        def build(x, constant):
            scaled = call("nn.relu", call("multiply", x, constant(3, 1, 1)))
            return call(
                "nn.conv2d", call("nn.max_pool2d", scaled, pool_size=2), constant(4, 3, 3, 3)
            )

        assert "multiply" not in run(build)

    def test_negative_factors_do_not_pass_a_relu(self, run):
        def build(x, constant):
            negative = Constant(-constant(4, 1, 1).value)
            product = call("nn.relu", call("nn.conv2d", x, constant(4, 3, 3, 3)))
            return call("multiply", product, negative)

        assert "multiply" in run(build)

    def test_what_is_used_twice_stays(self, run):
        def build(x, constant):
            product = call("nn.conv2d", x, constant(4, 3, 3, 3))
            return call("add", call("multiply", product, constant(4, 1, 1)), product)

        assert "multiply" in run(build)

    def test_factors_along_another_axis_stay(self, run):
        def build(x, constant):
            product = call("nn.conv2d", x, constant(4, 3, 3, 3))
            return call("multiply", product, constant(4, 4))

        assert "multiply" in run(build)

    def test_dense(self, run):
        def build(x, constant):
            flat = call("multiply", call("nn.batch_flatten", x), constant(108))
            return call("multiply", call("nn.dense", flat, constant(4, 108)), constant(4))

        assert "multiply" not in run(build)
