"""Gradients of operators that read images at places which data names."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.ir import Constant, Function, Module, TensorType, Tuple, Var
from compiler.ops import call
from compiler.passes.gradient import gradient

GRIDS = [
    ((2, 2, 4, 3), {}),
    ((1, 2, 3, 4), {"align_corners": False}),
    ((1, 3, 4, 2), {"padding_mode": "border", "layout": "NHWC"}),
    ((1, 1, 4, 3), {"padding_mode": "reflection"}),
    ((1, 1, 3, 3), {"padding_mode": "reflection", "align_corners": False}),
    ((1, 1, 1, 3), {"padding_mode": "reflection"}),
    ((1, 2, 4, 3), {"method": "nearest"}),
]
"""Shape of the image, attributes of image.grid_sample."""


@pytest.mark.parametrize("number", range(len(GRIDS)))
def test_samples_at_the_points_of_a_grid(number, check_gradient, with_weights):
    """Points lie inside and outside of the image."""
    shape, attrs = GRIDS[number]
    random = np.random.default_rng(number)
    x = Var("x", TensorType(shape, "float64"))
    grid = Var("grid", TensorType((shape[0], 2, 2, 3), "float64"))
    module = with_weights((x, grid), call("image.grid_sample", x, grid, **attrs), random)
    inputs = [random.uniform(-1, 1, shape), random.uniform(-1.6, 1.6, (shape[0], 2, 2, 3))]
    check_gradient(module, gradient(module), inputs, f"image.grid_sample {attrs}, seed {number}")


@pytest.mark.parametrize(
    ("shape", "channels", "kernel", "attrs"),
    [
        ((1, 2, 4, 3), 8, (3, 2, 2, 2), {"strides": [2, 1], "padding": [1, 0]}),
        ((2, 4, 3, 3), 8, (2, 2, 1, 2), {"groups": 2, "deformable_groups": 2}),
        ((1, 4, 3, 4), 8, (2, 4, 2, 1), {"deformable_groups": 2, "dilation": [2, 1]}),
    ],
)
def test_convolutions_whose_taps_move(shape, channels, kernel, attrs, check_gradient, with_weights):
    random = np.random.default_rng(30)
    x, weight = (Var(n, TensorType(s, "float64")) for n, s in (("x", shape), ("w", kernel)))
    plain = {name: value for name, value in attrs.items() if name != "deformable_groups"}
    result = infer(Module({"main": Function((x, weight), call("nn.conv2d", x, weight, **plain))}))
    places = result["main"].body.type.shape[2:]
    offset = Var("offset", TensorType((shape[0], channels, *places), "float64"))
    body = call("nn.deformable_conv2d", x, offset, weight, **attrs)
    module = with_weights((x, offset, weight), body, random)
    inputs = [
        random.uniform(-1, 1, shape),
        random.uniform(-1.3, 1.3, (shape[0], channels, *places)),
        random.uniform(-1, 1, kernel),
    ]
    check_gradient(module, gradient(module), inputs, f"nn.deformable_conv2d {attrs}, seed 30")


@pytest.mark.parametrize("attrs", [{"crop_size": [3, 2]}, {"crop_size": [1, 4], "layout": "NHWC"}])
def test_crops_of_boxes_that_reach_beyond_the_image(attrs, check_gradient, with_weights):
    random = np.random.default_rng(40)
    shape = (2, 4, 3, 2)
    x, boxes = (Var(n, TensorType(s, "float64")) for n, s in (("x", shape), ("b", (3, 4))))
    which = Constant(np.array([1, 0, 1], np.int32))
    body = call("image.crop_and_resize", x, boxes, which, **attrs)
    module = with_weights((x, boxes), body, random)
    places = np.array([[0.1, 0.2, 0.85, 0.7], [0.8, 0.1, 0.3, 0.6], [-0.3, 0.45, 0.77, 1.2]])
    inputs = [random.uniform(-1, 1, shape), places]
    check_gradient(module, gradient(module), inputs, f"image.crop_and_resize {attrs}, seed 40")


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_means_over_regions(layout, check_gradient, with_weights):
    """Regions inside, smaller than a pixel, and beyond the image."""
    random = np.random.default_rng(41)
    shape = (2, 5, 4, 3)
    x, rois = (Var(n, TensorType(s, "float64")) for n, s in (("x", shape), ("r", (3, 4))))
    where = np.array([[0.7, 1.3, 6.1, 7.9], [2.1, 2.2, 2.9, 3.1], [-3.3, 1.1, 5.3, 14.3]])
    attrs = {"pooled_size": [2, 3], "spatial_scale": 0.5, "sample_ratio": 2, "layout": layout}
    batch = Constant(np.array([[1.0], [0.0], [1.0]]))
    whole = call("concatenate", Tuple((batch, rois)), axis=1)
    module = with_weights((x, rois), call("vision.roi_align", x, whole, **attrs), random)
    inputs = [random.uniform(-1, 1, shape), where]
    check_gradient(module, gradient(module), inputs, f"vision.roi_align {layout}, seed 41")


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_largest_elements_of_regions(layout, check_gradient, with_weights):
    """Regions that overlap, are empty and reach beyond the image; rounded, they do not move."""
    random = np.random.default_rng(42)
    shape = (2, 5, 4, 3)
    x, rois = (Var(n, TensorType(s, "float64")) for n, s in (("x", shape), ("r", (4, 5))))
    where = [[1.5, 0.7, 1.3, 6.1, 7.9], [0.5, 2.1, 2.2, 2.9, 3.1], [1.5, -3.3, 1.1, 5.3, 14.3]]
    inputs = [random.uniform(-1, 1, shape), np.array([*where, [0.5, 20.3, 21.2, 30.2, 31.2]])]
    attrs = {"pooled_size": [2, 3], "spatial_scale": 0.5, "layout": layout}
    module = with_weights((x, rois), call("vision.roi_pool", x, rois, **attrs), random)
    check_gradient(module, gradient(module), inputs, f"vision.roi_pool {layout}, seed 42")
