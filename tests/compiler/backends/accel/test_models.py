"""The int8 networks of MLPerf Tiny: every region equals the interpreter, bit for bit."""

import numpy as np
import pytest

from compiler.backends.accel import compile_region, extract
from compiler.frontends import import_tflite
from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Module
from compiler.passes.partition import partition
from compiler.targets import AccelTarget
from isa.config import preset


@pytest.mark.parametrize("name", ["tiny", "vta"])
def test_network(name, network_path, run_region, random_inputs):
    config = preset(name)
    module = partition(infer(import_tflite(network_path)), AccelTarget(config))
    regions = [function for function in module if function != "main"]
    assert regions, "the accelerator takes nothing"
    for number, function in enumerate(regions):
        alone = infer(Module({"main": module[function]}))
        region = compile_region(extract(function, module[function]), config)
        inputs = random_inputs(alone, number)
        truth = evaluate(alone, *inputs)
        truth = truth if isinstance(truth, tuple) else (truth,)
        for data, expected in zip(run_region(region, config, *inputs), truth, strict=True):
            value = np.frombuffer(data, np.int8).reshape(expected.shape)
            np.testing.assert_array_equal(value, expected, err_msg=f"{function}, seed {number}")
