"""Malformed text: only errors of the compiler come out, soon and with a place in the text."""

import random
import re
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.errors import CompileError
from compiler.ir import structural_equal
from compiler.text import parse, parse_expression, to_text

HEAD = '#[version = "0.0.5"]\n'

PROGRAM = """#[version = "0.0.5"]
// a comment /* and another */
type List[A] { Cons(A, List[A]), Nil, }
extern type Opaque[A]
def @main[A](%x: Tensor[(?, 3), float32], %f: fn (A) -> (A, ref(int8)), %l: List[A],
             %p {virtual_device=meta[VirtualDevice][0]}: _, list=[1, (2f,), None]) -> A {
  %0 = nn.relu(%x);
  let %y: (int32, bool) = (1 + 2 * -3i32, True);
  free_var %z: Tensor[(meta[tir.SizeVar][0]), int64];
  %1 = clip(%0, a_min=-inff, a_max=6e+0f) < meta[relay.Constant][0] /* ty=int8 */;
  ref_write(ref(1f16), 2f16);
  let %g = fn [B](%v: B, name="text") { if (%y.1) { %g(%v) } else { %v } };
  match? (%l) {
    Cons(%a: A, (_, %b)) => { ref_read(%a) },
    Nil => @main(%x, %f, Nil, (), attrs_type_key="k")(%y)
  }
}
#[metadata]
{"relay.Constant": [{"dtype": "int8", "shape": [3], "data": "AQEB"}],
 "VirtualDevice": [{"a": [1, 2.5, null]}], "tir.SizeVar": [{"name": "n"}]}
"""
PIECES = re.findall(r"\w+|\s+|[^\w\s]", PROGRAM)
JUNK = [
    "\x00",
    "é",
    "٣",
    '"',
    "#",
    "/*",
    "*/",
    "//",
    "%",
    "@",
    "{",
    ")",
    "[",
    "meta[",
    "match?",
    "-",
]
JUNK += ["1e999f", "9" * 400, "9" * 5000 + "f", "%" + "9" * 5000, "a" * 10_000, "1-1", "\r", "\\"]
JUNK += [
    f"meta[k][{'9' * 5000}]",
    f"meta[relay.Constant][{'1' * 30}]",
    ".",
    "%x.99999999999999999999",
]
JUNK += [
    "type",
    "extern type",
    "def @f() { 1 }",
    "#[metadata]",
    "Tensor[(",
    "fn [A] (A) -> A",
    "=>",
]


def attempt(text):
    """Parse a text; return the module, or None if it was refused as it should be."""
    try:
        return parse(text, "t")
    except CompileError as error:
        assert error.span is not None and error.span.line >= 1, text
        assert re.match(r"t:\d+:\d+: .", str(error)), text
        assert not text or str(error).split("\n")[-1].strip() == "^", text
        return None


def mutated(pieces, rng):
    """Return a text made of `pieces` after a few random changes."""
    pieces = list(pieces)
    for _ in range(rng.randint(1, 4)):
        place, other = rng.randrange(len(pieces)), rng.randrange(len(pieces))
        match rng.randrange(7):
            case 0:
                del pieces[place : place + rng.randint(1, 6)]
            case 1:
                pieces[place:place] = pieces[other : other + rng.randint(1, 12)]
            case 2:
                pieces[place], pieces[other] = pieces[other], pieces[place]
            case 3:
                pieces.insert(place, rng.choice(JUNK))
            case 4:
                pieces[place] = rng.choice(JUNK)
            case 5:
                pieces[place] = chr(rng.randrange(0x3000))
            case _:
                del pieces[max(place, 1) :]
        pieces = pieces or [""]
    return "".join(pieces)


def test_the_program_that_is_mutated_is_sound():
    module = parse(PROGRAM)
    assert structural_equal(parse(to_text(module)), module)


@pytest.mark.parametrize("seed", range(8))
def test_mutated_programs(seed):
    rng = random.Random(seed)
    for _ in range(60):
        text = mutated(PIECES, rng)
        module = attempt(text)
        if module is not None:
            assert structural_equal(parse(to_text(module)), module), f"seed {seed}: {text}"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES + JUNK)).map("".join)))
def test_random_text(text):
    attempt(HEAD + text)
    attempt(HEAD + f"def @main() {{ {text} }}")


NESTED = [
    ("(", "1", ")"),
    ("(", "1", ",)"),
    ("(" * 50_000, "1", ")" * 50_000),
    ("{", "1", "}"),
    ("fn () {", "1", "}"),
    ("if (True) {", "1", "} else { 2 }"),
    ("if (", "True", ") { 1 } else { 2 }"),
    ("negative(", "1", ")"),
    ("ref_read(", "1", ")"),
    ("ref_write(1, ", "1", ")"),
    ("match? (1) { _ => ", "1", "}"),
    ("match? (", "1", ") {}"),
    ("match? 1 { ", "(" * 50_000 + "_" + ",)" * 50_000, " => 1 }"),
    ("let %x = ", "1; %x", ""),
    ("1 + ", "1", ""),
    ("1 * 1 + ", "1", ""),
    ("%0 = 1; ", "%0", ""),
    ("1; ", "1", ""),
    ("1", "", "()"),
    ("let %x: ", "(" * 50_000 + "int8" + ",)" * 50_000, " = 1; %x"),
    ("let %x: ", "fn (" * 50_000 + "int8", " = 1; %x"),
    ("let %x: ", "L[" * 50_000, " = 1; %x"),
    ("let %x: ", "ref(" * 50_000, " = 1; %x"),
    ("let %x: Tensor[(", "1, " * 50_000, "), int8] = 1; %x"),
    ("fn (a=", "[" * 50_000 + "]" * 50_000, ") { 1 }"),
    ("fn (a=", "(" * 50_000 + ")" * 50_000, ") { 1 }"),
    ("/*" * 50_000, "1", "*/" * 50_000),
    ("/*" * 50_000, "1", ""),
    ("-" * 50_000, "1", ""),
    (" " * 50_000, "$", ""),
    ("// x\n" * 50_000, "$", ""),
    ('"' + "x" * 50_000, "", ""),
    ("1.1", "." * 50_000, "f"),
    ("1e", "1" * 50_000, "f"),
    ("nn", ".relu" * 50_000, "(1)"),
    ("fn (", ", ".join(f"%a{n}" for n in range(50_000)), ") { 1 }"),
    ("%x" + "y" * 50_000, "", ""),
]


@pytest.mark.parametrize("opening, middle, closing", NESTED, ids=lambda part: part[:12])
def test_deep_and_long_texts(opening, middle, closing):
    count = 1 if max(map(len, (opening, middle, closing))) > 1_000 else 1_000
    try:
        expr = parse_expression(opening * count + middle + closing * count, "t")
    except CompileError as error:
        assert error.span is not None and len(str(error)) < 1_000
        return
    assert len(to_text(expr)) < 10_000_000


@pytest.mark.parametrize(
    "section",
    [
        "[" * 50_000,
        '{"a": ' * 50_000,
        '{"relay.Constant": [' + "9" * 5000 + "]}",
        '{"relay.Constant": [{"dtype": "int8", "shape": [0, 1e400], "data": ""}]}',
        '{"relay.Constant": [{"dtype": "int8", "shape": [0' + ", 1" * 99 + '], "data": ""}]}',
        '{"relay.Constant": [{"dtype": "int8", "shape": [4611686018427387904, 0, 4], "data": ""}]}',
        '{"root": 0, "nodes": []}',
        '{"root": 1, "nodes": [1, {}]}',
        '{"root": 0, "nodes": [{"keys": ["a"], "data": [1]}, {"data": {}}]}',
        "NaN",
        '{"a": [NaN]}',
        "",
    ],
    ids=lambda section: section[:20],
)
def test_hostile_metadata(section):
    text = HEAD + f"def @f() {{ meta[relay.Constant][0] }}\n#[metadata]{section}"
    assert attempt(text) is None


def test_memory_stays_in_proportion():
    text = HEAD + "def @main(%x: int32) {\n" + "  %0 = add(%x, 1);\n" * 3_000 + "  %0\n}\n"
    tracemalloc.start()
    parse(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * len(text)
