"""Errors of inference in full: the expression, the types, and where each comes from."""

import re

import pytest

from compiler.errors import CompileError
from compiler.infer import infer
from compiler.text import parse

HEAD = """#[version = "0.0.5"]
type List[A] { Cons(A, List[A]), Nil }
type Colour { Red, Grey(int32) }
"""

# What is wrong, and the whole message after "f.relay:".
ERRORS = {
    "wrong_axis_size": (
        (
            "def @main(%x: Tensor[(3, 4), float32],\n"
            "          %w: Tensor[(8, 5), float32]) {\n"
            "  nn.dense(%x, %w, units=8)\n"
            "}"
        ),
        (
            "6:3: nn.dense: axis 1 of weight must be 4 (the last axis of data), not 5; transpose "
            "the weight, or reshape data (data is Tensor[(3, 4), float32], weight is Tensor[(8, "
            "5), float32])\n"
            "      nn.dense(%x, %w, units=8)\n"
            "      ^\n"
            "  data is Tensor[(3, 4), float32], from the annotation of %x at f.relay:4:11\n"
            "  weight is Tensor[(8, 5), float32], from the annotation of %w at f.relay:5:11"
        ),
    ),
    "wrong_dtype": (
        (
            "def @main(%x: Tensor[(3, 4), float32], %w: Tensor[(8, 4), int8]) {\n"
            "  let %y = nn.relu(%x);\n"
            "  nn.dense(%y, %w)\n"
            "}"
        ),
        (
            "6:3: nn.dense: data and weight must have one data type, not float32 and int8; cast "
            'one of them: cast(..., dtype="float32") (data is Tensor[(3, 4), float32], weight is '
            "Tensor[(8, 4), int8])\n"
            "      nn.dense(%y, %w)\n"
            "      ^\n"
            "  data is Tensor[(3, 4), float32], from %y at f.relay:5:7, bound to the result of "
            "nn.relu at f.relay:5:12\n"
            "  weight is Tensor[(8, 4), int8], from the annotation of %w at f.relay:4:40"
        ),
    ),
    "wrong_rank": (
        ("def @main(%x: Tensor[(3, 4), float32]) {\n  nn.conv2d(%x, %x)\n}"),
        (
            "5:3: nn.conv2d: data must have 4 axes, not 2; reshape data first (data is "
            "Tensor[(3, 4), float32], weight is Tensor[(3, 4), float32])\n"
            "      nn.conv2d(%x, %x)\n"
            "      ^\n"
            "  data is Tensor[(3, 4), float32], from the annotation of %x at f.relay:4:11\n"
            "  weight is Tensor[(3, 4), float32], from the annotation of %x at f.relay:4:11"
        ),
    ),
    "wrong_argument": (
        (
            "def @f(%y: Tensor[(3), float32]) -> int32 { 1 }\n"
            "def @main(%x: Tensor[(4), float32]) {\n"
            "  @f(%x)\n"
            "}"
        ),
        (
            "6:3: argument 1 of @f must have type Tensor[(3), float32], not Tensor[(4), "
            "float32]: axis 0 is 3 and 4\n"
            "      @f(%x)\n"
            "      ^\n"
            "  Tensor[(3), float32] comes from the annotation of %y at f.relay:4:8\n"
            "  Tensor[(4), float32] comes from the annotation of %x at f.relay:5:11"
        ),
    ),
    "wrong_count": (
        ("def @f(%y: int32, %z: bool) -> int32 { 1 }\ndef @main(%x: int32) {\n  @f(%x)\n}"),
        ("6:3: @f takes 2 arguments (int32, bool), not 1\n      @f(%x)\n      ^"),
    ),
    "branches": (
        ("def @main(%x: Tensor[(3), float32]) {\n  if (True) { %x } else { nn.relu(1f) }\n}"),
        (
            "5:27: else must have type Tensor[(3), float32], not float32: 1 axes are not 0\n"
            "      if (True) { %x } else { nn.relu(1f) }\n"
            "                              ^\n"
            "  Tensor[(3), float32] comes from the annotation of %x at f.relay:4:11\n"
            "  float32 comes from the result of nn.relu at f.relay:5:27"
        ),
    ),
    "condition": (
        ("def @main(%x: int32) {\n  if (%x) { 1 } else { 2 }\n}"),
        (
            "5:3: the condition must have type bool, not int32: data type bool is not int32\n"
            "      if (%x) { 1 } else { 2 }\n"
            "      ^\n"
            "  bool comes from if, which needs a bool\n"
            "  int32 comes from the annotation of %x at f.relay:4:11"
        ),
    ),
    "called_no_function": (
        ("def @main(%x: int32) {\n  %x(1)\n}"),
        (
            "5:3: %x is called, but it is no function: its type is int32; leave the call out\n"
            "      %x(1)\n"
            "      ^\n"
            "  int32 comes from the annotation of %x at f.relay:4:11"
        ),
    ),
    "field": (
        ("def @main(%x: (int32, bool)) {\n  %x.2\n}"),
        (
            "5:3: projection .2: the tuple has 2 fields; fields count from .0 (value is (int32, "
            "bool))\n"
            "      %x.2\n"
            "      ^\n"
            "  value is (int32, bool), from the annotation of %x at f.relay:4:11"
        ),
    ),
    "result": (
        ("def @main(%x: int32) -> bool {\n  %x + 1\n}"),
        (
            "5:3: the function's result must have type bool, not int32: data type bool is not "
            "int32\n"
            "      %x + 1\n"
            "      ^\n"
            "  bool comes from the annotation of the result of the function at f.relay:4:1\n"
            "  int32 comes from the result of add at f.relay:5:3"
        ),
    ),
    "annotation": (
        ("def @main(%x: int32) {\n  let %y: bool = %x;\n  %y\n}"),
        (
            "5:3: %y must have type bool, not int32: data type bool is not int32\n"
            "      let %y: bool = %x;\n"
            "      ^\n"
            "  bool comes from the annotation of %y at f.relay:5:7\n"
            "  int32 comes from the annotation of %x at f.relay:4:11"
        ),
    ),
    "pattern_type": (
        ("def @main(%x: List[int32]) {\n  match (%x) { Red => 1, _ => 2 }\n}"),
        (
            "5:16: the value of match must have type Colour, not List[int32]: Colour is not "
            "List[int32]\n"
            "      match (%x) { Red => 1, _ => 2 }\n"
            "                   ^\n"
            "  Colour comes from the pattern Red at f.relay:5:16\n"
            "  List[int32] comes from the annotation of %x at f.relay:4:11"
        ),
    ),
    "clauses": (
        ("def @main(%x: List[int32]) {\n  match (%x) { Cons(%a, _) => %a, Nil => 2f }\n}"),
        (
            "5:42: clause 2 must have type int32, not float32: data type int32 is not float32\n"
            "      match (%x) { Cons(%a, _) => %a, Nil => 2f }\n"
            "                                             ^\n"
            "  int32 comes from %a at f.relay:5:21, which follows from the value of match at "
            "f.relay:5:16\n"
            "  float32 comes from the constant at f.relay:5:42"
        ),
    ),
    "elements": (
        ("def @main() {\n  Cons(1, Cons(2f, Nil))\n}"),
        (
            "5:11: argument 2 of constructor Cons must have type List[int32], not List[float32]: "
            "data type int32 is not float32\n"
            "      Cons(1, Cons(2f, Nil))\n"
            "              ^\n"
            "  List[int32] comes from what the function takes, which follows from argument 1 of "
            "constructor Cons at f.relay:5:8\n"
            "  List[float32] comes from the result of Cons at f.relay:5:11"
        ),
    ),
    "infinite": (
        ("def @main() {\n  let %f = fn (%g) { %g(%g) };\n  1\n}"),
        (
            "5:22: %g must have type fn (_) -> _, not _: a type would contain itself: fn (_) -> _\n"
            "      let %f = fn (%g) { %g(%g) };\n"
            "                         ^\n"
            "  fn (_) -> _ comes from how it is called\n"
            "  _ comes from %g at f.relay:5:16"
        ),
    ),
    "written": (
        ("def @main(%x: float32) {\n  let %r = ref(%x);\n  ref_write(%r, 1)\n}"),
        (
            "6:17: what is written must have type float32, not int32: data type float32 is not "
            "int32\n"
            "      ref_write(%r, 1)\n"
            "                    ^\n"
            "  float32 comes from %r at f.relay:5:7, bound to the ref at f.relay:5:12\n"
            "  int32 comes from the constant at f.relay:6:17"
        ),
    ),
    "read": (
        ("def @main(%x: float32) {\n  ref_read(%x)\n}"),
        (
            "5:3: what ref_read is given must have type ref(_), not float32: ref(_) is not "
            "float32\n"
            "      ref_read(%x)\n"
            "      ^\n"
            "  ref(_) comes from ref_read, which needs a ref\n"
            "  float32 comes from the annotation of %x at f.relay:4:11"
        ),
    ),
    "found_elsewhere": (
        ("def @main(%x) {\n  if (%x) { 1 } else { %x + 1 }\n}"),
        (
            "5:24: add: lhs and rhs must have one data type, not bool and int32; cast one of "
            'them: cast(..., dtype="bool") (lhs is bool, rhs is int32)\n'
            "      if (%x) { 1 } else { %x + 1 }\n"
            "                           ^\n"
            "  lhs is bool, from %x at f.relay:4:11, which follows from the condition at "
            "f.relay:5:3\n"
            "  rhs is int32, from the constant at f.relay:5:29"
        ),
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_the_whole_message(name):
    text, message = ERRORS[name]
    with pytest.raises(CompileError, match="^f.relay:" + re.escape(message) + "$"):
        infer(parse(HEAD + text, "f.relay"))
