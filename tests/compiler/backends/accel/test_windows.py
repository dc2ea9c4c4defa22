"""Windows that share a run of vectors: how many, and where their weights stand."""

import numpy as np
import pytest

from compiler.backends.accel import extract
from compiler.backends.accel.layers import Window
from compiler.backends.accel.windows import run_lane, run_pixels, shared_weight, windows_together


@pytest.mark.parametrize("seed", range(8))
def test_shared_weights_give_every_window_of_a_run(seed):
    random = np.random.default_rng(seed)
    together, stride = int(random.integers(1, 5)), int(random.integers(1, 4))
    shape = kh, kw, _, _ = tuple(random.integers(1, 5, 4))
    weight = random.integers(-128, 128, shape, np.int8)
    window = Window((int(kh), int(kw)), (1, stride))
    pixels = random.integers(-128, 128, (run_pixels(window, together), shape[2]))
    found = shared_weight(weight, window, together)
    for line, index in np.ndindex(int(kh), together):
        under = pixels[index * stride : index * stride + kw]
        truth = np.einsum("kc,kco->o", under, weight[line].astype(int))
        value = pixels.reshape(-1) @ found[line, index].astype(int)
        np.testing.assert_array_equal(value, truth, err_msg=f"seed {seed}")


@pytest.mark.parametrize(
    ("kernel", "strides", "channels", "together"),
    [
        ((3, 3), (2, 2), 3, 2),
        ((3, 3), (1, 1), 3, 3),
        ((7, 7), (2, 2), 3, 2),
        ((3, 3), (2, 2), 8, 1),
    ],
)
def test_windows_share_a_run_where_it_loads_faster(
    kernel, strides, channels, together, configs, network_maker
):
    maker = network_maker(1)
    source = maker.input(96, 96, channels)
    maker.convolution(source, 16, kernel, strides=strides, dilation=(1, 1), padding=(1, 1, 1, 1))
    (layer,) = extract("net", maker.module()["main"]).layers
    pixels = layer.target.width // 2 * 2
    assert windows_together(layer, pixels, 1, configs["vta"]) == together


@pytest.mark.parametrize("seed", range(12))
def test_an_input_begins_where_its_runs_take_the_fewest_beats(seed, configs, network_maker):
    draw, config = np.random.default_rng(seed), configs["vta"]
    kernel, stride, left = (int(draw.integers(1, high)) for high in (6, 4, 3))
    maker = network_maker(seed)
    size = {"strides": (stride, stride), "dilation": (1, 1), "padding": (0, left, 0, left)}
    source = maker.input(4 * kernel, int(draw.integers(20, 40)), int(draw.integers(1, 5)))
    maker.convolution(source, 16, (kernel, kernel), **size)
    (layer,) = extract("net", maker.module()["main"]).layers
    found = run_lane(layer, 1, config)
    beats = [_beats(layer, lane, config) for lane in range(config.bus_bytes)]
    assert beats[found] <= min(beats) * 1.02, f"seed {seed}: lane {found} of {beats}"


def _beats(layer, lane, config):
    """Return the beats of all runs of window lines, as if padding were bytes."""
    channels, window, source = layer.sources[0].channels, layer.window, layer.sources[0]
    count = 0
    for line in range(source.height):
        for place in range(layer.target.width):
            pixel = line * source.width + place * window.stride[1] - window.left
            first = lane + pixel * channels
            last = first + window.kernel[1] * channels - 1
            count += last // config.bus_bytes - first // config.bus_bytes + 1
    return count
