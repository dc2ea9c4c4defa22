"""Symbols for unknown sizes: what is kept of them, and what they never refuse."""

import pytest

from compiler.infer import infer
from compiler.infer.symbols import instantiate_sizes, refine
from compiler.ir import Any, Function, FuncType, Module, TensorType, TupleType, Var
from compiler.ir.dims import Symbol, symbol
from compiler.ops import call
from compiler.text import parse, to_text

HEAD = '#[version = "0.0.5"]\n'


def result(text, name="main"):
    return str(infer(parse(HEAD + text))[name].type.ret)


PARAMS = "%x: Tensor[(?, 4), float32], %y: Tensor[(?, 4), float32], %w: Tensor[(8, 4), float32]"


@pytest.mark.parametrize(
    "body, expected",
    [
        ("%x + %x", "Tensor[(n, 4), float32]"),
        ("%x + 1f", "Tensor[(n, 4), float32]"),
        ("%x + %y", "Tensor[(?, 4), float32]"),
        ("concatenate((%x, %y), axis=0)", "Tensor[(m + n, 4), float32]"),
        ("concatenate((%x, %x, ones(shape=[1, 4], dtype='float32')))", "Tensor[(2*n + 1, 4), fl"),
        ("concatenate((%x, %y), axis=0) + concatenate((%y, %x), axis=0)", "Tensor[(m + n, 4), fl"),
        ("reshape(%x, newshape=[-1])", "Tensor[(4*n), float32]"),
        ("reshape(%x, newshape=[-1, 2])", "Tensor[(2*n, 2), float32]"),
        ("nn.dense(%x, %w)", "Tensor[(n, 8), float32]"),
        ("nn.dense(%x, %y)", "Tensor[(n, m), float32]"),
        ("transpose(%x)", "Tensor[(4, n), float32]"),
        ("nn.dense(transpose(%x), transpose(%x))", "Tensor[(4, 4), float32]"),
        ("stack((%x, %x))", "Tensor[(2, n, 4), float32]"),
        ("if (True) { %x } else { nn.relu(%x) }", "Tensor[(n, 4), float32]"),
        ("if (True) { %x } else { %y }", "Tensor[(?, 4), float32]"),
        ("let %z: Tensor[(?, ?), float32] = %x; %z + %x", "Tensor[(n, 4), float32]"),
        ("let %r = ref(%x); ref_read(%r)", "Tensor[(n, 4), float32]"),
        ("let %r = ref(%x); ref_write(%r, %y); ref_read(%r)", "Tensor[(?, 4), float32]"),
        ("let %f = fn (%z) { %z + %x }; %f(%x)", "Tensor[(n, 4), float32]"),
        ("(%x, (%y,)).1", "(Tensor[(m, 4), float32],)"),
    ],
)
def test_what_is_kept(body, expected):
    body = body.replace("'", '"')
    assert result(f"def @main({PARAMS}) {{ {body} }}").startswith(expected)


def test_windows():
    text = """def @main(%x: Tensor[(?, 3, ?, 32), float32], %w: Tensor[(4, 3, 3, 3), float32]) {
      nn.conv2d(%x, %w, strides=[2, 2], padding=[1, 1, 1, 1], channels=4, kernel_size=[3, 3])
    }"""
    assert result(text) == "Tensor[(n, 4, (m + 1)//2, 16), float32]"


DOUBLE = (
    "def @double(%x: Tensor[(?, 4), int8]) { concatenate((%x, %x)) }\n"
    "def @same(%x: Tensor[(?), int8], %y: Tensor[(?), int8]) -> Tensor[(?), int8] { %x }\n"
    "def @loop(%x: Tensor[(?), int8], %n: int32) -> Tensor[(?), int8] "
    "{ if (%n == 0) { %x } else { @loop(concatenate((%x, %x)), %n - 1) } }\n"
    "def @grow(%x: Tensor[(?), int8], %n: int32) "
    "{ if (%n == 0) { %x } else { @grow(concatenate((%x, %x)), %n - 1) } }\n"
)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("(%x: Tensor[(3, 4), int8]) { @double(%x) }", "Tensor[(6, 4), int8]"),
        ("(%x: Tensor[(?, 4), int8]) { @double(@double(%x)) }", "Tensor[(4*q, 4), int8]"),
        ("(%x: Tensor[(?), int8]) { @same(%x, ones(shape=[2], dtype=\"int8\")) }", "Tensor[("),
        ("(%x: Tensor[(2), int8]) { @same(%x, %x) }", "Tensor[(2), int8]"),
        ("(%x: Tensor[(2), int8]) { @loop(%x, 3) }", "Tensor[(?), int8]"),
        ("(%x: Tensor[(2), int8]) { @grow(%x, 3) }", "Tensor[(?), int8]"),
        ("(%x: (Tensor[(2, 4), int8],)) { let %f = @double; %f(%x.0) }", "Tensor[(?, 4), int8]"),
    ],
)  # fmt: skip
def test_calls(text, expected):
    found = result(DOUBLE + "def @main" + text)
    assert found.startswith(expected) and ("?" in found) == ("?" in expected)


def test_annotations_stay_as_they_are_written():
    text = f"{HEAD}def @main(%x: Tensor[(?, 2), int8]) {{\n  %x + %x\n}}\n"
    assert "?" in to_text(infer(parse(text))) and "n," not in to_text(infer(parse(text)))


def test_symbols_in_annotations_are_named_anew():
    """A pass may write a type that it found as an annotation: the function has its own symbols."""
    n = symbol("n")
    x, y = Var("x", TensorType((n, 4))), Var("y", TensorType((n * 2, 4)))
    body = call("add", call("nn.relu", y), y)
    other = Function((Var("z", TensorType((Any(),))),), Var("c", TensorType((n,))))
    module = Module({"a": Function((x, y), body), "b": other})
    typed = infer(module)
    assert str(typed["a"].type) == (
        "fn (Tensor[(n, 4), float32], Tensor[(2*n, 4), float32]) -> Tensor[(2*n, 4), float32]"
    )
    assert str(typed["b"].type) == "fn (Tensor[(m), float32]) -> Tensor[(?), float32]"


def test_instances_of_sizes():
    n, m = symbol("n"), symbol("m")
    own = frozenset({Symbol("n"), Symbol("m")})
    function = FuncType((TensorType((n, m)), TupleType((TensorType((n,)),))), TensorType((n + m,)))
    known = instantiate_sizes(function, own, (TensorType((2, 3)), TupleType((TensorType((2,)),))))
    assert known.ret == TensorType((5,))
    other = symbol("k")
    assert instantiate_sizes(function, own, (TensorType((2, other)),)).ret == TensorType(
        (other + 2,)
    )
    assert instantiate_sizes(function, own, ()).ret == TensorType((Any(),))


def test_an_annotation_is_refined():
    given = TupleType((TensorType((Any(), 2)), TensorType((3,))))
    found = TupleType((TensorType((symbol("n"), Any())), TensorType((3,))))
    assert refine(given, found) == TupleType((TensorType((symbol("n"), 2)), TensorType((3,))))
    assert refine(given, given) is given
