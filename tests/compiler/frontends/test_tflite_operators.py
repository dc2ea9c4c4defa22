"""Every supported TFLite operator, alone, against TFLite Micro on random networks."""

import numpy as np
import pytest

from compiler.frontends import import_tflite
from compiler.interpreter import evaluate
from compiler.ir import Call, Op
from compiler.ir.visitor import post_order

SEEDS = range(8)
SAME, VALID = 0, 1
NONE, RELU, RELU_N1_TO_1, RELU6 = range(4)


def _scale(random, low=-6.0, high=0.0):
    return np.float32(np.exp(random.uniform(low, high)))


def _point(random):
    return int(random.integers(-128, 128))


def _int8(random, shape):
    return random.integers(-128, 128, shape, dtype=np.int8)


def _image(random):
    return (1, *random.integers(5, 10, 2), int(random.integers(2, 6)))


def _image_window(random):
    """Return an image's shape, and options of a window that fits into it."""
    options = {
        "padding": int(random.integers(2)),
        "strideH": int(random.integers(1, 4)),
        "strideW": int(random.integers(1, 4)),
        "fusedActivationFunction": int(random.integers(4)),
    }
    return _image(random), options


def _places(size, taps, stride, padding):
    return -(-size // stride) if padding == SAME else (size - taps) // stride + 1


def _placed(shape, size, options, channels, dilation=(1, 1)):
    """Return the shape of a window operator's result."""
    spans = [(taps - 1) * step + 1 for taps, step in zip(size, dilation, strict=True)]
    rows = _places(shape[1], spans[0], options["strideH"], options["padding"])
    columns = _places(shape[2], spans[1], options["strideW"], options["padding"])
    return (1, rows, columns, channels)


def convolution(b, random, dtype, depthwise=False, multiplier=1, inputs=None):
    shape, options = _image_window(random)
    shape = (*shape[:3], inputs or shape[3])
    size = tuple(random.integers(1, 4, 2))
    # TFLite Micro's depthwise and convolution take dilation with either padding.
    dilation = tuple(int(step) for step in random.integers(1, 3, 2))
    channels = shape[3] * multiplier if depthwise else int(random.integers(1, 9))
    options |= {"dilationHFactor": dilation[0], "dilationWFactor": dilation[1]}
    kernel = (1, *size, channels) if depthwise else (channels, *size, shape[3])
    axis = 3 if depthwise else 0
    if depthwise:
        options["depthMultiplier"] = multiplier
    result = _placed(shape, size, options, channels, dilation)
    kind = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    table = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
    return _layer(b, random, dtype, shape, kernel, axis, result, kind, table, options)


def fully_connected(b, random, dtype, per_channel=False):
    width, units = (int(size) for size in random.integers(3, 40, 2))
    options = {"fusedActivationFunction": int(random.integers(4))}
    shape = (1, 1, width, 1) if random.integers(2) else (1, width)
    return _layer(
        b, random, dtype, shape, (units, width), 0, (1, units), "FULLY_CONNECTED",
        "FullyConnectedOptions", options, per_channel,
    )  # fmt: skip


def _layer(b, random, dtype, shape, kernel, axis, result, kind, table, options, channelled=True):
    """Add an operator with a weight and, mostly, a bias; return graph inputs, outputs, values."""
    channels = kernel[axis]
    if dtype == "FLOAT32":
        data = b.tensor(shape, dtype)
        weight = b.tensor(kernel, dtype, value=random.normal(size=kernel))
        bias = b.tensor((channels,), dtype, value=random.normal(size=channels))
        made = b.tensor(result, dtype)
        value = random.normal(size=shape).astype(np.float32)
    else:
        in_scale = _scale(random)
        w_scale = np.exp(random.uniform(-6, -2, channels if channelled else 1)).astype(np.float32)
        fan_in = np.prod(kernel) / channels
        out_scale = np.float32(in_scale * w_scale.mean() * 40 * np.sqrt(fan_in))
        data = b.tensor(shape, scale=in_scale, zero_point=_point(random))
        weight = b.tensor(
            kernel, scale=w_scale, axis=axis, value=np.maximum(_int8(random, kernel), -127)
        )
        held = random.integers(-3000, 3000, channels)
        bias = b.tensor((channels,), "INT32", scale=in_scale * w_scale, value=held)
        made = b.tensor(result, scale=out_scale, zero_point=_point(random))
        value = _int8(random, shape)
    # TFLite Micro crashes on a depthwise convolution without bias.
    has_bias = random.integers(4) or kind == "DEPTHWISE_CONV_2D"
    operands = [data, weight, bias if has_bias else -1]
    b.operator(kind, operands, [made], table, **options)
    return [data], [made], [value]


def element_wise(b, random, dtype, kind, table):
    shape, other = _image(random), None
    other = shape if random.integers(2) else (1, 1, 1, shape[3])
    options = {"fusedActivationFunction": int(random.integers(4))}
    if dtype == "FLOAT32":
        tensors = [b.tensor(s, dtype) for s in (shape, other, shape)]
        values = [random.normal(size=s).astype(np.float32) for s in (shape, other)]
    else:
        scales = [_scale(random, -4, 0) for _ in range(2)]
        largest = max(scales) if kind == "ADD" else scales[0] * scales[1] * 90
        scales.append(np.float32(largest * random.uniform(0.7, 2)))
        tensors = [
            b.tensor(s, scale=scale, zero_point=_point(random))
            for s, scale in zip((shape, other, shape), scales, strict=True)
        ]
        values = [_int8(random, s) for s in (shape, other)]
    b.operator(kind, tensors[:2], tensors[2:], table, **options)
    return tensors[:2], tensors[2:], values


def pool(b, random, dtype, kind):
    shape, options = _image_window(random)
    size = tuple(int(taps) for taps in random.integers(1, 5, 2))
    options |= {"filterHeight": size[0], "filterWidth": size[1]}
    result = _placed(shape, size, options, shape[3])
    return _same_scale(b, random, dtype, shape, result, kind, "Pool2DOptions", options)


def _same_scale(b, random, dtype, shape, result, kind, table, options, *constants):
    """Add an operator whose result is quantised as its operand is."""
    what = {}
    if dtype == "INT8":
        what = {"scale": _scale(random, -4, -1), "zero_point": _point(random)}
    data, made = b.tensor(shape, dtype, **what), b.tensor(result, dtype, **what)
    b.operator(kind, [data, *constants], [made], table, **options)
    value = _int8(random, shape) if what else random.normal(size=shape).astype(np.float32)
    return [data], [made], [value]


def reshape(b, random, dtype):
    shape = _image(random)
    result = (1, int(np.prod(shape)))
    constant = b.tensor((2,), "INT32", value=result)
    return _same_scale(b, random, dtype, shape, result, "RESHAPE", None, {}, constant)


def pad(b, random, dtype):
    shape = _image(random)
    widths = random.integers(0, 3, (4, 2))
    result = tuple(np.array(shape) + widths.sum(axis=1))
    constant = b.tensor((4, 2), "INT32", value=widths)
    return _same_scale(b, random, dtype, shape, result, "PAD", "PadOptions", {}, constant)


def concatenation(b, random, dtype):
    shapes = [(1, 3, 4, int(size)) for size in random.integers(1, 6, 3)]
    what = {}
    if dtype == "INT8":
        what = {"scale": _scale(random, -4, -1), "zero_point": _point(random)}
    tensors = [b.tensor(shape, dtype, **what) for shape in shapes]
    made = b.tensor((1, 3, 4, sum(shape[3] for shape in shapes)), dtype, **what)
    b.operator(
        "CONCATENATION", tensors, [made], "ConcatenationOptions", axis=int(random.choice([3, -1]))
    )
    values = [
        _int8(random, s) if what else random.normal(size=s).astype(np.float32) for s in shapes
    ]
    return tensors, [made], values


def softmax(b, random, dtype):
    shape = (1, int(random.integers(2, 30)))
    if dtype == "INT8":
        data = b.tensor(shape, scale=_scale(random, -4, 0), zero_point=_point(random))
        made = b.tensor(shape, scale=1 / 256, zero_point=-128)
        value = _int8(random, shape)
    else:
        data, made = b.tensor(shape, dtype), b.tensor(shape, dtype)
        value = random.normal(size=shape).astype(np.float32) * 3
    b.operator("SOFTMAX", [data], [made], "SoftmaxOptions", beta=1.0)
    return [data], [made], [value]


def relu(b, random, dtype, kind):
    shape = _image(random)
    # TFLite Micro's RELU6 does not requantise, so its result must have the operand's scale.
    if kind == "RELU6" or dtype == "FLOAT32":
        return _same_scale(b, random, dtype, shape, shape, kind, None, {})
    scale = _scale(random, -4, -1)
    data = b.tensor(shape, scale=scale, zero_point=_point(random))
    ratio = np.float32(random.uniform(0.5, 2))
    made = b.tensor(shape, scale=scale * ratio, zero_point=_point(random))
    b.operator(kind, [data], [made])
    return [data], [made], [_int8(random, shape)]


def quantize(b, random, dtype):
    shape = _image(random)
    scale = _scale(random, -4, -1)
    made = b.tensor(shape, scale=scale, zero_point=_point(random))
    if dtype == "FLOAT32":
        data = b.tensor(shape, dtype)
        value = (random.normal(size=shape) * 100 * scale).astype(np.float32)
        # Values just between two steps round away from zero.
        value.reshape(-1)[:8] = (np.arange(8) - 3.5) * scale
    else:
        ratio = np.float32(np.exp(random.uniform(-1, 1)))
        data = b.tensor(shape, scale=scale * ratio, zero_point=_point(random))
        value = _int8(random, shape)
    b.operator("QUANTIZE", [data], [made], "QuantizeOptions")
    return [data], [made], [value]


def dequantize(b, random, dtype):
    shape = _image(random)
    data = b.tensor(shape, scale=_scale(random), zero_point=_point(random))
    made = b.tensor(shape, "FLOAT32")
    b.operator("DEQUANTIZE", [data], [made], "DequantizeOptions")
    return [data], [made], [_int8(random, shape)]


BOTH = {
    "CONV_2D": convolution,
    "DEPTHWISE_CONV_2D": lambda *a: convolution(*a, depthwise=True),
    "DEPTHWISE_CONV_2D multiplied": lambda *a: convolution(*a, depthwise=True, multiplier=3),
    "DEPTHWISE_CONV_2D of one": lambda *a: convolution(*a, depthwise=True, multiplier=5, inputs=1),
    "FULLY_CONNECTED": fully_connected,
    "ADD": lambda *a: element_wise(*a, "ADD", "AddOptions"),
    "MUL": lambda *a: element_wise(*a, "MUL", "MulOptions"),
    "AVERAGE_POOL_2D": lambda *a: pool(*a, "AVERAGE_POOL_2D"),
    "MAX_POOL_2D": lambda *a: pool(*a, "MAX_POOL_2D"),
    "RESHAPE": reshape,
    "PAD": pad,
    "CONCATENATION": concatenation,
    "RELU": lambda *a: relu(*a, "RELU"),
    "RELU6": lambda *a: relu(*a, "RELU6"),
    "QUANTIZE": quantize,
}
CASES = {
    **{f"{name} int8": (case, "INT8") for name, case in BOTH.items()},
    **{f"{name} float32": (case, "FLOAT32") for name, case in BOTH.items()},
    "FULLY_CONNECTED per channel": (lambda *a: fully_connected(*a, per_channel=True), "INT8"),
    "DEQUANTIZE": (dequantize, "INT8"),
}


def _run(case, dtype, seed, builder, micro, write):
    """Return our result and TFLite Micro's."""
    random = np.random.default_rng(seed)
    inputs, outputs, values = case(builder, random, dtype)
    data = builder.build(inputs, outputs)
    expected = micro(data)(*values)
    result = evaluate(import_tflite(write(data)), *values)
    assert result.dtype == expected.dtype and result.shape == expected.shape
    return result, expected


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CASES)
def test_equals_tflite_micro(name, seed, builder, micro, write):
    result, expected = _run(*CASES[name], seed, builder, micro, write)
    if result.dtype == np.int8:
        np.testing.assert_array_equal(result, expected, err_msg=f"seed {seed}")
    else:
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5, err_msg=f"seed {seed}")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("INT8", 1), ("FLOAT32", 1e-6)])
def test_softmax_is_close_to_tflite_micro(dtype, tolerance, seed, builder, micro, write):
    result, expected = _run(softmax, dtype, seed, builder, micro, write)
    difference = np.abs(result.astype(np.float64) - expected).max()
    assert difference <= tolerance, f"seed {seed}"


def _calls(module):
    """Return the operators' calls of @main, in order."""
    nodes = post_order(module["main"].body)
    return [node for node in nodes if isinstance(node, Call) and isinstance(node.op, Op)]


@pytest.mark.parametrize(
    ("case", "names", "attributes"),
    [
        (
            convolution,
            ["qnn.conv2d", "nn.bias_add", "qnn.requantize", "clip"],
            {"kernel_layout": "HWIO", "groups": 1},
        ),
        (
            BOTH["DEPTHWISE_CONV_2D"],
            ["qnn.conv2d", "nn.bias_add", "qnn.requantize", "clip"],
            {"kernel_layout": "HWOI"},
        ),
        (
            BOTH["DEPTHWISE_CONV_2D of one"],
            ["qnn.conv2d", "nn.bias_add", "qnn.requantize", "clip"],
            {"kernel_layout": "HWIO", "groups": 1},
        ),
        (fully_connected, ["qnn.dense", "nn.bias_add", "qnn.requantize", "clip"], {}),
        (BOTH["ADD"], ["qnn.add", "clip"], {}),
        (BOTH["AVERAGE_POOL_2D"], ["qnn.avg_pool2d", "clip"], {"layout": "NHWC"}),
        (softmax, ["qnn.softmax"], {"axis": -1}),
    ],
    ids=["conv", "depthwise", "depthwise of one", "dense", "add", "pool", "softmax"],
)
def test_comes_out_in_the_normal_form(case, names, attributes, builder, write):
    inputs, outputs, _ = case(builder, np.random.default_rng(20), "INT8")
    for operator in builder.operators:
        if hasattr(operator.builtinOptions, "fusedActivationFunction"):
            operator.builtinOptions.fusedActivationFunction = RELU6
    calls = _calls(import_tflite(write(builder.build(inputs, outputs))))
    assert [call.op.name for call in calls if call.op.name != "reshape"] == names
    first = next(call for call in calls if call.op.name != "reshape")
    assert {name: first.attrs[name] for name in attributes} == attributes
    for call in calls:
        assert call.attrs.get("rounding", "TFLITE") == "TFLITE"
        if call.op.name == "qnn.requantize":
            assert call.args[1].value.dtype == np.float64
            assert call.attrs["axis"] == (3 if first.op.name == "qnn.conv2d" else 1)
        if call.op.name == "nn.bias_add":
            assert call.args[1].value.dtype == np.int32


def test_parameters_bear_the_inputs_names(builder, write):
    data = builder.tensor((1, 4), scale=0.5)
    made = builder.tensor((1, 4), scale=0.5)
    builder.operator("RELU", [data], [made])
    module = import_tflite(write(builder.build([data], [made])))
    assert [param.name for param in module["main"].params] == ["tensor0"]


def test_several_outputs_become_a_tuple(builder, write):
    data = builder.tensor((1, 4), scale=0.5)
    made = [builder.tensor((1, 4), scale=scale) for scale in (0.5, 0.25)]
    builder.operator("RELU", [data], [made[0]])
    builder.operator("QUANTIZE", [data], [made[1]], "QuantizeOptions")
    module = import_tflite(write(builder.build([data], made)))
    value = np.array([[-3, 0, 5, 100]], np.int8)
    first, second = evaluate(module, value)
    assert first.tolist() == [[0, 0, 5, 100]]
    assert second.tolist() == [[-6, 0, 10, 127]]
