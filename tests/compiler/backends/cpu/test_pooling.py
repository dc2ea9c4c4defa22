"""Pools against the interpreter."""

import numpy as np
import pytest

from compiler.errors import Unsupported
from compiler.ops import call

CASES = {
    "plain": ((1, 8, 9, 16), {"pool_size": (2, 3), "strides": (2, 3)}),
    "padded": ((2, 7, 6, 5), {"pool_size": (3, 3), "strides": (2, 1), "padding": (1, 1, 2, 1)}),
    "dilated": (
        (1, 11, 10, 33),
        {"pool_size": (3, 2), "dilation": (3, 2), "padding": (2, 1, 1, 0)},
    ),
    "ceil": ((1, 8, 8, 3), {"pool_size": (3, 3), "strides": (2, 3), "ceil_mode": True}),
    "ceil padded": (
        (1, 9, 10, 70),
        {"pool_size": (3, 3), "strides": (3, 3), "ceil_mode": True, "padding": (1, 1, 1, 1)},
    ),
    "whole": ((3, 6, 4, 64), {"pool_size": (6, 4)}),
    "one": ((1, 1, 1, 1), {"pool_size": (1, 1)}),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request):
    """Return a shape [n, h, w, c] and attributes."""
    return request.param


def image(rng, shape, layout, dtype):
    """Return a random image in a layout."""
    shape = tuple(shape["NHWC".index(letter)] for letter in layout)
    if dtype.startswith("float"):
        return rng.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "float32", "float16"])
def test_pools(case, layout, dtype, variable, main, check):
    shape, attrs = case
    x = image(np.random.default_rng(1), shape, layout, dtype)
    data = variable("x", x.shape, dtype)
    results = [
        call("nn.max_pool2d", data, layout=layout, **attrs),
        call("nn.avg_pool2d", data, layout=layout, **attrs),
        call("nn.avg_pool2d", data, layout=layout, count_include_pad=True, **attrs),
        call("nn.global_max_pool2d", data, layout=layout),
        call("nn.global_avg_pool2d", data, layout=layout),
    ]
    # At most 110 summands below 5, each addition rounded in float32; a result in its own type.
    last = 2.0**-10 if dtype == "float16" else 2.0**-22
    labels = ("max", "avg", "avg with padding", "global max", "global avg")
    module = main([data], results)
    check(module, [x], rtol=last, atol=110 * 5 * 2.0**-24, labels=labels)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_quantized_average(case, layout, dtype, variable, constant, main, check):
    shape, attrs = case
    x = image(np.random.default_rng(2), shape, layout, dtype)
    data = variable("x", x.shape, dtype)
    same = [constant(0.1, "float32"), constant(7, "int32")]
    other = [constant(0.07, "float32"), constant(-3, "int32")]
    name = "qnn.avg_pool2d"
    results = [
        call(name, data, *same, *same, layout=layout, rounding="TFLITE", **attrs),
        call(name, data, *same, *other, layout=layout, rounding="UPWARD", **attrs),
        call(name, data, *same, *other, layout=layout, count_include_pad=True, **attrs),
    ]
    labels = ("TFLITE", "UPWARD", "UPWARD with padding")
    check(main([data], results), [x], labels=labels)


def test_pool_is_fused_with_what_follows(variable, main, check):
    x = image(np.random.default_rng(3), (1, 6, 6, 20), "NHWC", "float32")
    data = variable("x", x.shape)
    pooled = call("nn.max_pool2d", data, pool_size=2, strides=2, layout="NHWC")
    check(main([data], call("nn.relu", call("negative", pooled))), [x])


def test_max_pool_passes_on_not_a_number(variable, main, check):
    x = np.array([[1, np.nan, 2], [-np.inf, 0, -1]], np.float32).reshape(1, 2, 3, 1)
    data = variable("x", x.shape)
    check(main([data], call("nn.max_pool2d", data, pool_size=(1, 2), layout="NHWC")), [x])


def test_window_that_covers_nothing_is_refused(variable, main, execute):
    data = variable("x", (1, 4, 10, 1), "int8")
    attrs = {"pool_size": 2, "strides": 3, "padding": 1, "ceil_mode": True, "layout": "NHWC"}
    message = (
        r"^nn\.avg_pool2d: every window must cover an element of data, but with ceil_mode one lies "
        r"in the padding; make the padding smaller$"
    )
    with pytest.raises(Unsupported, match=message):
        execute(
            main([data], call("nn.avg_pool2d", data, **attrs)), [np.zeros((1, 4, 10, 1), np.int8)]
        )
