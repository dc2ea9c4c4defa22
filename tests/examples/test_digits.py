"""The digit example: its committed files, and every step that makes them."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from compiler.frontends import import_onnx
from compiler.interpreter import evaluate
from examples.digits.layers import (
    convolution,
    convolution_backward,
    cross_entropy,
    depthwise,
    depthwise_backward,
    max_pool,
    max_pool_backward,
)
from examples.digits.network import accuracy, forward, gradients, initial_parameters, train
from examples.digits.quantize import calibrate, quantization, to_onnx
from examples.digits.train import main

FOLDER = Path(__file__).parents[2] / "examples" / "digits"


@pytest.fixture(scope="module")
def held_out():
    with np.load(FOLDER / "heldout.npz") as data:
        return data["image"], data["label"]


def _session(model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _classes(run, images):
    """Return the class that `run` gives each image."""
    return np.array([run(image[None]).argmax() for image in images])


def test_committed_files_are_small():
    assert (FOLDER / "digits.onnx").stat().st_size < 200_000
    assert (FOLDER / "heldout.npz").stat().st_size < 200_000


def test_committed_network_is_accurate_in_every_runtime(held_out):
    images, labels = held_out
    assert images.dtype == np.float32 and images.shape == (len(labels), 1, 8, 8)
    assert len(labels) >= 400
    session = _session(str(FOLDER / "digits.onnx"))
    network = import_onnx(FOLDER / "digits.onnx")
    theirs = _classes(lambda image: session.run(None, {"image": image})[0], images) == labels
    ours = _classes(lambda image: evaluate(network, image), images) == labels
    assert theirs.mean() >= 0.97 and ours.mean() >= 0.97
    assert abs(int(theirs.sum()) - int(ours.sum())) <= 1


def _numeric(function, x, step=1e-2):
    """Return the gradient of a scalar function of x by central differences."""
    result = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        near = [x.copy(), x.copy()]
        near[0][index] += step
        near[1][index] -= step
        result[index] = (function(near[0]) - function(near[1])) / (2 * step)
    return result


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("layer", ["convolution", "depthwise"])
def test_gradients_of_convolutions(layer, seed):
    random = np.random.default_rng(seed)
    make, back, shape = {
        "convolution": (convolution, convolution_backward, (3, 2, 3, 3)),
        "depthwise": (depthwise, depthwise_backward, (2, 1, 3, 3)),
    }[layer]
    x, weight = random.normal(size=(2, 2, 4, 4)), random.normal(size=shape)
    dy = random.normal(size=make(x, weight).shape)
    dx, dweight = back(x, weight, dy)
    expected_dx = _numeric(lambda v: (make(v, weight) * dy).sum(), x)
    expected_dweight = _numeric(lambda v: (make(x, v) * dy).sum(), weight)
    np.testing.assert_allclose(dx, expected_dx, atol=1e-8, err_msg=f"seed {seed}")
    np.testing.assert_allclose(dweight, expected_dweight, atol=1e-8, err_msg=f"seed {seed}")


def test_convolution_equals_its_definition():
    random = np.random.default_rng(4)
    x, weight = random.normal(size=(1, 2, 4, 5)), random.normal(size=(3, 2, 3, 3))
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    for o, row, column in np.ndindex(3, 4, 5):
        expected = (padded[0, :, row : row + 3, column : column + 3] * weight[o]).sum()
        assert convolution(x, weight)[0, o, row, column] == pytest.approx(expected)


def test_max_pool_and_its_gradient():
    x = np.array([[[[1, 2, 5, 5], [4, 3, 0, 1]]]], np.float32)
    assert max_pool(x).tolist() == [[[[4, 5]]]]
    dx = max_pool_backward(x, np.array([[[[1, 2]]]], np.float32))
    assert dx.tolist() == [[[[0, 0, 1, 1], [1, 0, 0, 0]]]]


def test_cross_entropy_and_its_gradient():
    random = np.random.default_rng(5)
    logits, labels = random.normal(size=(3, 4)), np.array([0, 3, 1])
    loss, gradient = cross_entropy(logits, labels)
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert loss == pytest.approx(-np.log(share[np.arange(3), labels]).mean())
    expected = _numeric(lambda v: cross_entropy(v, labels)[0], logits, 1e-5)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_gradients_of_the_network():
    """Every parameter, in float64, where no relu or maximum changes sides within the step."""
    random = np.random.default_rng(6)
    parameters = {k: v.astype(np.float64) for k, v in initial_parameters(6).items()}
    # Biases of zero would leave relus just at their corner, where the gradient jumps.
    for name in parameters:
        if name.endswith("bias"):
            parameters[name] = random.normal(0, 0.1, parameters[name].shape)
    image, labels = random.uniform(0, 1, (4, 1, 8, 8)), np.array([1, 2, 3, 4])
    _, found = gradients(parameters, image, labels)
    assert set(found) == set(parameters)
    for name, value in parameters.items():
        for _ in range(4):
            index = tuple(random.integers(0, size) for size in value.shape)
            losses = []
            for step in (1e-6, -1e-6):
                changed = value.copy()
                changed[index] += step
                losses.append(gradients({**parameters, name: changed}, image, labels)[0])
            expected = (losses[0] - losses[1]) / 2e-6
            assert found[name][index] == pytest.approx(expected, rel=1e-4, abs=1e-7), name


def _toy(seed, count):
    """Return images of two kinds, a bright half above or below, and their labels."""
    random = np.random.default_rng(seed)
    image = random.uniform(0, 0.3, (count, 1, 8, 8)).astype(np.float32)
    label = random.integers(0, 2, count)
    image[label == 0, :, :4] += 0.6
    image[label == 1, :, 4:] += 0.6
    return image, label.astype(np.int64)


def test_training_learns_and_repeats():
    image, label = _toy(7, 64)
    parameters, losses = train(image, label, epochs=8, seed=7)
    assert losses[-1] < losses[0] / 2
    assert accuracy(parameters, image, label) > 0.9
    again, _ = train(image, label, epochs=8, seed=7)
    for name, value in parameters.items():
        np.testing.assert_array_equal(value, again[name])


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero_point"),
    [
        (0.0, 2.55, 0.01, -128),
        (-1.28, 1.27, 0.01, 0),
        (0.5, 2.55, 0.01, -128),
        (-2.55, -1, 0.01, 127),
    ],
)
def test_quantization_covers_its_range(low, high, scale, zero_point):
    found = quantization(low, high)
    assert found.scale == pytest.approx(scale, rel=1e-6) and found.zero_point == zero_point


def test_quantised_network_is_close_to_the_float_one():
    image, label = _toy(8, 64)
    parameters, _ = train(image, label, epochs=4, seed=8)
    model = to_onnx(parameters, calibrate(parameters, image))
    session = _session(model.SerializeToString())
    real = forward(parameters, image[:8])["logits"]
    found = np.concatenate([session.run(None, {"image": x[None]})[0] for x in image[:8]])
    assert np.abs(found - real).max() < 0.1 * np.ptp(real)


def test_main_writes_both_files(tmp_path, capsys):
    pytest.importorskip("sklearn", reason="scikit-learn (extra train) is not installed")
    main(["--output", str(tmp_path), "--epochs", "1"])
    printed = capsys.readouterr().out
    assert "epoch  1  loss" in printed and "held-out images" in printed
    onnx.checker.check_model(str(tmp_path / "digits.onnx"))
    with np.load(tmp_path / "heldout.npz") as made, np.load(FOLDER / "heldout.npz") as committed:
        np.testing.assert_array_equal(made["image"], committed["image"])
        np.testing.assert_array_equal(made["label"], committed["label"])
