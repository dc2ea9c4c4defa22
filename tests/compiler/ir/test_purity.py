"""Which expressions are pure, and which may be computed without need."""

import pytest

from compiler.ir import (
    Call,
    Constant,
    Constructor,
    Function,
    GlobalVar,
    If,
    Let,
    Match,
    Module,
    RefCreate,
    RefRead,
    RefWrite,
    Tuple,
    Var,
)
from compiler.ir.matching import Clause, WildcardPattern
from compiler.ir.purity import Purity, is_pure, is_total
from compiler.ops import call

ONE = Constant(1)
X, F, G = Var("x"), Var("f"), Var("g")


@pytest.fixture
def module():
    """Globals that are pure, impure, impure by calling, and that call what they are given."""
    loop = Function((X,), Call(GlobalVar("loop"), (X,)))
    cell = Function((), RefRead(RefCreate(ONE)))
    user = Function((), Call(GlobalVar("cell"), ()))
    apply = Function((F,), Call(F, (ONE,)))
    return Module({"loop": loop, "cell": cell, "user": user, "apply": apply})


def test_globals_are_impure_if_what_they_call_is(module):
    assert Purity(module).impure == {"cell", "user", "apply"}
    assert Purity(Module({"apply": module["apply"]})).impure == frozenset()


@pytest.mark.parametrize(
    ("expr", "pure"),
    [
        (call("add", ONE, ONE), True),
        (Tuple((ONE, X)), True),
        (Call(Constructor("Cons"), (ONE, X)), True),
        (Match(X, (Clause(WildcardPattern(), ONE),)), True),
        (RefCreate(ONE), False),
        (RefRead(X), False),
        (If(X, ONE, RefWrite(X, ONE)), False),
        (Call(GlobalVar("loop"), (ONE,)), True),
        (Call(GlobalVar("cell"), ()), False),
        (Call(GlobalVar("user"), ()), False),
        (Call(G, (ONE,)), False),
        (Let(G, Function((X,), X), Call(G, (ONE,))), True),
        (Call(Function((X,), X), (ONE,)), True),
        (Call(Function((X,), RefCreate(X)), (ONE,)), False),
        (Call(Call(GlobalVar("loop"), (ONE,)), ()), False),
    ],
)
def test_is_pure(expr, pure, module):
    assert is_pure(expr, module) is pure


def test_without_cells_every_call_is_pure(module):
    plain = Module({"loop": module["loop"]})
    assert is_pure(Call(G, (ONE,)), plain)
    assert not is_pure(RefCreate(ONE), plain)


@pytest.mark.parametrize(
    ("expr", "total"),
    [
        (call("add", ONE, X), True),
        (Call(Constructor("Nil"), ()), True),
        (Call(GlobalVar("loop"), (ONE,)), False),
        (Match(X, (Clause(WildcardPattern(), ONE),)), False),
        (RefRead(X), False),
    ],
)
def test_is_total(expr, total):
    assert is_total(expr) is total
