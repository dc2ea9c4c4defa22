"""Operators that move elements, against the interpreter."""

import numpy as np
import pytest

from compiler.errors import Unsupported
from compiler.ir import Tuple, TupleGetItem
from compiler.ops import call

SHAPE = (1, 3, 10, 12)


@pytest.mark.parametrize("dtype", ["int8", "bool", "float32", "int64"])
@pytest.mark.parametrize(
    "axes", [None, (0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2), (3, 1, 0, 2), (1, 0, 2, 3)], ids=str
)
def test_transpose(dtype, axes, variable, main, check):
    x = np.random.default_rng(1).integers(0, 2 if dtype == "bool" else 100, (2, 3, 4, 5))
    x = x.astype(dtype)
    data = variable("x", x.shape, dtype)
    check(main([data], call("transpose", data, axes=axes)), [x])


def test_transpose_into_a_border(variable, constant, main, check):
    """What a padded convolution reads has a border, so its lines are not one after the other."""
    data = variable("x", SHAPE)
    random = np.random.default_rng(3)
    x, weight = (random.normal(size=size).astype(np.float32) for size in (SHAPE, (3, 3, 3, 8)))
    image = call("transpose", data, axes=(0, 2, 3, 1))
    attrs = {"data_layout": "NHWC", "kernel_layout": "HWIO", "padding": (1, 1)}
    check(
        main([data], call("nn.conv2d", image, constant(weight), **attrs)), [x], rtol=1e-4, atol=1e-5
    )


def test_views(variable, main, check):
    x = np.arange(24, dtype=np.int16).reshape(2, 1, 3, 4)
    data = variable("x", x.shape, "int16")
    doubled = call("add", data, data)
    results = [
        call("reshape", data, newshape=(6, 4)),
        call("reshape", doubled, newshape=(0, -1)),
        call("squeeze", doubled),
        call("expand_dims", data, axis=1, num_newaxis=2),
        call("nn.batch_flatten", doubled),
        call("negative", call("reshape", doubled, newshape=(4, 6))),
    ]
    check(main([data], results), [x])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concatenate_stack_and_split(axis, variable, main, check):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 4, 6)), rng.normal(size=(2, 4, 6))
    a, b = variable("a", x.shape, "float64"), variable("b", y.shape, "float64")
    sections = call("split", a, indices_or_sections=2, axis=axis)
    places = call("split", b, indices_or_sections=(1,), axis=axis)
    results = [
        call("concatenate", Tuple((a, b, a)), axis=axis),
        call("stack", Tuple((a, b)), axis=axis),
        *(TupleGetItem(split, number) for split in (sections, places) for number in (0, 1)),
    ]
    check(main([a, b], results), [x, y])


def test_strided_slice(variable, main, check):
    x = np.random.default_rng(3).integers(-99, 99, (6, 7, 8)).astype(np.int32)
    data = variable("x", x.shape, "int32")
    slices = [
        {"begin": (1, 2, 3), "end": (5, 6, 8)},
        {"begin": (0, 6), "end": (6, 0), "strides": (2, -2)},
        {"begin": (-3,), "end": (99,), "axes": (2,)},
        {"begin": (1, 1), "end": (2, -1), "slice_mode": "size"},
        {"begin": (5,), "end": (-9,), "strides": (-1,)},
        {"begin": (3,), "end": (3,)},
    ]
    results = [call("strided_slice", data, **attrs) for attrs in slices]
    check(main([data], results), [x], labels=list(map(str, slices)))


@pytest.mark.parametrize("index_dtype", ["int32", "int64", "uint8"])
@pytest.mark.parametrize("mode", ["clip", "wrap", "fast"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_take(index_dtype, mode, axis, variable, main, check):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(4, 5, 3)).astype(np.float32)
    low = 0 if index_dtype.startswith("u") else -9
    places = rng.integers(low, 70, (2, 6)).astype(index_dtype)
    a, b = variable("a", x.shape), variable("b", places.shape, index_dtype)
    check(main([a, b], call("take", a, b, axis=axis, mode=mode)), [x, places])


def test_take_from_batches_is_refused(variable, main, execute):
    a, b = variable("a", (2, 5)), variable("b", (2, 3), "int32")
    module = main([a, b], call("take", a, b, axis=1, batch_dims=1))
    message = r"^take: batch_dims is not supported on the CPU; take from each batch by itself$"
    with pytest.raises(Unsupported, match=message):
        execute(module, [np.zeros((2, 5), "float32"), np.zeros((2, 3), "int32")])


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
@pytest.mark.parametrize(
    "widths", [((0, 0), (1, 2), (3, 0)), ((2, 1), (0, 0), (0, 0)), ((0, 0),) * 3], ids=str
)
def test_pad(mode, widths, variable, main, check):
    x = np.random.default_rng(5).integers(-9, 9, (4, 5, 6)).astype(np.int8)
    data, value = variable("x", x.shape, "int8"), variable("v", (), "int8")
    padded = call("nn.pad", data, value, pad_width=widths, pad_mode=mode)
    check(main([data, value], padded), [x, np.int8(-7)])


def test_empty_tensors(variable, main, check):
    x, y = np.zeros((0, 4), np.float32), np.ones((3, 4), np.float32)
    a, b = variable("a", x.shape), variable("b", y.shape)
    results = [
        call("add", a, a),
        call("concatenate", Tuple((a, b)), axis=0),
        call("sum", a, axis=0),
        call("transpose", a),
    ]
    check(main([a, b], results), [x, y])


@pytest.mark.parametrize("seed", range(3))
def test_scalars(seed, variable, main, check):
    x = np.asarray(np.random.default_rng(seed).normal(), np.float32)
    data = variable("x", ())
    stretched = call("broadcast_to", data, shape=(1, 1))
    check(main([data], [call("negative", data), stretched, call("sum", data)]), [x])
