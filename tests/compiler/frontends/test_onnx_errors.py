"""Bad ONNX files, each with its one message."""

import re

import numpy as np
import onnx
import pytest

from compiler.errors import CompileError, ImportFailed, Unsupported
from compiler.frontends import import_onnx
from compiler.frontends.onnx import onnx_tensor_info


def _refuses(path, error, message):
    """Assert that importing raises `error` with exactly this message after the path."""
    with pytest.raises(error, match=f"^{re.escape(f'{path}: {message}')}$"):
        import_onnx(path)


@pytest.fixture
def save(write):
    return lambda data: write(data, "net.onnx")


def test_missing_file(tmp_path):
    _refuses(tmp_path / "none.onnx", ImportFailed, "there is no such file")


def test_empty_file(save):
    _refuses(save(b""), ImportFailed, "the file is empty; copy or export the network again")


@pytest.mark.parametrize(
    "data",
    [
        b"hello, world\n" * 9,
        b"\x89PNG\r\n\x1a\n" + bytes(99),
        np.random.default_rng(1).bytes(999),
        b"\x08\x08",
    ],
    ids=["text", "png", "random", "nearly empty"],
)
def test_other_file(save, data):
    path = save(data)
    with pytest.raises(
        ImportFailed,
        match=rf"^{re.escape(str(path))}: not a well-formed ONNX file \(.+\); "
        r"export the network again$",
    ):
        import_onnx(path)


def test_truncated_file(network, save):
    image = network.input("image", (1, 4))
    data = network.build(network.node("Add", image, network.constant(np.ones((9, 4), np.float32))))
    path = save(data[:-40])
    with pytest.raises(
        ImportFailed,
        match=rf"^{re.escape(str(path))}: not a well-formed ONNX file \(.+\); "
        r"export the network again$",
    ):
        import_onnx(path)


@pytest.mark.parametrize("seed", range(3))
def test_damage_never_shows_as_another_error(seed, network, save):
    image = network.input("image", (1, 2, 4, 4))
    x = network.activation(image, 0.05)
    weight = network.dequantized(
        network.constant(np.ones((3, 2, 1, 1)), np.int8), np.ones(3), axis=0
    )
    weight = weight if seed else network.constant(np.ones((3, 2, 1, 1), np.float32))
    made = network.quantized(network.node("Relu", network.node("Conv", x, weight)), 0.1)
    sound = network.build(made)
    random = np.random.default_rng(seed)
    refused = 0
    for _ in range(200):
        data = bytearray(sound)
        for _ in range(random.integers(1, 4)):
            data[random.integers(0, len(data))] = random.integers(0, 256)
        path = save(bytes(data))
        try:
            import_onnx(path)
            onnx_tensor_info(path)
        except CompileError as error:
            assert str(error).startswith(f"{path}: "), f"seed {seed}"
            refused += 1
    assert refused > 50, f"seed {seed}: hardly anything was damaged"


def test_unsupported_operator(network, save):
    image = network.input("image", (4, 4))
    _refuses(
        save(network.build(network.node("Det", image))),
        Unsupported,
        "Det #0 'value0': operator Det is not supported; the nearest supported one is OneHot",
    )


def test_unsupported_operator_of_another_domain(network, save):
    image = network.input("image", (1, 4))
    made = network.node("FusedMatMul", image, image, domain="com.microsoft")
    network.nodes.append(onnx.helper.make_node("Relu", [image], ["result"]))
    network.nodes.append(onnx.helper.make_node("Relu", [made], ["other"]))
    with pytest.raises(
        Unsupported,
        match=r"^.*: com\.microsoft\.FusedMatMul #0 'value0': operator com\.microsoft\.FusedMatMul "
        r"is not supported; .+$",
    ):
        import_onnx(save(network.build("result", domains=["com.microsoft"])))


def test_unsupported_data_type_of_an_input(network, save):
    image = network.input("image", (1, 4), "complex64")
    _refuses(
        save(network.build(network.node("Flatten", image))),
        Unsupported,
        "input 'image': data type complex64 is not supported; the nearest supported ones are "
        "float32, float64, float16, int8, int16, int32, int64, uint8, uint16, uint32, uint64, bool",
    )


def test_integers_where_floats_are_needed(network, save):
    image = network.input("image", (1, 4), "int32")
    weight = network.constant(np.ones((4, 2), np.int32))
    _refuses(
        save(network.build(network.node("MatMul", image, weight))),
        Unsupported,
        "MatMul #0 'value0': input 0 of data type int32 is not supported; the nearest supported "
        "forms are float32, float64, float16, and int8 between DequantizeLinear and "
        "QuantizeLinear",
    )


def test_unsupported_quantised_data_type(network, save):
    image = network.input("image", (1, 4))
    data = network.build(network.quantized(image, 0.5, 0, "int16"), version=21)
    _refuses(
        save(data),
        Unsupported,
        "QuantizeLinear #0 'value0': data type int16 is not supported; "
        "the nearest supported ones are int8 and uint8",
    )


def test_weights_in_another_file(network, save):
    image = network.input("image", (1, 4))
    name = network.constant(np.ones((1, 4), np.float32))
    data = network.build(network.node("Add", image, name))
    model = onnx.load_model_from_string(data)
    tensor = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, "weights.bin")
    tensor.ClearField("raw_data")
    with pytest.raises(CompileError, match=r"^.*/net\.onnx: .*constant0.*$"):
        import_onnx(save(model.SerializeToString()))


def test_computed_scale(network, save):
    image = network.input("image", (1, 4))
    scale = network.input("scale", ())
    made = network.node("QuantizeLinear", image, scale, network.constant(0, np.int8))
    _refuses(
        save(network.build(made)),
        Unsupported,
        "QuantizeLinear #0 'value0': the scale must be a constant, not computed; "
        "fold constants before (onnxsim)",
    )


def test_scale_of_zero(network, save):
    image = network.input("image", (1, 4))
    _refuses(
        save(network.build(network.quantized(image, 0.0))),
        ImportFailed,
        "QuantizeLinear #0 'value0': the scale must be > 0, not 0.0; calibrate and export again",
    )


def _convolution(network, scale, zero_point, axis=0):
    """Return the bytes of a QDQ convolution with such a weight."""
    x = network.activation(network.input("image", (1, 3, 4, 4)), 0.5)
    value = network.constant(np.ones((3, 3, 1, 1)), np.int8)
    weight = network.dequantized(value, scale, zero_point, axis=axis)
    return network.build(network.quantized(network.node("Conv", x, weight), 0.5))


def test_weight_with_zero_point(network, save):
    _refuses(
        save(_convolution(network, [0.5, 0.5, 0.5], 3)),
        Unsupported,
        "Conv #3 'value3': the weight must have zero point 0 (128 of uint8), not 3; "
        "quantise weights symmetrically",
    )


def test_weight_scales_along_the_wrong_axis(network, save):
    _refuses(
        save(_convolution(network, [0.5, 0.5, 0.5], 0, axis=1)),
        Unsupported,
        "Conv #3 'value3': the weight must have one scale, or one for each index of axis 0 (its "
        "output channels), not of axis 1; set axis of its DequantizeLinear",
    )


def test_different_zero_points_of_a_weight(network, save):
    x = network.activation(network.input("image", (1, 3, 4, 4)), 0.5)
    value = network.constant(np.ones((2, 3, 1, 1)), np.int8)
    scale, points = network.constant([0.5, 0.5], np.float32), network.constant([1, 2], np.int8)
    weight = network.node("DequantizeLinear", value, scale, points, axis=0)
    _refuses(
        save(network.build(network.quantized(network.node("Conv", x, weight), 0.5))),
        Unsupported,
        "DequantizeLinear #2 'value2': zero points must be equal along the axis, not 1..2; "
        "quantise weights symmetrically",
    )


def test_activation_with_several_scales(network, save):
    image = network.input("image", (1, 3))
    point = network.constant([0, 0, 0], np.int8)
    made = network.node(
        "QuantizeLinear", image, network.constant([0.5, 1, 2], np.float32), point, axis=1
    )
    _refuses(
        save(network.build(made)),
        Unsupported,
        "QuantizeLinear #0 'value0': 3 scales for an activation are not supported; "
        "the nearest supported form is one scale",
    )


def test_convolution_in_four_dimensions(network, save):
    image = network.input("image", (1, 1, 4, 4, 4, 4))
    weight = network.constant(np.ones((1, 1, 2, 2, 2, 2), np.float32))
    _refuses(
        save(network.build(network.node("Conv", image, weight))),
        Unsupported,
        "Conv #0 'value0': Conv of 6 axes is not supported; the nearest supported ones have 3, 4 "
        "or 5",
    )


def test_lstm_with_clipped_sums(network, save):
    image = network.input("image", (2, 1, 3))
    parts = [network.constant(np.ones(s, np.float32)) for s in ((1, 16, 3), (1, 16, 4))]
    _refuses(
        save(network.build(network.node("LSTM", image, *parts, hidden_size=4, clip=2.0))),
        Unsupported,
        "LSTM #0 'value0': attribute clip = 2.0 is not supported; the nearest supported value is "
        "None",
    )


def test_lstm_with_another_activation(network, save):
    image = network.input("image", (2, 1, 3))
    parts = [network.constant(np.ones(s, np.float32)) for s in ((1, 16, 3), (1, 16, 4))]
    names = ["Sigmoid", "Softsign", "Tanh"]
    _refuses(
        save(network.build(network.node("LSTM", image, *parts, hidden_size=4, activations=names))),
        Unsupported,
        "LSTM #0 'value0': LSTM with activation Softsign is not supported; the nearest supported "
        "ones are relu, sigmoid, tanh",
    )


def test_sequences_of_different_lengths(network, save):
    image = network.input("image", (3, 2, 3))
    parts = [network.constant(np.ones(s, np.float32)) for s in ((1, 4, 3), (1, 4, 4), (1, 8))]
    lengths = network.constant([3, 2], np.int32)
    _refuses(
        save(network.build(network.node("RNN", image, *parts, lengths, hidden_size=4))),
        Unsupported,
        "RNN #0 'value0': RNN of sequences of [2, 3] steps is not supported; the nearest supported "
        "form has 3 steps in each",
    )


def test_resize_to_parts_of_pixels(network, save):
    image = network.input("image", (1, 1, 5, 5))
    scales = network.constant([1, 1, 1.5, 1.5], np.float32)
    _refuses(
        save(network.build(network.node("Resize", image, "", scales, mode="linear"))),
        Unsupported,
        "Resize #0 'value0': Resize by [1.0, 1.0, 1.5, 1.5] of (1, 1, 5, 5) does not give whole "
        "sizes; the nearest supported form gives the sizes",
    )


def test_padding_that_wraps(network, save):
    image = network.input("image", (4, 4))
    pads = network.constant([1, 1, 1, 1], np.int64)
    _refuses(
        save(network.build(network.node("Pad", image, pads, mode="wrap"), version=19)),
        Unsupported,
        "Pad #0 'value0': Pad of mode wrap is not supported; the nearest supported one is edge",
    )


def test_second_output(network, save):
    image = network.input("image", (1, 2, 4, 4))
    network.nodes.append(
        onnx.helper.make_node("MaxPool", [image], ["largest", "place"], "pool", kernel_shape=[2, 2])
    )
    _refuses(
        save(network.build("largest")),
        Unsupported,
        "MaxPool #0 'pool': 2 outputs are not supported; "
        "the nearest supported form is of the first output alone",
    )


def test_dropout_in_training(network, save):
    image = network.input("image", (1, 4))
    ratio, training = network.constant(0.5, np.float32), network.constant(True, np.bool_)
    _refuses(
        save(network.build(network.node("Dropout", image, ratio, training))),
        Unsupported,
        "Dropout #0 'value0': Dropout in training is not supported; export for inference",
    )
