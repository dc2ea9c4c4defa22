"""What the parser accepts, what it makes of it, and what it refuses with which message."""

import re

import numpy as np
import pytest

from compiler.errors import CompileError, ParseError, Unsupported
from compiler.infer import infer
from compiler.ir import Call, Constant, Function, If, Let, Op, Tuple, TupleGetItem, Var
from compiler.text import parse, parse_expression

HEAD = '#[version = "0.0.5"]\n'


def around(body):
    main = f"def @main(%x: int32, %t: (int32, int32)) {{\n{body}\n}}"
    return f"{HEAD}{main}\ntype List[A] {{ Cons(A, List[A]), Nil, }}"


def module(body):
    return parse(around(body), "net.relay")


def test_graph_bindings_share_and_let_binds():
    add = parse_expression("%0 = exp(1f); add(%0, %0)")
    assert add.args[0] is add.args[1]
    let = parse_expression("let %y = 1; %y + %y")
    assert isinstance(let, Let) and let.body.args == (let.var, let.var)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("1 + 2 * 3 == 7", "((1 + (2 * 3)) == 7)"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("8 / 4 * 2", "((8 / 4) * 2)"),
        ("1 < 2 == 3 >= 4", "((1 < 2) == (3 >= 4))"),
        ("(1 + 2) * 3 != 9", "(((1 + 2) * 3) != 9)"),
    ],
)
def test_precedence(text, expected):
    signs = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "equal": "=="}
    signs |= {"not_equal": "!=", "less": "<", "greater_equal": ">="}

    def show(expr):
        if isinstance(expr, Constant):
            return str(int(expr.value))
        return f"({show(expr.args[0])} {signs[expr.op.name]} {show(expr.args[1])})"

    assert show(parse_expression(text)) == expected


def test_dots_may_have_spaces_around():
    expr = parse_expression("nn . softmax(1f, axis=1)")
    assert expr.op.name == "nn.softmax"
    function = parse_expression("fn (a . b=1) { (5,) . 0 }")
    assert dict(function.attrs) == {"a.b": 1} and function.body.index == 0


def test_atoms():
    assert parse_expression("()").fields == ()
    assert len(parse_expression("(1,)").fields) == 1
    assert len(parse_expression("(1, 2,)").fields) == 2
    assert isinstance(parse_expression("(1)"), Constant)
    field = parse_expression("(5,).0")
    assert isinstance(field, TupleGetItem) and isinstance(field.value, Tuple)
    assert parse_expression("True").value.dtype == np.bool_
    curried = parse_expression("fn (%x) { fn (%y) { %x } }(1)(2)")
    assert isinstance(curried.op, Call) and isinstance(curried.op.op, Function)


def test_sequence_and_nested_blocks():
    first = parse_expression("1; {2; 3}")
    assert isinstance(first, Let) and first.var.name == "" and isinstance(first.body, Let)


def test_shadowing_makes_a_new_variable():
    outer = parse_expression("let %x = 1; let %x = %x + 1; %x")
    inner = outer.body
    assert inner.value.args[0] is outer.var and inner.body is inner.var is not outer.var


def test_a_function_sees_its_own_name_only_in_let():
    let = parse_expression("let %f = fn (%n: int32) -> int32 { %f(%n) }; %f")
    assert let.value.body.op is let.var


def test_a_parameter_and_attributes_of_a_function():
    main = parse(HEAD + 'def @main[A](%x: A, Primitive=1, T.ag="v", f=1f) -> A { %x }')["main"]
    assert dict(main.attrs) == {"Primitive": 1, "T.ag": "v", "f": 1.0}
    assert str(main.ret_type) == "A" and [str(a) for a in main.type_params] == ["A"]


def test_attribute_values():
    call = parse_expression("nn.conv2d(1f, 2f, strides=[2, 2], channels=None, padding=(1,))")
    assert call.attrs["strides"] == (2, 2) and call.attrs["channels"] is None
    assert call.attrs["padding"] == (1, 1, 1, 1)
    double = parse_expression("clip(1f, a_min=0.1f, a_max=inff)")
    assert dict(double.attrs) == {"a_min": 0.1, "a_max": np.inf}


def test_types():
    text = "fn (%a: Tensor[(1, ?), float32], %b: (int8, (bool,)), %c: fn (_) -> uint8, %d: _) {%a}"
    found = [str(param.annotation) for param in parse_expression(text).params]
    assert found == ["Tensor[(1, ?), float32]", "(int8, (bool,))", "fn (_) -> uint8", "None"]


def test_every_expression_has_its_place():
    main = module("  let %y = %x + 1;\n  if (%y == 2) { %y } else { 0 }")["main"]
    assert str(main.span) == "net.relay:2:1"
    assert str(main.params[0].span) == "net.relay:2:11"
    let = main.body
    assert str(let.span) == "net.relay:3:3" and str(let.value.span) == "net.relay:3:12"
    assert isinstance(let.body, If) and str(let.body.condition.span) == "net.relay:4:7"
    assert (let.value.span.end_line, let.value.span.end_column) == (3, 18)


REFUSED = [
    ("1.0", "net.relay:3:1: 1.0: a floating-point literal must end in f; write 1.0f"),
    ("1-1", "net.relay:3:1: 1-1 is no number; put spaces around a binary + or -"),
    ("%x -1", "net.relay:3:4: '}' or ';' must stand here, not '-1'"),
    ("%t.0.1", "net.relay:3:4: 0.1: a floating-point literal must end in f; write 0.1f"),
    ("%t.0f", "net.relay:3:4: the number of a field must be a plain integer, not 0f; write (%t.0)"),
    ("let @x = 1; ()", "net.relay:3:5: a variable such as %x must stand here, not '@x'"),
    ("let x = 1; ()", "net.relay:3:5: a variable such as %x must stand here, not 'x'"),
    ("2147483648i32", "net.relay:3:1: 2147483648i32 does not fit into int32"),
    ("65505f16", "net.relay:3:1: 65505f16 does not fit into float16"),
    (
        "if (True) { let %y = 1; %y } else { 2 }; %y",
        "net.relay:3:42: %y is not bound here; bind it",
    ),
    ("if (True) { %0 = 1; %0 } else { 2 }; %0", "net.relay:3:38: %0 is not bound here; bind it be"),
    ("(let %y = 1; %y) + %y", "net.relay:3:20: %y is not bound here; bind it before, in this blo"),
    (
        "meta[relay.Constant][99]",
        "net.relay:3:1: the metadata has 0 constants, so there is no number 99; "
        "print the program with its metadata, or give it to the parser\n",
    ),
    (
        "meta[VirtualDevice][0]",
        "net.relay:3:1: meta[VirtualDevice] as an expression is not supported; only meta[rela",
    ),
    ("conv9(%x)", "net.relay:3:1: operator conv9 not found; "),
    ("nn.batch_norm(1f, epsilon=1e-05)", "net.relay:3:27: 1e-05: a floating-point literal must e"),
    (
        "nn.softmax(1f, axes=1)",
        "net.relay:3:16: nn.softmax: there is no attribute axes; did you mean",
    ),
    (
        "nn.softmax(nn.relu(1f, %x), axis=[1])",
        "net.relay:3:29: nn.softmax: attribute axis must be an integer, not (1,)",
    ),
    (
        "nn.softmax(1f, axis=1, axis=2)",
        "net.relay:3:24: attribute axis is given twice; leave one o",
    ),
    ("nn.softmax(axis=1, 1f)", "net.relay:3:20: an attribute or ')' must stand here, not '1f'"),
    (
        "@main(%x, axis=1)",
        "net.relay:3:1: only a call of an operator has attributes; give them to t",
    ),
    ("@other(%x)", "net.relay:3:1: there is no function @other; define it with def"),
    ("add(%x, %x", "net.relay:4:1: ',' or ')' must stand here, not '}'"),
    ("fn (%a, %a) { 1 }", "net.relay:3:9: parameter %a stands twice; rename one"),
    (
        "let %y: Tensor[(1), int7] = 1; %y",
        "net.relay:3:21: a data type must be one of bool, int8, ",
    ),
    ("let %y: Tensor[(-1), int8] = 1; %y", "net.relay:3:17: a size or ? must stand here, not '-1'"),
    ("match (%x) { Nill => 1 }", "net.relay:3:14: there is no constructor Nill; did you mean Nil?"),
    (
        "match (%x) { exp => 1 }",
        "net.relay:3:14: there is no constructor exp; declare it in a type",
    ),
    ("match (%x) { 1 => 1 }", "net.relay:3:14: a pattern (_, %x, a constructor or a tuple) must s"),
    ("match (%x) { (%a, %a) => 1 }", "net.relay:3:19: %a stands twice in this pattern; rename on"),
    ("match (%x) { _ -> 1 }", "net.relay:3:16: '=>' must stand here, not '->'"),
    ("match (%x) { %a => 1 }; %a", "net.relay:3:25: %a is not bound here; bind it before, in thi"),
    ("match (%x) { _ => 1 _ => 2 }", "net.relay:3:21: ',' or '}' must stand here, not '_'"),
    ("ref(%x, %x)", "net.relay:3:9: ')' must stand here, not '%x'"),
    ("ref_write(%x)", "net.relay:3:13: ',' (a reference is written with ref_write(%r, value)) mus"),
    ("let %l: Lisst[A] = 1; %l", "net.relay:3:9: there is no type Lisst; did you mean List?"),
    ("let %l: Q[int8] = 1; %l", "net.relay:3:9: there is no type Q; define it with type Q"),
    ("Conss(1, Nil)", "net.relay:3:1: there is no constructor Conss; did you mean Cons?"),
    ("@mian(%x)", "net.relay:3:1: there is no function @mian; did you mean main?"),
    ("fn [A, A] (%a: A) { 1 }", "net.relay:3:8: type parameter A stands twice; rename one"),
    ("fn [int8] (%a) { 1 }", "net.relay:3:5: int8 has a meaning of its own; choose another name"),
    (
        "let %y: Tensor[(meta[tir.SizeVar][0]), int8] = 1; %y",
        "net.relay:3:17: the metadata has 0 entries of tir.SizeVar, so there is no number 0",
    ),
    ("%t.12345678901", "net.relay:3:4: the number of a field must be a plain integer, not 1234567"),
    ("", "net.relay:4:1: an expression must stand here, not '}'"),
]


@pytest.mark.parametrize("body, message", REFUSED)
def test_refused_with_place_and_excerpt(body, message):
    with pytest.raises(CompileError, match="^" + re.escape(message)) as caught:
        module(body)
    assert isinstance(caught.value, ParseError | Unsupported)
    line, caret = str(caught.value).split("\n")[-2:]
    assert line == "    " + around(body).split("\n")[caught.value.span.line - 1]
    assert caret == " " * (caught.value.span.column + 3) + "^"


@pytest.mark.parametrize(
    "text, message",
    [
        ("def @main() { 1 }", "t:1:1: #[version = \"0.0.5\"] must stand here, not 'def'"),
        ('#[version = "0.0.4"]', "t:1:1: the version must be 0.0.5, not 0.0.4"),
        (HEAD + "def @f() {1}\ndef @f() {2}", "t:3:5: @f is defined twice; rename one"),
        (HEAD + "type L { N }\ntype L { M }", "t:3:6: type L is defined twice; rename one"),
        (
            HEAD + "type L { N }\ntype M { N }",
            "t:3:10: constructor N is defined twice, in L and in M; rename one",
        ),
        (HEAD + "type L[A, A]", "t:2:11: type parameter A stands twice; rename one"),
        (HEAD + "type int8", "t:2:6: int8 has a meaning of its own; choose another name"),
        (HEAD + "type L { exp }", "t:2:10: exp is an operator; choose another name"),
        (HEAD + "type L { N(M) }", "t:2:12: there is no type M; "),
        (HEAD + "extern type S { N }", "t:2:15: S is extern: it has no constructors; end it here"),
        (HEAD + "extern def @f() {1}", "t:2:1: 'def' or 'type' must stand here, not 'extern'"),
        (HEAD + "type", "t:2:5: the name of a data type must stand here, not the end"),
        (HEAD + "let %x = 1", "t:2:1: 'def' or 'type' must stand here, not 'let'"),
        (
            HEAD + "def @f() {1} #[metadata] {",
            "t:2:14: the metadata is not JSON: Expecting property",
        ),
        (
            HEAD + 'def @f() {1} #[metadata] {"x": 1}',
            't:2:14: the metadata must be {"relay.Constant": [...], ...}',
        ),
        (HEAD + "def @f() {1", "t:2:12: '}' or ';' must stand here, not the end"),
    ],
)
def test_refused_modules(text, message):
    with pytest.raises(CompileError, match="^" + re.escape(message)):
        parse(text, "t")


def test_types_and_attributes_have_a_nesting_limit():
    deep = "let %y: " + "(" * 200 + "int8" + ",)" * 200 + " = 1; %y"
    with pytest.raises(ParseError, match=r"^net.relay:3:\d+: types nest at most 100 deep"):
        module(deep)
    with pytest.raises(ParseError, match=r"^net.relay:3:\d+: attributes nest at most 100"):
        module("clip(%x, a_min=" + "[" * 200 + "]" * 200 + ")")


@pytest.mark.parametrize(
    "opening, closing",
    [("(", ")"), ("negative(", ")"), ("(1 + ", ")"), ("fn () {", "}"), ("{", "}"), ("(1, ", ")")],
)
def test_expressions_nest_without_limit(opening, closing):
    count = 5_000
    expr = parse_expression(opening * count + "1" + closing * count)
    assert expr.span.line == 1


def test_the_smallest_programs_of_the_reference():
    text = (
        HEAD
        + """
    def @pow[A](%f: fn (A) -> A, %n: int32, %x: A) -> A {
      if (%n == 0) { %x } else { let %y: A = %f(%x); @pow(%f, %n - 1, %y) }
    }
    def @main(%x: Tensor[(?, 4), float32], %w: Tensor[(8, 4), float32]) {
      %0 = nn.dense(%x, %w, units=8);
      let %t = (nn.relu(%0), 1i64,);
      let %dbl = fn (%v: float32) -> float32 { %v + %v };
      -1.5f * 2f < 0f; // a sequence: its value is not used
      if (%t.1 == 1i64) { (%t.0, @pow(%dbl, 3, 2f)) } else { (%0, 1f) }
    }
    """
    )
    typed = infer(parse(text))
    assert str(typed["main"].body.type) == "(Tensor[(n, 8), float32], float32)"


def test_free_variables_of_an_expression():
    expr = parse_expression("free_var %x: int32; free_var %y; add(%x, %y)")
    assert isinstance(expr.op, Op) and all(isinstance(arg, Var) for arg in expr.args)
    assert str(expr.args[0].annotation) == "int32"
