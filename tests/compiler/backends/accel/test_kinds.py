"""Each kind of layer by itself, on every machine, at the edges of what it takes."""

import numpy as np
import pytest

from compiler.backends.accel import compile_region, extract
from compiler.errors import TooLarge
from compiler.ir import Tuple
from compiler.targets import AccelTarget
from isa.config import Config, preset
from isa.instructions import MAX_COUNT, Engine, Memory, Opcode


@pytest.fixture
def small():
    """`small(**sizes)` is a machine of 4 x 4 with some memories smaller."""

    def make(rows=4, columns=4, **sizes):
        words = {"act_words": 1024, "weight_tiles": 256, "acc_words": 64, "param_words": 64}
        return Config("small", rows, columns, **{**words, **sizes}, bus_bytes=4)

    return make


def kinds(maker, kind):
    """Add layers of one kind to the network."""
    if kind == "convolution":
        image = maker.input(7, 6, 9)
        maker.convolution(image, 11, (3, 3), padding=(1, 0, 2, 1))
        maker.convolution(maker.values[-1], 5, (5, 1), padding=(2, 0, 2, 0), strides=(2, 1))
        maker.convolution(image, 18, (1, 1))
        maker.convolution(image, 3, (2, 3), dilation=(2, 2), padding=(1, 2, 1, 2))
    elif kind == "image":
        image = maker.input(9, 12, 3)
        maker.convolution(image, 8, (3, 3), strides=(2, 2), padding=(0, 0, 1, 1), dilation=(1, 1))
        maker.convolution(maker.input(11, 8, 1), 8, (4, 5), padding=(1, 2, 2, 2), dilation=(1, 1))
    elif kind == "depthwise":
        image = maker.input(8, 9, 13)
        maker.depthwise(image, (3, 3), padding=(1, 1, 1, 1))
        maker.depthwise(maker.values[-1], (5, 5), padding=(2, 2, 2, 2), strides=(2, 2))
        maker.depthwise(image, (4, 2), dilation=(2, 3), padding=(0, 0, 0, 0))
    elif kind == "dense":
        maker.dense(maker.input(1, 1, 37), 19)
        maker.dense(maker.values[-1], 10)
        maker.dense(maker.input(1, 6, 5), 7)
    elif kind == "pool":
        image = maker.input(8, 6, 10)
        maker.average(image, (8, 6), strides=(1, 1), dilation=(1, 1))
        maker.average(image, (2, 3), strides=(2, 1), dilation=(1, 1))
        maker.maximum(image, (3, 3), padding=(1, 1, 1, 1), strides=(2, 2), dilation=(1, 1))
        maker.maximum(image, (2, 2), padding=(0, 0, 0, 0), dilation=(3, 2))
    else:
        one, two = maker.input(5, 4, 14), maker.input(5, 4, 14)
        maker.add(one, two)
        maker.add(maker.values[-1], maker.values[-1])
        maker.clip(maker.values[-1])
        maker.rescale(maker.values[-1])
        maker.add(maker.values[-1], maker.values[2])


@pytest.mark.parametrize(
    "kind", ["convolution", "image", "depthwise", "dense", "pool", "elementwise"]
)
def test_kind(kind, config, network_maker, assert_equal):
    """One seed a machine, so that roundings, scales and clips differ."""
    seed = sum(map(ord, config.name))
    maker = network_maker(seed)
    kinds(maker, kind)
    assert_equal(maker.module(), config, seed)


@pytest.mark.parametrize("kernel", [(9, 1), (1, 9), (3, 9), (12, 1), (1, 11), (2, 5)])
def test_depthwise_windows(kernel, network_maker, assert_equal):
    """Windows of more taps than a param word has slots."""
    maker = network_maker(kernel[0])
    maker.depthwise(maker.input(13, 12, 6), kernel, padding=(0, 0, 0, 0), dilation=(1, 1))
    assert_equal(maker.module(), preset("tiny"), 1)


def test_depthwise_window_without_a_layout_is_left_to_the_cpu(network_maker):
    maker = network_maker(0)
    maker.depthwise(maker.input(4, 12, 6), (2, 10), padding=(0, 0, 0, 0), dilation=(1, 1))
    assert not AccelTarget(preset("tiny")).matches(maker.module()["main"].body)


def refused(module, config, message):
    """Check the message of the target, and of the backend without it."""
    expected = f"{message}; use a larger configuration, or the CPU alone"
    with pytest.raises(TooLarge) as caught:
        AccelTarget(config).matches(module["main"].body)
    assert str(caught.value) == expected
    with pytest.raises(TooLarge) as caught:
        compile_region(extract("net", module["main"]), config)
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("sizes", "kernel", "message"),
    [
        ({"weight_tiles": 17}, (3, 3), "needs 18 words of weight, configuration small has 17"),
        ({"weight_tiles": 2}, (2, 1), "needs 4 words of weight, configuration small has 2"),
        (
            {"rows": 16, "param_words": 7},
            (1, 1),
            "needs 8 words of param, configuration small has 7",
        ),
        ({"rows": 16, "acc_words": 2}, (1, 1), "needs 8 words of acc, configuration small has 4"),
        (
            {"act_words": 64},
            (3, 3),
            "one line needs 320 bytes of act, configuration small has 256",
        ),
    ],
)
def test_convolution_too_large(sizes, kernel, message, small, network_maker):
    maker = network_maker(0)
    window = {"padding": (0, 0, 0, 0), "dilation": (1, 1), "strides": (1, 1)}
    maker.convolution(maker.input(6, 6, 8), 4, kernel, **window)
    refused(maker.module(), small(**sizes), f"qnn.conv2d #0: {message}")


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"param_words": 5}, "needs 6 words of param, configuration small has 5"),
        ({"rows": 8, "acc_words": 2}, "needs 8 words of acc, configuration small has 4"),
        ({"act_words": 16}, "one line needs 96 bytes of act, configuration small has 64"),
    ],
)
def test_addition_too_large(sizes, message, small, network_maker):
    maker = network_maker(0)
    maker.add(maker.input(3, 4, 16), maker.input(3, 4, 16))
    refused(maker.module(), small(**sizes), f"qnn.add #0: {message}")


def test_depthwise_too_large(small, network_maker):
    maker = network_maker(0)
    maker.depthwise(maker.input(6, 6, 8), (4, 4), padding=(0, 0, 0, 0), dilation=(1, 1))
    refused(
        maker.module(),
        small(param_words=9),
        "qnn.conv2d #0: needs 10 words of param, configuration small has 9",
    )


@pytest.mark.parametrize("acc_words", [2, 4, 256])
def test_addition_of_many_channels(acc_words, small, network_maker, assert_equal):
    """A pixel takes more acc words than a bank has: groups of channels follow each other."""
    maker = network_maker(acc_words)
    maker.add(maker.input(2, 2, 90), maker.input(2, 2, 90))
    assert_equal(maker.module(), small(acc_words=acc_words), acc_words)


@pytest.mark.parametrize("width", [MAX_COUNT - 1, MAX_COUNT, MAX_COUNT + 1, 2 * MAX_COUNT + 3])
def test_line_longer_than_a_level(width, small, network_maker, assert_equal):
    """A loop level has at most MAX_COUNT iterations: longer lines are cut."""
    maker = network_maker(width)
    image = maker.input(1, width, 2)
    window = {"padding": (0, 0, 0, 0), "strides": (1, 1), "dilation": (1, 1)}
    maker.convolution(maker.clip(image), 3, (1, 2), **window)
    maker.maximum(maker.values[-1], (1, 2), **window)
    assert_equal(maker.module(), small(act_words=1 << 17, acc_words=1 << 14), width)


def test_weights_are_loaded_in_pieces(network_maker, assert_equal):
    """A piece takes about 2,048 cycles, so that a more urgent load does not wait long."""
    config = Config("large", 64, 64, 1024, weight_tiles=1024, acc_words=64, param_words=64)
    maker = network_maker(11)
    maker.dense(maker.input(1, 2, 24 * 64), 24 * 64)
    region = assert_equal(maker.module(), config, 11)
    runs = [row.fields for row in region.program.instructions() if row.opcode == Opcode.LOAD]
    weights = [run["x_bytes"] for run in runs if run["memory"] == Memory.WEIGHT]
    assert sum(weights) == (24 * 64) ** 2
    assert max(weights) == 2048 * config.bus_bytes


def test_operands_of_two_layers_share_act(small, network_maker, assert_equal):
    """Two layers that fill act alone: the second is loaded when the first is done."""
    config, maker = small(act_words=64), network_maker(3)
    window = {"padding": (0, 0, 0, 0), "strides": (1, 1), "dilation": (1, 1)}
    for _ in range(2):
        maker.convolution(maker.input(5, 4, 16), 12, (1, 1), **window)
    region = assert_equal(maker.module(), config, 3)
    words = 2 * (4 * 4 + 4 * 3)
    assert config.act_words < 2 * words
    assert len(region.layers) == 2


def test_resident_tensors_do_not_pass_through_dram(network_maker, assert_equal):
    """What fits stays in act: one load of the image, the rest weights; one store."""
    maker = network_maker(5)
    maker.convolution(maker.input(1, 1, 8), 8, (1, 1))
    maker.convolution(maker.values[-1], 8, (1, 1))
    maker.clip(maker.values[-1])
    region = assert_equal(maker.module(), preset("tiny"), 5)
    rows = list(region.program.instructions())
    data = [Engine(row.opcode) for row in rows if row.segment == "data"]
    assert data == [Engine.LOAD, Engine.STORE]
    assert rows[-1].opcode == Opcode.END
    assert len(region.instruction_layers) == len(rows)
    assert sorted(set(region.instruction_layers)) == [0, 1, 2]


def test_intermediate_result_is_an_output_too(network_maker, assert_equal):
    """A tensor that is read on chip and handed out, padded for its reader."""
    maker = network_maker(6)
    first = maker.convolution(maker.input(6, 5, 4), 8, (3, 3), padding=(1, 1, 1, 1))
    second = maker.convolution(first, 4, (3, 3), padding=(1, 1, 1, 1))
    assert_equal(maker.module(first, second, first), preset("tiny"), 6)


def test_readers_pad_with_different_values(network_maker, assert_equal):
    """A convolution pads with the zero point, a max pool with -128: no border serves both."""
    maker = network_maker(7)
    middle = maker.rescale(maker.input(6, 5, 8))
    maker.convolution(middle, 4, (3, 3), padding=(1, 1, 1, 1))
    maker.maximum(middle, (3, 3), padding=(1, 1, 1, 1))
    assert_equal(maker.module(), preset("tiny"), 7)


def test_slots_lie_apart(network_maker, configs):
    """Inputs, outputs and spilled tensors do not share DRAM."""
    maker = network_maker(8)
    one, two = maker.input(9, 9, 11), maker.input(9, 9, 11)
    total = maker.add(one, two)
    for _ in range(3):
        total = maker.convolution(total, 11, (3, 3), padding=(1, 1, 1, 1), strides=(1, 1))
    graph = extract("net", maker.module(total)["main"])
    region = compile_region(graph, configs["spill"])
    slots = sorted((*region.inputs, *region.outputs), key=lambda slot: slot.offset)
    assert [slot.size for slot in (*region.inputs, *region.outputs)] == [
        tensor.bytes for tensor in (*graph.inputs, *graph.outputs)
    ]
    ends = [slot.offset + slot.size for slot in slots]
    assert all(end <= slot.offset for end, slot in zip(ends, slots[1:], strict=False))
    assert ends[-1] <= region.data_bytes
    assert all(slot.offset % 64 == 0 for slot in slots)


def test_region_without_layers(network_maker, run_region):
    """Only a view: nothing to do, and the output stands where the input does."""
    maker = network_maker(9)
    image = maker.input(1, 1, 4)
    module = maker.module(image)
    region = compile_region(extract("net", module["main"]), preset("tiny"))
    assert region.inputs == region.outputs
    value = np.arange(4, dtype=np.int8)
    assert run_region(region, preset("tiny"), value) == [value.tobytes()]
    assert not isinstance(module["main"].body, Tuple)
