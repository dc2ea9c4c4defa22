"""Partition: regions by stage, never a cycle, by cost, and the program means what it meant."""

import random
from dataclasses import dataclass, field

import numpy as np
import pytest

from compiler.backends.accel import extract
from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Call, Function, GlobalVar, Let, Op
from compiler.ir.visitor import post_order
from compiler.ops import operators as operator_rows
from compiler.passes.inline_lets import inline_lets
from compiler.passes.partition import explain_partition, partition
from compiler.targets import AccelTarget, Match
from compiler.text import parse
from compiler.verify import verify
from isa.config import preset

ELEMENTWISE = {name for name, row in operator_rows().items() if row.tags & {"unary", "binary"}}


@dataclass(frozen=True)
class Unit:
    """A target that takes calls of some operators, each by itself."""

    operators: tuple[str, ...] = ("add", "negative")
    transfer: int = 0
    cycles: int = 1
    saved: int = 100
    name: str = "unit"
    sizes: list[int] = field(default_factory=list)

    def matches(self, body):
        return [
            Match((node,), self.cycles, self.saved)
            for node in post_order(body)
            if isinstance(node, Call) and isinstance(node.op, Op) and node.op.name in self.operators
        ]

    def transfer_cycles(self, size_bytes):
        self.sizes.append(size_bytes)
        return self.transfer


def program(body, params="%x: Tensor[(4), float32]"):
    return parse(f'#[version = "0.0.5"]\ndef @main({params}) {{\n{body}\n}}\n')


def operators(function):
    """Return the names of the operators that a function calls, sorted."""
    return sorted(
        node.op.name
        for node in post_order(function.body)
        if isinstance(node, Call) and isinstance(node.op, Op)
    )


def checked(module, target, inputs=None):
    """Return the partitioned module, after a check that it is well formed and means the same."""
    after = verify(partition(module, target))
    inputs = inputs or [np.array([0.5, -1.5, 2.0, 0.0], np.float32)]
    one, two = evaluate(module, *inputs), evaluate(after, *inputs)
    one, two = (item if isinstance(item, tuple) else (item,) for item in (one, two))
    for before, found in zip(one, two, strict=True):
        assert before.dtype == found.dtype and np.array_equal(before, found)
    return after


def test_chain_is_one_region():
    after = checked(program("exp(negative(add(negative(%x), %x)))"), Unit())
    assert list(after) == ["main", "unit_0"]
    assert operators(after["main"]) == ["exp"]
    assert operators(after["unit_0"]) == ["add", "negative", "negative"]
    assert after["unit_0"].attrs == {"Compiler": "unit", "Primitive": 1}
    assert len(after["unit_0"].params) == 1


def test_regions_follow_each_other():
    after = checked(program("negative(exp(negative(exp(%x))))"), Unit())
    assert list(after) == ["main", "unit_0", "unit_1"]
    assert operators(after["main"]) == ["exp", "exp"]


def test_diamond_through_the_cpu():
    """%0 and %2 are neighbours, but between them lies %1, which the target does not take."""
    after = checked(program("let %a = negative(%x); let %b = exp(%a); add(%a, %b)"), Unit())
    assert operators(after["unit_0"]) == ["negative"]
    assert operators(after["unit_1"]) == ["add"]
    assert operators(after["main"]) == ["exp"]


def test_two_diamonds():
    """Two chains that each wait for the other's first half through the CPU."""
    text = """
    %0 = negative(%x);
    %1 = add(%x, %x);
    %2 = exp(%0);
    %3 = tanh(%1);
    %4 = add(%0, %3);
    %5 = negative(add(%1, %2));
    (%4, %5)
    """
    after = checked(program(text), Unit())
    assert operators(after["unit_0"]) == ["add", "negative"]
    assert operators(after["unit_1"]) == ["add", "add", "negative"]


def test_independent_branches_share_a_region():
    """Two results: the region gives a tuple, called once."""
    after = checked(program("(exp(negative(%x)), tanh(add(%x, %x)))"), Unit())
    assert list(after) == ["main", "unit_0"]
    calls = [
        node
        for node in post_order(after["main"].body)
        if isinstance(node, Call) and isinstance(node.op, GlobalVar)
    ]
    assert len(calls) == 1


def test_result_used_inside_and_outside():
    after = checked(program("%0 = negative(%x);\n(add(%0, %0), exp(%0))"), Unit())
    assert operators(after["unit_0"]) == ["add", "negative"]
    assert str(after["unit_0"].type.ret).startswith("(")


def test_result_of_a_region_is_the_result():
    after = checked(program("negative(%x)"), Unit())
    assert operators(after["main"]) == []


def test_nothing_to_take():
    module = program("exp(tanh(%x))")
    after = checked(module, Unit())
    assert list(after) == ["main"] and operators(after["main"]) == ["exp", "tanh"]
    assert explain_partition(module, Unit()) == ()


def test_other_functions_stay():
    text = """#[version = "0.0.5"]
    def @helper(%y: Tensor[(4), float32]) { negative(%y) }
    def @unit_0(%y: Tensor[(4), float32]) { tanh(%y) }
    def @main(%x: Tensor[(4), float32]) { @unit_0(@helper(add(%x, %x))) }
    """
    after = checked(parse(text), Unit())
    assert sorted(after) == ["helper", "main", "unit_0", "unit_1"]
    assert operators(after["helper"]) == ["negative"]
    assert operators(after["unit_1"]) == ["add"]


@pytest.mark.parametrize(
    ("transfer", "taken"), [(0, True), (99, True), (100, False), (1000, False)]
)
def test_cost_decides(transfer, taken):
    """One call that costs 2 and saves 200, two tensors to copy."""
    module, target = program("exp(negative(%x))"), Unit((*Unit().operators,), transfer, 2, 200)
    (decision,) = explain_partition(module, target)
    assert (decision.name, decision.calls, decision.cycles) == ("unit_0", 1, 2)
    assert (decision.transfer_cycles, decision.saved_cycles) == (2 * transfer, 200)
    assert decision.taken == taken
    after = checked(module, target)
    assert ("unit_0" in after) == taken
    assert operators(after["main"]) == (["exp"] if taken else ["exp", "negative"])


def test_each_region_decides_for_itself():
    """The first saves too little; functions bear the names of their decisions."""
    module = program("negative(negative(exp(negative(%x))))")
    target = Unit(transfer=75)
    decisions = explain_partition(module, target)
    assert [(item.name, item.taken) for item in decisions] == [("unit_0", False), ("unit_1", True)]
    after = checked(module, target)
    assert list(after) == ["main", "unit_1"]
    assert operators(after["main"]) == ["exp", "negative"]


def test_sizes_of_copies():
    """In bytes: a float32 vector of 4 in, another out; constants are not copied."""
    target = Unit()
    explain_partition(program("exp(add(%x, 1f))"), target)
    assert target.sizes == [16, 16]


def test_branches_and_inner_functions_stay():
    """What may not run at all is not moved, nor what an inner function's parameters reach."""
    text = """
    let %f = fn (%y: Tensor[(4), float32]) { negative(%y) };
    let %a = negative(%x);
    let %r = if (%c) { %f(add(%a, %a)) } else { exp(%a) };
    (%a, %r)
    """
    params = "%x: Tensor[(4), float32], %c: bool"
    x = np.array([1, -2, 3, -4], np.float32)
    for condition in (True, False):
        after = checked(program(text, params), Unit(), [x, np.array(condition)])
        assert operators(after["unit_0"]) == ["negative"]
        assert operators(after["main"]) == ["add", "exp", "negative"]


def test_clauses_of_a_match_stay():
    """What a clause computes may never be wanted: no region takes it."""
    text = """#[version = "0.0.5"]
    type Option[A] { Some(A), None_ }
    def @main(%x: Tensor[(1, 4), float32]) {
      match (Some(nn.relu(%x))) { Some(%y) => nn.relu(%y), None_ => nn.relu(nn.relu(%x)) }
    }"""
    module = infer(parse(text))
    after = partition(module, Unit(("nn.relu",), transfer=-1000))
    assert operators(after["main"]) == ["nn.relu"] * 3
    assert operators(after["unit_0"]) == ["nn.relu"]


def test_lets_are_inlined():
    text = "let %a = exp(%x); let %b = add(%a, %a); let %f = fn (%y: float32) { %y }; %b"
    after = inline_lets(program(text))
    lets = [node for node in post_order(after["main"].body) if isinstance(node, Let)]
    assert [isinstance(node.value, Function) for node in lets] == [True]
    assert operators(after["main"]) == ["add", "exp"]
    assert inline_lets(after) is after


@dataclass(frozen=True)
class Picky:
    """The accelerator, except that it takes only some of its layers."""

    seed: int
    share: float = 0.6
    name: str = "accel"

    def matches(self, body):
        draw = random.Random(self.seed)
        found = AccelTarget(preset("tiny")).matches(body)
        return [match for match in found if draw.random() < self.share]

    def transfer_cycles(self, size_bytes):
        return -1_000_000


@pytest.mark.parametrize("seed", range(40))
def test_meaning_is_kept(seed, random_network, random_inputs):
    """Random networks, random layers taken: equal results, and regions that can be built."""
    module = random_network(seed + 500, layers=7, channels=9)
    target = Picky(seed)
    after = checked(module, target, random_inputs(module, seed))
    taken = [call for match in target.matches(module["main"].body) for call in match.calls]
    regions = [name for name in after if name != "main"]
    inside = sum(len(operators(after[name])) for name in regions)
    assert inside == len(taken), f"seed {seed}"
    for name in regions:
        extract(name, after[name])


@pytest.mark.parametrize("seed", range(6))
def test_partition_of_all(seed, random_network):
    """Where the target takes everything, one region is left and nothing in main."""
    module = random_network(seed + 700, layers=5)
    after = partition(module, Picky(seed, share=1.0))
    assert [name for name in after if name != "main"] == ["accel_0"]
    assert operators(after["main"]) == []


@pytest.mark.parametrize("seed", range(30))
def test_generated_programs_keep_their_meaning(seed, random_program, program_inputs):
    """Lets, choices, functions and tuples around what a target takes."""
    module = infer(random_program(seed, 40))
    names = sorted(ELEMENTWISE)
    target = Unit(tuple(random.Random(seed).sample(names, len(names) * 3 // 4)), transfer=-1000)
    inputs = program_inputs(seed, module)
    after = verify(partition(module, target))
    expected, found = evaluate(module, *inputs), evaluate(after, *inputs)
    for one, two in zip(flat(expected), flat(found), strict=True):
        assert one.dtype == two.dtype, f"seed {seed}"
        np.testing.assert_array_equal(one, two, err_msg=f"seed {seed}")


def flat(value):
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, tuple) else [value]
