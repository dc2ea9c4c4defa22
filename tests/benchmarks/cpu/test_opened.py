"""Networks of another size, and of one that is left open."""

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.cpu.command import main
from benchmarks.cpu.opened import resized
from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.text import parse

SEED = 2
HEADS = """#[version = "0.0.5"]
def @main(%x: Tensor[(1, 6, 8), float32]) {
  let %h = reshape(%x, newshape=[1, 6, 2, 4]);
  let %t = reshape(transpose(%h, axes=[0, 2, 1, 3]), newshape=[2, 6, 4]);
  let %s = reshape(nn.batch_matmul(%t, %t, transpose_b=True), newshape=[1, 2, 6, 6]);
  nn.softmax(%s, axis=3)
}
"""
IMAGE = """#[version = "0.0.5"]
def @main(%x: Tensor[(1, 1, 1, 8), float32]) { reshape(tanh(%x), newshape=[1, 8]) }
"""


@pytest.mark.parametrize("text, axis", ((HEADS, 1), (IMAGE, 0)))
def test_reshapes_follow_the_size(text, axis):
    module = infer(parse(text, "test.relay"))
    general = resized(module, axis, None)
    (kind,) = (param.type for param in general["main"].params)
    assert not isinstance(kind.shape[axis], int)
    for size in (1, 3, 6):
        shape = [size if place == axis else one for place, one in enumerate(kind.shape)]
        x = np.random.default_rng(SEED).normal(size=shape).astype(np.float32)
        known = evaluate(resized(module, axis, size), x)
        np.testing.assert_array_equal(evaluate(general, x), known, f"seed {SEED}")
        if size == module["main"].params[0].annotation.shape[axis]:
            np.testing.assert_array_equal(evaluate(module, x), known, f"seed {SEED}")


def test_networks_without_an_open_axis_are_refused():
    result = CliRunner().invoke(main, ["--symbolic", "--models", "lstm"])
    assert result.exit_code == 2
    assert "--symbolic takes resnet18-fp32, mobilenetv2, " in result.output
    assert "not lstm" in result.output
