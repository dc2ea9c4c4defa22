"""Narrow layers on packed pixels: the same results, and a line's edges are padding."""

import numpy as np
import pytest

from compiler.backends.accel import compile_region, extract
from compiler.backends.accel.layers import Convolution, Depthwise
from compiler.backends.accel.pack_pixels import pack_pixels
from compiler.errors import TooLarge
from compiler.interpreter import evaluate
from isa.config import Config

PLAIN = {"dilation": (1, 1), "strides": (1, 1)}


@pytest.fixture
def narrow(network_maker):
    """`narrow(seed, columns, share, left)`: a chain whose pixels fill 1 / share of the columns."""

    def make(seed, columns, share, left):
        maker = network_maker(seed)
        window = {"dilation": (1, 1), "strides": (2, 2), "padding": (0, 0, 1, 1)}
        head = maker.convolution(maker.input(14, 8 * share, 3), columns // share, (3, 3), **window)
        middle = maker.depthwise(head, (3, 3), padding=(1, left, 1, 2 - left), **PLAIN)
        tail = maker.convolution(middle, columns, (1, 1), padding=(0, 0, 0, 0), **PLAIN)
        if seed % 2:
            maker.depthwise(tail, (3, 3), padding=(1, 1, 1, 1), **PLAIN)
        return maker.module()

    return make


@pytest.fixture
def assert_same(run_region, random_inputs):
    """`assert_same(graph, module, config, seed)`: a rewritten graph and the interpreter agree."""

    def check(graph, module, config, seed):
        region = compile_region(graph, config)
        inputs = random_inputs(module, seed)
        (data,) = run_region(region, config, *inputs)
        truth = evaluate(module, *inputs)
        found = np.frombuffer(data, np.int8).reshape(truth.shape)
        np.testing.assert_array_equal(found, truth, err_msg=f"{config.name}, seed {seed}")

    return check


@pytest.mark.parametrize("left", [0, 1, 2])
@pytest.mark.parametrize(("name", "share"), [("vta", 2), ("vta", 4), ("tiny", 2), ("narrow", 2)])
@pytest.mark.parametrize("seed", range(500, 504))
def test_packed_layers_compute_the_same(seed, name, share, left, configs, narrow, assert_same):
    config = configs[name]
    module = narrow(seed, config.columns, share, left)
    graph = extract("net", module["main"])
    packed = pack_pixels(graph, config)
    assert packed is not graph
    assert [layer.name for layer in packed.layers] == [layer.name for layer in graph.layers]
    assert all(isinstance(layer, Convolution) for layer in packed.layers[:3])
    assert packed.layers[0].target.channels == config.columns
    assert_same(packed, module, config, seed)


def test_padding_that_no_record_can_give_stays_outside(configs, narrow):
    """Where the clip of a result excludes its zero point, padding is filled, not computed."""
    config = configs["vta"]
    seen = set()
    for seed in range(500, 530):
        graph = extract("net", narrow(seed, config.columns, 2, 1)["main"])
        head = pack_pixels(graph, config).layers[0]
        output, fill = graph.layers[0].output, graph.layers[1].window.fill
        exact = output.low <= fill <= output.high
        assert (head.edges is not None) == exact, f"seed {seed}"
        assert head.target.width == 4 + exact, f"seed {seed}"
        seen.add(exact)
    assert seen == {False, True}


def test_what_others_read_is_not_packed(configs, network_maker):
    maker = network_maker(3)
    head = maker.convolution(maker.input(6, 8, 3), 8, (3, 3), padding=(1, 1, 1, 1), **PLAIN)
    middle = maker.depthwise(head, (3, 3), padding=(1, 1, 1, 1), **PLAIN)
    maker.convolution(middle, 16, (1, 1), padding=(0, 0, 0, 0), **PLAIN)
    maker.maximum(head, (2, 2), padding=(0, 0, 0, 0), **PLAIN)
    graph = extract("net", maker.module()["main"])
    assert any(isinstance(layer, Depthwise) for layer in graph.layers)
    assert pack_pixels(graph, configs["vta"]) is graph


def test_packed_layers_that_do_not_fit_stay_as_they_are(narrow):
    """The weights of packed pixels are more: where they have no room, plain pixels are kept."""
    config = Config("few", 16, 16, 2048, 32, 64, 64)
    graph = extract("net", narrow(502, 16, 4, 1)["main"])
    packed = pack_pixels(graph, config)
    with pytest.raises(
        TooLarge, match=r"^.*: needs \d+ words of weight, configuration few has 32;"
    ):
        compile_region(packed, config)
    seen = []
    compile_region(graph, config, lambda program: seen.append(program) or len(seen))
    plain = []
    unpacked = extract("net", narrow(502, 8, 4, 1)["main"])
    compile_region(unpacked, config, lambda program: plain.append(program) or len(plain))
    assert len(seen) == len(plain)
