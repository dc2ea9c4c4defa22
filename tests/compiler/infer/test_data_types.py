"""Types of constructors, patterns and cells; kinds; which cases a match lacks."""

import re

import pytest

from compiler.errors import CompileError
from compiler.infer import infer
from compiler.ir import (
    Call,
    Clause,
    Constructor,
    ConstructorData,
    ConstructorPattern,
    Function,
    Match,
    Module,
    TensorType,
    TypeCall,
    TypeData,
    TypeVar,
    Var,
)
from compiler.ir.visitor import post_order
from compiler.text import parse

HEAD = """#[version = "0.0.5"]
type List[A] { Cons(A, List[A]), Nil }
type Colour { Red, Green, Blue }
type Rose[A] { Rose(A, List[Rose[A]]) }
extern type Handle[A]
"""


def typed(text):
    return infer(parse(HEAD + text, "f.relay"))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("def @main() { Cons(1, Nil) }", "fn () -> List[int32]"),
        ("def @main() { Rose(1f, Nil) }", "fn () -> Rose[float32]"),
        ("def @main() { Cons(Red, Nil) }", "fn () -> List[Colour]"),
        ("def @main() { Nil }", "fn () -> List[()]"),
        ("def @main(%x: Handle[int8]) { (%x, 1) }", "fn (Handle[int8]) -> (Handle[int8], int32)"),
        (
            "def @main() -> fn (int8, List[int8]) -> List[int8] { Cons }",
            "fn () -> fn (int8, List[int8]) -> List[int8]",
        ),
        (
            "def @len[A](%xs: List[A]) { match (%xs) { Cons(_, %r) => 1 + @len(%r), Nil => 0 } }\n"
            "def @main() { (@len(Cons(1, Nil)), @len(Cons(2f, Nil))) }",
            "fn () -> (int32, int32)",
        ),
        (
            "def @map[A, B](%f: fn (A) -> B, %xs: List[A]) -> List[B] { match (%xs) {\n"
            "Cons(%x, %r) => Cons(%f(%x), @map(%f, %r)), Nil => Nil } }\n"
            "def @id[A](%x: A) -> A { %x }\n"
            "def @main(%xs: List[int8]) { (@map(fn (%y) { (%y, 1f) }, %xs), @map(@id, %xs)) }",
            "fn (List[int8]) -> (List[(int8, float32)], List[int8])",
        ),
        (
            "def @main(%t: Rose[int8]) { match (%t) { Rose(%v, Cons(Rose(%w, _), _)) => %v + %w,\n"
            "Rose(%v, Nil) => %v } }",
            "fn (Rose[int8]) -> int8",
        ),
        (
            "def @main(%p) { match (%p) { (%a: int32, Red) => %a + 1, (%a, _) => %a } }",
            "fn ((int32, Col",
        ),
        ("def @main(%x: int8) { let %r = ref(%x); (ref_write(%r, %x), %r) }", "fn (int8) -> ((), "),
        ("def @main(%r) { ref_write(%r, 1); ref_read(%r) }", "fn (ref(int32)) -> int32"),
        (
            # A list of tensors takes one of a size not known, too: then none is known.
            "def @main(%x: Tensor[(2), int8], %y: List[Tensor[(?), int8]]) { Cons(%x, %y) }",
            "fn (Tensor[(2), int8], List[Tensor[(?), int8]]) -> List[Tensor[(?), int8]]",
        ),
    ],
)
def test_types(text, expected):
    module = typed(text)
    assert str(module["main"].type).startswith(expected)
    assert all(node.type is not None for name in module for node in post_order(module[name]))


def test_a_cell_is_widened_by_a_later_write():
    text = """def @main(%x: Tensor[(2), int8], %y: Tensor[(?), int8]) {
      let %r = ref(%x); let %before = ref_read(%r) + %x; ref_write(%r, %y);
      (%before, negative(ref_read(%r)))
    }"""
    found = typed(text)["main"].type.ret
    assert str(found) == "(Tensor[(2), int8], Tensor[(?), int8])"


@pytest.mark.parametrize(
    "clauses, missing",
    [
        ("Red => 1, Green => 2", "Blue"),
        ("Red => 1, %x => 2", ""),
        ("Red => 1", "Green, Blue"),
        ("%x => 2, Red => 1", ""),
    ],
)
def test_cases_of_an_enumeration(clauses, missing):
    check("%c: Colour", "%c", clauses, missing)


@pytest.mark.parametrize(
    "clauses, missing",
    [
        ("Cons(_, Nil) => 1", "Cons(_, Cons(_, _)), Nil"),
        ("Cons(Red, _) => 1, Nil => 2", "Cons(Green, _), Cons(Blue, _)"),
        ("Cons(_, Cons(_, Cons(_, _))) => 1, Nil => 2, Cons(_, Nil) => 3", "Cons(_, Cons(_, Nil))"),
        ("Cons(_, Cons(_, _)) => 1, Nil => 2, Cons(_, Nil) => 3", ""),
    ],
)
def test_cases_of_a_list(clauses, missing):
    check("%c: List[Colour]", "%c", clauses, missing)


@pytest.mark.parametrize(
    "clauses, missing",
    [
        ("(Red, _) => 1, (_, Nil) => 2", "(Green, Cons(_, _)), (Blue, Cons(_, _))"),
        ("(Red, Nil) => 1, _ => 2", ""),
        ("(Red, Cons(Red, Nil)) => 1", "(Red, Cons(Red, Cons(_, _))), (Red, Cons(Green, _)), "),
    ],
)
def test_cases_of_a_tuple(clauses, missing):
    check("%c: Colour, %l: List[Colour]", "(%c, %l)", clauses, missing)


def check(params, value, clauses, missing):
    text = f"def @main({params}) {{ match ({value}) {{ {clauses} }} }}"
    typed(text.replace("match", "match?"))
    if not missing:
        typed(text)
        return
    message = f"f.relay:6:{text.index('match') + 1}: match has no clause for {missing}"
    with pytest.raises(CompileError, match="^" + re.escape(message)):
        typed(text)


def test_a_match_of_many_columns_lists_a_few_cases():
    fields = ", ".join(["Red"] * 12)
    text = f"def @main(%c: Colour) {{ match (({', '.join(['%c'] * 12)})) {{ ({fields}) => 1 }} }}"
    with pytest.raises(
        CompileError, match=r"^f.relay:6:25: match has no clause for \(.*, \.\.\.; "
    ):
        typed(text)


ANY = TensorType((), "int8")
A = TypeVar("A")
BOX = TypeData("Box", (A,), (ConstructorData("Box", (A,)),))


def module_of(annotation, *types):
    return Module({"main": Function((Var("x", annotation),), Var("x"))}, {t.name: t for t in types})


@pytest.mark.parametrize(
    "module, message",
    [
        (module_of(TypeCall("Bax", (ANY,)), BOX), "there is no type Bax; did you mean Box?"),
        (module_of(TypeCall("Q"), BOX), "there is no type Q; the module's types are: Box"),
        (module_of(TypeCall("Box"), BOX), "type Box takes 1 type arguments, not 0; write Box[A]"),
        (
            module_of(TypeCall("Box", (TypeCall("Box"),)), BOX),
            "type Box takes 1 type arguments, not 0; write Box[A]",
        ),
        (
            module_of(ANY, TypeData("T", (), (ConstructorData("C", (A,)),))),
            "there is no type A; the module's types are: T",
        ),
        (
            module_of(ANY, TypeData("T", (A, A), ())),
            "type T has two type parameters of one name; rename one",
        ),
        (
            module_of(ANY, TypeData("T", (), (ConstructorData("Box"),)), BOX),
            "constructor Box belongs to T and to Box; rename one",
        ),
        (
            module_of(ANY, TypeData("T", (), (ConstructorData("C"),), True)),
            "extern type T cannot have constructors; leave out extern",
        ),
        (
            Module({"main": Function((), Call(Constructor("No"), ()))}),
            "there is no constructor No in the module",
        ),
        (
            Module(
                {
                    "main": Function(
                        (Var("x", TypeCall("Box", (ANY,))),),
                        Match(
                            Var("y", TypeCall("Box", (ANY,))),
                            (Clause(ConstructorPattern("Box"), Constructor("Box")),),
                        ),
                    )
                },
                {"Box": BOX},
            ),
            "constructor Box has 1 fields, but the pattern names 0",
        ),
    ],
)
def test_ill_kinded(module, message):
    with pytest.raises(CompileError, match="^" + re.escape(message) + "$"):
        infer(module)


def test_deep_types_are_refused_or_taken():
    """Each level of data is a type argument; Python's stack holds a few hundred of them."""
    nested = "Nil"
    for _ in range(90):
        nested = f"Cons({nested}, Nil)"
    assert str(typed(f"def @main() {{ {nested} }}")["main"].type).count("List") == 91
    made = Call(Constructor("Box"), (Var("x", ANY),))
    for _ in range(5_000):
        made = Call(Constructor("Box"), (made,))
    with pytest.raises(CompileError, match=r"^a type nests too deeply; use flatter tuples$"):
        infer(Module({"main": Function((), made)}, {"Box": BOX}))
