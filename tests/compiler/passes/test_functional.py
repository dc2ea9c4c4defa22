"""Passes of the whole language, before and after, in text."""

import re

import numpy as np
import pytest

from compiler.errors import InvalidModule, Unsupported
from compiler.infer import infer
from compiler.interpreter import evaluate, same_value
from compiler.ir import (
    Call,
    Constant,
    Constructor,
    Function,
    GlobalVar,
    Let,
    Match,
    Module,
    RefCreate,
    RefRead,
    RefWrite,
    Tuple,
    TupleGetItem,
    Var,
    structural_equal,
)
from compiler.ir.visitor import children, post_order
from compiler.passes.blocks import crossing_nodes
from compiler.passes.copying import copy_expr
from compiler.passes.registry import find_pass
from compiler.text import parse, to_text
from compiler.verify import verify

VERSION = '#[version = "0.0.5"]\n'
LIST = "type List[A] { Cons(A, List[A]), Nil }\n"
ATOMS = Var | Constant | GlobalVar | Constructor


def module_of(text):
    return infer(verify(parse(VERSION + text)))


def apply(name, module):
    """Return what a pass gives, checked for being well formed."""
    after = find_pass(name).function(module)
    assert structural_equal(infer(verify(after)), after)
    return after


REWRITES = [
    (
        "to_a_normal_form",
        "def @main(%x: float32) { %0 = exp(%x); add(%0, tanh(%0)) }",
        """def @main(%x: float32) {
             let %t = exp(%x); let %u = tanh(%t); let %v = add(%t, %u); %v }""",
    ),
    (
        "to_a_normal_form",  # A value of one branch stays there, one of both comes before.
        """def @main(%x: float32, %c: bool) {
             %0 = exp(%x); if (%c) { add(%0, tanh(%x)) } else { %0 } }""",
        """def @main(%x: float32, %c: bool) {
             let %t = exp(%x);
             let %i = if (%c) { let %u = tanh(%x); let %v = add(%t, %u); %v } else { %t }; %i }""",
    ),
    (
        "to_basic_block_normal_form",
        """def @main(%x: float32, %c: bool) {
             %0 = exp(%x); if (%c) { add(%0, tanh(%0)) } else { negative(%0) } }""",
        """def @main(%x: float32, %c: bool) {
             let %t = exp(%x); if (%c) { add(%t, tanh(%t)) } else { negative(%t) } }""",
    ),
    (
        "to_graph_normal_form",
        """def @main(%x: float32) {
             let %t = exp(%x); let %f = fn (%y: float32) { add(%y, %t) }; %f(%t) }""",
        """def @main(%x: float32) {
             %0 = exp(%x); %1 = fn (%y: float32) { add(%y, %0) }; %1(%0) }""",
    ),
    (
        "to_graph_normal_form",  # Effects stay in their order.
        "def @main(%x: float32) { let %r = ref(%x); let %a = ref_read(%r); add(%a, %a) }",
        "def @main(%x: float32) { let %r = ref(%x); let %a = ref_read(%r); add(%a, %a) }",
    ),
    (
        "eta_expand",
        LIST
        + """def @next(%x: int32) -> int32 { %x + 1 }
             def @use(%f: fn (int32) -> int32) -> int32 { %f(@next(1)) }
             def @main() { @use(@next) }""",
        LIST
        + """def @next(%x: int32) -> int32 { %x + 1 }
             def @use(%f: fn (int32) -> int32) -> int32 { %f(@next(1)) }
             def @main() { @use(fn (%a: int32) -> int32 { @next(%a) }) }""",
    ),
    (
        "lambda_lift",
        """def @main(%x: float32) {
             let %f = fn (%y: float32) { add(%x, %y) }; let %g = fn (%z: float32) { exp(%z) };
             %f(%g(1f)) }""",
        """def @main(%x: float32) { let %f = @main_f(%x); let %g = @main_g; %f(%g(1f)) }
           def @main_f(%x: float32) -> fn (float32) -> float32 {
             fn (%y: float32) -> float32 { add(%x, %y) } }
           def @main_g(%z: float32) -> float32 { exp(%z) }""",
    ),
    (
        "lambda_lift",
        """def @main(%n: int32) {
             let %f = fn (%i: int32) -> int32 { if (%i == 0) { %n } else { %f(%i - 1) } }; %f(%n) }
        """,
        """def @main(%n: int32) { let %f = @main_f(%n); %f(%n) }
           def @main_f(%n: int32) -> fn (int32) -> int32 {
             fn (%i: int32) -> int32 { if (%i == 0) { %n } else { @main_f(%n)(%i - 1) } } }""",
    ),
    (
        "inline",
        """def @twice(%a: float32) -> float32 { add(%a, %a) }
           def @main(%x: float32) { @twice(exp(%x)) }""",
        """def @twice(%a: float32) -> float32 { add(%a, %a) }
           def @main(%x: float32) { let %a = exp(%x); add(%a, %a) }""",
    ),
    (
        "inline",  # What calls itself stays, what is marked goes in however large it is.
        """def @loop(%a: int32) -> int32 { if (%a == 0) { 0 } else { @loop(%a - 1) } }
           def @big(%a: float32, Inline=1) -> float32 {
             exp(tanh(exp(tanh(exp(tanh(exp(tanh(exp(%a))))))))) }
           def @main(%x: float32) { (@big(%x), @loop(3)) }""",
        """def @loop(%a: int32) -> int32 { if (%a == 0) { 0 } else { @loop(%a - 1) } }
           def @big(%a: float32, Inline=1) -> float32 {
             exp(tanh(exp(tanh(exp(tanh(exp(tanh(exp(%a))))))))) }
           def @main(%x: float32) {
             ((let %a = %x; exp(tanh(exp(tanh(exp(tanh(exp(tanh(exp(%a)))))))))), @loop(3)) }""",
    ),
    (
        "eliminate_dead",
        LIST
        + """def @unused(%a: float32) -> float32 { %a }
             def @main(%x: float32) {
               let %a = exp(%x); let %b = tanh(%a); let %r = ref(%x);
               let %_ = ref_write(%r, %b); (%x, %b).0 }""",
        "def @main(%x: float32) { %x }",
    ),
    (
        "eliminate_dead",  # A cell that is read keeps its writes.
        """def @main(%x: float32) {
             let %r = ref(%x); let %_ = ref_write(%r, 1f); let %n = exp(%x); ref_read(%r) }""",
        "def @main(%x: float32) { let %r = ref(%x); let %_ = ref_write(%r, 1f); ref_read(%r) }",
    ),
    (
        "eliminate_common",
        """def @main(%x: float32) {
             let %r = ref(exp(%x)); (ref_read(%r), ref_read(%r), add(exp(%x), exp(%x))) }""",
        """def @main(%x: float32) {
             %0 = exp(%x); let %r = ref(%0); (ref_read(%r), ref_read(%r), add(%0, %0)) }""",
    ),
    (
        "fold_constants",
        LIST
        + """def @main(%x: int32) {
               let %c = 2; match (Cons(%x, Nil)) { Nil => 0, Cons(%h, _) => %h * (%c + 1) } }""",
        LIST + "def @main(%x: int32) { let %c = 2; let %h: int32 = %x; %h * 3 }",
    ),
    (
        "monomorphise",
        """def @id[A](%x: A) -> A { %x }
           def @main(%x: int32, %y: float32) { (@id(%x), @id(%y), @id(%x)) }""",
        """def @id_1(%x: int32) -> int32 { %x }
           def @id_2(%x: float32) -> float32 { %x }
           def @main(%x: int32, %y: float32) { (@id_1(%x), @id_2(%y), @id_1(%x)) }""",
    ),
    (
        "defunctionalise",
        """def @twice(%g: fn (int32) -> int32, %y: int32) -> int32 { %g(%g(%y)) }
           def @main(%x: int32) -> int32 {
             let %f = fn (%y: int32) -> int32 { %y + %x }; @twice(%f, 3) }""",
        """type Function1 { Function1_1(int32) }
           def @apply_Function1(%f: Function1, %a: int32) -> int32 {
             match (%f) { Function1_1(%x: int32) => %a + %x } }
           def @twice(%g: Function1, %y: int32) -> int32 {
             @apply_Function1(%g, @apply_Function1(%g, %y)) }
           def @main(%x: int32) -> int32 { let %f = Function1_1(%x); @twice(%f, 3) }""",
    ),
    (
        "partial_evaluate",
        """def @pow(%n: int32, %x: float32) -> float32 {
             if (%n == 0) { 1f } else { %x * @pow(%n - 1, %x) } }
           def @main(%x: float32) { @pow(2, %x) }""",
        "def @main(%x: float32) { let %t = %x * 1f; let %u = %x * %t; %u }",
    ),
    (
        "partial_evaluate",  # Cells are seen through; what nothing reads goes.
        """def @main(%x: float32) {
             let %r = ref(%x); let %_ = ref_write(%r, exp(ref_read(%r))); ref_read(%r) }""",
        "def @main(%x: float32) { let %t = exp(%x); %t }",
    ),
    (
        "partial_evaluate",  # A list of known length is walked now.
        LIST
        + """def @sum(%l: List[float32]) -> float32 {
               match (%l) { Nil => 0f, Cons(%h, %t) => %h + @sum(%t) } }
             def @main(%x: float32) { @sum(Cons(%x, Cons(2f, Nil))) }""",
        "def @main(%x: float32) { let %t = %x + 2f; %t }",
    ),
    (
        "to_cps",
        """def @g(%x: int32) -> int32 { %x * 2 }
           def @main(%x: int32) -> int32 { let %y = @g(%x); %y + 1 }""",
        """def @g(%x: int32) -> int32 { @g_cps(%x, fn (%r: int32) -> int32 { %r }) }
           def @g_cps[A](%x: int32, %k: fn (int32) -> A, CPS="g") -> A {
             let %t = %x * 2; %k(%t) }
           def @main(%x: int32) -> int32 { @main_cps(%x, fn (%r: int32) -> int32 { %r }) }
           def @main_cps[A](%x: int32, %k: fn (int32) -> A, CPS="main") -> A {
             @g_cps(%x, fn (%y: int32, Continuation=1) -> A { let %t = %y + 1; %k(%t) }) }""",
    ),
]


@pytest.mark.parametrize("number", range(len(REWRITES)), ids=lambda n: f"{REWRITES[n][0]}-{n}")
def test_rewrite(number):
    name, before, expected = REWRITES[number]
    after = apply(name, module_of(before))
    assert structural_equal(_plain(after), _plain(module_of(expected))), to_text(after)


def _plain(module):
    """A module without annotations that only say what inference finds."""
    return parse(re.sub(r"let (%\w+): [^=]*=", r"let \1 =", to_text(module)))


def test_a_normal_form_names_everything(random_program):
    """Operands are atoms, and no `let` stands in the value of another one."""
    for seed in range(30):
        after = apply("to_a_normal_form", infer(random_program(seed)))
        for name in after:
            for node in post_order(after[name]):
                if isinstance(node, Call | Tuple | TupleGetItem | RefCreate | RefRead | RefWrite):
                    assert all(isinstance(part, ATOMS) for part in children(node)), seed
                if isinstance(node, Match):
                    assert isinstance(node.value, ATOMS), seed
                if isinstance(node, Let):
                    assert not isinstance(node.value, Let), seed


def test_basic_blocks_share_no_binder(random_program):
    """Nothing that binds variables is used in two blocks."""
    for seed in range(30):
        after = apply("to_basic_block_normal_form", infer(random_program(seed)))
        for name in after:
            crossing = crossing_nodes(after[name].body)
            shared = [node for node in post_order(after[name].body) if id(node) in crossing]
            binders = Function | Let | Match
            assert not any(isinstance(node, binders) for node in shared), seed


def test_defunctionalised_programs_are_of_first_order():
    text = (
        LIST
        + """def @map[A, B](%f: fn (A) -> B, %l: List[A]) -> List[B] {
               match (%l) { Nil => Nil, Cons(%h, %t) => Cons(%f(%h), @map(%f, %t)) } }
             def @compose[A, B, C](%f: fn (B) -> C, %g: fn (A) -> B) -> fn (A) -> C {
               fn (%x: A) -> C { %f(%g(%x)) } }
             def @main(%n: int32) -> List[bool] {
               let %add = fn (%x: int32) -> int32 { %x + %n };
               let %even = fn (%x: int32) -> bool {
                 if (%x == 0) { True } else { if (%x == 1) { False } else { %even(%x - 2) } } };
               @map(@compose(%even, %add), Cons(1, Cons(2, Nil))) }"""
    )
    module = module_of(text)
    after = apply("defunctionalise", module)
    for name in after:
        inside = [node for node in post_order(after[name].body) if isinstance(node, Function)]
        assert not inside and "fn" not in str(after[name].type).removeprefix("fn")
    for n in (0, 3, 4):
        expected = evaluate(module, np.int32(n))
        assert same_value(evaluate(after, np.int32(n)), expected)


def test_partial_evaluation_ends_on_what_does_not():
    """Recursion by an unknown number stays; endless recursion is run a while, then left."""
    text = """def @count(%n: int32) -> int32 { if (%n == 0) { 0 } else { 1 + @count(%n - 1) } }
              def @ever(%n: int32) -> int32 { @ever(%n + 1) }
              def @main(%n: int32) -> int32 {
                if (%n < 0) { @ever(%n) } else { @count(%n) + @count(3) } }"""
    after = apply("partial_evaluate", module_of(text))
    assert evaluate(after, np.int32(5)) == 8
    calls = [
        node.op.name
        for node in post_order(after["main"])
        if isinstance(node, Call) and isinstance(node.op, GlobalVar)
    ]
    assert calls.count("count") == 1 and calls.count("ever") == 1


def test_partial_evaluation_of_deep_recursion():
    text = """def @sum(%n: int32, %x: float64) -> float64 {
                if (%n == 0) { 0f64 } else { %x + @sum(%n - 1, %x) } }
              def @main(%x: float64) -> float64 { @sum(200, %x) }"""
    after = apply("partial_evaluate", module_of(text))
    assert list(after) == ["main"]
    np.testing.assert_allclose(evaluate(after, np.float64(0.5)), 100)


def test_deep_chains_meet_no_limit():
    text = "def @main(%x: float32) { " + "".join(
        f"%{n + 1} = exp(%{n}); " if n else "%1 = exp(%x); " for n in range(5_000)
    )
    module = module_of(text + "%5000 }")
    for name in ("to_a_normal_form", "to_graph_normal_form", "partial_evaluate", "to_cps"):
        module = find_pass(name).function(module)
    assert len(to_text(module)) > 5_000


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        (
            "monomorphise",
            "def @f[A](%x: A) -> A { %x }",
            InvalidModule,
            "functions of one type each are those that @main uses: there is none",
        ),
        (
            "defunctionalise",
            "def @main(%f: fn (int32) -> int32) -> int32 { %f(1) }",
            Unsupported,
            r".*@main must neither take nor give functions, as in fn \(int32\) -> int32",
        ),
        (
            "defunctionalise",
            """type Box[A] { Box(fn (A) -> A) }
               def @main(%x: int32) -> int32 {
                 match (Box(fn (%y: int32) -> int32 { %y })) { Box(%f) => %f(%x) } }""",
            Unsupported,
            r".*fn \(A\) -> A depends on a type parameter and cannot become data; .*",
        ),
        (
            "to_cps",
            """type Box { Box(fn (int32) -> int32) }
               def @main(%x: Box) -> int32 { match (%x) { Box(%f) => %f(1) } }""",
            Unsupported,
            ".*data types without functions; Box of Box declares one: make it a type parameter",
        ),
    ],
)
def test_what_a_pass_does_not_take_is_refused(name, text, error, message):
    with pytest.raises(error, match=rf"^{message}(\n.*)*$"):
        find_pass(name).function(module_of(text))


def test_copies_bind_variables_of_their_own():
    text = (
        LIST
        + """def @main(%l: List[int32]) -> int32 {
                       let %f = fn (%x: int32) -> int32 { %x };
                       match (%l) { Cons(%h, _) => %f(%h), Nil => 0 } }"""
    )
    main = module_of(text)["main"]
    copy = copy_expr(main)
    both = Module({"main": main, "copy": copy}, module_of(text).types)
    assert structural_equal(verify(both)["copy"], main)


SHARED_EFFECT = """#[version = "0.0.5"]
def @main(%c: bool) -> int32 {
  let %r = ref(5);
  %0 = ref_write(%r, add(ref_read(%r), 1));
  let %a = if (%c) { let %u = %0; 7 } else { BRANCH };
  AFTER
}
"""


@pytest.mark.parametrize(
    "name",
    ["partial_evaluate", "to_a_normal_form", "to_basic_block_normal_form", "to_cps"],
)
def test_an_effect_that_would_happen_twice_is_refused(name):
    text = SHARED_EFFECT.replace("BRANCH", "8").replace("AFTER", "let %v = %0; ref_read(%r)")
    message = (
        r"^shared\.relay:\d+:\d+: an effect must happen once, but this is used in a branch and "
        r"again after it: bind it with let before the branch, or write it in both places\n.*\n +\^$"
    )
    with pytest.raises(Unsupported, match=message):
        find_pass(name).function(infer(parse(text, path="shared.relay")))


@pytest.mark.parametrize("name", ["to_a_normal_form", "to_basic_block_normal_form", "to_cps"])
@pytest.mark.parametrize("condition", [False, True])
def test_an_effect_of_two_branches_happens_once(name, condition):
    text = SHARED_EFFECT.replace("BRANCH", "let %w = %0; 8").replace("AFTER", "ref_read(%r)")
    module = find_pass(name).function(infer(parse(text)))
    assert evaluate(module, np.bool_(condition)) == 6
