"""Whole programs: data types, match, references, metadata; each reads back as it was written."""

from pathlib import Path

import numpy as np
import pytest

from compiler.errors import InvalidModule
from compiler.ir import (
    Call,
    Clause,
    Constructor,
    ConstructorPattern,
    Function,
    Let,
    Match,
    MetaValue,
    Module,
    Op,
    RefCreate,
    RefRead,
    RefType,
    RefWrite,
    TensorType,
    Tuple,
    TuplePattern,
    Var,
    VarPattern,
    WildcardPattern,
    structural_equal,
)
from compiler.ir.dims import symbol
from compiler.ir.nodes import Constant
from compiler.text import parse, parse_expression, to_text

HEAD = '#[version = "0.0.5"]\n'
LIST = "type List[A] { Cons(A, List[A]), Nil }\n"
EXAMPLES = Path(__file__).parents[4] / "shared/reference/relay_examples"

CANONICAL = [
    """type Both[A, B] {
  Pair(A, B),
}

type List[A] {
  Cons(A, List[A]),
  Nil,
}

extern type Opaque[A]

type Void {
}

def @first[A](%xs: List[A], %default: A) -> A {
  match (%xs) {
    Cons(%x: A, _) => {
      %x
    },
    Nil => {
      %default
    },
  }
}

def @main(%x: int32) {
  %0 = Nil;
  %1 = Cons(%x, %0);
  @first(%1, %x)
}
""",
    """type List[A] {
  Cons(A, List[A]),
  Nil,
}

def @last(%a: List[int8], %f: fn (int8, List[int8]) -> List[int8]) {
  %0 = (%a, %a);
  match? (%0) {
    (Cons(_, %r), %s) => {
      %1 = (%r, %s);
      (%1, %1)
    },
    ((), (_,)) => {
      let %y = Cons;
      (%y, %f)
    },
  }
}
""",
    """def @main(%x: float32) -> float32 {
  let %r = ref(%x);
  let %v = ref_write(%r, 1f);
  ref_read(%r)
}
""",
    """def @f(%x {virtual_device=meta[VirtualDevice][0], on="a"}: float32, target=meta[Target][0]) {
  @f(%x, attrs_type_key="relay.attrs.Own", size=[1, 2])
}

def @g(%r: ref((ref(int8), List)), %h: fn [A] (A) -> A) {
  @f(%r, meta[relay.attrs.Own][0])
}

#[metadata]
{
  "VirtualDevice": [
    {"device_type_int": 1, "target": [null, "llvm", 1.5]}
  ],
  "Target": [
    "llvm"
  ],
  "relay.attrs.Own": [
    {"a": {}}
  ]
}
""",
]


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical_text_is_kept(text):
    if "List))" in text:
        text = "extern type List\n\n" + text
    module = parse(HEAD + text)
    assert to_text(module) == HEAD + text
    assert structural_equal(parse(to_text(module)), module)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.relay")), ids=lambda path: path.stem)
def test_examples_of_the_reference_read_back(path):
    table = {"relay.Constant": [np.ones(16, "float32")]}
    read = parse_expression if "expr" in path.stem else parse
    program = read(path.read_text(), path.name, metadata=table)
    text = to_text(program)
    assert structural_equal(read(text), program)
    assert to_text(read(text)) == text


def test_match_and_its_patterns():
    text = (
        LIST + "def @f(%l: List[int32]) { match? (%l) { Cons(%x: int32, _) => %x, (%a,) => %a } }"
    )
    match = parse(HEAD + text, "t")["f"].body
    assert isinstance(match, Match) and not match.complete
    first, second = match.clauses
    assert isinstance(first, Clause) and str(first.span) == "t:3:41"
    assert isinstance(first.pattern, ConstructorPattern) and first.pattern.name == "Cons"
    x, rest = first.pattern.fields
    assert isinstance(x, VarPattern) and x.var is first.body and str(x.span) == "t:3:46"
    assert str(x.var.annotation) == "int32" and isinstance(rest, WildcardPattern)
    assert isinstance(second.pattern, TuplePattern)
    assert second.pattern.fields[0].var is second.body


def test_constructors_without_fields_are_called():
    module = parse(HEAD + LIST + "def @f() { (Nil, Nil(), Cons) }")
    nil, same, cons = module["f"].body.fields
    assert all(isinstance(call, Call) and isinstance(call.op, Constructor) for call in (nil, same))
    assert isinstance(cons, Constructor)
    assert module.constructor("Nil")[1].fields == ()


def test_a_scrutinee_needs_no_parentheses():
    module = parse(HEAD + LIST + "def @f(%l: List[int8]) { match %l { _ => 1, } }")
    assert module["f"].body.value is module["f"].params[0]


def test_types_may_stand_behind_their_use():
    module = parse(HEAD + "def @f(%t: T[int8]) { R(%t) } type T[A] { R(L[T[A]]) } type L[A] { N }")
    assert list(module.types) == ["T", "L"]
    assert str(module.types["T"].constructors[0].fields[0]) == "L[T[A]]"


def test_references():
    body = parse_expression("let %r = ref(1f); let %_ = ref_write(%r, 2f); ref_read(%r)")
    assert isinstance(body, Let) and isinstance(body.value, RefCreate)
    assert isinstance(body.body.value, RefWrite) and body.body.value.reference is body.var
    assert isinstance(body.body.body, RefRead)
    function = parse_expression("fn (%r: ref(int8)) { %r }")
    assert function.params[0].annotation == RefType(TensorType((), "int8"))


def test_sizes_with_symbols_read_back():
    n, m = symbol("n"), symbol("m")
    shape = (n, 2 * n + 1, n * n * m // 3, (n + m) // 2 - n, 4)
    param = Var("x", TensorType(shape, "int8"))
    module = Module({"main": Function((param,), param)})
    back = parse(to_text(module))
    assert back["main"].params[0].annotation == param.annotation
    assert structural_equal(back, module)
    assert "(n, 2*n + 1, " in to_text(module, metadata=False)


def test_an_operator_is_a_value():
    expr = parse_expression("fn (%f) { %f(exp) }")
    assert isinstance(expr.body.args[0], Op)
    assert structural_equal(parse_expression(to_text(expr)), expr)


def test_attributes_that_only_the_metadata_can_say():
    attrs = {"text": 'a "quoted" word\n', "big": 1e300, "device": MetaValue("K", '{"a": 1}')}
    module = Module({"main": Function((), Tuple(()), attrs=attrs)})
    assert structural_equal(parse(to_text(module)), module)


def test_a_constructor_without_fields_must_be_called():
    module = parse(HEAD + LIST + "def @f() { 1 }")
    module = module.replace(f=Function((), Constructor("Nil")))
    with pytest.raises(InvalidModule, match=r"^constructor Nil has no fields, so it must be call"):
        to_text(module)


@pytest.mark.parametrize(
    "opening, middle, closing",
    [
        ("match (1) { _ => ", "1", "}"),
        ("match (", "1", ") { _ => 1 }"),
        ("match (1) { " + "(" * 5_000, "%x", ",)" * 5_000 + " => 1 }"),
        ("ref(", "1", ")"),
        ("if (True) { 1 } else { ", "1", "}"),
        ("1; ", "1", ""),
        ("let %x = 1; ", "%x", ""),
    ],
)
def test_new_forms_nest_without_limit(opening, middle, closing):
    count = 1 if len(opening) > 1000 else 2_000
    expr = parse_expression(opening * count + middle + closing * count)
    text = to_text(expr)
    assert structural_equal(parse_expression(text), expr)
    assert len(text) < 400 * 2_000


# Written by TVM 0.8 for a constant of 2 x 3 floats: src/runtime/ndarray.cc's header, then data.
NODE_GRAPH = """def @main(
  %x {virtual_device=meta[VirtualDevice][0]}: Tensor[(meta[tir.SizeVar][0]), int8]
) {
  meta[relay.Constant][0]
}

#[metadata]
{
  "root": 1,
  "nodes": [
    {"type_key": ""},
    {"type_key": "Map", "keys": ["VirtualDevice", "relay.Constant", "tir.SizeVar"],
     "data": [6, 2, 8]},
    {"type_key": "Array", "data": [3]},
    {"type_key": "relay.Constant", "attrs": {"_checked_type_": "0", "data": "0", "span": "0"}},
    {"type_key": "VirtualDevice", "attrs": {"device_type_int": "1", "memory_scope": "5"}},
    {"type_key": "runtime.String", "repr_str": "global"},
    {"type_key": "Array", "data": [4]},
    {"type_key": "runtime.String", "repr_str": "n"},
    {"type_key": "Array", "data": [9]},
    {"type_key": "tir.SizeVar", "attrs": {"dtype": "int32", "name": "7", "span": "0"}}
  ],
  "b64ndarrays": [
    "%DATA%"
  ],
  "attrs": {"tvm_version": "0.8.0"}
}
"""
DATA = (
    "P6G0lvBAXt0AAAAAAAAAAAEAAAAAAAAAAgAAAAIgAQACAAAAAAAAAAMAAAAAAAAA"
    "GAAAAAAAAAAAAIA/AAAAQAAAQEAAAIBAAACgQAAAwEA="
)


def test_metadata_as_tvm_writes_it():
    module = parse(HEAD + NODE_GRAPH.replace("%DATA%", DATA))
    main = module["main"]
    assert isinstance(main.body, Constant) and main.body.value.dtype == np.float32
    assert main.body.value.tolist() == [[1, 2, 3], [4, 5, 6]]
    (name, device), *_ = main.params[0].attrs
    assert name == "virtual_device" and device.key == "VirtualDevice"
    assert '"global"' in device.text
    assert main.params[0].annotation.shape == (symbol("n"),)
    assert structural_equal(parse(to_text(module)), module)


@pytest.mark.parametrize(
    "before, after, message",
    [
        ('"data": "0"', '"data": "9"', "there is no tensor 9 of the metadata"),
        (DATA, DATA[:12], "tensor 0 of the metadata is too short"),
        (DATA, "A" + DATA[1:], "tensor 0 of the metadata does not begin as a tensor does"),
        (DATA, "?", "the data of tensor 0 of the metadata is not base64"),
        (DATA, DATA[:-4], "tensor 0 of the metadata does not have the bytes for its shape [2, 3]"),
        ('"data": [3]', '"data": [33]', "the metadata has 10 nodes, so none is 33"),
        ('"data": [3]', '"data": 3', "the root of the metadata must map names to arrays of nodes"),
        ('"root": 1', '"root": "x"', "the metadata has 10 nodes, so none is 'x'"),
        ('"data": [6, 2, 8]', '"data": [6]', "the root of the metadata must be a Map with a val"),
    ],
)
def test_damaged_node_graphs(before, after, message):
    text = NODE_GRAPH.replace("%DATA%", DATA).replace(before, after)
    with pytest.raises(Exception, match="^<text>:8:1: ") as caught:
        parse(HEAD + text)
    assert caught.value.problem.startswith(message)


def test_free_variables_of_a_function_are_declared_in_it():
    text = (
        HEAD
        + """def @main(%x: int32) {
  free_var %y: int32;
  free_var %z;
  %0 = add(%x, %y);
  multiply(%0, %z)
}
"""
    )
    module = parse(text)
    assert to_text(module) == text
    assert structural_equal(parse(text), module)
