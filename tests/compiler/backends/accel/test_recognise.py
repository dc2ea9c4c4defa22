"""What is a layer of the machine, what just misses being one, and how each is read."""

import numpy as np
import pytest

from compiler.backends.accel import extract, find_layers
from compiler.backends.accel.layers import Addition, Convolution, Depthwise, Pool, Rescale, macs
from compiler.errors import Unsupported
from compiler.infer import infer
from compiler.ir import Call, Constant, Function, Module, TensorType, Tuple, Var
from compiler.ir.span import Span
from compiler.ops import call
from isa.arithmetic import Rounding


def constant(value, dtype):
    return Constant(np.asarray(value, dtype))


def quantization(scale=0.5, zero_point=3):
    return constant(scale, np.float32), constant(zero_point, np.int32)


def variable(*shape, dtype="int8", name="x"):
    return Var(name, TensorType(shape, dtype))


def int8(*shape):
    return np.random.default_rng(0).integers(-128, 128, shape, dtype=np.int8)


def conv(x, outputs=4, weight=None, zero_points=(3, 0), kernel_layout="HWIO", **attrs):
    """Return qnn.conv2d of 3x3 over x."""
    channels = x.annotation.shape[3] if isinstance(x, Var) else 4
    weight = constant(int8(3, 3, channels, outputs), np.int8) if weight is None else weight
    points = [constant(point, np.int32) for point in zero_points]
    attrs = {"data_layout": "NHWC", "kernel_layout": kernel_layout, "padding": (1, 1, 1, 1)} | attrs
    scales = constant(0.5, np.float32), constant(0.25, np.float32)
    return call("qnn.conv2d", x, weight, *points, *scales, out_dtype="int32", **attrs)


def bias(x, count=4, axis=3, value=None):
    value = constant(np.arange(count) * 100, np.int32) if value is None else value
    return call("nn.bias_add", x, value, axis=axis)


def requantize(x, in_scale=0.125, in_zero_point=0, out=(20.0, -7), rounding="TFLITE", **attrs):
    points = constant(in_scale, np.float64), constant(in_zero_point, np.int32)
    attrs = {"rounding": rounding, "out_dtype": "int8"} | attrs
    return call("qnn.requantize", x, *points, *quantization(*out), **attrs)


def clip(x, low=-50.0, high=60.0):
    return call("clip", x, a_min=low, a_max=high)


def add(x, y, out=(0.75, 9), rounding="TFLITE", zero_point=3):
    points = (*quantization(0.5, zero_point), *quantization(0.25, -4), *quantization(*out))
    return call("qnn.add", x, y, *points, rounding=rounding)


def average(x, rounding="TFLITE", out=(0.5, 3), **attrs):
    attrs = {"pool_size": (2, 2), "layout": "NHWC"} | attrs
    return call(
        "qnn.avg_pool2d", x, *quantization(), *quantization(*out), rounding=rounding, **attrs
    )


def maximum(x, **attrs):
    attrs = {"pool_size": (2, 2), "layout": "NHWC"} | attrs
    return call("nn.max_pool2d", x, **attrs)


def dense(x, units=5, channels=6, zero_point=0):
    return call(
        "qnn.dense",
        x,
        constant(int8(units, channels), np.int8),
        constant(3, np.int32),
        constant(zero_point, np.int32),
        constant(0.5, np.float32),
        constant(0.25, np.float32),
        units=units,
        out_dtype="int32",
    )


def function(params, body):
    return infer(Module({"main": Function(tuple(params), body)}))["main"]


def only_layer(params, body):
    """Return the single layer of a function that is one."""
    graph = extract("net", function(params, body))
    (layer,) = graph.layers
    assert graph.outputs == (layer.target,)
    assert [item.index for item in graph.inputs] == list(range(len(params)))
    return layer


X = variable(1, 6, 5, 4)


def test_convolution():
    layer = only_layer([X], clip(requantize(bias(conv(X, dilation=(2, 1), strides=(1, 2))))))
    assert isinstance(layer, Convolution) and layer.operator == "conv2d"
    window = layer.window
    assert (window.kernel, window.stride, window.dilation) == ((3, 3), (1, 2), (2, 1))
    assert (window.top, window.left, window.bottom, window.right) == (1, 1, 1, 1)
    assert window.fill == 3
    assert (layer.output.zero_point, layer.output.low, layer.output.high) == (-7, -50, 60)
    weight = int8(3, 3, 4, 4)
    assert np.array_equal(layer.weight, weight)
    sums = weight.astype(np.int64).sum(axis=(0, 1, 2))
    assert layer.records.bias.tolist() == (np.arange(4) * 100 - 3 * sums).tolist()
    assert layer.records.rounding == Rounding.TFLITE
    assert macs(layer) == layer.target.height * layer.target.width * weight.size


def test_convolution_without_bias_and_clip():
    layer = only_layer([X], requantize(conv(X), rounding="UPWARD"))
    assert (layer.output.low, layer.output.high) == (-128, 127)
    assert layer.records.rounding == Rounding.UPWARD


def test_scales_per_channel():
    scales = [0.5, 0.25, 0.125, 1.0]
    layer = only_layer([X], requantize(conv(X), scales, out=(1.0, 0), axis=3))
    assert layer.records.multiplier.tolist() == [2**30] * 4
    assert layer.records.shift.tolist() == [0, -1, -2, 1]


def test_depthwise():
    weight = constant(int8(3, 3, 4, 1), np.int8)
    layer = only_layer(
        [X], requantize(bias(conv(X, weight=weight, groups=4, kernel_layout="HWOI")))
    )
    assert isinstance(layer, Depthwise)
    assert np.array_equal(layer.weight, int8(3, 3, 4, 1)[..., 0])


@pytest.mark.parametrize("axis", [1, -1])
def test_dense(axis):
    x = variable(3, 6)
    layer = only_layer([x], requantize(bias(dense(x), 5, axis), [0.1] * 5, axis=axis))
    assert isinstance(layer, Convolution) and layer.operator == "dense"
    assert (layer.sources[0].height, layer.sources[0].width, layer.sources[0].channels) == (1, 3, 6)
    assert np.array_equal(layer.weight[0, 0], int8(5, 6).T)


@pytest.mark.parametrize("rounding", ["TFLITE", "UPWARD"])
def test_addition(rounding):
    y = variable(1, 6, 5, 4, name="y")
    layer = only_layer([X, y], clip(add(X, y, rounding=rounding)))
    assert isinstance(layer, Addition)
    assert [item.index for item in layer.sources] == [0, 1]
    assert (int(layer.left_records.bias[0]), int(layer.right_records.bias[0])) == (-3, 4)
    assert (layer.records is None) == (rounding == "UPWARD")


def test_addition_to_itself():
    assert [item.index for item in only_layer([X], add(X, X)).sources] == [0, 0]


def test_pools():
    pool = only_layer([X], average(X, strides=(2, 1)))
    assert isinstance(pool, Pool) and (pool.reduction, pool.window.stride) == ("add", (2, 1))
    pool = only_layer([X], clip(maximum(X, padding=(1, 0, 0, 1))))
    assert isinstance(pool, Pool) and (pool.reduction, pool.window.fill) == ("maximum", -128)


def test_rescale():
    layer = only_layer([X], requantize(X, 0.5, 11, (0.3, 5)))
    assert isinstance(layer, Rescale) and layer.operator == "rescale"
    assert int(layer.records.bias[0]) == -11 and layer.output.zero_point == 5


@pytest.mark.parametrize(
    ("low", "high", "limits"),
    [
        (-3.0, 5.0, (-3, 5)),
        (0.5, 6.7, (0, 6)),
        (-6.7, -0.5, (-6, 0)),
        (-1e9, 1e9, (-128, 127)),
        (200.0, 300.0, (127, 127)),
    ],
)
def test_clip_alone(low, high, limits):
    """Limits become int8 as the operator `clip` makes them: towards zero, saturated."""
    layer = only_layer([X], clip(X, low, high))
    assert isinstance(layer, Rescale) and layer.records is None
    assert (layer.output.low, layer.output.high) == limits


def test_names_come_from_the_spans():
    body = requantize(conv(X))
    named = call("clip", body, a_min=0.0, a_max=9.0)
    assert only_layer([X], named).name == "qnn.conv2d #0"
    anchor = conv(X)
    placed = Call(
        anchor.op, anchor.args, anchor.attrs, span=Span("net.tflite", name="CONV_2D #0 'c'")
    )
    assert only_layer([X], requantize(placed)).name == "CONV_2D #0 'c'"


def test_views_are_no_layers():
    x = variable(1, 1, 6, 4)
    flat = call("reshape", x, newshape=(6, 4))
    body = call("expand_dims", clip(flat), axis=0, num_newaxis=2)
    graph = extract("net", function([x], call("reshape", body, newshape=(1, 1, 6, 4))))
    (layer,) = graph.layers
    assert layer.sources[0] == graph.inputs[0] and graph.outputs == (layer.target,)


def test_result_may_be_an_input():
    graph = extract("net", function([X], Tuple((X, clip(X)))))
    assert graph.outputs[0] == graph.inputs[0]


def shared_sum(x):
    summed = bias(conv(x))
    return Tuple((requantize(summed), summed))


def shared_product(x):
    product = conv(x)
    return Tuple((requantize(bias(product)), requantize(product)))


def grouped(x):
    return requantize(conv(x, weight=constant(int8(3, 3, 2, 4), np.int8), groups=2))


def multiplied(x):
    weight = constant(int8(3, 3, 8, 1), np.int8)
    return requantize(conv(x, weight=weight, groups=4, kernel_layout="HWOI"))


def channels_first(x):
    weight = constant(int8(3, 3, 6, 4), np.int8)
    return requantize(conv(x, weight=weight, data_layout="NCHW"), axis=1)


def outputs_first(x):
    weight = constant(int8(4, 4, 3, 3), np.int8)
    return requantize(conv(x, weight=weight, kernel_layout="OIHW"))


def constant_view(x):
    row = constant(int8(1, 6), np.int8)
    return Tuple((x, call("reshape", row, newshape=(1, 1, 1, 6))))


SHAPE = (1, 6, 5, 4)
SQUARE = (1, 4, 4, 4)
# What is missed: shapes of the operands, with a dtype other than int8; what is made of them.
NEAR_MISSES = {
    "sum used elsewhere": ([SHAPE], shared_sum),
    "product used twice": ([SHAPE], shared_product),
    "weight is a variable": ([SHAPE, (3, 3, 4, 4)], lambda x, w: requantize(conv(x, weight=w))),
    "bias is a variable": (
        [SHAPE, (4, "int32")],
        lambda x, b: requantize(bias(conv(x), value=b)),
    ),
    "weight zero point": ([SHAPE], lambda x: requantize(conv(x, zero_points=(3, 1)))),
    "weight zero points": ([SHAPE], lambda x: requantize(conv(x, zero_points=(3, [0, 0, 1, 0])))),
    "input zero point is no int8": (
        [SHAPE],
        lambda x: requantize(conv(x, zero_points=(200, 0))),
    ),
    "output zero point is no int8": ([SHAPE], lambda x: requantize(conv(x), out=(20.0, 128))),
    "grouped": ([SHAPE], grouped),
    "channel multiplier": ([SHAPE], multiplied),
    "NCHW": ([SHAPE], channels_first),
    "OIHW": ([SHAPE], outputs_first),
    "batch of two": ([(2, 6, 5, 4)], lambda x: requantize(conv(x))),
    "sum has a zero point": ([SHAPE], lambda x: requantize(conv(x), in_zero_point=5)),
    "bias along the width": ([SQUARE], lambda x: requantize(bias(conv(x), axis=2))),
    "scales along the width": ([SQUARE], lambda x: requantize(conv(x), [0.1] * 4, axis=2)),
    "int16 result": ([SHAPE], lambda x: requantize(conv(x), out_dtype="int16")),
    "uint8 data": ([(*SHAPE, "uint8")], lambda x: requantize(conv(x))),
    "dense weight zero point": ([(3, 6)], lambda x: requantize(dense(x, zero_point=2))),
    "addition with a broadcast": ([SHAPE, (1, 1, 1, 4)], add),
    "addition of a constant": ([SHAPE], lambda x: add(x, constant(int8(*SHAPE), np.int8))),
    "addition of huge values": (
        [SHAPE],
        lambda x: add(x, x, out=(1e-8, 0), rounding="UPWARD"),
    ),
    "average with padding": ([SHAPE], lambda x: average(x, padding=(1, 0, 0, 0))),
    "average rounded up in size": (
        [SHAPE],
        lambda x: average(x, strides=(2, 2), ceil_mode=True),
    ),
    "average to another scale": ([SHAPE], lambda x: average(x, out=(0.25, 3))),
    "average to another zero point": ([SHAPE], lambda x: average(x, out=(0.5, 4))),
    "average NCHW": ([SHAPE], lambda x: average(x, layout="NCHW")),
    "maximum NCHW": ([SHAPE], lambda x: maximum(x, layout="NCHW")),
    "maximum rounded up in size": (
        [SHAPE],
        lambda x: maximum(x, strides=(2, 2), ceil_mode=True),
    ),
    "requantize per channel": (
        [SHAPE],
        lambda x: requantize(x, [0.5, 0.25, 0.5, 1.0], axis=3),
    ),
    "bias after nothing": ([(*SHAPE, "int32")], lambda x: requantize(bias(x))),
    "another order of pixels": (
        [(1, 4, 4, 8)],
        lambda x: call("reshape", x, newshape=(16, 8)),
    ),
    "channels become pixels": (
        [(1, 4, 4, 8)],
        lambda x: call("reshape", x, newshape=(1, 4, 8, 4)),
    ),
    "reshape of a constant": ([SHAPE], constant_view),
    "softmax": (
        [SHAPE],
        lambda x: call("qnn.softmax", x, *quantization(), *quantization(1 / 256, -128)),
    ),
    "line too long": ([(1, 1, (1 << 15) + 1, 1)], clip),
}


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_near_miss(name):
    """No layer covers the call, and reading it as a region says so."""
    shapes, make = NEAR_MISSES[name]
    params = [
        variable(*shape[:-1], dtype=shape[-1]) if isinstance(shape[-1], str) else variable(*shape)
        for shape in shapes
    ]
    made = function(params, make(*params))
    found, views = find_layers(made.body)
    assert not found and not views
    with pytest.raises(
        Unsupported,
        match=r"^(the accelerator has no layer for this call; keep it on the CPU|the accelerator "
        r"takes int8 tensors of shape \[1, h, w, c\] or \[n, c\], not .*; keep it on the CPU)$",
    ):
        extract("net", made)


def test_shared_result_is_clipped_apart():
    """A result that others use as well is a layer, and the clip behind it another."""
    result = requantize(conv(X))
    graph = extract("net", function([X], Tuple((result, clip(result)))))
    assert [type(item) for item in graph.layers] == [Convolution, Rescale]
    assert (graph.layers[0].output.low, graph.layers[0].output.high) == (-128, 127)


def test_message_begins_with_the_place():
    body = call(
        "qnn.softmax",
        X,
        *quantization(),
        *quantization(1 / 256, -128),
        span=Span("net.relay", 3, 5, 3, 20),
    )
    with pytest.raises(
        Unsupported, match=r"^net\.relay:3:5: the accelerator has no layer for this call; .*$"
    ):
        extract("net", function([X], clip(body)))
