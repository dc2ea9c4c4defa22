"""Data types and polymorphic functions that generated programs use; each recursion ends."""

from functools import cache

import numpy as np

from compiler.ir import (
    Call,
    Clause,
    Constant,
    Constructor,
    ConstructorData,
    ConstructorPattern,
    Function,
    FuncType,
    GlobalVar,
    If,
    Match,
    TensorType,
    TypeCall,
    TypeData,
    TypeVar,
    Var,
    VarPattern,
    WildcardPattern,
)
from compiler.ops import call

A, B = TypeVar("A"), TypeVar("B")
INT = TensorType((), "int32")


def list_of(item):
    return TypeCall("List", (item,))


def option_of(item):
    return TypeCall("Option", (item,))


def tree_of(item):
    return TypeCall("Tree", (item,))


COLOUR = TypeCall("Colour")

TYPES = {
    data.name: data
    for data in (
        TypeData(
            "List",
            (A,),
            (ConstructorData("Cons", (A, list_of(A))), ConstructorData("Nil")),
        ),
        TypeData("Option", (A,), (ConstructorData("Some", (A,)), ConstructorData("None_"))),
        TypeData(
            "Tree",
            (A,),
            (ConstructorData("Leaf"), ConstructorData("Node", (tree_of(A), A, tree_of(A)))),
        ),
        TypeData(
            "Colour",
            (),
            (
                ConstructorData("Red"),
                ConstructorData("Grey", (INT,)),
                ConstructorData("Mix", (COLOUR, COLOUR)),
            ),
        ),
    )
}


def construct(name, *fields):
    """Return a call of a constructor."""
    return Call(Constructor(name), fields)


def int_constant(value):
    return Constant(np.int32(value))


def _matched(value, *cases):
    """Return a match; a case is the constructor's name, its variables (None: any), the body."""
    clauses = []
    for name, variables, body in cases:
        fields = tuple(WildcardPattern() if var is None else VarPattern(var) for var in variables)
        clauses.append(Clause(ConstructorPattern(name, fields), body))
    return Match(value, tuple(clauses))


def _map():
    function, items = Var("f", FuncType((A,), B)), Var("xs", list_of(A))
    head, tail = Var("x"), Var("rest")
    again = Call(GlobalVar("map"), (function, tail))
    body = _matched(
        items,
        ("Cons", (head, tail), construct("Cons", Call(function, (head,)), again)),
        ("Nil", (), construct("Nil")),
    )
    return Function((function, items), body, list_of(B), {}, (A, B))


def _foldl():
    function, start, items = Var("f", FuncType((B, A), B)), Var("acc", B), Var("xs", list_of(A))
    head, tail = Var("x"), Var("rest")
    again = Call(GlobalVar("foldl"), (function, Call(function, (start, head)), tail))
    body = _matched(items, ("Cons", (head, tail), again), ("Nil", (), start))
    return Function((function, start, items), body, B, {}, (A, B))


def _length():
    items, tail = Var("xs", list_of(A)), Var("rest")
    longer = call("add", int_constant(1), Call(GlobalVar("length"), (tail,)))
    body = _matched(items, ("Cons", (None, tail), longer), ("Nil", (), int_constant(0)))
    return Function((items,), body, INT, {}, (A,))


def _iterate():
    function, times, start = Var("f", FuncType((A,), A)), Var("n", INT), Var("x", A)
    fewer = call("subtract", times, int_constant(1))
    again = Call(GlobalVar("iterate"), (function, fewer, Call(function, (start,))))
    body = If(call("less_equal", times, int_constant(0)), start, again)
    return Function((function, times, start), body, A, {}, (A,))


def _identity():
    value = Var("x", A)
    return Function((value,), value, A, {}, (A,))


def _size():
    tree = Var("t", tree_of(A))
    left, right = Var("left"), Var("right")
    below = call("add", Call(GlobalVar("size"), (left,)), Call(GlobalVar("size"), (right,)))
    body = _matched(
        tree,
        ("Leaf", (), int_constant(0)),
        ("Node", (left, None, right), call("add", below, int_constant(1))),
    )
    return Function((tree,), body, INT, {}, (A,))


@cache
def library():
    """Return the functions by name."""
    return {
        "map": _map(),
        "foldl": _foldl(),
        "length": _length(),
        "iterate": _iterate(),
        "identity": _identity(),
        "size": _size(),
    }
