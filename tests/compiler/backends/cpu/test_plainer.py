"""Operators over one axis and transposed convolutions, made of those that have kernels."""

import numpy as np
import pytest

from compiler.backends.cpu import find_machine, lower
from compiler.ir import TensorType, Var
from compiler.ops import call
from tests.compiler.ops.samples.table import case

NAMES = (
    *("nn.conv1d", "nn.conv1d_transpose", "nn.conv2d_transpose", "qnn.conv2d_transpose"),
    *("nn.max_pool1d", "nn.avg_pool1d"),
)


@pytest.mark.parametrize("name", NAMES)
def test_known_weights(name, main, constant, check):
    params, results, inputs, labels = [], [], [], []
    for seed in range(12):
        _, (data, *rest), attrs = case(name, seed)
        params.append(Var(f"x{seed}", TensorType(data.shape, str(data.dtype))))
        results.append(call(name, params[-1], *map(constant, rest), **attrs))
        inputs.append(data)
        labels.append(f"{name}, seed {seed}")
    check(main(params, results), inputs, rtol=2e-5, atol=2e-5, labels=labels)


@pytest.mark.parametrize(
    ("name", "shape", "kernel", "kernels"),
    [
        ("nn.conv1d", (1, 8, 32), (16, 8, 3), ["Contraction"]),
        ("nn.conv2d_transpose", (1, 8, 9, 9), (8, 4, 3, 3), ["Contraction"]),
        ("nn.conv2d_transpose", (1, 1, 9, 9), (1, 1, 3, 3), ["Contraction"]),
    ],
)
def test_kernels_that_are_used(name, shape, kernel, kernels, variable, main, constant):
    """The weights are known; nothing but the product, and what spreads the data, is computed."""
    x = variable("x", shape)
    weight = constant(np.ones(kernel), "float32")
    attrs = {"strides": [2, 2]} if "transpose" in name else {}
    module = main([x], call(name, x, weight, **attrs))
    program, _ = lower(module, {}, find_machine(None))
    used = [type(one.kernel).__name__ for one in program.operations]
    assert (
        list(dict.fromkeys(one for one in used if one in ("NestKernel", "Contraction"))) == kernels
    )
