"""The text of programs, and that it reads back as the same program."""

import re

import numpy as np
import pytest

from compiler.errors import InvalidModule, Unsupported
from compiler.ir import (
    Call,
    Constant,
    Function,
    GlobalVar,
    Let,
    Module,
    TensorType,
    Tuple,
    TupleGetItem,
    Var,
    structural_equal,
)
from compiler.ir.types import IncompleteType
from compiler.ops import call
from compiler.text import parse, parse_expression, to_text
from compiler.text.literals import scalar_text

HEAD = '#[version = "0.0.5"]\n'

CANONICAL = [
    """def @main(%x: Tensor[(1, 784), float32], %w: Tensor[(10, 784), float32]) -> float32 {
  %0 = nn.dense(%x, %w, units=10);
  %1 = nn.bias_add(%0, %w, axis=-1);
  nn.softmax(%1)
}
""",
    """def @a(%x: int32, Primitive=1, Composite="a.b", list=[1, 2f, True, None]) {
  %x
}

def @b[A, B](%f: fn (A) -> B, %x: A) -> B {
  let %y: A = %x;
  %f(%y)
}
""",
    """def @main(%x: bool, %t: (int8, (), (int8,))) {
  let %z = if (%x) {
    %0 = %t.0;
    add(%0, %0)
  } else {
    %t.0
  };
  let %f = fn [A](%v: A) -> A {
    %v
  };
  %1 = (%z,);
  (%1, %f, @main)
}
""",
    """def @main(%x: float32) {
  %0 = exp(%x);
  %2 = fn (%y: float32) {
    %1 = add(%y, %0);
    multiply(%1, %0)
  };
  %3 = %2(%0);
  %4 = (
    let %z = -1.5f;
    add(%z, %3)
  );
  %5 = add(%3, %4);
  clip(%5, a_min=-inff, a_max=6f)
}
""",
]


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical_text_is_kept(text):
    assert to_text(parse(HEAD + text)) == HEAD + text


def test_functions_are_sorted_and_defaults_left_out():
    text = HEAD + "def @b() { nn.softmax(1f, axis=-1) } def @a() { mean(1f, keepdims=False) }"
    expected = "def @a() {\n  mean(1f)\n}\n\ndef @b() {\n  nn.softmax(1f)\n}\n"
    assert to_text(parse(text)) == HEAD + expected


def test_an_expression_declares_its_free_variables():
    text = "free_var %x: int32;\nfree_var %y;\nadd(%x, %y)\n"
    assert to_text(parse_expression(text)) == text


@pytest.mark.parametrize(
    "value, text",
    [
        (np.int32(-5), "-5"),
        (np.int64(42), "42i64"),
        (np.int16(7), "7i16"),
        (np.float32(0.1), "0.1f"),
        (np.float32(3), "3f"),
        (np.float32(-0.0), "-0f"),
        (np.float32(np.inf), "inff"),
        (np.float16(0.1), "0.1f16"),
        (np.float64(1e-300), "1e-300f64"),
        (np.bool_(True), "True"),
        (np.float32(np.nan), None),
        (np.float64(np.inf), None),
        (np.int8(1), None),
        (np.zeros(1, "int32"), None),
    ],
)
def test_scalars(value, text):
    assert scalar_text(np.asarray(value)) == text


@pytest.mark.parametrize("seed", range(5))
def test_constants_read_back_bit_for_bit(seed):
    rng = np.random.default_rng(seed)
    values = [
        np.asarray(rng.standard_normal(), dtype) * np.asarray(10.0 ** rng.integers(-4, 4), dtype)
        for dtype in ("float16", "float32", "float64")
        for _ in range(50)
    ]
    values += [np.frombuffer(rng.bytes(4), dtype)[:1] for dtype in ("float32", "float16", "int8")]
    values += [np.asarray(v, "float32") for v in (np.nan, -np.inf, -0.0, 1e-45, 3.4028235e38)]
    values += [
        np.asarray(v) for v in (np.int8(-3), np.uint64(2**64 - 1), True, -(2**31), 2**63 - 1)
    ]
    values += [np.zeros((0, 3), "int16"), rng.standard_normal((3, 4)).T, np.ones((2, 2), "bool")]
    body = Tuple(tuple(Constant(value) for value in values))
    back = parse(to_text(Module({"main": Function((), body)})))["main"].body
    for before, after in zip(values, back.fields, strict=True):
        assert before.dtype == after.value.dtype and before.shape == after.value.shape
        assert before.tobytes() == after.value.tobytes(), f"seed {seed}: {before!r}"


def test_a_shared_constant_is_written_once():
    weight = Constant(np.ones(3, "int8"))
    text = to_text(Module({"main": Function((), call("add", weight, weight))}))
    assert text == HEAD + (
        "def @main() {\n  add(meta[relay.Constant][0], meta[relay.Constant][0])\n}\n\n"
        '#[metadata]\n{\n  "relay.Constant": [\n'
        '    {"dtype": "int8", "shape": [3], "data": "AQEB"}\n  ]\n}\n'
    )
    assert "#[metadata]" not in to_text(parse(text), metadata=False)


def test_names_become_identifiers_and_differ():
    names = ["serving_default_input:0", "0", "", "x", "x", "x1", "x"]
    params = tuple(Var(name) for name in names)
    module = Module({"main": Function(params, Tuple(params))})
    text = to_text(module)
    expected = "%serving_default_input_0, %v0, %v, %x, %x1, %x11, %x2"
    assert f"({expected}) {{" in text
    assert structural_equal(parse(text), module)


def test_a_node_is_bound_where_all_its_uses_see_it():
    text = (
        HEAD
        + """def @main(%x: bool, %y: float32) {
  %0 = exp(%y);
  if (%x) {
    %1 = sqrt(%0);
    add(%1, %1)
  } else {
    tanh(%0)
  }
}
"""
    )
    module = parse(text)
    assert to_text(module) == text
    shared = module["main"].body
    assert shared.then.args[0].args[0] is shared.otherwise.args[0]


def test_a_shared_binding_is_written_once():
    var = Var("z")
    inner = Let(var, Constant(np.float32(1)), call("exp", var))
    module = Module({"main": Function((), call("add", inner, inner))})
    assert to_text(module).count("let") == 1
    assert structural_equal(parse(to_text(module)), module)


def test_deep_programs():
    x = Var("x", TensorType((), "float32"))
    chain, lets = x, []
    for _ in range(10_000):
        chain = call("negative", chain)
    module = Module({"main": Function((x,), chain)})
    assert structural_equal(parse(to_text(module)), module)
    value = x
    for _ in range(2_000):
        lets.append((Var("y"), call("negative", value)))
        value = lets[-1][0]
    body = value
    for var, bound in reversed(lets):
        body = Let(var, bound, body)
    module = Module({"main": Function((x,), body)})
    assert structural_equal(parse(to_text(module)), module)
    value = x
    for _ in range(5_000):
        value = TupleGetItem(Tuple((value,)), 0)
    assert structural_equal(parse_expression(to_text(value)), value)


@pytest.mark.parametrize(
    "expr, kind, message",
    [
        (
            Call(GlobalVar("main"), (), {"axis": 1}),
            InvalidModule,
            "a call of a function has attributes only with attrs_type_key; "
            "give them to the function",
        ),
        (
            Function((), Constant(np.float32(1)), attrs={"a b": 1}),
            InvalidModule,
            "'a b' cannot be the name of an attribute; rename it",
        ),
        (
            Function((), Constant(np.float32(1)), attrs={"n": 2**63}),
            Unsupported,
            "9223372036854775808 has more than 64 bits; no attribute can have it",
        ),
        (
            Function((), Constant(np.float32(1)), attrs={"x": float("nan")}),
            Unsupported,
            "not-a-number cannot be written as an attribute",
        ),
    ],
)
def test_what_the_format_cannot_write(expr, kind, message):
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        to_text(Module({"main": Function((), expr)}))


def test_a_global_name_must_be_an_identifier():
    module = Module({"a-b": Function((), Constant(np.float32(1)))})
    with pytest.raises(InvalidModule, match=r"^@a-b is no identifier, so it cannot be written; "):
        to_text(module)


def test_an_annotation_that_says_nothing_is_left_out():
    param = Var("x", IncompleteType(-1))
    module = Module({"main": Function((param,), param, IncompleteType(-1))})
    assert to_text(module) == HEAD + "def @main(%x) {\n  %x\n}\n"
    assert structural_equal(parse(to_text(module)), module)
