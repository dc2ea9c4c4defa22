"""What the networks compute: values that use the range of int8, the same bits everywhere."""

import numpy as np
import pytest

from benchmarks.networks import NETWORKS, write_network
from compiler.compile import compile_network
from compiler.frontends import import_model
from compiler.interpreter import evaluate
from compiler.ir import Call, Function, Module, Op, Tuple
from compiler.ir.visitor import post_order
from driver.devices import open_device
from isa.config import preset

SMALL = {
    "resnet18": 32,
    "mobilenetv2": 32,
    "tiny-resnet8": 32,
    "tiny-dscnn": 49,
    "tiny-mobilenetv1": 96,
    "tiny-autoencoder": 640,
}
# Whatever ends a layer.
RESULTS = ("qnn.requantize", "qnn.add", "qnn.avg_pool2d", "nn.max_pool2d")


def _image(module, seed):
    shape = module["main"].params[0].type.shape
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def _layers(path, seed):
    """Return each layer's int8 result for a random image, before a clip of its own."""
    module = import_model(path)
    main = module["main"]
    found = [
        node
        for node in post_order(main.body)
        if isinstance(node, Call) and isinstance(node.op, Op) and node.op.name in RESULTS
    ]
    together = Module({"main": Function(main.params, Tuple(tuple(found)))})
    return evaluate(together, _image(module, seed))


@pytest.mark.parametrize("name", SMALL)
def test_values_are_spread(name, small_network):
    """No layer saturates or fades, for an image that its scales were not chosen by."""
    layers = _layers(small_network(name, SMALL[name]), seed=7)
    assert len(layers) > 8
    for number, values in enumerate(layers):
        where = f"{name}, layer {number}, {values.shape}"
        few = values.size < 64
        assert values.std() > 10, where
        assert np.unique(values).size > (1 if few else 40), where
        assert np.mean(values == 127) < 0.05 or few, where
        # Half of what a ReLU leaves is zero.
        assert np.mean(values == -128) < 0.75, where


@pytest.mark.parametrize("name", SMALL)
def test_results_depend_on_the_image(name, small_network):
    path = small_network(name, SMALL[name])
    module = import_model(path)
    first, second = (evaluate(module, _image(module, seed)) for seed in (11, 12))
    assert np.mean(first != second) > 0.5


@pytest.mark.parametrize("name", SMALL)
def test_same_bits_everywhere(name, small_network):
    path = small_network(name, SMALL[name])
    module, config = import_model(path), preset("vta")
    image = _image(module, seed=5)
    expected = evaluate(module, image)
    for device, targets in (("cpu", ("cpu",)), ("functional", ("accel", "cpu"))):
        compiled = compile_network(path, config, targets)
        with open_device(device) as opened:
            found = opened.run(compiled, [image])[0]
        np.testing.assert_array_equal(found, expected, err_msg=f"{name} on {device}")


@pytest.mark.parametrize("name", ["tiny-resnet8", "tiny-mobilenetv1", "tiny-autoencoder"])
def test_bytes_follow_from_the_seed(name, small_network, tmp_path):
    size = SMALL[name]
    path = small_network(name, size)
    again, other = tmp_path / "again.onnx", tmp_path / "other.onnx"
    assert write_network(name, again, 1, size) == NETWORKS[name](None, size)[1]
    write_network(name, other, 2, size)
    assert again.read_bytes() == path.read_bytes()
    assert other.read_bytes() != path.read_bytes()
    assert len(other.read_bytes()) == len(path.read_bytes())
