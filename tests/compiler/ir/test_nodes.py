"""Nodes, modules, walks over them, and equality by structure."""

import doctest

import numpy as np
import pytest

import compiler.ir.pattern
import compiler.ir.span
from compiler.ir import (
    Call,
    Constant,
    Function,
    GlobalVar,
    If,
    Let,
    Module,
    Op,
    Span,
    TensorType,
    Tuple,
    TupleGetItem,
    Var,
    structural_equal,
)
from compiler.ir.visitor import (
    bound_vars,
    children,
    count_uses,
    free_vars,
    global_vars,
    post_order,
    rewrite,
    substitute,
    with_children,
)
from compiler.text import parse, parse_expression

ONE = Constant(np.float32(1))


def exp(x):
    return Call(Op("exp"), (x,))


@pytest.mark.parametrize("module", [compiler.ir.span, compiler.ir.pattern])
def test_examples_in_docstrings(module):
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


def test_nodes_cannot_be_changed():
    node = exp(ONE)
    with pytest.raises(AttributeError):
        node.args = ()
    with pytest.raises(TypeError):
        node.attrs["axis"] = 1
    with pytest.raises(ValueError, match=r"^assignment destination is read-only$"):
        ONE.value[...] = 2
    assert repr(Var("x", span=Span("t", 1, 2))) == "<Var at t:1:2>"


def test_a_constant_does_not_freeze_the_array_it_came_from():
    array = np.zeros(3)
    Constant(array)
    array[0] = 1


def test_module():
    main = Function((), ONE)
    module = Module({"main": main})
    assert module["main"] is main and "main" in module and list(module) == ["main"]
    changed = module.replace(main=Function((), ONE), f=main)
    assert changed["f"] is main and changed["main"] is not main and len(changed) == 2
    assert len(module) == 1 and repr(changed) == "<Module of @main, @f>"


def test_post_order_yields_each_node_once_after_its_children():
    x = Var("x")
    shared = exp(x)
    f = Function((x,), Tuple((shared, shared)))
    root = Let(Var("f"), f, If(ONE, Call(f, (ONE,)), TupleGetItem(Call(GlobalVar("g"), ()), 0)))
    order = list(post_order(root))
    places = {id(node): place for place, node in enumerate(order)}
    assert len(places) == len(order) and order[-1] is root
    for node in order:
        assert all(places[id(part)] < places[id(node)] for part in children(node))
    uses = count_uses(root)
    assert uses[id(shared)] == 2 and uses[id(f)] == 2 and uses[id(root)] == 0
    assert global_vars(root) == ("g",)


def test_rewrite_keeps_sharing_and_untouched_nodes():
    x = Var("x")
    kept, shared = exp(x), exp(ONE)
    root = Tuple((shared, shared, kept))
    two = Constant(np.float32(2))
    new = rewrite(root, lambda node: two if node is ONE else node)
    assert new.fields[0] is new.fields[1] and new.fields[0].args == (two,)
    assert new.fields[2] is kept
    assert rewrite(root, lambda node: node) is root


def test_changed_nodes_lose_their_type():
    typed = Call(Op("exp"), (ONE,), type=TensorType(()))
    assert with_children(typed, (ONE,)) is typed
    assert with_children(typed, (Constant(np.float32(3)),)).type is None


def test_variables():
    x, y, z = Var("x"), Var("y"), Var("z")
    root = Function((x,), Let(y, exp(x), Tuple((y, z))))
    assert free_vars(root) == (z,) and set(bound_vars(root)) == {x, y}
    assert free_vars(substitute(root, {z: ONE})) == ()


@pytest.mark.parametrize(
    "left, right, equal",
    [
        ("fn (%x) { %x }", "fn (%y) { %y }", True),
        ("fn (%x, %y) { %x }", "fn (%x, %y) { %y }", False),
        ("fn (%x: int8) { %x }", "fn (%x) { %x }", False),
        ("fn (%x) -> int8 { %x }", "fn (%x) { %x }", False),
        ("fn (%x, A=1) { %x }", "fn (%x, A=1f) { %x }", False),
        ("let %x = 1; let %y = 2; (%x, %y)", "let %y = 1; let %x = 2; (%y, %x)", True),
        ("let %x = 1; let %y = 2; (%x, %y)", "let %x = 1; let %y = 2; (%y, %x)", False),
        ("%0 = exp(1f); (%0, %0)", "(exp(1f), exp(1f))", True),
        ("free_var %x; %x", "free_var %x; %x", True),
        ("free_var %x; %x", "free_var %y; %y", False),
        ("free_var %x; free_var %y; (%x, %y)", "free_var %x; (%x, %x)", False),
        ("1", "1i64", False),
        ("0f", "-0f", False),
        ("(1, 2).0", "(1, 2).1", False),
        ("nn.softmax(1f, axis=0)", "nn.softmax(1f)", False),
        ("exp(1f)", "sqrt(1f)", False),
        ("if (True) {1} else {2}", "if (True) {1} else {3}", False),
        ("fn (%x) { %x }(1)", "fn (%x) { %x }(2)", False),
        ("(1, 2)", "(1, 2, 3)", False),
    ],
)
def test_structural_equality(left, right, equal):
    a, b = parse_expression(left), parse_expression(right)
    assert structural_equal(a, b) is equal and structural_equal(b, a) is equal
    assert structural_equal(a, a)


def test_equality_of_modules():
    head = '#[version = "0.0.5"]'
    one, two = (parse(f"{head} def @main() {{ {n} }} def @f() {{ 1 }}") for n in (1, 2))
    less = parse(head + " def @main() { 1 }")
    assert structural_equal(one, one) and not structural_equal(one, two)
    assert not structural_equal(one, less) and not structural_equal(one, one["main"])


def test_not_a_number_equals_itself():
    nan = Constant(np.float32(np.nan))
    assert structural_equal(nan, Constant(np.float32(np.nan)))


def test_equality_of_widely_shared_nodes_is_quick():
    def tower():
        node = ONE
        for _ in range(500):
            node = Call(Op("add"), (node, node))
        return node

    assert structural_equal(tower(), tower())
