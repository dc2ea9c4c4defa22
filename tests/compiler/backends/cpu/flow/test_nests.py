"""Operators that are nests, on tensors whose sizes are known only when the program runs."""

import re

import numpy as np
import pytest

from compiler.backends.cpu import compile_host
from compiler.errors import Unsupported
from compiler.infer import infer
from compiler.text import parse

CASES = [
    ("reverse(cumsum(%x, axis=1), axis=0)", "(?, 5)", (7, 5)),
    ("sum(%x, axis=[1])", "(?, ?)", (3, 70)),
    ("variance(%x, mean(%x, axis=[1], keepdims=True), axis=[1])", "(?, 50)", (4, 50)),
    ("nn.matmul(%x, %x, transpose_b=True)", "(?, 33)", (6, 33)),
    ("nn.max_pool2d(%x, pool_size=[2, 2], strides=[2, 2])", "(?, 2, 6, 6)", (3, 2, 6, 6)),
    ("nn.lrn(%x)", "(1, ?, 3, 2)", (1, 9, 3, 2)),
    ("image.resize2d(%x, size=[4, 4])", "(?, 3, 8, 8)", (2, 3, 8, 8)),
    ("nn.softmax(%x)", "(?, ?)", (2, 5)),
]


def module_of(body, shape):
    head = f'#[version = "0.0.5"]\ndef @main(%x: Tensor[{shape}, float32]) {{'
    return infer(parse(f"{head}\n  {body}\n}}\n"))


@pytest.mark.parametrize(("body", "shape", "given"), CASES)
def test_a_nest_with_open_sizes(agree, body, shape, given):
    data = np.random.default_rng(0).standard_normal(given).astype(np.float32)
    agree(module_of(body, shape), data)


def test_a_definition_that_needs_a_size():
    module = module_of("image.resize2d(%x, size=[4, 4])", "(1, 3, ?, 8)")
    message = (
        "image.resize2d needs sizes that are known when the program is compiled; annotate them"
    )
    with pytest.raises(Unsupported, match=f"^<text>:3:3: {re.escape(message)}\n"):
        compile_host(module, {})
