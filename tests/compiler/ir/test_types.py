"""Types: their text, what they refuse, and unification."""

import re

import pytest

from compiler.ir.types import Any, FuncType, RefType, TensorType, TupleType, TypeCall, TypeVar
from compiler.ir.unify import HOLE, UnificationError, Unifier, substitute_types

INT, A, B = TensorType((), "int32"), TypeVar("A"), TypeVar("B")


@pytest.mark.parametrize(
    "kind, text",
    [
        (INT, "int32"),
        (TensorType((1, Any(), 0)), "Tensor[(1, ?, 0), float32]"),
        (TupleType(()), "()"),
        (TupleType((INT,)), "(int32,)"),
        (TupleType((INT, A)), "(int32, A)"),
        (FuncType((INT, TupleType(())), A), "fn (int32, ()) -> A"),
        (HOLE, "_"),
    ],
)
def test_text(kind, text):
    assert str(kind) == text
    assert kind == kind and hash(kind) == hash(kind)


def test_wrong_tensors_cannot_be_made():
    with pytest.raises(ValueError, match=r"^dtype must be one of bool, int8, .*, not 'int7'$"):
        TensorType((), "int7")
    with pytest.raises(ValueError, match=r"^a dimension must be >= 0, not -1: use Any\(\) for unk"):
        TensorType((-1,))


def test_unification_finds_both_sides():
    unifier = Unifier()
    a, b = unifier.fresh(), unifier.fresh()
    unifier.unify(TupleType((a, INT)), TupleType((INT, b)))
    assert unifier.complete(TupleType((a, b))) == TupleType((INT, INT))
    assert unifier.changed == [a.number, b.number]


def test_unknown_sizes_win():
    unifier = Unifier()
    found = unifier.unify(TensorType((Any(), 3)), TensorType((2, 3)))
    assert found == TensorType((Any(), 3))
    hole = unifier.fresh()
    unifier.unify(hole, TensorType((2,)))
    unifier.unify(TensorType((Any(),)), hole)
    assert unifier.complete(hole) == TensorType((Any(),))


@pytest.mark.parametrize(
    "left, right, message",
    [
        (INT, TensorType((), "int8"), "data type int32 is not int8"),
        (TensorType((1,)), TensorType((1, 1)), "1 axes are not 2"),
        (TensorType((1, 4, 3)), TensorType((1, 5, 2)), "axis 1 is 4 and 5, axis 2 is 3 and 2"),
        (TupleType((INT,)), TupleType(()), "a tuple of 1 is not one of 0"),
        (TupleType((INT,)), INT, "(int32,) is not int32"),
        (FuncType((), INT), FuncType((INT,), INT), "a function of 0 parameters is not one of 1"),
        (A, B, "A is not B"),
        (
            FuncType((A,), A, (A,)),
            FuncType((A,), A, (A, B)),
            "a function of 1 type parameters is n",
        ),
        (TypeCall("List", (INT,)), TypeCall("Tree", (INT,)), "List[int32] is not Tree[int32]"),
        (RefType(INT), INT, "ref(int32) is not int32"),
    ],
)
def test_types_that_differ(left, right, message):
    with pytest.raises(UnificationError, match="^" + re.escape(message)):
        Unifier().unify(left, right)


def test_a_type_cannot_contain_itself():
    unifier = Unifier()
    hole = unifier.fresh()
    with pytest.raises(UnificationError, match=r"^a type would contain itself: \(_,\)$"):
        unifier.unify(hole, TupleType((hole,)))


def test_quantified_functions():
    unifier = Unifier()
    first, second = FuncType((A,), A, (A,)), FuncType((B,), B, (B,))
    assert unifier.unify(first, second) == first
    instance, other = unifier.instantiate(first), unifier.instantiate(first)
    assert instance.params[0] == instance.ret != other.ret
    assert substitute_types(FuncType((A, B), A, (A,)), {A: INT, B: INT}) == FuncType(
        (A, INT), A, (A,)
    )


def test_a_quantified_function_stands_for_its_instances():
    unifier = Unifier()
    found = unifier.unify(FuncType((INT,), INT), FuncType((A,), A, (A,)))
    assert unifier.complete(found) == FuncType((INT,), INT)
    with pytest.raises(UnificationError, match=r"^data type int8 is not int32$"):
        Unifier().unify(FuncType((INT,), TensorType((), "int8")), FuncType((A,), A, (A,)))


def test_what_is_found_is_widened_for_all_who_know_it():
    unifier = Unifier()
    first, second = unifier.fresh(), unifier.fresh()
    unifier.unify(first, TensorType((2,)))
    unifier.unify(second, first)
    unifier.unify(second, TensorType((Any(),)))
    assert unifier.complete(first) == unifier.complete(second) == TensorType((Any(),))


def test_each_hole_of_an_annotation_is_a_type_of_its_own():
    opened = Unifier().open_holes(FuncType((HOLE,), TupleType((HOLE, INT))))
    assert opened.params[0] != opened.ret.fields[0] and opened.ret.fields[1] == INT
