"""Gradients of images brought to a size that is an argument."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Function, Module, TensorType, Var
from compiler.ops import call
from compiler.passes.gradient import gradient

CROPPED = {"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 0.5}
CASES = [
    ("dyn.image.resize2d", (2, 2, 3, 4), [[5, 3], [0.0, 0.0, 1.0, 1.0]], {}),
    ("dyn.image.resize2d", (1, 4, 3, 2), [[2, 6], []], {"method": "cubic", "layout": "NHWC"}),
    ("dyn.image.resize2d", (1, 2, 3, 4), [[2, 3], [0.1, -0.2, 0.72, 1.3]], CROPPED),
    (
        "dyn.image.resize2d",
        (1, 4, 3, 2),
        [[1, 4], [0.1, 0.2, 0.7, 0.9]],
        CROPPED | {"layout": "NHWC"},
    ),
    (
        "dyn.image.resize2d",
        (1, 1, 5, 4),
        [[4, 3], [0.1, 0.2, 0.73, 1.1]],
        CROPPED | {"method": "cubic"},
    ),
    (
        "dyn.image.resize2d",
        (1, 1, 5, 4),
        [[4, 3], [0.1, 0.2, 0.73, 0.9]],
        CROPPED | {"method": "cubic", "cubic_exclude": 1, "cubic_alpha": -0.75},
    ),
    (
        "dyn.image.resize2d",
        (1, 1, 4, 5),
        [[3, 2], [0.12, 0.23, 0.73, 0.9]],
        CROPPED | {"method": "nearest_neighbor"},
    ),
    ("dyn.nn.upsampling", (1, 2, 3, 2), [2.0, 1.5], {}),
    ("dyn.nn.upsampling", (1, 3, 2, 2), [1.6, 2.0], {"method": "bilinear", "layout": "NHWC"}),
    ("dyn.nn.upsampling3d", (1, 1, 2, 3, 2), [1.5, 2.0, 1.0], {"method": "trilinear"}),
]
"""Name, shape of data, other arguments, attributes."""


def make(number):
    """Return a module whose results count differently by their value, and inputs."""
    name, shape, rest, attrs = CASES[number]
    random = np.random.default_rng(number)
    inputs = [random.uniform(-1, 1, shape), *(np.array(value) for value in rest)]
    if inputs[-1].size == 0:
        inputs[-1] = inputs[-1].astype(np.float64)
    params = tuple(
        Var(f"x{place}", TensorType(value.shape, str(value.dtype)))
        for place, value in enumerate(inputs)
    )
    return infer(
        Module({"main": Function(params, call("sin", call(name, *params, **attrs)))})
    ), inputs


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: f"{CASES[n][0]}-{n}")
def test_images_of_a_size_that_is_an_argument(number, check_gradient):
    module, inputs = make(number)
    check_gradient(module, gradient(module), inputs, f"case {number}, seed {number}")


def test_a_result_of_another_data_type():
    x, size, roi = (
        Var("x", TensorType((1, 1, 2, 2), "float64")),
        Var("size", TensorType((2,), "int32")),
        Var("roi", TensorType((4,), "float32")),
    )
    body = call("dyn.image.resize2d", x, size, roi, out_dtype="float32", **CROPPED)
    module = infer(Module({"main": Function((x, size, roi), body)}))
    given = np.array([[[[1.0, 2.0], [5.0, 7.0]]]]), np.array([2, 2], np.int32)
    _, (by_x, _, by_roi) = evaluate(gradient(module), *given, np.float32([0, 0, 1, 1]))
    assert by_x.dtype == np.float64 and by_x.tolist() == [[[[1.0, 1.0], [1.0, 1.0]]]]
    # Between lines the image changes by 4 and 5, between columns by 1 and 2.
    assert by_roi.dtype == np.float32 and by_roi.tolist() == [9.0, 3.0, 9.0, 3.0]
