"""Bad TFLite files, each with its one message."""

import re
import struct

import numpy as np
import pytest

from compiler.errors import CompileError, ImportFailed, Unsupported
from compiler.frontends import import_tflite
from compiler.frontends.tflite import tflite_tensor_info


def _refuses(path, error, message):
    """Assert that importing raises `error` with exactly this message after the path."""
    with pytest.raises(error, match=f"^{re.escape(f'{path}: {message}')}$"):
        import_tflite(path)


def _relu(builder):
    """Return the bytes of a small sound network."""
    data, made = (builder.tensor((1, 4), scale=0.5) for _ in range(2))
    builder.operator("RELU", [data], [made])
    return builder.build([data], [made])


def _convolution(builder, *, weight=None, bias=None, data=None, made=None, options=None):
    """Return the bytes of a convolution of which one tensor or option is as given."""
    tensors = [
        builder.tensor(*(data or ((1, 4, 4, 2),)), **({} if data else {"scale": 0.5})),
        builder.tensor((3, 1, 1, 2), value=np.ones(6), **(weight or {"scale": 0.25})),
        builder.tensor((3,), bias or "INT32", scale=0.125, value=np.ones(3)),
        builder.tensor(*(made or ((1, 4, 4, 3),)), **({} if made else {"scale": 1.0})),
    ]
    values = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    values |= options or {}
    builder.operator("CONV_2D", tensors[:3], tensors[3:], "Conv2DOptions", **values)
    return builder.build(tensors[:1], tensors[3:])


def test_missing_file(tmp_path):
    _refuses(tmp_path / "none.tflite", ImportFailed, "there is no such file")


def test_folder(tmp_path):
    _refuses(tmp_path, ImportFailed, "this is a folder; name a network's file in it")


def test_empty_file(write):
    _refuses(write(b""), ImportFailed, "the file is empty; copy or export the network again")


@pytest.mark.parametrize(
    "data",
    [b"hello, world\n" * 9, b"\x89PNG\r\n\x1a\n" + bytes(99), b"x"],
    ids=["text", "png", "x"],
)
def test_other_file(write, data):
    _refuses(
        write(data),
        ImportFailed,
        "not a TFLite file: bytes 4..7 must be 'TFL3'; name a .tflite file that a converter wrote",
    )


def test_truncated_file(builder, write):
    data = _relu(builder)
    path = write(data[: len(data) // 2])
    with pytest.raises(
        ImportFailed,
        match=rf"^{re.escape(str(path))}: (tensor '.*': )?the TFLite file is damaged or truncated: "
        r".+; copy or convert it again$",
    ):
        import_tflite(path)


@pytest.mark.parametrize("seed", range(3))
def test_damage_never_shows_as_another_error(seed, builder, write):
    sound = _convolution(builder)
    random = np.random.default_rng(seed)
    refused = 0
    for _ in range(300):
        data = bytearray(sound)
        if random.integers(2):
            data = data[: random.integers(8, len(data))]
        for _ in range(random.integers(1, 6)):
            data[random.integers(0, len(data))] = random.integers(0, 256)
        data[4:8] = b"TFL3"
        path = write(bytes(data))
        try:
            import_tflite(path)
            tflite_tensor_info(path)
        except CompileError as error:
            assert str(error).startswith(f"{path}: "), f"seed {seed}"
            refused += 1
    assert refused > 100, f"seed {seed}: hardly anything was damaged"


def test_no_tensor_of_that_number(builder, write):
    data, made = (builder.tensor((1, 4), scale=0.5) for _ in range(2))
    builder.operator("RELU", [7], [made])
    _refuses(
        write(builder.build([data], [made])),
        ImportFailed,
        "RELU #0 'tensor1': the TFLite file is damaged or truncated: tensor 7 does not exist "
        "(2 do); copy or convert it again",
    )


def test_tensor_used_before_it_is_made(builder, write):
    data, middle, made = (builder.tensor((1, 4), scale=0.5) for _ in range(3))
    builder.operator("RELU", [middle], [made])
    builder.operator("RELU", [data], [middle])
    _refuses(
        write(builder.build([data], [made])),
        ImportFailed,
        "RELU #0 'tensor2': the TFLite file is damaged or truncated: tensor 1 is used before it is "
        "made; copy or convert it again",
    )


def test_output_never_made(builder, write):
    data, made = (builder.tensor((1, 4), scale=0.5) for _ in range(2))
    _refuses(
        write(builder.build([data], [made])),
        ImportFailed,
        "the TFLite file is damaged or truncated: output tensor 1 is never made; "
        "copy or convert it again",
    )


def test_several_subgraphs(builder, write):
    data, made = (builder.tensor((1, 4), scale=0.5) for _ in range(2))
    builder.operator("RELU", [data], [made])
    _refuses(
        write(builder.build([data], [made], subgraphs=2)),
        Unsupported,
        "the network must have one subgraph, not 2 (control flow or several signatures); convert "
        "one function without control flow",
    )


def test_unsupported_operator(builder, write):
    data, made = (builder.tensor((1, 4, 4, 4, 1), "FLOAT32") for _ in range(2))
    builder.operator("CONV_3D", [data], [made])
    _refuses(
        write(builder.build([data], [made])),
        Unsupported,
        "CONV_3D #0 'tensor1': operator CONV_3D is not supported; "
        "the nearest supported one is CONV_2D",
    )


def test_unsupported_operator_unlike_any(builder, write):
    data, made = (builder.tensor((1, 4), "FLOAT32") for _ in range(2))
    builder.operator("COS", [data], [made])
    _refuses(
        write(builder.build([data], [made])),
        Unsupported,
        "COS #0 'tensor1': operator COS is not supported; supported are ADD, AVERAGE_POOL_2D, "
        "CONCATENATION, CONV_2D, DEPTHWISE_CONV_2D, DEQUANTIZE, FULLY_CONNECTED, MAX_POOL_2D, MUL, "
        "PAD, QUANTIZE, RELU, RELU6, RESHAPE, SOFTMAX",
    )


def test_custom_operator(builder, write):
    data, made = (builder.tensor((1, 4), "FLOAT32") for _ in range(2))
    builder.operator("CUSTOM", [data], [made], custom=b"Detect")
    with pytest.raises(
        Unsupported,
        match=r"^.*: CUSTOM Detect #0 'tensor1': operator CUSTOM Detect is not supported; "
        r"supported are ADD, .*SOFTMAX$",
    ):
        import_tflite(write(builder.build([data], [made])))


def test_unsupported_data_type_of_an_input(builder, write):
    data, made = (builder.tensor((1, 4), "INT16", scale=0.5) for _ in range(2))
    builder.operator("RELU", [data], [made])
    _refuses(
        write(builder.build([data], [made])),
        Unsupported,
        "tensor 'tensor0': data type INT16 of 'tensor0' is not supported; "
        "the nearest supported ones are INT8 and FLOAT32",
    )


def test_unsupported_data_type_of_an_operator(builder, write):
    data, made = builder.tensor((1, 4), "FLOAT32"), builder.tensor((1, 4), "FLOAT32")
    builder.operator("DEQUANTIZE", [data], [made], "DequantizeOptions")
    _refuses(
        write(builder.build([data], [made])),
        Unsupported,
        "DEQUANTIZE #0 'tensor1': data type FLOAT32 of 'tensor0' is not supported; "
        "the nearest supported one is INT8",
    )


def test_float_activations_with_int8_weights(builder, write):
    data = _convolution(builder, data=((1, 4, 4, 2), "FLOAT32"), made=((1, 4, 4, 3), "FLOAT32"))
    _refuses(
        write(data),
        Unsupported,
        "CONV_2D #0 'tensor3': INT8 tensor 'tensor1' beside FLOAT32 ones is not supported; the "
        "nearest supported form is FLOAT32 throughout: convert with full integer quantisation, or "
        "with none",
    )


def test_int64_bias(builder, write):
    _refuses(
        write(_convolution(builder, bias="INT64")),
        Unsupported,
        "CONV_2D #0 'tensor3': INT64 bias 'tensor2' is not supported; "
        "the nearest supported one is INT32",
    )


def test_open_shape(builder, write):
    data = builder.tensor((1, 4), scale=0.5, signature=(-1, -1))
    made = builder.tensor((1, 4), scale=0.5)
    builder.operator("RELU", [data], [made])
    _refuses(
        write(builder.build([data], [made])),
        Unsupported,
        "tensor 'tensor0': an input or output must have a fixed shape; only its first axis may be "
        "open, and is then taken as the file's example has it: fix the shape when converting",
    )


def test_missing_quantisation(builder, write):
    data, made = builder.tensor((1, 4)), builder.tensor((1, 4), scale=0.5)
    builder.operator("RELU", [data], [made])
    _refuses(
        write(builder.build([data], [made])),
        ImportFailed,
        "RELU #0 'tensor1': INT8 tensor 'tensor0' must have quantisation parameters (a scale and a "
        "zero point); convert with full integer quantisation",
    )


def test_scale_of_zero(builder, write):
    data, made = builder.tensor((1, 4), scale=0.0), builder.tensor((1, 4), scale=0.5)
    builder.operator("RELU", [data], [made])
    _refuses(
        write(builder.build([data], [made])),
        ImportFailed,
        "RELU #0 'tensor1': tensor 'tensor0' must have scales > 0 and zero points in -128..127, "
        "not 0.0 and 0; convert the network again",
    )


def test_weight_with_zero_point(builder, write):
    _refuses(
        write(_convolution(builder, weight={"scale": 0.25, "zero_point": 3})),
        Unsupported,
        "CONV_2D #0 'tensor3': weight 'tensor1' must have zero point 0, not 3; "
        "the nearest supported form is symmetric int8 weights",
    )


def test_weight_scales_along_the_wrong_axis(builder, write):
    _refuses(
        write(_convolution(builder, weight={"scale": [0.25, 0.5], "axis": 3})),
        Unsupported,
        "CONV_2D #0 'tensor3': weight 'tensor1' must have one scale, or 3 along axis 0 (its output "
        "channels), not 2 along axis 3",
    )


def test_computed_weight(builder, write):
    data, weight, made = (builder.tensor(shape, scale=0.5) for shape in ((1, 4), (3, 4), (1, 3)))
    builder.operator("FULLY_CONNECTED", [data, weight], [made], "FullyConnectedOptions")
    _refuses(
        write(builder.build([data, weight], [made])),
        Unsupported,
        "FULLY_CONNECTED #0 'tensor2': weight 'tensor1' must be a constant, not computed; "
        "fold or freeze it when converting",
    )


def test_unsupported_activation(builder, write):
    _refuses(
        write(_convolution(builder, options={"fusedActivationFunction": 4})),
        Unsupported,
        "CONV_2D #0 'tensor3': a fused activation TANH is not supported; the nearest supported "
        "ones are RELU, RELU_N1_TO_1 and RELU6",
    )


def test_stride_of_zero(builder, write):
    _refuses(
        write(_convolution(builder, options={"strideH": 0})),
        ImportFailed,
        "CONV_2D #0 'tensor3': strides (0, 1), dilation (1, 1) and window (1, 1) must be >= 1; "
        "convert the network again",
    )


def test_softmax_with_another_beta(builder, write):
    data, made = (builder.tensor((1, 4), scale=1 / 256, zero_point=-128) for _ in range(2))
    builder.operator("SOFTMAX", [data], [made], "SoftmaxOptions", beta=2.0)
    _refuses(
        write(builder.build([data], [made])),
        Unsupported,
        "SOFTMAX #0 'tensor1': SOFTMAX must have beta 1, not 2.0; scale its input",
    )


def test_pool_to_another_scale(builder, write):
    data = builder.tensor((1, 4, 4, 1), scale=0.5)
    made = builder.tensor((1, 4, 4, 1), scale=0.25)
    builder.operator(
        "MAX_POOL_2D", [data], [made], "Pool2DOptions", padding=1, strideH=1, strideW=1,
        filterHeight=1, filterWidth=1,
    )  # fmt: skip
    _refuses(
        write(builder.build([data], [made])),
        Unsupported,
        "MAX_POOL_2D #0 'tensor1': input 'tensor0' (scale 0.5, zero point 0) must be quantised as "
        "the result is (scale 0.25, zero point 0); put a QUANTIZE between",
    )


def test_result_of_another_shape_than_stated(builder, write):
    data, made = builder.tensor((1, 4), scale=0.5), builder.tensor((1, 5), scale=0.5)
    builder.operator("RELU", [data], [made])
    _refuses(
        write(builder.build([data], [made])),
        ImportFailed,
        "output 'tensor1' must be Tensor[(1, 5), int8] by the file, but its operators make "
        "Tensor[(1, 4), int8]; convert the network again",
    )


def test_constant_of_another_size(builder, write):
    data = _convolution(builder)
    at = data.index(np.ones(6, np.int8).tobytes()) - 4
    assert struct.unpack_from("<I", data, at) == (6,)
    changed = bytearray(data)
    struct.pack_into("<I", changed, at, 5)
    _refuses(
        write(bytes(changed)),
        ImportFailed,
        "tensor 'tensor1': the TFLite file is damaged or truncated: a constant INT8 of shape "
        "(3, 1, 1, 2) must not have 5 bytes; copy or convert it again",
    )
