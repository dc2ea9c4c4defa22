"""Windows that share a run of vectors: how many, and where their weights stand."""

import numpy as np
import pytest

from compiler.backends.accel import extract
from compiler.backends.accel.layers import Window
from compiler.backends.accel.windows import run_pixels, shared_weight, windows_together


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
