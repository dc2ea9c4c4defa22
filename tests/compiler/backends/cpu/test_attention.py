"""Attention that is written out: what becomes one kernel, and what that computes."""

from dataclasses import dataclass

import numpy as np
import pytest

from compiler.backends.cpu import compile_host, find_machine, lower
from compiler.backends.cpu.attention import join_attention
from compiler.backends.cpu.formula import split_axes
from compiler.backends.cpu.trace import trace
from compiler.interpreter import evaluate
from compiler.ops import call
from driver.host import HostProgram


@dataclass(frozen=True)
class Sizes:
    """Of an attention."""

    batch: int = 2
    heads: int = 3
    rows: int = 13
    keys: int = 21
    inner: int = 8
    columns: int = 10


@pytest.fixture
def small_blocks(monkeypatch):
    """Few rows and keys at a time, so that small sizes have blocks and panels of all kinds."""
    monkeypatch.setattr("compiler.backends.cpu.lowering.attention._ROWS", 6)
    monkeypatch.setattr("compiler.backends.cpu.lowering.attention._KEYS", 16)


@pytest.fixture
def attention(variable, constant):
    """Return a function that writes attention of q, k and v[batch, tokens, heads * width]."""

    def write(sizes, score=None, transpose_b=False, key_axes=(0, 2, 3, 1), turned=True):
        n, h, size = sizes.batch, sizes.heads, sizes.inner
        q = variable("q", (n, sizes.rows, h * size))
        k = variable("k", (n, sizes.keys, h * size))
        v = variable("v", (n, sizes.keys, h * sizes.columns))

        def heads(x, axes, *matrix):
            parted = call("reshape", x, newshape=(n, -1, h, x.annotation.shape[-1] // h))
            return call("reshape", call("transpose", parted, axes=axes), newshape=(-1, *matrix))

        keys = (sizes.keys, size) if transpose_b else (size, sizes.keys)
        left = heads(q, (0, 2, 1, 3), sizes.rows, size)
        right = heads(k, (0, 2, 1, 3) if transpose_b else key_axes, *keys)
        scores = call("nn.batch_matmul", left, right, transpose_b=transpose_b)
        scores = call("reshape", scores, newshape=(n, h, sizes.rows, sizes.keys))
        scores = score(scores) if score else scores
        shares = call("reshape", call("nn.softmax", scores), newshape=(-1, sizes.rows, sizes.keys))
        value = heads(v, (0, 2, 1, 3), sizes.keys, sizes.columns)
        mixed = call("nn.batch_matmul", shares, value, transpose_b=False)
        if turned:
            mixed = call("reshape", mixed, newshape=(n, h, sizes.rows, sizes.columns))
            mixed = call("transpose", mixed, axes=(0, 2, 1, 3))
            mixed = call("reshape", mixed, newshape=(n, sizes.rows, -1))
        return (q, k, v), mixed

    return write


def names(module):
    """Return the names of the steps that are left."""
    graph = trace(module, {})
    return [step.name for step in join_attention(graph, graph.steps)]


def data_of(params, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 1, one.annotation.shape).astype(np.float32) for one in params]


SIZES = [
    Sizes(),
    Sizes(1, 1, 1, 1, 1, 1),
    Sizes(1, 4, 12, 16, 16, 16),
    Sizes(3, 1, 7, 48, 5, 33),
    Sizes(2, 2, 32, 40, 64, 64),
    Sizes(1, 2, 5, 15, 3, 7),
]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("blocks", ["small_blocks", "whole"])
def test_values(sizes, blocks, cpu, request, attention, constant, main, check):
    if blocks == "small_blocks":
        request.getfixturevalue(blocks)
    seed = sizes.rows + sizes.keys
    params, mixed = attention(sizes, lambda x: call("divide", x, constant(1.7, "float32")))
    module = main(params, mixed)
    assert names(module) == ["attention"]
    check(module, data_of(params, seed), cpu, rtol=1e-5, atol=5e-6, labels=[f"seed {seed}"])


MASKS = {
    "key": (2, 1, 1, 21),
    "row and key": (13, 21),
    "all": (2, 3, 13, 21),
    "head": (3, 1, 1),
    "batch and row": (2, 1, 13, 1),
    "one": (1, 1, 1, 1),
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("turned", [True, False])
def test_masks_broadcast(mask, turned, small_blocks, attention, variable, constant, main, check):
    added = variable("mask", MASKS[mask])

    def score(x):
        return call("add", added, call("multiply", x, constant(0.3, "float32")))

    params, mixed = attention(Sizes(), score, transpose_b=True, turned=turned)
    module = main([*params, added], call("nn.relu", mixed))
    assert names(module) == ["attention", "nn.relu"]
    program, _ = lower(module, {}, find_machine())
    kernels = [type(one.kernel).__name__ for one in program.operations]
    assert kernels == ["Transpose", "Transpose", "Attention"], "a whole panel of keys, the rest"
    check(module, data_of([*params, added], 3), rtol=1e-5, atol=1e-5, labels=["seed 3"])


@pytest.mark.parametrize("lowest", [-np.inf, -1e9])
def test_keys_that_are_hidden(lowest, small_blocks, attention, constant, main, check):
    """Rows may see no key of a panel, the first among them, as padding on the left has it."""
    sizes = Sizes(rows=33, keys=50)
    hidden = np.triu(np.ones((33, 50), bool), 18)
    hidden[5:, :17] = True
    mask = constant(hidden)

    def score(x):
        return call("where", mask, constant(lowest, "float32"), x)

    params, mixed = attention(sizes, score)
    module = main(params, mixed)
    assert names(module) == ["attention"]
    check(module, data_of(params, 4), rtol=1e-5, atol=5e-6, labels=["seed 4"])


def test_a_row_without_keys_is_not_a_number(small_blocks, attention, constant, main, execute):
    mask = np.zeros((33, 1), np.float32)
    mask[7] = -np.inf
    params, mixed = attention(Sizes(rows=33), lambda x: call("add", x, constant(mask)))
    (found,) = execute(main(params, mixed), data_of(params, 5))
    assert np.isnan(found[:, 7]).all()
    assert np.isfinite(np.delete(found, 7, 1)).all()


def test_large_scores(small_blocks, attention, constant, main, check):
    """What is far below the largest score counts for nothing, whichever comes first."""
    params, mixed = attention(
        Sizes(keys=50), lambda x: call("multiply", x, constant(30, "float32"))
    )
    check(main(params, mixed), data_of(params, 6), rtol=2e-4, atol=2e-5, labels=["seed 6"])


@pytest.mark.parametrize("swapped", [(False, False), (True, False), (False, True), (True, True)])
def test_operands_as_they_come(swapped, small_blocks, cpu, variable, main, check):
    """Matrices that nothing transposes, one of them for all problems, and a transposed value."""
    shapes = {"q": (3, 20, 9), "k": (1, 9, 30), "v": (3, 30, 6)}
    q, k, v = (
        variable(name, (n, b, a) if flip else (n, a, b))
        for (name, (n, a, b)), flip in zip(shapes.items(), (*swapped, swapped[1]), strict=True)
    )
    scores = call("nn.batch_matmul", q, k, transpose_a=swapped[0], transpose_b=swapped[1])
    shares = call("nn.softmax", scores, axis=2)
    mixed = call("nn.batch_matmul", shares, v, transpose_b=swapped[1])
    module = main([q, k, v], call("tanh", mixed))
    assert names(module) == ["attention", "tanh"]
    check(module, data_of([q, k, v], 7), cpu, rtol=1e-5, atol=5e-6, labels=["seed 7"])


def test_threads_share_heads_and_rows(attention, constant, main):
    sizes = Sizes(heads=2, rows=200, keys=300, inner=32, columns=32)
    params, mixed = attention(sizes, lambda x: call("multiply", x, constant(0.2, "float32")))
    module = main(params, mixed)
    host = compile_host(module, {})
    program, _ = lower(module, {}, find_machine())
    assert max(one.kernel.chunks for one in program.operations) >= 8
    data = data_of(params, 8)
    found = []
    for threads in (1, 2, 3):
        found.append(np.full(module["main"].body.type.shape, np.nan, np.float32))
        assert HostProgram(host, threads=threads).run(data, [found[-1]]) == 0
    wanted = evaluate(module, *data)
    np.testing.assert_allclose(found[0], wanted, rtol=1e-5, atol=5e-6, err_msg="seed 8")
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0], err_msg="seed 8")


def test_scores_are_never_all_in_memory(attention, main):
    params, mixed = attention(Sizes(batch=1, heads=1, rows=2000, keys=2000))
    host = compile_host(main(params, mixed), {})
    assert host.arena_bytes < 2000 * 2000


def test_what_others_use_is_kept(attention, constant, main, check):
    seen = []

    def score(x):
        seen.append(call("multiply", x, constant(0.5, "float32")))
        return seen[0]

    params, mixed = attention(Sizes(), score)
    module = main(params, [mixed, seen[0]])
    assert "attention" not in names(module)
    check(module, data_of(params, 9), rtol=1e-5, atol=1e-5, labels=["seed 9"] * 2)


def test_a_transpose_that_others_use_is_kept(attention, main, check):
    """The result in its own order as well as turned."""
    params, mixed = attention(Sizes(), turned=False)
    turned = call("transpose", mixed, axes=(1, 0, 2))
    module = main(params, [mixed, turned])
    assert names(module) == ["attention", "transpose"]
    check(module, data_of(params, 10), rtol=1e-5, atol=1e-5, labels=["seed 10"] * 2)


def chain(variable, axis=-1, dtype="float32", between=None):
    """Return parameters and a product of shares of a product."""
    q, k, v = (variable(name, (2, 8, 8), dtype) for name in "qkv")
    shares = call("nn.softmax", call("nn.batch_matmul", q, k), axis=axis)
    return [q, k, v], call("nn.batch_matmul", between(shares) if between else shares, v)


OTHERS = {
    "another axis": {"axis": 1},
    "float64": {"dtype": "float64"},
    "shares are changed": {"between": lambda x: call("sqrt", x)},
    "shares are turned": {"between": lambda x: call("transpose", x, axes=(0, 2, 1))},
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_chains_stay(other, variable, main, check):
    params, mixed = chain(variable, **OTHERS[other])
    module = main(params, mixed)
    assert "attention" not in names(module)
    rng = np.random.default_rng(11)
    data = [rng.normal(size=(2, 8, 8)).astype(one.annotation.dtype) for one in params]
    check(module, data, rtol=1e-5, atol=1e-5, labels=["seed 11"])


def test_parted_rows_stay(variable, main, check):
    q, k, v = variable("q", (2, 8, 8)), variable("k", (2, 8, 8)), variable("v", (4, 8, 8))
    shares = call("nn.softmax", call("nn.batch_matmul", q, k))
    parted = call("reshape", shares, newshape=(4, 4, 8))
    module = main([q, k, v], call("nn.batch_matmul", parted, v))
    assert "attention" not in names(module)
    check(module, data_of([q, k, v], 12), rtol=1e-5, atol=1e-5, labels=["seed 12"])


def test_scores_that_depend_on_themselves_stay(attention, main, check):
    params, mixed = attention(Sizes(), lambda x: call("multiply", x, call("tanh", x)))
    module = main(params, mixed)
    assert "attention" not in names(module)
    check(module, data_of(params, 13), rtol=1e-5, atol=1e-5, labels=["seed 13"])


@pytest.mark.parametrize(
    "have, strides, want, found",
    [
        ((8,), (5,), (2, 1, 4), (20, 0, 5)),
        ((1, 4), (99, 3), (4,), (3,)),
        ((2, 4), (12, 3), (8,), (3,)),
        ((2, 4), (13, 3), (8,), None),
        ((2, 6), (60, 7), (3, 4), None),
        ((1, 1), (5, 5), (3, 4), (0, 0)),
        ((), (), (3,), (0,)),
    ],
)
def test_split_axes(have, strides, want, found):
    assert split_axes(have, strides, want) == found
