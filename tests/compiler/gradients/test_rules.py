"""Every gradient rule against central differences in float64."""

import re

import numpy as np
import pytest

from compiler.errors import Unsupported
from compiler.gradients import (
    boxes,
    differentiable,
    dynamic_resampling,
    find_rule,
    placement,
    quantized,
    refused,
)
from compiler.infer import infer
from compiler.ir import (
    Constant,
    Function,
    Module,
    TensorType,
    Tuple,
    Var,
)
from compiler.ops import call, operators
from compiler.passes.gradient import gradient

UNIT, ABOVE, INNER = (-2.0, 2.0), (0.3, 3.0), (-0.9, 0.9)


def case(name, *shapes, span=UNIT, **attrs):
    """A call of an operator on random tensors; a shape in a list makes one field of a tuple."""
    return name, shapes, span, attrs


IMAGE = (2, 3, 6, 5)
CHANNELS_LAST = {"data_layout": "NDHWC", "kernel_layout": "ODHWI"}
NHWC = {"layout": "NHWC"}
DOUBLE = {"scale_d": 1.5, "scale_h": 2.0, "scale_w": 2.0}
ALIGNED = {"coordinate_transformation_mode": "align_corners"}
CROPPED = {
    "coordinate_transformation_mode": "tf_crop_and_resize",
    "roi": [0.1, -0.2, 0.7, 1.3],
    "extrapolation_value": 0.5,
}
COUNTED = {"strides": 2, "padding": 1, "ceil_mode": True, "count_include_pad": True}
LAST = {"data_layout": "NHWC", "kernel_layout": "HWI"}
PADDED = {"padding": [1, 1, 0, 0], "layout": "NHWC", "count_include_pad": True}
CASES = [
    *(case(name, (2, 3)) for name in ("exp", "tanh", "sigmoid", "erf", "sin", "cos", "abs")),
    *(case(name, (2, 3), span=ABOVE) for name in ("log", "log2", "log10", "sqrt", "rsqrt")),
    *(case(name, (2, 3), span=INNER) for name in ("tan", "asin", "acos", "atan", "atanh")),
    *(case(name, (2, 3)) for name in ("sinh", "cosh", "asinh", "negative", "copy", "nn.relu")),
    *(case(name, (2, 3)) for name in ("floor", "ceil", "trunc", "round", "sign")),
    case("acosh", (2, 3), span=(1.2, 3.0)),
    case("cast", (2, 3), dtype="float32"),
    case("clip", (3, 4), a_min=-0.7, a_max=0.9),
    case("nn.leaky_relu", (3, 4), alpha=0.3),
    case("nn.prelu", (2, 3, 2), (3,), axis=1),
    *(case(name, (2, 1, 3), (4, 1)) for name in ("add", "subtract", "multiply", "maximum")),
    *(case(name, (3,), (2, 3)) for name in ("minimum", "multiply", "add")),
    *(case(name, (2, 3), (), span=ABOVE) for name in ("divide", "power")),
    *(case(name, (3,), (2, 3), span=ABOVE) for name in ("divide", "power", "floor_mod", "mod")),
    case("trunc_mod", (2, 3), (3,), span=ABOVE),
    *(case(name, (2, 3, 4), axis=[1]) for name in ("sum", "mean", "max", "min", "prod")),
    *(case(name, (2, 3), keepdims=True) for name in ("sum", "mean", "max", "min", "prod")),
    *(case(name, (2, 3, 4), axis=[-1], exclude=True) for name in ("sum", "mean", "prod")),
    case("logsumexp", (2, 3, 4), axis=[1]),
    case("variance", (2, 3, 4), (2, 1, 4), axis=[1], keepdims=True),
    case("cumsum", (3, 4), axis=1),
    case("cumsum", (3, 4), axis=0, exclusive=True),
    case("cumsum", (3, 4)),
    case("cumprod", (3, 4), axis=1),
    case("cumprod", (3, 4), axis=0, exclusive=True),
    case("cumprod", (2, 3)),
    case("sort", (3, 4), axis=0),
    case("sort", (3, 4), is_ascend=False),
    case("topk", (3, 5), k=2, ret_type="values"),
    case("topk", (4, 3), k=2, axis=0, is_ascend=True, ret_type="values"),
    case("reshape", (2, 6), newshape=[3, -1]),
    case("squeeze", (2, 1, 3), axis=[1]),
    case("expand_dims", (2, 3), axis=1, num_newaxis=2),
    case("nn.batch_flatten", (2, 3, 2)),
    case("transpose", (2, 3, 4), axes=[1, 2, 0]),
    case("transpose", (2, 3)),
    case("broadcast_to", (3, 1), shape=[2, 3, 4]),
    case("broadcast_to_like", (3, 1), (2, 3, 4)),
    case("reshape_like", (2, 6), (3, 4)),
    case("full", (), shape=[2, 3]),
    case("reverse", (3, 4), axis=1),
    case("contrib_reverse_reshape", (2, 3, 4), newshape=[-1, 0]),
    case("sliding_window", (2, 5), axis=1, window_shape=[3], strides=[1]),
    case("nn.batch_to_space_nd", (4, 2, 2, 1), block_shape=[2, 2], crops=[[0, 1], [1, 0]]),
    case(
        "nn.space_to_batch_nd",
        (1, 3, 2, 1),
        block_shape=[2, 2],
        paddings=[[1, 0], [0, 0]],
        pad_value=3.0,
    ),
    case("nn.dilate", (2, 3), strides=[1, 2], dilation_value=2.0),
    case("nn.upsampling", (1, 2, 2, 3), scale_h=2.0, scale_w=3.0),
    case("vision.yolo_reorg", (1, 4, 4, 2), stride=2),
    case("nn.upsampling", (1, 2, 3, 3), scale_h=2.0, scale_w=1.5, method="bilinear"),
    case("nn.upsampling", (1, 3, 3, 2), method="bicubic", scale_w=2.0, **NHWC, scale_h=1.0),
    case("nn.upsampling3d", (1, 1, 2, 2, 3), scale_d=2.0, scale_h=1.0, scale_w=2.0),
    case("nn.upsampling3d", (1, 1, 2, 3, 2), **DOUBLE, method="trilinear"),
    case("image.resize1d", (2, 2, 5), size=[3]),
    case("image.resize2d", (1, 2, 4, 3), size=[3, 5], method="nearest_neighbor"),
    case("image.resize2d", (2, 3, 4, 1), size=[6, 5], **NHWC, method="cubic", cubic_exclude=1),
    case("image.resize2d", (1, 1, 4, 4), size=[3, 4], **CROPPED),
    case("image.resize2d", (1, 1, 4, 4), size=[3, 4], **ALIGNED, out_dtype="float64"),
    case("image.resize3d", (1, 1, 2, 3, 4), size=[3, 2, 3]),
    case("image.affine_grid", (2, 2, 3), target_shape=[3, 2]),
    case("slice_like", (3, 4), (2, 3)),
    case("collapse_sum_like", (2, 3), (1, 3)),
    case("cast_like", (2, 3), (1,)),
    case("full_like", (2, 3), ()),
    *(case(name, (2, 3), span=INNER) for name in ("fast_exp", "fast_tanh", "fast_erf")),
    *(case(name, (2, 3)) for name in ("annotation.stop_fusion", "annotation.checkpoint")),
    case("tile", (2, 3), reps=[2, 1, 2]),
    case("repeat", (2, 3), repeats=2, axis=1),
    case("layout_transform", (1, 4, 2, 3), src_layout="NCHW", dst_layout="NHWC"),
    case("nn.mirror_pad", (3, 4), pad_width=[[1, 0], [2, 1]]),
    case("nn.depth_to_space", (1, 4, 2, 2), block_size=2),
    case("nn.space_to_depth", (1, 2, 4, 2), block_size=2),
    case("strided_slice", (4, 6), begin=[1, 0], end=[3, 6], strides=[1, 2]),
    case("strided_slice", (4, 6), begin=[-1], end=[0], strides=[-1], axes=[1]),
    case("strided_slice", (4, 6), begin=[1], end=[4], axes=[1]),
    case("nn.pad", (2, 3), (), pad_width=[[1, 0], [2, 1]]),
    case("nn.pad", (3, 4), (), pad_width=[[1, 2], [0, 1]], pad_mode="reflect"),
    case("concatenate", [(2, 3), (2, 1), (2, 2)], axis=1),
    case("stack", [(2, 3), (2, 3)], axis=-1),
    case("meshgrid", [(2,), (3,), (2,)], indexing="ij"),
    case("meshgrid", [(2,), (3,)], indexing="xy"),
    case("split", (6, 2), indices_or_sections=3),
    case("split", (2, 6), indices_or_sections=[1, 4], axis=1),
    *(
        case(name, (3, 4), axis=axis)
        for name in ("nn.softmax", "nn.log_softmax")
        for axis in (0, -1)
    ),
    case("nn.fast_softmax", (3, 4)),
    case("nn.l2_normalize", (2, 3, 4), eps=1e-6, axis=[1]),
    case("nn.l2_normalize", (2, 3), eps=100.0),
    case("nn.cross_entropy", (3, 4), (3, 4), span=ABOVE),
    case("nn.cross_entropy_with_logits", (3, 4), (3, 4)),
    case("nn.dense", (3, 4), (2, 4)),
    case("nn.dense", (2, 3, 4), (5, 4)),
    *(
        case(
            "nn.matmul",
            (3, 4)[:: -1 if a else 1],
            (4, 2)[:: -1 if b else 1],
            transpose_a=a,
            transpose_b=b,
        )
        for a in (False, True)
        for b in (False, True)
    ),
    *(
        case(
            "nn.batch_matmul",
            (2, 4, 3) if a else (2, 3, 4),
            (1, 5, 4) if b else (1, 4, 5),
            transpose_a=a,
            transpose_b=b,
        )
        for a in (False, True)
        for b in (False, True)
    ),
    case("nn.bias_add", (2, 3, 4), (3,), axis=1),
    case("nn.batch_norm", (2, 3, 4), (3,), (3,), (3,), (3,), span=ABOVE),
    case("nn.batch_norm", (2, 4), (4,), (4,), (4,), (4,), span=ABOVE, axis=-1, scale=False),
    case("nn.layer_norm", (2, 3, 4), (4,), (4,)),
    case("nn.layer_norm", (2, 3, 4), (3,), (3,), axis=1, center=False, scale=False),
    case("nn.dropout", (2, 3)),
    case("nn.instance_norm", (2, 3, 4), (3,), (3,)),
    case("nn.group_norm", (2, 4, 3), (4,), (4,), num_groups=2),
    case("nn.lrn", (2, 6, 2), size=3, alpha=0.5),
    case("nn.conv2d", IMAGE, (4, 3, 3, 2), padding=[1, 0, 2, 1]),
    case("nn.conv2d", IMAGE, (4, 3, 2, 2), strides=[2, 3], padding=[1, 1]),
    case("nn.conv2d", IMAGE, (2, 3, 2, 2), strides=2, dilation=[2, 1]),
    case("nn.conv2d", IMAGE, (6, 1, 3, 3), groups=3, strides=2, padding=[1, 1]),
    case("nn.conv2d", (1, 4, 5, 5), (2, 2, 1, 1), groups=2, padding=[2, 2]),
    case("nn.conv2d", (1, 6, 5, 2), (3, 2, 2, 4), data_layout="NHWC", kernel_layout="HWIO"),
    case("nn.conv1d", (2, 3, 6), (4, 3, 3), strides=2, padding=[1, 0]),
    case("nn.conv1d", (2, 6, 4), (2, 2, 2), groups=2, data_layout="NWC", kernel_layout="WIO"),
    case("nn.conv2d_transpose", (1, 3, 3, 2), (3, 2, 3, 2), strides=2, padding=[1, 0]),
    case(
        "nn.conv2d_transpose",
        (1, 4, 2, 3),
        (4, 1, 2, 2),
        groups=2,
        strides=[2, 1],
        output_padding=[1, 0],
    ),
    case("nn.conv3d", (1, 2, 4, 3, 4), (3, 2, 2, 2, 3), strides=[2, 1, 2], padding=1),
    case("nn.conv3d", (1, 3, 3, 3, 2), (4, 1, 2, 2, 1), groups=2, **CHANNELS_LAST),
    case("nn.conv3d", (1, 2, 5, 2, 3), (2, 1, 2, 2, 2), groups=2, dilation=[3, 1, 2]),
    case("nn.conv1d_transpose", (2, 4, 3), (4, 2, 3), strides=2, padding=[1, 0], groups=2),
    case("nn.conv1d_transpose", (1, 2, 4), (2, 3, 2), dilation=2, output_padding=1),
    case("nn.conv3d_transpose", (1, 2, 2, 3, 2), (2, 1, 2, 1, 3), strides=[1, 2, 2], padding=1),
    case("nn.avg_pool2d", IMAGE, pool_size=[3, 2], strides=2, padding=[1, 0]),
    case("nn.avg_pool2d", IMAGE, pool_size=2, strides=2, padding=[1, 1], count_include_pad=True),
    case("nn.avg_pool2d", (1, 6, 5, 2), pool_size=2, strides=2, layout="NHWC", ceil_mode=True),
    case("nn.max_pool2d", IMAGE, pool_size=[3, 2], strides=2, padding=[1, 1]),
    case("nn.max_pool2d", (1, 6, 5, 2), pool_size=2, strides=2, layout="NHWC", ceil_mode=True),
    case("nn.max_pool2d", (1, 1, 7, 6), pool_size=2, strides=1, dilation=2),
    case("nn.avg_pool1d", (2, 3, 7), pool_size=3, strides=2, padding=[1, 0]),
    case("nn.max_pool1d", (2, 7, 3), pool_size=2, strides=2, layout="NWC"),
    case("nn.adaptive_avg_pool2d", (1, 2, 5, 4), output_size=[3, 2]),
    case("nn.adaptive_avg_pool2d", (1, 3, 4, 2), output_size=[2, 3], layout="NHWC"),
    case("nn.max_pool3d", (1, 2, 4, 3, 3), pool_size=2, strides=[2, 1, 1], padding=1),
    case("nn.max_pool3d", (1, 4, 3, 3, 2), pool_size=[3, 2, 2], layout="NDHWC", ceil_mode=True),
    case("nn.avg_pool3d", (1, 2, 4, 3, 3), pool_size=[2, 2, 3], strides=2, padding=1),
    case("nn.avg_pool3d", (1, 1, 4, 3, 2), pool_size=2, **COUNTED),
    case("nn.adaptive_avg_pool1d", (2, 2, 5), output_size=[3]),
    case("nn.adaptive_avg_pool3d", (1, 3, 2, 4, 2), output_size=[2, 2, 3], layout="NDHWC"),
    case("nn.adaptive_max_pool1d", (2, 5, 2), output_size=[3], layout="NWC"),
    case("nn.adaptive_max_pool2d", (1, 2, 5, 4), output_size=[3, 2]),
    case("nn.adaptive_max_pool3d", (1, 1, 3, 4, 3), output_size=2),
    case("nn.max_pool2d_grad", IMAGE, (2, 3, 3, 3), pool_size=[3, 2], strides=2, padding=[1, 1]),
    case("nn.avg_pool2d_grad", IMAGE, (2, 3, 3, 3), pool_size=[3, 2], strides=2, padding=[1, 1]),
    case("nn.avg_pool2d_grad", (1, 4, 4, 2), (1, 2, 2, 2), pool_size=3, strides=2, **PADDED),
    case("image.dilation2d", (1, 2, 5, 4), (2, 2, 3), strides=2, padding=[1, 1], dilations=1),
    case("image.dilation2d", (2, 5, 4, 2), (2, 2, 2), dilations=2, **LAST),
    case("einsum", [(2, 3, 4), (2, 4, 5)], equation="bij,bjk->bki"),
    case("einsum", [(3,), (4, 3), (4,)], equation="i,ji,j->j"),
    case("nn.global_avg_pool2d", (2, 3, 2, 3)),
    case("nn.global_max_pool2d", (2, 2, 3, 3), layout="NHWC"),
]
"""Operators whose arguments are all floating-point tensors."""

PLACES = [
    ("take", (4, 3), (2, 2), 4, {"axis": 0}),
    ("take", (4, 3), (2, 2), 3, {"axis": -1, "mode": "wrap"}),
    ("take", (4, 3), (5,), 12, {}),
    ("gather", (4, 3), (4, 2), 3, {"axis": 1}),
    ("gather_nd", (4, 3), (2, 5), 3, {}),
]
"""Operators with an index: name, shapes of data and index, bound of the index, attributes."""


def make(name, shapes, span, attrs, seed, with_weights):
    """Return a module of one weighted call, and inputs."""
    random = np.random.default_rng(seed)
    flat = [shape for item in shapes for shape in (item if isinstance(item, list) else [item])]
    params = [Var(f"x{n}", TensorType(shape, "float64")) for n, shape in enumerate(flat)]
    left = iter(params)
    args = [
        Tuple(tuple(next(left) for _ in item)) if isinstance(item, list) else next(left)
        for item in shapes
    ]
    inputs = [np.asarray(random.uniform(*span, shape)) for shape in flat]
    return with_weights(params, call(name, *args, **attrs), random), inputs


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: f"{CASES[n][0]}-{n}")
def test_rule_agrees_with_differences(number, check_gradient, with_weights):
    name, shapes, span, attrs = CASES[number]
    for seed in (number, number + 1000):
        module, inputs = make(name, shapes, span, attrs, seed, with_weights)
        rough = {"rtol": 2e-2, "atol": 5e-2} if attrs.get("dtype") == "float32" else {}
        check_gradient(module, gradient(module), inputs, f"{name}, seed {seed}", **rough)


@pytest.mark.parametrize("number", range(len(PLACES)), ids=lambda n: f"{PLACES[n][0]}-{n}")
def test_gradients_of_places_chosen_by_an_index(number, check_gradient, with_weights):
    """Places that are chosen more than once get the sum; the index has no gradient."""
    name, shape, chosen, bound, attrs = PLACES[number]
    random = np.random.default_rng(number)
    x, index = Var("x", TensorType(shape, "float64")), Var("i", TensorType(chosen, "int32"))
    module = with_weights((x, index), call(name, x, index, **attrs), random)
    places = random.integers(-2 if attrs.get("mode") else 0, bound, chosen).astype(np.int32)
    inputs = [random.uniform(-1, 1, shape), places]
    check_gradient(module, gradient(module), inputs, f"{name}, seed {number}")


def test_where_gives_each_side_its_elements(check_gradient, with_weights):
    x, y = Var("x", TensorType((2, 3), "float64")), Var("y", TensorType((3,), "float64"))
    body = call("where", call("less", x, y), call("multiply", x, x), call("exp", y))
    module = with_weights((x, y), body, np.random.default_rng(1))
    random = np.random.default_rng(2)
    inputs = [random.uniform(-1, 1, shape) for shape in ((2, 3), (3,))]
    check_gradient(module, gradient(module), inputs, "where, seed 2")


@pytest.mark.parametrize("zeros", [(), (1,), (1, 2)])
def test_products_with_factors_of_zero(zeros, check_gradient, with_weights):
    x = Var("x", TensorType((4,), "float64"))
    module = infer(Module({"main": Function((x,), call("prod", x))}))
    value = np.array([2.0, 3.0, 0.5, -1.0])
    value[list(zeros)] = 0
    check_gradient(module, gradient(module), [value], f"zeros at {zeros}")


def test_scatter_adds_gradients(check_gradient, with_weights):
    data, updates = (Var(n, TensorType(s, "float64")) for n, s in (("d", (4, 2)), ("u", (3, 2))))
    index = Constant(np.array([[0, 1], [3, 1], [0, 2]], np.int64))
    body = call("scatter_elements", data, index, updates, axis=0, reduction="add")
    module = with_weights((data, updates), body, np.random.default_rng(0))
    random = np.random.default_rng(3)
    inputs = [random.uniform(-1, 1, shape) for shape in ((4, 2), (3, 2))]
    check_gradient(module, gradient(module), inputs, "scatter_elements, seed 3")


@pytest.mark.parametrize(
    ("name", "second", "attrs"),
    [
        ("trilu", np.int32(1), {"upper": True}),
        ("sequence_mask", np.array([1, 3, 2], np.int32), {"mask_value": 4.0}),
        ("reverse_sequence", np.array([1, 3, 2], np.int32), {"seq_axis": 0, "batch_axis": 1}),
    ],
)
def test_operators_with_a_second_argument_that_is_no_tensor_of_floats(
    name, second, attrs, check_gradient, with_weights
):
    x = Var("x", TensorType((3, 3), "float64"))
    random = np.random.default_rng(8)
    module = with_weights((x,), call(name, x, Constant(second), **attrs), random)
    check_gradient(module, gradient(module), [random.uniform(-1, 1, (3, 3))], f"{name}, seed 8")


@pytest.mark.parametrize("ends", [(0.5, 4.1, 1.3), (3.0, -1.0, -0.7)])
def test_ranges_move_with_their_start_and_step(ends, check_gradient):
    params = tuple(Var(name, TensorType((), "float64")) for name in ("start", "stop", "step"))
    module = infer(Module({"main": Function(params, call("sin", call("arange", *params)))}))
    check_gradient(module, gradient(module), list(map(np.asarray, ends)), f"arange of {ends}")


def test_scatter_nd_and_collapse_sum_to(check_gradient, with_weights):
    x, updates = (Var(n, TensorType(s, "float64")) for n, s in (("x", (4, 3)), ("u", (2, 3))))
    added = call("scatter_nd", x, Constant(np.array([[1, 1]], np.int64)), updates, mode="add")
    body = call("collapse_sum_to", added, Constant(np.array([1, 3])), shape=(1, 3))
    random = np.random.default_rng(9)
    module = with_weights((x, updates), call("sin", body), random)
    inputs = [random.uniform(-1, 1, shape) for shape in ((4, 3), (2, 3))]
    check_gradient(module, gradient(module), inputs, "scatter_nd, seed 9")


def test_every_rule_is_of_an_operator_and_tested():
    tested = {name for name, *_ in (*CASES, *PLACES)} | {"where", "scatter_elements", "prod"}
    tested |= {"scatter_nd", "trilu", "sequence_mask", "reverse_sequence", "collapse_sum_to"}
    tested |= {"nn.nll_loss", "unique", "random.uniform", "random.normal"}
    tested |= {*placement.RULES, "image.grid_sample", "nn.deformable_conv2d"}
    tested |= {"image.crop_and_resize", "vision.roi_align", "vision.roi_pool", "arange"}
    tested |= {*boxes.RULES, *dynamic_resampling.RULES, *quantized.RULES}
    assert set(differentiable()) <= set(operators())
    flat = {name for name in differentiable() if find_rule(name).__name__ in ("_none", "_same")}
    assert set(differentiable()) - flat - tested == set()


def test_an_equation_that_sums_an_operand_alone_is_refused(with_weights):
    module, _ = make("einsum", [[(2, 3)]], UNIT, {"equation": "ij->i"}, 0, with_weights)
    message = "the gradient of einsum is known of equations .*, not of 'ij->i'"
    with pytest.raises(Unsupported, match=f"^{message}$"):
        gradient(module)


def test_an_operator_without_a_rule_is_refused():
    message = "operator no.such has no gradient; write what it does in operators of "
    with pytest.raises(Unsupported, match=f"^{re.escape(message)}compiler/gradients$"):
        find_rule("no.such")


def test_every_operator_has_a_rule_or_a_reason():
    assert set(operators()) == set(differentiable()) | set(refused.REASONS)


@pytest.mark.parametrize("name", refused.REASONS)
def test_an_operator_without_a_useful_gradient_is_refused_with_the_reason(name):
    assert name in operators() and name not in differentiable()
    message = f"operator {name} has no gradient: {refused.REASONS[name]}"
    with pytest.raises(Unsupported, match=f"^{re.escape(message)}$"):
        find_rule(name)
