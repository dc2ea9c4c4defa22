"""Modules that are not well formed."""

import re

import numpy as np
import pytest

from compiler.errors import CompileError
from compiler.ir import (
    Call,
    Clause,
    Constant,
    Constructor,
    ConstructorData,
    ConstructorPattern,
    Function,
    GlobalVar,
    If,
    Let,
    Match,
    Module,
    Op,
    RefType,
    Tuple,
    TuplePattern,
    TypeCall,
    TypeData,
    Var,
    VarPattern,
)
from compiler.ir.types import TypeVar
from compiler.ops import call
from compiler.text import parse
from compiler.verify import verify

ONE = Constant(np.float32(1))
X, Y = Var("x"), Var("y")


def test_well_formed_modules_are_returned():
    module = parse(
        '#[version = "0.0.5"] def @main(%x: int32) { let %f = fn (%n: int32) { %f(%n + %x) }; %f }'
    )
    assert verify(module) is module


@pytest.mark.parametrize(
    "body, message",
    [
        (X, "%x is used where it is not bound; bind it with let or make it a parameter"),
        (
            Tuple((Let(X, ONE, X), X)),
            "%x is used where it is not bound; bind it with let or make i",
        ),
        (
            Let(X, call("exp", X), X),
            "%x is used where it is not bound; bind it with let or make it",
        ),
        (
            If(Constant(np.array(True)), Let(Y, ONE, Y), Y),
            "%y is used where it is not bound; bind ",
        ),
        (
            Let(X, Let(X, ONE, X), X),
            "%x is bound twice, in @main and in @main; make a variable for",
        ),
        (
            Function((X, X), X),
            "%x is bound twice, in @main and in @main; make a variable for each ",
        ),
        (Call(GlobalVar("other"), ()), "there is no function @other in the module"),
        (Call(Op("nn.conv"), ()), "operator nn.conv not found; did you mean nn.conv"),
        (Call(Op("add"), (ONE,)), "add takes 2 arguments (lhs, rhs), not 1"),
        (Op("add"), "operator add can only be called"),
        (Function((Var("v", TypeVar("A")),), ONE), "there is no type parameter A here; declare it"),
    ],
)
def test_refused(body, message):
    with pytest.raises(CompileError, match="^" + re.escape(message)):
        verify(Module({"main": Function((), body)}))


def test_a_variable_bound_in_two_functions():
    module = Module({"f": Function((X,), X), "g": Function((X,), X)})
    with pytest.raises(
        CompileError, match=r"^%x is bound twice, in @f and in @g; make a variable "
    ):
        verify(module)


def test_a_recursive_function_may_use_its_own_name_only():
    recursive = Function((Y,), Call(X, (Y,)))
    verify(Module({"main": Function((), Let(X, recursive, X))}))
    with pytest.raises(CompileError, match=r"^%x is used where it is not bound; "):
        verify(Module({"main": Function((), Let(X, Tuple((recursive,)), X))}))


A = TypeVar("A")
BOX = TypeData("Box", (A,), (ConstructorData("Box", (A,)), ConstructorData("No")))


def box_match(pattern, body):
    return Match(Call(Constructor("Box"), (ONE,)), (Clause(pattern, body),))


@pytest.mark.parametrize(
    "body, message",
    [
        (Constructor("Bax"), "there is no constructor Bax in the module"),
        (box_match(ConstructorPattern("Bax"), ONE), "there is no constructor Bax in the module"),
        (
            box_match(TuplePattern((ConstructorPattern("Box"),)), ONE),
            "constructor Box has 1 fields, but the pattern names 0",
        ),
        (
            box_match(ConstructorPattern("No", (VarPattern(X),)), ONE),
            "constructor No has 0 fields, but the pattern names 1",
        ),
        (
            box_match(TuplePattern((VarPattern(X), VarPattern(X))), ONE),
            "%x is bound twice, in @main and in @main; make a variable for each binder",
        ),
        (
            Tuple((box_match(VarPattern(X), X), X)),
            "%x is used where it is not bound; bind it with let or make it a parameter",
        ),
        (
            box_match(VarPattern(Var("v", TypeCall("Box", (TypeVar("B"),)))), ONE),
            "there is no type parameter B here; declare it: fn [B](...)",
        ),
        (
            Function((Var("v", RefType(TypeVar("B"))),), ONE),
            "there is no type parameter B here; declare it: fn [B](...)",
        ),
    ],
)
def test_data_types_that_are_not_well_formed(body, message):
    with pytest.raises(CompileError, match="^" + re.escape(message) + "$"):
        verify(Module({"main": Function((), body)}, {"Box": BOX}))


def test_patterns_bind_in_their_clause():
    body = box_match(ConstructorPattern("Box", (VarPattern(X),)), X)
    module = Module({"main": Function((), body)}, {"Box": BOX})
    assert verify(module) is module
