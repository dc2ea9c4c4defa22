"""The int8 networks of MLPerf Tiny on the CPU alone, bit for bit."""

import numpy as np
import pytest

from compiler.frontends import import_tflite
from compiler.infer import infer


@pytest.mark.parametrize("cpu", [None, "x86-64-v3"], ids=["host", "v3"])
def test_network_equals_the_interpreter(network_path, cpu, check):
    module = infer(import_tflite(network_path))
    seed = 11
    rng = np.random.default_rng(seed)
    shapes = [param.type.shape for param in module["main"].params]
    inputs = [rng.integers(-128, 128, shape, dtype=np.int8) for shape in shapes]
    check(module, inputs, cpu=cpu, labels=[f"seed {seed}"] * 9)


@pytest.mark.parametrize("name", ["ad01_fp32", "pretrainedResnet", "vww_96_float"])
def test_float_network_is_close_to_the_interpreter(models, name, check):
    module = infer(import_tflite(models / f"{name}.tflite"))
    seed = 12
    rng = np.random.default_rng(seed)
    shapes = [param.type.shape for param in module["main"].params]
    inputs = [rng.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]
    # Sums of at most 1152 products in each of thirty layers; errors grow with the activations.
    check(module, inputs, rtol=1e-4, atol=1e-4, labels=[f"seed {seed}"] * 9)
