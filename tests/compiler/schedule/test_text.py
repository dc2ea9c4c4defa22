"""The text form of nests: written, and read back."""

import random
import re
from dataclasses import replace

import pytest

from compiler.errors import ParseError
from compiler.ir.dims import symbol
from compiler.schedule.expressions import Buffer, Constant, Symbol
from compiler.schedule.functions import call, cast, inside, select
from compiler.schedule.nodes import Block, Sequence
from compiler.schedule.parser import parse
from compiler.schedule.primitives import fuse, split, vectorise
from compiler.schedule.printer import to_text
from compiler.schedule.writer import Writer

TEXT = """\
nest scale(x: float32[n, 8]) -> (y: float32[n, 8]) with n {
  for i0 in $n {
    for i1 in 8 {
      block y reads x[i0 +: 1, i1 +: 1] writes y[i0 +: 1, i1 +: 1] {
        y[i0, i1] = (x[i0, i1] * 2.0:float32)
      }
    }
  }
}
"""


def scale():
    n = symbol("n")
    writer = Writer(
        "scale", [Buffer("x", (n, 8), "float32")], [Buffer("y", (n, 8), "float32")], [Symbol("n")]
    )
    (x,), (y,) = writer.inputs, writer.outputs
    with writer.loops(*y.shape) as at:
        writer.store(y[at], x[at] * 2.0)
    return writer.finish()


def everything():
    """A nest with every kind of node."""
    n = symbol("n")
    writer = Writer(
        "all", [Buffer("x", (2 * n + 1, 8), "float16"), Buffer("k", (), "uint8")],
        [Buffer("y", (n,), "float16"), Buffer("z", (3,), "bool")], [Symbol("n")],
    )  # fmt: skip
    (x, k), (y, z) = writer.inputs, writer.outputs
    with writer.loop(n) as i:
        total = writer.local("float16", -0.0)
        count = writer.local("int64", 0)
        with writer.loop_while(count < cast(k[()], "int64")):
            writer.store(total, total + inside(x, (i - 1, count), float("-inf")))
            writer.store(count, count + 1)
        with writer.when(total > 0.5):
            writer.store(y[i], call("nn.leaky_relu", total, detail=0.25))
        with writer.otherwise():
            writer.store(y[i], select(total < -3.0, total / 3.0, float("nan")))
    with writer.loop(3) as j:
        writer.store(z[j], Constant(True, "bool"))
    return writer.finish()


def test_a_nest_in_text():
    assert to_text(scale()) == TEXT


@pytest.mark.parametrize("nest", [scale(), everything()])
def test_text_is_read_back(nest):
    assert parse(to_text(nest)) == nest


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["product", "pair", "sweep"])
def test_scheduled_nests_are_read_back(make, name, seed):
    nest = make(name)
    choice = random.Random(seed)
    loop = re.findall(r"for (\w+)", to_text(nest))
    made = split(nest, choice.choice(loop), choice.randint(1, 4))
    assert parse(to_text(made)) == made, f"seed {seed}"


def test_kinds_of_loops(make):
    nest = make("product")
    made = vectorise(fuse(nest, "i0", "i1"), "i0_i1")
    assert "for i0_i1 in 30 vector {" in to_text(made)
    assert parse(to_text(made)) == made


def test_sequences_in_sequences():
    nest = scale()
    store = nest.body.body.body.body
    for body in (Sequence((store,)), Sequence((store, Sequence((store, store)))), Sequence(())):
        inner = replace(nest.body.body, body=Block("b", (), (), body))
        made = replace(nest, body=replace(nest.body, body=inner))
        assert parse(to_text(made)) == made


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("for i0 in", "for i0 of", "nest:2:10: expected 'in', found of"),
        ("y[i0, i1] = ", "w[i0, i1] = ", "nest:5:10: expected a buffer that is declared before, "
         "not w, found ["),
        (" * 2.0", " @ 2.0", "nest:5:32: expected more text, found @"),
        ("}\n}\n", "}\n} x\n", "nest:9:3: expected the end, found x"),
    ],
)  # fmt: skip
def test_what_is_not_a_nest(old, new, message):
    with pytest.raises(ParseError, match=f"^{re.escape(message)}$"):
        parse(TEXT.replace(old, new))
