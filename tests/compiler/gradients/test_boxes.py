"""Gradients of operators that decode boxes, choose some of them and move them."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Constant, Function, Module, TensorType, Tuple, TupleGetItem, Var
from compiler.ops import call
from compiler.passes.gradient import gradient


def variables(**shapes):
    return tuple(Var(name, TensorType(shape, "float64")) for name, shape in shapes.items())


@pytest.mark.parametrize("attrs", [{}, {"clip": False, "threshold": 0.4}, {"threshold": 2.0}])
def test_anchors_that_are_moved(attrs, check_gradient, with_weights):
    """Boxes inside and outside of the image; anchors below the threshold make room for others."""
    random = np.random.default_rng(50)
    params = variables(scores=(2, 3, 5), moves=(2, 20), anchor=(1, 5, 4))
    body = TupleGetItem(call("vision.multibox_transform_loc", *params, **attrs), 0)
    module = with_weights(params, body, random)
    low, high = random.uniform(-0.3, 0.5, (1, 5, 2)), random.uniform(0.6, 1.2, (1, 5, 2))
    inputs = [
        random.uniform(0, 0.8, (2, 3, 5)),
        random.uniform(-2, 2, (2, 20)),
        np.concatenate((low, high), axis=2),
    ]
    why = f"vision.multibox_transform_loc {attrs}, seed 50"
    check_gradient(module, gradient(module), inputs, why)
    slopes = evaluate(gradient(module), *inputs)[1]
    assert any(slope.any() for slope in slopes) == (attrs.get("threshold") != 2.0), why


def test_anchors_of_a_background_alone_have_no_gradient():
    params = variables(scores=(1, 1, 2), moves=(1, 8), anchor=(1, 2, 4))
    body = TupleGetItem(call("vision.multibox_transform_loc", *params), 0)
    module = infer(Module({"main": Function(params, body)}))
    found = evaluate(gradient(module), np.ones((1, 1, 2)), np.ones((1, 8)), np.ones((1, 2, 4)))[1]
    assert not any(slope.any() for slope in found)


def detections(random):
    """Return boxes float64[2, 6, 6]: class, score, corners, of which some overlap."""
    low = random.uniform(0, 2, (2, 6, 2))
    sizes = random.uniform(1, 3, (2, 6, 2))
    first = np.stack((random.integers(-1, 2, (2, 6)), random.permutation(12).reshape(2, 6)), 2)
    return np.concatenate((first, low, low + sizes), axis=2)


@pytest.mark.parametrize(
    "attrs",
    [
        {},
        {"force_suppress": True, "invalid_to_bottom": True},
        {"id_index": -1, "top_k": 3, "invalid_to_bottom": False},
    ],
)
def test_boxes_that_are_kept(attrs, check_gradient, with_weights):
    random = np.random.default_rng(51)
    (numbers,) = variables(numbers=(2, 6, 5))
    counts, places = np.array([6, 4], np.int32), np.tile(np.arange(6, dtype=np.int32), (2, 1))
    rest = (Constant(value) for value in (counts, places, np.int32(5), np.float64(0.3)))
    boxes = detections(random)
    # Two that do not touch and one that is suppressed, whatever the rest is.
    boxes[0, :3, 2:] = [[0, 0, 2, 2], [9, 9, 11, 11], [0, 0, 2, 2.1]]
    boxes[0, :3, :2] = [[1, 20], [1, 19], [1, 18]]
    # Classes must be equal to count as such, so that they cannot be moved a little.
    classes = Constant(boxes[..., :1].copy())
    data = call("concatenate", Tuple((classes, numbers)), axis=2)
    body = call("vision.non_max_suppression", data, *rest, return_indices=False, **attrs)
    module = with_weights((numbers,), body, random)
    given = boxes[..., 1:].copy()
    why = f"vision.non_max_suppression {attrs}, seed 51"
    check_gradient(module, gradient(module), [given], why)
    slope = evaluate(gradient(module), given)[1][0]
    assert slope[0, :2].all() and not slope[0, 2].any(), why


@pytest.mark.parametrize("id_index", [0, -1])
def test_boxes_that_are_valid(id_index, check_gradient, with_weights):
    random = np.random.default_rng(52)
    (data,) = variables(data=(2, 6, 6))
    found = call("vision.get_valid_counts", data, Constant(np.float64(4.5)), id_index=id_index)
    module = with_weights((data,), TupleGetItem(found, 1), random)
    boxes = detections(random)
    boxes[..., 0] += 0.25
    check_gradient(module, gradient(module), [boxes], "vision.get_valid_counts, seed 52")


def test_which_boxes_are_kept_has_no_gradient():
    (data,) = variables(data=(1, 3, 6))
    given = (np.array([3], np.int32), np.zeros((1, 3), np.int32), np.int32(-1), np.float32(0.5))
    found = call("vision.non_max_suppression", data, *map(Constant, given))
    module = infer(Module({"main": Function((data,), found)}))
    for order in ("first", "higher"):
        slope = evaluate(gradient(module, order=order), np.ones((1, 3, 6)))[1][0]
        assert slope.shape == (1, 3, 6) and not slope.any()


def test_slopes_of_anchors_and_of_largest_elements_have_slopes(check_gradient):
    random = np.random.default_rng(53)
    params = variables(scores=(1, 2, 2), moves=(1, 8), anchor=(1, 2, 4))
    boxes = TupleGetItem(call("vision.multibox_transform_loc", *params, clip=False), 0)
    module = infer(Module({"main": Function(params, call("sin", boxes))}))
    first = gradient(module)
    inputs = [random.uniform(0.1, 0.8, param.annotation.shape) for param in params]
    check_gradient(first, gradient(first), inputs, "vision.multibox_transform_loc, seed 53", 1e-4)
    (data,) = variables(data=(1, 1, 3, 3))
    rois = Constant(np.array([[0.0, 0, 0, 2, 1], [0.0, 1, 0, 2, 2]]))
    attrs = {"pooled_size": [2, 2], "spatial_scale": 1.0}
    pooled = call("sin", call("vision.roi_pool", data, rois, **attrs))
    first = gradient(infer(Module({"main": Function((data,), pooled)})))
    image = [random.uniform(-1, 1, (1, 1, 3, 3))]
    check_gradient(first, gradient(first), image, "vision.roi_pool, seed 53", 1e-4)
