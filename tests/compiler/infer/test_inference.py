"""Types of programs: found, carried through functions and bindings, and refused."""

import re

import numpy as np
import pytest

from compiler.errors import CompileError, TypeInferenceError
from compiler.infer import infer
from compiler.ir import (
    Call,
    Constant,
    Function,
    GlobalVar,
    Module,
    Op,
    TensorType,
    Tuple,
    Var,
    structural_equal,
)
from compiler.ir.visitor import post_order
from compiler.ops import call
from compiler.text import parse

HEAD = '#[version = "0.0.5"]\n'


def type_of(text, name="main"):
    return str(infer(parse(HEAD + text, "net.relay"))[name].type)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("def @main(%x: int32) { (%x, (%x,)) }", "fn (int32) -> (int32, (int32,))"),
        ("def @main(%x: (int8, bool)) { %x.1 }", "fn ((int8, bool)) -> bool"),
        ("def @main(%x) { if (%x) { 1 } else { 2 } }", "fn (bool) -> int32"),
        ("def @main() { let %f = fn (%y) { %y }; %f(1) }", "fn () -> int32"),
        ("def @main() { let %f = fn (%y) { (%y, 1f) }; %f }", "!"),
        (
            "def @main(%x: Tensor[(2, 4), float32], %w) { nn.dense(%x, %w, units=3) }",
            "fn (Tensor[(2, 4), float32], Tensor[(3, 4), float32]) -> Tensor[(2, 3), float32]",
        ),
        (
            "def @main(%x: Tensor[(2, 4), float32], %b) { nn.bias_add(%x, %b) }",
            "fn (Tensor[(2, 4), float32], Tensor[(4), float32]) -> Tensor[(2, 4), float32]",
        ),
        (
            "def @id[A](%x: A) -> A { %x } def @main() { (@id(1), @id(2f), @id(True)) }",
            "fn () -> (int32, float32, bool)",
        ),
        (
            "def @twice[A](%f: fn (A) -> A, %x: A) -> A { %f(%f(%x)) }\n"
            "def @main(%x: Tensor[(3), int8]) { @twice(fn (%y) { %y + %y }, %x) }",
            "fn (Tensor[(3), int8]) -> Tensor[(3), int8]",
        ),
        (
            "def @main() { let %f = fn (%n: int32) -> int32 "
            "{ if (%n == 0) { 0 } else { %f(%n - 1) } }; %f(9) }",
            "fn () -> int32",
        ),
        ("def @main(%x: Tensor[(?, 2), int8]) { %x + %x }", "fn (Tensor[(n, 2), int8]) -> Tensor["),
        (
            "def @even(%n: int32) -> bool { if (%n == 0) { True } else { @odd(%n - 1) } }\n"
            "def @odd(%n: int32) -> bool { if (%n == 0) { False } else { @even(%n - 1) } }\n"
            "def @main() { @even(7) }",
            "fn () -> bool",
        ),
        ("def @main(%x: int8) { @later(%x) } def @later(%y) { %y * %y }", "fn (int8) -> int8"),
    ],
)
def test_types(text, expected):
    if expected == "!":
        with pytest.raises(
            TypeInferenceError, match=r"^net.relay:2:\d+: the type of %y cannot be "
        ):
            type_of(text)
    else:
        assert type_of(text).startswith(expected)


def test_a_relation_waits_until_its_operand_is_known():
    text = """def @main(%x: int8) {
      let %f = fn (%a, %b) { concatenate((%a, %b), axis=0) };
      let %g = fn (%p) { %p.1 };
      %f(zeros(shape=[2], dtype="int8"), %g((%x, ones(shape=[3], dtype="int8"))))
    }"""
    assert type_of(text) == "fn (int8) -> Tensor[(5), int8]"


def test_every_node_is_typed_and_nothing_else_changes():
    text = """def @main(%x: Tensor[(1, 3, 8, 8), float32], %w: Tensor[(4, 3, 3, 3), float32]) {
      let %y = nn.conv2d(%x, %w);
      if (less(mean(%y), 0f)) { nn.relu(%y) } else { (%y, 1).0 }
    }"""
    module = parse(HEAD + text)
    typed = infer(module)
    assert structural_equal(module, typed)
    assert all(node.type is not None for node in post_order(typed["main"]))
    assert all(param.type is not None for param in typed["main"].params)
    assert module["main"].type is None, "infer does not change its argument"
    assert structural_equal(infer(typed), typed)


def test_attributes_are_completed():
    x = Var("x", TensorType((1, 4), "float32"))
    body = Call(Op("nn.softmax"), (x,))
    typed = infer(Module({"main": Function((x,), body)}))
    assert dict(typed["main"].body.attrs) == {"axis": -1}


def test_sharing_is_kept():
    x = Var("x", TensorType((), "float32"))
    shared = call("exp", x)
    typed = infer(Module({"main": Function((x,), call("add", shared, shared))}))
    body = typed["main"].body
    assert body.args[0] is body.args[1] and body.args[0].args[0] is typed["main"].params[0]


REFUSED = [
    (
        "def @main(%x) { %x + 1f }",
        "net.relay:2:17: add: the type of lhs cannot be found; annotate it",
    ),
    (
        "def @main(%x: Tensor[(1, 784), float32], %w: Tensor[(10, 783), float32]) {\n"
        "  nn.dense(%x, %w)\n}",
        "net.relay:3:3: nn.dense: axis 1 of weight must be 784 (the last axis of data), not 783; "
        "transpose the weight, or reshape data (data is Tensor[(1, 784), float32], weight is "
        "Tensor[(10, 783), float32])",
    ),
    (
        "def @main() { if (1) { 1 } else { 2 } }",
        "net.relay:2:19: the condition must have type bool, not int32: data type bool is not int32",
    ),
    (
        "def @main() { if (True) { 1 } else { 2f } }",
        "net.relay:2:38: else must have type int32, not float32: data type int32 is not float32",
    ),
    (
        "def @main() -> int8 { 1 }",
        "net.relay:2:23: the function's result must have type int8, not int32: data type int8 is ",
    ),
    (
        "def @main() { let %x: (int32, int32) = (1, 2, 3); %x }",
        "net.relay:2:40: %x must have type (int32, int32), not (int32, int32, int32): a tuple of 2",
    ),
    (
        "def @f(%x: int32) -> int32 { %x } def @main() { @f(1f) }",
        "net.relay:2:52: argument 1 of @f must have type int32, not float32: data type int32 is no",
    ),
    (
        "def @f(%x: int32) -> int32 { %x } def @main() { @f(1, 2) }",
        "net.relay:2:49: @f takes 1 arguments (int32), not 2",
    ),
    (
        "def @main(%x: Tensor[(2, 3), int8]) { let %y: Tensor[(2, 4), int8] = %x; %y }",
        "net.relay:2:39: %y must have type Tensor[(2, 4), int8], not Tensor[(2, 3), int8]: axis 1 ",
    ),
    ("def @main(%x) { 1 }", "net.relay:2:11: the type of %x cannot be found, only _; annotate it"),
    (
        "def @main(%x) { nn.softmax(nn.dense(%x, %x)) }",
        "net.relay:2:28: nn.dense: the type of data, weight cannot be found; annotate it",
    ),
    ("def @main() { (1, 2).2 }", "net.relay:2:15: projection .2: the tuple has 2 fields; fields "),
    ("def @main() { (1).0 }", "net.relay:2:15: projection .0: only a tuple has fields; leave the "),
    ("def @main() { add(1) }", "net.relay:2:15: add takes 2 arguments (lhs, rhs), not 1"),
    (
        "def @main() { let %f = 1; %f(2) }",
        "net.relay:2:27: %f is called, but it is no function: its type is int32; leave the call ou",
    ),
    (
        "def @main() { let %f = fn (%g) { %g(%g) }; 1 }",
        "net.relay:2:34: %g must have type fn (_) -> _, not _: a type would contain itself: fn (_)",
    ),
    (
        "def @f[A](%x: A, %y: A) -> A { %x } def @main() { @f(1, 2f) }",
        "net.relay:2:57: argument 2 of @f must have type int32, not float32: data type int32 is no",
    ),
    (
        "def @f[A](%x: A) -> A { 1 } def @main() { 1 }",
        "net.relay:2:25: the function's result must ",
    ),
]


@pytest.mark.parametrize("text, message", REFUSED)
def test_refused(text, message):
    with pytest.raises(CompileError, match="^" + re.escape(message)):
        type_of(text)


def test_a_missing_global_function():
    module = Module({"main": Function((), Call(GlobalVar("other"), ()))})
    with pytest.raises(CompileError, match=r"^there is no function @other in the module$"):
        infer(module)


def test_a_chain_of_twenty_thousand_calls():
    x = Var("x", TensorType((1,), "float32"))
    body = x
    for _ in range(20_000):
        body = call("negative", body)
    assert str(infer(Module({"main": Function((x,), body)}))["main"].body.type) == str(x.annotation)


def test_a_chain_that_is_solved_backwards():
    """Nothing is known until the last function is called: then all that waited is solved."""
    x = Var("x")
    body = x
    for _ in range(5_000):
        body = call("negative", body)
    main = Function((), Call(Function((x,), body), (Constant(np.float32(1)),)))
    assert str(infer(Module({"main": main}))["main"].type) == "fn () -> float32"


def test_a_type_that_nests_too_deeply():
    body = Constant(np.float32(1))
    for _ in range(20_000):
        body = Tuple((body,))
    with pytest.raises(TypeInferenceError, match=r"^a type nests too deeply; use flatter tuples$"):
        infer(Module({"main": Function((), body)}))
