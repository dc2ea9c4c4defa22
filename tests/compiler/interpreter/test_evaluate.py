"""Evaluation: control flow, functions, inputs that are refused, and no limit of depth."""

import re

import numpy as np
import pytest

from compiler.errors import CompileError, InvalidInput
from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Function, Let, Module, TensorType, Var
from compiler.ops import call
from compiler.text import parse

HEAD = '#[version = "0.0.5"]\n'


def run(text, *inputs):
    return evaluate(parse(HEAD + text, "net.relay"), *inputs)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("def @main() { 1 + 2 * 3 }", 7),
        ("def @main() { let %x = 1; let %x = %x + 1; %x }", 2),
        ("def @main() { if (1 < 2) { 10 } else { 20 } }", 10),
        ("def @main() { if (1 > 2) { 10 } else { 20 } }", 20),
        ("def @main() { (1, (2, 3)).1 }", (2, 3)),
        ("def @main() { let %f = fn (%x: int32) { fn (%y: int32) { %x - %y } }; %f(9)(4) }", 5),
        ("def @f(%x: int32) -> int32 { %x * %x } def @main() { @f(@f(3)) }", 81),
        (
            "def @twice[A](%f: fn (A) -> A, %x: A) -> A { %f(%f(%x)) }\n"
            "def @main() { @twice(fn (%y: int32) { %y * 3 }, 2) }",
            18,
        ),
        (
            "def @main() { let %sum = fn (%n: int32) -> int32 "
            "{ if (%n == 0) { 0 } else { %n + %sum(%n - 1) } }; %sum(100) }",
            5050,
        ),
        (
            # Each call of %g has values of its own for %n and for what depends on it.
            "def @main() { let %g = fn (%n: int32) -> int32 { %0 = %n * 10; "
            "if (%n == 0) { 1 } else { %g(%n - 1) + %0 } }; %g(3) }",
            61,
        ),
    ],
)
def test_programs(text, expected):
    assert run(text) == expected


def test_a_branch_that_is_not_taken_is_not_evaluated():
    text = """def @loop(%n: int32) -> int32 { @loop(%n) }
    def @main(%c: bool) { if (%c) { 1 } else { @loop(0) } }"""
    assert run(text, np.array(True)) == 1


def test_deep_recursion_and_long_chains():
    count = """def @count(%n: int32, %total: int32) -> int32 {
      if (%n == 0) { %total } else { @count(%n - 1, %total + %n) }
    }
    def @main(%n: int32) { @count(%n, 0) }"""
    assert run(count, np.int32(2_000)) == 2_000 * 2_001 // 2
    x = Var("x", TensorType((2,), "int32"))
    one = call("ones", shape=[2], dtype="int32")
    body, lets = x, []
    for _ in range(20_000):
        body = call("add", body, one)
    module = Module({"main": Function((x,), body)})
    assert evaluate(module, np.zeros(2, "int32")).tolist() == [20_000, 20_000]
    value = x
    for _ in range(3_000):
        lets.append((Var("y"), call("add", value, one)))
        value = lets[-1][0]
    body = value
    for var, bound in reversed(lets):
        body = Let(var, bound, body)
    module = Module({"main": Function((x,), body)})
    assert evaluate(module, np.zeros(2, "int32")).tolist() == [3_000, 3_000]


def test_a_shared_node_is_evaluated_once():
    x = Var("x", TensorType((), "float32"))
    body = x
    for _ in range(200):
        body = call("add", body, body)  # two to the 200 paths
    assert evaluate(Module({"main": Function((x,), body)}), np.float32(0)) == 0


def test_overflow_is_a_result_and_no_warning():
    assert np.isinf(run("def @main(%x: float32) { exp(%x) }", np.float32(1000)))
    assert run("def @main(%x: int8) { %x + %x }", np.int8(100)) == np.int8(-56)


def test_typed_modules_and_tuples_of_inputs():
    module = infer(parse(HEAD + "def @main(%t: (int8, (Tensor[(2), int8],))) { %t.0 + (%t.1).0 }"))
    result = evaluate(module, (np.int8(1), (np.array([1, 2], "int8"),)))
    assert result.tolist() == [2, 3]


def test_foreign_byte_order_is_taken():
    swapped = np.array([1, 2], np.dtype("int32").newbyteorder())
    assert run("def @main(%x: Tensor[(2), int32]) { %x }", swapped).tolist() == [1, 2]


def test_unknown_sizes_are_checked_when_they_are_known():
    text = "def @main(%x: Tensor[(?, 2), int8], %y: Tensor[(?, 2), int8]) {\n  add(%x, %y)\n}"
    small, large = np.ones((1, 2), "int8"), np.ones((3, 2), "int8")
    assert run(text, small, large).shape == (3, 2)
    message = r"^net.relay:3:3: add: shapes \(2, 2\) and \(3, 2\) do not broadcast: axis -2 is 2 an"
    with pytest.raises(InvalidInput, match=message):
        run(text, np.ones((2, 2), "int8"), large)
    text = """def @f(%z: Tensor[(2), int8]) { %z } def @main(%x: Tensor[(?), int8]) { @f(%x) }"""
    message = r"^net.relay:2:\d+: %z must be Tensor\[\(2\), int8\], not Tensor\[\(3\), int8\]\n"
    with pytest.raises(InvalidInput, match=message):
        run(text, np.ones(3, "int8"))


MAIN = "def @main(%x: Tensor[(1, 4), int8], %t: (bool, float32)) { %x }"


@pytest.mark.parametrize(
    "text, inputs, message",
    [
        (
            MAIN,
            (np.zeros((1, 4), "int8"),),
            "net.relay:2:1: @main takes 2 inputs (%x: Tensor[(1, 4), int8], %t: (bool, float32)), "
            "not 1",
        ),
        (
            MAIN,
            (np.zeros((1, 3), "int8"), (np.array(True), np.float32(1))),
            "net.relay:2:11: input 0 (%x) must be Tensor[(1, 4), int8], not Tensor[(1, 3), int8]; "
            "reshape or convert it",
        ),
        (
            MAIN,
            (np.zeros((1, 4), "float64"), (np.array(True), np.float32(1))),
            "net.relay:2:11: input 0 (%x) must be Tensor[(1, 4), int8], not Tensor[(1, 4), float64",
        ),
        (
            MAIN,
            (np.zeros((1, 4), "int8"), (np.array(True), np.float64(1))),
            "net.relay:2:37: input 1 (%t) must be (bool, float32), not (bool, float64); reshape or",
        ),
        (
            MAIN,
            (np.zeros((1, 4), "int8"), np.array(True)),
            "net.relay:2:37: input 1 (%t) must be (bool, float32), not bool; reshape or convert it",
        ),
        (
            MAIN,
            ((np.zeros((1, 4), "int8"),), np.array(True)),
            "net.relay:2:11: input 0 (%x) must be Tensor[(1, 4), int8], not (Tensor[(1, 4), int8],",
        ),
        ("def @f() { 1 }", (), "a program needs a function @main; this module has @f"),
        (
            "def @main() { fn () { 1 } }",
            (),
            "net.relay:2:1: @main must give tensors, tuples and data, not a function",
        ),
    ],
)
def test_refused(text, inputs, message):
    with pytest.raises(CompileError, match="^" + re.escape(message)):
        run(text, *inputs)


def test_an_unbound_variable():
    free = Var("y", TensorType((), "int32"))
    with pytest.raises(CompileError, match=r"^%y is not bound$"):
        evaluate(Module({"main": Function((), free)}))
