"""Composite functions, marks of targets, and regions in functions of their own."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Op, structural_equal
from compiler.ir.pattern import constant, op, wildcard
from compiler.passes.annotate_target import annotate_target
from compiler.passes.merge_compiler_regions import merge_compiler_regions
from compiler.passes.merge_composite import Composite, merge_composite
from compiler.passes.partition_graph import partition_graph
from compiler.text import parse, to_text
from compiler.verify import verify

HEAD = '#[version = "0.0.5"]\n'
X = "%x: Tensor[(2, 3), float32]"
Y = "%y: Tensor[(2, 3), float32]"


def main(params, body):
    return infer(parse(f"{HEAD}def @main({params}) {{ {body} }}"))


def takes(*names):
    return lambda node: isinstance(node.op, Op) and node.op.name in names


def functions(module):
    """Return the operators of each function of a target, by its name."""
    found = {}
    for name in module:
        if "Compiler" in module[name].attrs:
            text = to_text(module[name])
            found[name] = [
                word for word in ("exp", "tanh", "nn.relu", "add", "split") if f"{word}(" in text
            ]
    return found


def assert_same_meaning(before, after, count=1):
    rng = np.random.default_rng(7)
    inputs = [rng.normal(size=(2, 3)).astype("float32") for _ in range(count)]
    left, right = evaluate(before, *inputs), evaluate(after, *inputs)
    pairs = zip(left, right, strict=True) if isinstance(left, tuple) else ((left, right),)
    for a, b in pairs:
        np.testing.assert_array_equal(a, b)


class TestMergeComposite:
    """The first row that matches takes an expression."""

    ADD_RELU = Composite("accel.add_relu", op("nn.relu")(op("add")(wildcard(), constant())))

    def test_a_match_becomes_a_function(self):
        module = main(X, "nn.relu(add(%x, 2f))")
        after = verify(merge_composite(module, [self.ADD_RELU]))
        expected = main(
            X,
            "%0 = fn (%p0: Tensor[(2, 3), float32], PartitionedFromPattern="
            '"add_nn.relu_", Composite="accel.add_relu") { nn.relu(add(%p0, 2f)) }; %0(%x)',
        )
        assert to_text(after) == to_text(expected)
        assert_same_meaning(module, after)

    def test_what_is_used_outside_is_not_hidden(self):
        module = main(X, "%0 = add(%x, 2f); (nn.relu(%0), %0)")
        assert merge_composite(module, [self.ADD_RELU]) is module

    def test_a_row_may_refuse(self):
        refuses = Composite("no", self.ADD_RELU.pattern, lambda found: False)
        module = main(X, "nn.relu(add(%x, 2f))")
        assert merge_composite(module, [refuses]) is module

    def test_earlier_rows_go_first(self):
        small = Composite("small", op("add")(wildcard(), wildcard()))
        module = main(X, "nn.relu(add(%x, 2f))")
        text = to_text(merge_composite(module, [small, self.ADD_RELU]))
        assert '"small"' in text and "accel" not in text

    def test_a_shared_operand_is_one_input(self):
        row = Composite("twice", op("nn.relu")(op("add")(wildcard(), wildcard())))
        module = main(X, "%0 = exp(%x); nn.relu(add(%0, %0))")
        after = merge_composite(module, [row])
        assert "%p1" not in to_text(after)
        assert_same_meaning(module, after)

    def test_operands_may_all_be_constants(self):
        row = Composite("relu", op("nn.relu")(wildcard()))
        module = main(X, "add(%x, nn.relu(2f))")
        after = verify(merge_composite(module, [row]))
        assert 'Composite="relu"' in to_text(after)
        assert_same_meaning(module, after)


def regions(module, **targets):
    marked = annotate_target(module, {name: takes(*ops) for name, ops in targets.items()})
    return verify(partition_graph(merge_compiler_regions(verify(marked))))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("nn.relu(exp(%x))", {"a_0": ["exp", "nn.relu"]}),
        ("nn.relu(tanh(exp(%x)))", {"a_0": ["exp"], "a_1": ["nn.relu"]}),
        ("%0 = exp(%x); nn.relu(%0) + tanh(%0)", {"a_0": ["exp", "nn.relu"], "a_1": ["add"]}),
        ("%0 = exp(%x); (nn.relu(%0), %0)", {"a_0": ["exp", "nn.relu"]}),
        ("%0 = split(%x, indices_or_sections=3, axis=1); %0.1 + %0.0", {"a_0": ["add", "split"]}),
        ("exp(%x) + %x", {"a_0": ["exp", "add"]}),
        ("tanh(%x)", {}),
    ],
)
def test_regions_of_one_target(body, expected):
    module = main(X, body)
    after = regions(module, a=("exp", "nn.relu", "add", "split"))
    assert functions(after) == expected
    assert "annotation" not in to_text(after)
    assert_same_meaning(module, after)


def test_two_targets_take_turns():
    module = main(X, "tanh(exp(nn.relu(%x)))")
    after = regions(module, a=("exp", "nn.relu"), b=("tanh", "exp"))
    assert functions(after) == {"a_0": ["exp", "nn.relu"], "b_0": ["tanh"]}
    assert_same_meaning(module, after)


def test_regions_never_wait_for_each_other():
    # exp -> tanh -> add and exp -> add: all of target a in one region would wait for tanh.
    module = main(f"{X}, {Y}", "%0 = exp(%x); %1 = nn.relu(%0); %2 = tanh(%1) + %0; %2 + exp(%y)")
    after = regions(module, a=("exp", "nn.relu", "add"))
    assert len(functions(after)) >= 2
    assert_same_meaning(module, after, 2)


def test_attributes_of_a_region():
    after = regions(main(X, "exp(%x)"), a=("exp",))
    attrs = dict(after["a_0"].attrs)
    assert attrs == {"Compiler": "a", "Primitive": 1, "Inline": 1, "global_symbol": "a_0"}


def test_a_name_that_is_taken_is_passed_over():
    text = f"{HEAD}def @a_0({X}) {{ tanh(%x) }} def @main({X}) {{ exp(@a_0(%x)) }}"
    assert "a_1" in regions(parse(text), a=("exp",))


def test_constants_move_inside():
    after = regions(main(X, "%x + 2f"), a=("add",))
    assert len(after["a_0"].params) == 1


def test_a_composite_function_goes_to_a_target_as_one():
    row = Composite("a.add_relu", op("nn.relu")(op("add")(wildcard(), constant())))
    module = merge_composite(main(X, "nn.relu(add(%x, 2f))"), [row])

    def composite(node):
        return not isinstance(node.op, Op) and node.op.attrs["Composite"].startswith("a.")

    after = partition_graph(annotate_target(module, {"a": composite}))
    assert 'Composite="a.add_relu"' in to_text(after["a_0"])
    assert_same_meaning(module, after)


def test_without_targets_nothing_changes():
    module = main(X, "exp(%x)")
    assert structural_equal(regions(module), module)
