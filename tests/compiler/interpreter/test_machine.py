"""Data, cells, match, deep recursion, tail calls, and checks of sizes that only a run shows."""

import re
import tracemalloc

import numpy as np
import pytest

from compiler.errors import InvalidInput
from compiler.infer import infer
from compiler.interpreter import Data, Reference, evaluate, same_value
from compiler.text import parse

HEAD = """#[version = "0.0.5"]
type List[A] { Cons(A, List[A]), Nil }
type Colour { Red, Grey(int32) }
"""


def run(text, *inputs):
    return evaluate(parse(HEAD + text, "f.relay"), *inputs)


def list_of(*items):
    made = Data("Nil")
    for item in reversed(items):
        made = Data("Cons", (item, made))
    return made


@pytest.mark.parametrize(
    "body, expected",
    [
        ("let %r = ref(1); ref_write(%r, 2); ref_read(%r)", np.int32(2)),
        ("let %r = ref(1); (ref_read(%r), ref_write(%r, 2), ref_read(%r))", (1, (), 2)),
        ("let %r = ref(1); let %s = %r; ref_write(%s, 5); ref_read(%r)", 5),
        (
            # A closure sees what the cell holds when it is called, not when it was made.
            "let %r = ref(1); let %f = fn () { ref_read(%r) }; ref_write(%r, 7); %f()",
            7,
        ),
        (
            # Arguments are evaluated from left to right.
            "let %r = ref(1); let %f = fn (%x: int32) { ref_write(%r, %x); ref_read(%r) };\n"
            "(%f(2), ref_read(%r), %f(3))",
            (2, 2, 3),
        ),
        ("match (Cons(1, Cons(2, Nil))) { Cons(_, Cons(%x, _)) => %x, _ => 0 }", 2),
        ("match ((Red, Grey(3))) { (Grey(_), _) => 1, (_, Grey(%n)) => %n, _ => 0 }", 3),
        ("match (1) { %x => %x + 1, _ => 0 }", 2),
        ("match? (Grey(4)) { Grey(%n) => %n }", 4),
        ("let %f = Grey; match (%f(4)) { Grey(%n) => %n, Red => 0 }", 4),
        ("Cons(Red, Nil)", list_of(Data("Red"))),
        ("ref(Cons(1, Nil))", Reference(list_of(np.int32(1)))),
        (
            # A clause that is not taken is not evaluated.
            "let %r = ref(1); let %x = match (Red) { Red => 0, Grey(_) => { ref_write(%r, 9); 1 } "
            "}; ref_read(%r) + %x",
            1,
        ),
    ],
)
def test_programs(body, expected):
    assert same_value(run(f"def @main() {{ {body} }}"), as_arrays(expected))


def as_arrays(value):
    return tuple(map(as_arrays, value)) if isinstance(value, tuple) else (
        np.int32(value) if isinstance(value, int) else value
    )  # fmt: skip


def test_recursion_of_depth_a_hundred_thousand():
    copy = """def @copy(%l: List[Colour]) -> List[Colour] {
      match (%l) { Cons(%x, %rest) => Cons(%x, @copy(%rest)), Nil => Nil }
    }
    def @main(%l: List[Colour]) { @copy(%l) }"""
    given = list_of(*[Data("Red")] * 100_000)
    assert same_value(run(copy, given), given)


def test_a_loop_by_recursion_needs_no_memory():
    """Through if, let and match: each call takes the place of its caller."""
    module = infer(
        parse(
            HEAD + "def @loop(%n: int32, %c: Colour) -> int32 { if (%n == 0) { 0 } else {\n"
            "let %m = %n - 1; match (%c) { Red => @loop(%m, Red), Grey(%k) => %k } } }\n"
            "def @main(%n: int32) { @loop(%n, Red) }"
        )
    )
    tracemalloc.start()
    try:
        assert evaluate(module, np.int32(1_000)) == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # One activation alone takes about a thousand bytes.
    assert peak < 400_000


SIZES = """def @first(%l: List[Tensor[(2), int8]]) -> Tensor[(2), int8] {
  match (%l) { Cons(%x, _) => %x, Nil => zeros(shape=[2], dtype="int8") }
}
"""


@pytest.mark.parametrize(
    "text, inputs, message",
    [
        (
            "def @main(%c: Colour) { match? (%c) { Red => 1 } }",
            (Data("Grey", (np.int32(3),)),),
            "f.relay:4:25: match has no clause for Grey(int32); add one, or do not run it on this",
        ),
        (
            "def @main(%l: List[Colour]) { match? (%l) { Nil => 1 } }",
            (list_of(*[Data("Red")] * 9),),
            "f.relay:4:31: match has no clause for Cons(Red, Cons(Red, Cons(Red, Cons(...)))); add",
        ),
        (
            SIZES + "def @main(%l: List[Tensor[(?), int8]]) { @first(%l) }",
            (list_of(np.zeros(3, "int8")),),
            "f.relay:5:21: %x must be Tensor[(2), int8], not Tensor[(3), int8]",
        ),
        (
            "def @main(%x: Tensor[(?), int8], %c: bool) {\n"
            "let %f = fn (%y: Tensor[(2), int8]) { %y }; %f(%x) }",
            (np.zeros(3, "int8"), np.array(True)),
            "f.relay:5:45: %y must be Tensor[(2), int8], not Tensor[(3), int8]",
        ),
        (
            "def @main(%x: Tensor[(?), int8]) { let %y: Tensor[(2), int8] = %x; %y }",
            (np.zeros(3, "int8"),),
            "f.relay:4:40: %y must be Tensor[(2), int8], not Tensor[(3), int8]",
        ),
        (
            "def @main(%l: List[int32]) { 1 }",
            (list_of(np.int8(1)),),
            "f.relay:4:11: input 0 (%l) must be List[int32], not Cons(int8, Nil); reshape or ",
        ),
        (
            "def @main(%l: List[int32]) { 1 }",
            (Data("Red"),),
            "f.relay:4:11: input 0 (%l) must be List[int32], not Red; reshape or convert it",
        ),
        (
            "def @main(%l: List[int32]) { 1 }",
            (Data("Cons", (np.int32(1),)),),
            "f.relay:4:11: input 0 (%l) must be List[int32], not Cons(int32); reshape or convert",
        ),
        (
            "def @main(%l: Colour) { 1 }",
            (np.int32(1),),
            "f.relay:4:11: input 0 (%l) must be Colour, not int32; reshape or convert it",
        ),
        (
            "def @main(%x: (Tensor[(?), int8], int8)) { 1 }",
            ((np.zeros(1, "int8"), np.int8(1), np.int8(1)),),
            "f.relay:4:11: input 0 (%x) must be (Tensor[(n), int8], int8), not (Tensor[(1), int8],",
        ),
    ],
)
def test_refused(text, inputs, message):
    with pytest.raises(InvalidInput, match="^" + re.escape(message)):
        run(text, *inputs)


def test_symbols_are_bound_consistently():
    """What inference says of sizes holds in each activation: n is one number in it."""
    text = """def @twice(%x: Tensor[(?, 2), int8]) { concatenate((%x, %x)) }
    def @main(%x: Tensor[(?, 2), int8]) { (@twice(@twice(%x)), reshape(%x, newshape=[-1])) }"""
    for size in (1, 3):
        grown, flat = run(text, np.zeros((size, 2), "int8"))
        assert grown.shape == (4 * size, 2) and flat.shape == (2 * size,)


def test_values_are_compared_as_a_whole():
    one, other = np.float32(1), np.float32(1.001)
    nan = np.float32("nan")
    assert same_value(list_of(one, nan), list_of(one, nan))
    assert not same_value(list_of(one), list_of(other))
    assert same_value(list_of(one), list_of(other), tolerance=0.01)
    assert same_value(nan, nan, tolerance=0.01) and not same_value(nan, one, tolerance=0.01)
    assert not same_value(list_of(one), list_of(one, one))
    assert not same_value((one,), one) and not same_value((one,), (one, one))
    assert not same_value(np.float64(1), one) and not same_value(Data("Red"), Data("Nil"))
    assert same_value(Reference(one), Reference(one)) and not same_value(Reference(one), one)
    assert repr(Reference(Data("Grey", (one,)))) == "<Reference to Grey(float32)>"
