"""The MLPerf Tiny networks against TFLite Micro, input by input."""

import struct

import numpy as np
import pytest
import tflite

from compiler.errors import Unsupported
from compiler.frontends import import_tflite
from compiler.frontends.tflite import tflite_tensor_info
from compiler.interpreter import evaluate

INT8 = (
    "pretrainedResnet_quant",
    "kws_ref_model",
    "vww_96_int8",
    "ad01_int8",
    "str_ww_ref_model",
)
FLOAT = ("pretrainedResnet", "vww_96_float", "ad01_fp32")
INPUTS = 100


def _without_softmax(data: bytes) -> bytes:
    """Return the file with the softmax's operand as its output, if a softmax comes last."""
    graph = tflite.Model.GetRootAs(data, 0).Subgraphs(0)
    last = graph.Operators(graph.OperatorsLength() - 1)
    if last.BuiltinOptionsType() != tflite.BuiltinOptions.SoftmaxOptions:
        return data
    # The vector of outputs is the fourth field of SubGraph, at 8 in its table (schema.fbs).
    place = graph._tab.Vector(graph._tab.Offset(8))
    changed = bytearray(data)
    struct.pack_into("<i", changed, place, last.Inputs(0))
    return bytes(changed)


def _differences(path, data, micro, seed):
    """Return the largest difference to TFLite Micro for each of `INPUTS` random inputs."""
    network, truth = import_tflite(path), micro(data)
    ((tensor,), _) = tflite_tensor_info(path)
    random = np.random.default_rng(seed)
    differences = []
    for _ in range(INPUTS):
        value = random.integers(-128, 128, tensor.shape, dtype=np.int8)
        result = evaluate(network, value)
        expected = truth(value)
        assert result.dtype == expected.dtype and result.shape == expected.shape
        differences.append(int(np.abs(result.astype(int) - expected).max()))
    return differences


@pytest.mark.models
@pytest.mark.parametrize("name", INT8)
def test_equals_tflite_micro_before_the_softmax(models, name, micro, write):
    seed = 2026
    data = _without_softmax((models / f"{name}.tflite").read_bytes())
    differences = _differences(write(data), data, micro, seed)
    assert differences == [0] * INPUTS, f"seed {seed}"


@pytest.mark.models
@pytest.mark.parametrize("name", [name for name in INT8 if name != "ad01_int8"])
def test_is_within_one_of_tflite_micro_after_the_softmax(models, name, micro):
    seed = 2027
    path = models / f"{name}.tflite"
    differences = _differences(path, path.read_bytes(), micro, seed)
    assert max(differences) <= 1, f"seed {seed}"


@pytest.mark.models
@pytest.mark.parametrize("name", FLOAT)
def test_float_networks_are_close_to_tflite_micro(models, name, micro):
    seed = 2028
    path = models / f"{name}.tflite"
    network, truth = import_tflite(path), micro(path.read_bytes())
    ((tensor,), _) = tflite_tensor_info(path)
    random = np.random.default_rng(seed)
    for _ in range(5):
        value = random.uniform(0, 1, tensor.shape).astype(np.float32)
        np.testing.assert_allclose(
            evaluate(network, value), truth(value), rtol=1e-4, atol=1e-4, err_msg=f"seed {seed}"
        )


@pytest.mark.models
def test_describes_inputs_and_outputs(models):
    ((image,), (score,)) = tflite_tensor_info(models / "kws_ref_model.tflite")
    assert (image.name, image.shape, image.dtype) == ("input_1", (1, 49, 10, 1), "int8")
    assert image.scale == pytest.approx(0.5847029) and image.zero_point == 83
    assert (score.shape, score.scale, score.zero_point) == ((1, 12), 1 / 256, -128)


@pytest.mark.models
def test_refuses_weights_quantised_beside_float_activations(models):
    path = models / "kws_ref_model_float32.tflite"
    with pytest.raises(
        Unsupported,
        match=r"^.*/kws_ref_model_float32\.tflite: CONV_2D #0 'functional_1/activation/Relu': "
        r"INT8 tensor 'functional_1/conv2d/Conv2D' beside FLOAT32 ones is not supported; the "
        r"nearest supported form is FLOAT32 throughout: convert with full integer quantisation, "
        r"or with none$",
    ):
        import_tflite(path)
