"""Every function of the prelude against Python, through the interpreter."""

from functools import reduce

import numpy as np
import pytest

from compiler.errors import CompileError, InvalidInput, InvalidModule
from compiler.infer import infer
from compiler.interpreter import Data, evaluate
from compiler.ir import Function, GlobalVar, Module, structural_equal
from compiler.prelude import import_prelude, parse_with_prelude, prelude
from compiler.text import parse, to_text

HEAD = '#[version = "0.0.5"]\n'
TWICE = "fn (%a: int32) -> int32 { %a * 2 }"
MINUS = "fn (%a: int32, %b: int32) -> int32 { %a - %b }"
STEP = "fn (%a: int32, %b: int32) -> (int32, int32) { (%a * 2 + %b, %a - %b) }"
UNTIL = "fn (%s: int32) { if (%s < 20) { Some((%s * 2, %s + 1)) } else { None } }"
LISTS = [[], [5], [3, -1, 4, 1, -5, 9, 2, 6]]


def listed(values):
    """Return Python's list as the text of one."""
    return "".join(f"Cons({value}, " for value in values) + "Nil" + ")" * len(values)


def plain(value):
    """Return a result in Python's lists, tuples and numbers."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if not isinstance(value, Data):
        return np.asarray(value).item()
    if value.constructor in ("Cons", "Nil"):
        found = []
        while value.constructor == "Cons":
            first, value = value.fields
            found.append(plain(first))
        return found
    if value.constructor in ("succ", "zero"):
        count = 0
        while value.constructor == "succ":
            (value,) = value.fields
            count += 1
        return count
    return (value.constructor, *map(plain, value.fields))


def run(body, *inputs, params=""):
    module = parse_with_prelude(f"{HEAD}def @main({params}) {{ {body} }}", "t")
    return plain(evaluate(module, *inputs))


def step(a, b):
    return a * 2 + b, a - b


def accumulate(values, start):
    results = []
    for value in values:
        start, result = step(start, value)
        results.append(result)
    return start, results


@pytest.mark.parametrize("xs", LISTS, ids=len)
def test_lists(xs):
    text = "%xs"
    forward, backward = accumulate(xs, 1), accumulate(xs[::-1], 1)
    expected = {
        f"@length({text})": len(xs),
        f"@map({TWICE}, {text})": [2 * x for x in xs],
        f"@foldl({MINUS}, 7, {text})": reduce(lambda a, b: a - b, xs, 7),
        f"@foldr({MINUS}, 7, {text})": reduce(lambda a, b: b - a, xs[::-1], 7),
        f"@sum({text})": sum(xs),
        f"@concat({text}, {listed([1, 2])})": xs + [1, 2],
        f"@filter(fn (%a: int32) {{ %a > 2 }}, {text})": [x for x in xs if x > 2],
        f"@zip({text}, {listed([1, 2])})": list(zip(xs, [1, 2], strict=False)),
        f"@rev({text})": xs[::-1],
        f"@map_accumr({STEP}, 1, {text})": (backward[0], backward[1][::-1]),
        f"@map_accuml({STEP}, 1, {text})": (forward[0], forward[1][::-1]),
    }
    for body, value in expected.items():
        assert run(f"let %xs: List[int32] = {listed(xs)}; {body}") == value, body


@pytest.mark.parametrize("xs", LISTS[1:], ids=len)
def test_lists_with_elements(xs):
    text, last = listed(xs), len(xs) - 1
    expected = {
        f"@hd({text})": xs[0],
        f"@tl({text})": xs[1:],
        f"@nth({text}, {last})": xs[last],
        f"@update({text}, {last}, 100)": xs[:last] + [100],
        f"@foldr1({MINUS}, {text})": reduce(lambda a, b: b - a, xs[::-1]),
        f"@nat_nth({text}, {'succ(' * last}zero{')' * last})": xs[last],
        f"@nat_update({text}, {'succ(' * last}zero{')' * last}, 8)": xs[:last] + [8],
    }
    for body, value in expected.items():
        assert run(body) == value, body


def test_unfolding():
    assert run(f"@unfoldr({UNTIL}, 1)") == [2, 3, 5, 9, 17]
    assert run(f"@unfoldl({UNTIL}, 1)") == [17, 9, 5, 3, 2]
    assert run(f"@unfoldl({UNTIL}, 20)") == run(f"@unfoldr({UNTIL}, 20)") == []


def test_functions():
    assert run("@id(3)") == 3
    assert run(f"@compose({TWICE}, fn (%a: int32) {{ %a + 1 }})(5)") == 12
    assert run(f"@flip({MINUS})(3, 10)") == 7
    assert [run(f"@iterate({TWICE}, {n})(3)") for n in (-1, 0, 1, 5)] == [3, 3, 6, 96]
    assert [run(f"@nat_iterate({TWICE}, {n})(3)") for n in ("zero", "succ(succ(zero))")] == [3, 12]


def test_trees():
    tree = "Rose(1, Cons(Rose(2, Nil), Cons(Rose(3, Cons(Rose(4, Nil), Nil)), Nil)))"
    assert run(f"@size({tree})") == 4
    image = ("Rose", 2, [("Rose", 4, []), ("Rose", 6, [("Rose", 8, [])])])
    assert run(f"@tmap({TWICE}, {tree})") == image


@pytest.mark.parametrize("n, m", [(0, 0), (0, 3), (3, 0), (2, 5)])
def test_natural_numbers(n, m):
    left, right = ("succ(" * number + "zero" + ")" * number for number in (n, m))
    assert run(f"@nat_double({left})") == 2 * n
    assert run(f"@nat_add({left}, {right})") == n + m


def test_gradient_cells():
    product = "fn (%a: float32, %b: float32) { %a * %b }"
    total = "fn (%a: float32, %b: float32) { %a + %b }"
    cells = {3.0: "Raw(3f)", 1.0: "One(fn () { 1f })", 0.0: "Zero(fn () { 0f })", 7.0: "Raw(7f)"}
    for left, first in cells.items():
        assert run(f"@FromGradCell({first})") == left
        for right, second in cells.items():
            times = f"@FromGradCell(@MultiplyGradCell({product}, {first}, {second}))"
            plus = f"@FromGradCell(@AddGradCell({total}, {first}, {second}))"
            assert (run(times), run(plus)) == (left * right, left + right), (first, second)
    lazy = "@MultiplyGradCell(fn (%a: float32, %b: float32) { %a }, One(fn () { 1f }), Raw(2f))"
    assert run(lazy) == ("Raw", 2.0)


@pytest.mark.parametrize("body", ["@hd(%e)", "@tl(%e)", "@nth(%e, 0)", "@update(%e, 0, 1)"])
def test_what_must_exist(body):
    with pytest.raises(InvalidInput):
        run(f"let %e: List[int32] = Nil; {body}")


def test_a_long_list():
    inputs = Data("Nil")
    for number in range(800):
        inputs = Data("Cons", (np.asarray(number, "int32"), inputs))
    params = "%xs: List[int32]"
    assert run("@sum(@map(fn (%a) { %a + 1 }, %xs))", inputs, params=params) == 800 * 801 // 2
    assert run("@length(@concat(%xs, @rev(%xs)))", inputs, params=params) == 1_600


def test_the_prelude_is_well_typed_and_reads_back():
    whole = prelude()
    assert set(whole.types) == {"List", "Option", "Tree", "nat", "GradCell"}
    typed = infer(whole)
    assert str(typed["foldl"].type) == "fn (fn (A, B) -> A, A, List[B]) -> A"
    assert structural_equal(parse(to_text(whole)), whole)


def test_only_what_is_used_is_taken():
    module = parse_with_prelude(HEAD + "def @main(%xs: List[int8]) { @rev(%xs) }")
    assert sorted(module) == ["foldl", "main", "rev"] and list(module.types) == ["List"]
    assert prelude("tmap").types.keys() == {"Tree", "List"}
    own = Module({"main": Function((), GlobalVar("nat_add"))})
    assert sorted(import_prelude(own, "id")) == ["id", "main", "nat_add"]
    assert list(import_prelude(own).types) == ["nat"]


def test_a_program_may_have_its_own():
    text = HEAD + "type List[A] { Nil, Cons(A, List[A]) } def @id(%x: int8) { %x }"
    module = parse_with_prelude(text + "def @main() { @length(Cons(@id(1i16), Nil)) }")
    assert [c.name for c in module.types["List"].constructors] == ["Nil", "Cons"]
    assert len(module["id"].type_params) == 0
    clash = HEAD + "type Own { Nil } def @main(%x: List[Own]) { Nil }"
    with pytest.raises(InvalidModule, match=r"^t:2:12: constructor Nil of List, which the progra"):
        parse_with_prelude(clash, "t")


def test_unknown_names():
    with pytest.raises(InvalidModule, match=r"^the prelude has no foldll; did you mean foldl\?$"):
        prelude("foldll")
    with pytest.raises(CompileError, match=r"^<text>:2:15: there is no function @lenght; did you"):
        parse_with_prelude(HEAD + "def @main() { @lenght(Nil) }")
