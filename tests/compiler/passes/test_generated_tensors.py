"""Passes over tensors on generated programs: the same results, within rounding."""

import random

import pytest

from compiler.errors import InvalidInput
from compiler.infer import infer
from compiler.interpreter import evaluate, same_value
from compiler.ir import Op, structural_equal
from compiler.ir.pattern import op, wildcard
from compiler.passes.annotate_target import annotate_target
from compiler.passes.merge_compiler_regions import merge_compiler_regions
from compiler.passes.merge_composite import Composite, merge_composite
from compiler.passes.partition_graph import partition_graph
from compiler.passes.registry import find_pass
from compiler.text import parse, to_text
from compiler.verify import verify
from tests.compiler.generator.programs import random_program as make_program

NAMES = (
    *("combine_parallel_batch_matmul", "combine_parallel_conv2d", "combine_parallel_dense"),
    *("convert_layout", "fake_quantization_to_integer", "fast_math", "fold_scale_axis"),
    *("partition_graph", "qnn_canonicalise", "qnn_legalise", "simplify_inference"),
)
# `fast_math` is within 1e-4; all others within the last bits.
TOLERANCE = {"fast_math": 1e-3}


def check(seed, apply, tolerance):
    """A pass must give a well-formed program that reads back and means the same."""
    program = make_program(seed)
    module = infer(verify(program.module))
    try:
        expected = evaluate(module, *program.inputs)
    except InvalidInput as error:
        assert error.problem.startswith("match has no clause for "), f"seed {seed}"
        return
    try:
        after = verify(apply(module))
        assert structural_equal(parse(to_text(after)), after)
        assert same_value(evaluate(after, *program.inputs), expected, tolerance)
    except Exception as error:
        error.add_note(f"seed {seed}")
        raise


@pytest.mark.parametrize("name", NAMES)
def test_a_pass_keeps_the_meaning(name):
    first = 7000 + 100 * NAMES.index(name)
    for seed in range(first, first + 25):
        check(seed, find_pass(name).function, TOLERANCE.get(name, 1e-5))


@pytest.mark.parametrize("seed", range(8500, 8540))
def test_regions_of_random_targets(seed):
    """Each target takes the operators whose names it draws."""
    draw = random.Random(seed)
    share = draw.uniform(0.2, 0.9)

    def takes(target):
        def rule(node):
            chosen = random.Random(f"{seed} {target} {getattr(node.op, 'name', 'composite')}")
            return chosen.random() < share

        return rule

    table = [
        Composite("a.pair", op("add")(op("multiply")(wildcard(), wildcard()), wildcard())),
        Composite("a.chain", op("nn.relu")(wildcard())),
    ]

    def apply(module):
        marked = annotate_target(
            merge_composite(module, table), {name: takes(name) for name in "ab"}
        )
        after = partition_graph(merge_compiler_regions(verify(marked)))
        assert "annotation.compiler" not in to_text(after)
        return after

    check(seed, apply, 0)


def test_regions_are_made():
    module = infer(parse('#[version = "0.0.5"]\ndef @main(%x: float32) { exp(%x) * 2f + %x }'))
    marked = annotate_target(module, {"a": lambda node: isinstance(node.op, Op)})
    assert "a_0" in partition_graph(merge_compiler_regions(marked))
