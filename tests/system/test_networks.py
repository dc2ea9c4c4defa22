"""The MLPerf Tiny networks on every device: the same bits everywhere."""

from pathlib import Path

import numpy as np
import pytest

import tilewright as tw
from compiler.frontends.model import import_model
from compiler.infer import infer
from compiler.interpreter import evaluate
from tilewright.running import random_inputs

NETWORKS = {
    "resnet8": "pretrainedResnet_quant.tflite",
    "dscnn": "kws_ref_model.tflite",
    "mobilenet": "vww_96_int8.tflite",
    "autoencoder": "ad01_int8.tflite",
    "wakeword": "str_ww_ref_model.tflite",
}
FOLDER = Path(__file__).resolve().parents[3] / "shared" / "models"
INPUTS = 20

pytestmark = [
    pytest.mark.models,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no networks in {FOLDER.parent.name}/models"),
]


def compare(network: str, config: str, device_name: str, targets: tuple[str, ...]) -> tw.Image:
    """Run INPUTS seeded random inputs; the device must give what the interpreter gives."""
    path = FOLDER / NETWORKS[network]
    module = infer(import_model(path))
    image = tw.compile(path, config, targets)
    with tw.open_device(device_name) as device:
        for seed in range(INPUTS):
            inputs = random_inputs(image.inputs, seed)
            found = device.run(image, inputs)[0]
            expected = evaluate(module, *inputs)
            differing = int(np.sum(found != expected))
            assert not differing, f"{differing} of {found.size} values differ, input seed {seed}"
    return image


@pytest.mark.parametrize("network", NETWORKS)
def test_cpu(network: str) -> None:
    compare(network, "vta", "cpu", ("cpu",))


@pytest.mark.parametrize("config", ["tiny", "vta"])
@pytest.mark.parametrize("network", NETWORKS)
def test_functional(network: str, config: str) -> None:
    compare(network, config, "functional", ("accel", "cpu"))


@pytest.mark.verilator
@pytest.mark.xdist_group("machines")
@pytest.mark.parametrize("config", ["tiny", "vta"])
@pytest.mark.parametrize("network", NETWORKS)
def test_verilator(network: str, config: str) -> None:
    compare(network, config, "verilator", ("accel", "cpu"))


@pytest.mark.parametrize("network", NETWORKS)
def test_everything_but_the_ends_is_on_the_machine(network: str) -> None:
    image = tw.compile(FOLDER / NETWORKS[network], "vta")
    assert len(image.regions) == 1
    operators = {layer.operator for layer in image.regions[0].layers}
    assert operators <= {"conv2d", "depthwise_conv2d", "dense", "add", "avg_pool2d"}
    layers = {"resnet8": 14, "dscnn": 11, "mobilenet": 29, "autoencoder": 10, "wakeword": 9}
    assert len(image.regions[0].layers) == layers[network]
