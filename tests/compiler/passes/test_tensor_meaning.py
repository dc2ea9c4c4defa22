"""Tensor passes keep the meaning of generated programs, one after another as well."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import structural_equal
from compiler.passes.canonicalise_casts import canonicalise_casts
from compiler.passes.canonicalise_ops import canonicalise_ops
from compiler.passes.combine_parallel_batch_matmul import combine_parallel_batch_matmul
from compiler.passes.combine_parallel_conv2d import combine_parallel_conv2d
from compiler.passes.combine_parallel_dense import combine_parallel_dense
from compiler.passes.dynamic_to_static import dynamic_to_static
from compiler.passes.fake_quantization_to_integer import fake_quantization_to_integer
from compiler.passes.fold_scale_axis import fold_scale_axis
from compiler.passes.fuse import fuse
from compiler.passes.qnn_canonicalise import qnn_canonicalise
from compiler.passes.simplify_inference import simplify_inference
from compiler.text import parse, to_text
from compiler.verify import verify

PASSES = (
    simplify_inference,
    dynamic_to_static,
    fold_scale_axis,
    lambda module: combine_parallel_conv2d(module, least=2),
    lambda module: combine_parallel_dense(module, least=2),
    lambda module: combine_parallel_batch_matmul(module, least=2),
    canonicalise_ops,
    canonicalise_casts,
    fake_quantization_to_integer,
    qnn_canonicalise,
    fuse,
)
SEEDS = range(40)


def flatten(value):
    return (
        [leaf for part in value for leaf in flatten(part)] if isinstance(value, tuple) else [value]
    )


def assert_same(left, right, why):
    for a, b in zip(flatten(left), flatten(right), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape, why
        if a.dtype.kind == "f":
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4, err_msg=why)
        else:
            np.testing.assert_array_equal(a, b, err_msg=why)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_pass_alone(seed, random_program, program_inputs):
    module = infer(random_program(seed))
    inputs = program_inputs(seed, module)
    expected = evaluate(module, *inputs)
    for number, apply in enumerate(PASSES):
        why = f"pass {number}, seed {seed}:\n{to_text(module)}"
        after = verify(apply(module))
        assert_same(expected, evaluate(after, *inputs), why)
        assert structural_equal(parse(to_text(after)), after), why


@pytest.mark.parametrize("seed", SEEDS)
def test_all_in_a_row(seed, random_program, program_inputs):
    module = infer(random_program(seed, 25))
    inputs = program_inputs(seed, module)
    after = module
    for apply in PASSES:
        after = verify(apply(after))
    assert_same(evaluate(module, *inputs), evaluate(after, *inputs), f"seed {seed}")
