"""Networks written in Relay as people write them, against numpy."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import Data, evaluate
from compiler.ir.visitor import post_order
from compiler.text import parse, to_text


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def values(random, *shapes):
    return [random.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]


def tree(random, depth):
    """Return a tree as numpy wants it: (input, children)."""
    children = [tree(random, depth - 1) for _ in range(random.integers(0, 3))] if depth else []
    return values(random, (1, 4))[0], children


def tree_data(node):
    """Return a tree as a value of the program."""
    value, children = node
    items = Data("Nil")
    for child in reversed(children):
        items = Data("Cons", (tree_data(child), items))
    return Data("Rose", (value, items))


def tree_lstm(node, weights):
    """Return h and c of a node."""
    wx, wh, b, fx, fh, fb = weights
    x, children = node
    states = [tree_lstm(child, weights) for child in children]
    hidden = sum((h for h, _ in states), np.zeros((1, 3), np.float32))
    i, o, u = np.split(x @ wx.T + hidden @ wh.T + b, 3, axis=1)
    c = sigmoid(i) * np.tanh(u)
    for h, below in states:
        c = c + sigmoid(x @ fx.T + h @ fh.T + fb) * below
    return sigmoid(o) * np.tanh(c), c


@pytest.mark.parametrize("seed", range(3))
def test_a_tree_lstm(program, seed):
    random = np.random.default_rng(seed)
    weights = values(random, (9, 4), (9, 3), (9,), (3, 4), (3, 3), (3,))
    node = tree(random, 4)
    module = infer(program("tree_lstm"))
    assert str(module["states"].type) == ("fn (Weights, Tree[Tensor[(1, 4), float32]]) -> States")
    found = evaluate(module, Data("Weights", tuple(weights)), tree_data(node))
    for have, want in zip(found, tree_lstm(node, weights), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6, err_msg=f"seed {seed}")


@pytest.mark.parametrize("batch", (1, 5))
def test_an_lstm_by_foldl(program, batch):
    random = np.random.default_rng(batch)
    wx, wh, b = values(random, (12, 4), (12, 3), (12,))
    inputs = values(random, *[(batch, 4)] * 7)
    h = c = np.zeros((batch, 3), np.float32)
    items, hidden = Data("Nil"), []
    for x in reversed(inputs):
        items = Data("Cons", (x, items))
    for x in inputs:
        i, f, u, o = np.split(x @ wx.T + h @ wh.T + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(u)
        h = sigmoid(o) * np.tanh(c)
        hidden.append(h)
    start = np.zeros((batch, 3), np.float32)
    (last_h, last_c), found = evaluate(program("lstm"), items, start, wx, wh, b)
    np.testing.assert_allclose(last_h, h, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last_c, c, rtol=1e-5, atol=1e-6)
    for want in hidden:
        np.testing.assert_allclose(found.fields[0], want, rtol=1e-5, atol=1e-6)
        found = found.fields[1]
    assert found.constructor == "Nil"


def norm(x, gain, shift):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * gain + shift


def transformer_block(x, w, mask):
    length, width = x.shape
    heads = mask.shape[0]
    qkv = norm(x, w["gain1"], w["shift1"]) @ w["qkv"].T + w["qkv_bias"]
    q, k, v = (
        part.reshape(length, heads, -1).transpose(1, 0, 2) for part in np.split(qkv, 3, axis=1)
    )
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(width / heads)
    weights = np.exp(np.where(mask, scores, -10000))
    weights /= weights.sum(-1, keepdims=True)
    mixed = (weights @ v).transpose(1, 0, 2).reshape(length, width)
    x = x + mixed @ w["out"].T + w["out_bias"]
    up = norm(x, w["gain2"], w["shift2"]) @ w["up"].T + w["up_bias"]
    active = 0.5 * up * (1 + np.tanh(0.7978846 * (up + 0.044715 * up**3)))
    return x + active @ w["down"].T + w["down_bias"]


def test_a_transformer_of_a_thousand_bindings(transformer_text):
    blocks = 21
    text, shapes, bindings = transformer_text(blocks)
    assert bindings >= 1_000
    random = np.random.default_rng(1)
    given = {name: random.normal(0, 0.3, shape).astype("f4") for name, shape in shapes.items()}
    length = shapes["x"][0]
    mask = np.broadcast_to(np.tril(np.ones((length, length), bool)), (2, length, length))
    module = parse(text, "gpt.relay")
    typed = infer(module)
    assert to_text(parse(to_text(typed))) == to_text(module)
    assert sum(1 for _ in post_order(typed["main"].body)) > bindings
    x = given["x"].astype(np.float64)
    for block in range(blocks):
        names = [name for name in given if name.endswith(f"_{block}")]
        weights = {name.removesuffix(f"_{block}"): given[name] for name in names}
        x = transformer_block(x, weights, mask)
    found = evaluate(typed, *given.values(), mask)
    np.testing.assert_allclose(found, x, rtol=1e-3, atol=1e-3)
