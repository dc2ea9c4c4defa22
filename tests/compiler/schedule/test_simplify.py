"""Simpler indices: equal to the ones before, for every index."""

import itertools
import random

import pytest

from compiler.schedule.expressions import Apply, Constant, Variable
from compiler.schedule.functions import clamp, maximum, minimum
from compiler.schedule.linear import at_least_zero, interval
from compiler.schedule.simplify import simplify

ROW, COLUMN = Variable("i"), Variable("j")


def random_index(choice, depth=3):
    if depth == 0:
        return choice.choice([ROW, COLUMN, Constant(choice.randint(-9, 9), "int64")])
    left = random_index(choice, depth - 1)
    number = choice.randint(1, 7)
    match choice.randint(0, 7):
        case 0:
            return left // number
        case 1:
            return left % number
        case 2:
            return left * choice.randint(-3, 3)
        case 3:
            return minimum(left, random_index(choice, depth - 1))
        case 4:
            return maximum(left, random_index(choice, depth - 1))
        case 5:
            return left - random_index(choice, depth - 1)
        case _:
            return left + random_index(choice, depth - 1)


def value(expr, i, j):
    match expr:
        case Constant(number):
            return int(number)
        case Variable(name):
            return i if name == "i" else j
        case Apply(operation, _, (left, right)):
            x, y = value(left, i, j), value(right, i, j)
            return {
                "add": lambda: x + y,
                "subtract": lambda: x - y,
                "multiply": lambda: x * y,
                "floor_divide": lambda: x // y,
                "floor_mod": lambda: x % y,
                "minimum": lambda: min(x, y),
                "maximum": lambda: max(x, y),
            }[operation]()


@pytest.mark.parametrize("seed", range(10))
def test_what_is_said_of_an_index_holds(seed):
    choice = random.Random(seed)
    for _ in range(60):
        n, m = choice.randint(1, 5), choice.randint(1, 9)
        extents = {"i": Constant(n, "int64"), "j": Constant(m, "int64")}
        index = random_index(choice)
        simple = simplify(index, extents)
        low, high = interval(index, extents)
        positive = at_least_zero(index, extents)
        for i, j in itertools.product(range(n), range(m)):
            found = value(index, i, j)
            assert value(simple, i, j) == found, f"seed {seed}: {index}"
            assert low <= found <= high, f"seed {seed}: {index}"
            assert found >= 0 or not positive, f"seed {seed}: {index}"


def test_quotients_of_a_split_loop():
    extents = {"i": Constant(6, "int64"), "j": Constant(4, "int64")}
    whole = ROW * 4 + COLUMN
    assert simplify(whole // 4, extents) == ROW
    assert simplify(whole % 4, extents) == COLUMN
    assert simplify(ROW // 5 * 5 + ROW % 5, extents) == ROW
    assert simplify(clamp(ROW, 0, 5), extents) == ROW
    assert simplify(ROW < 6, extents) == Constant(True, "bool")
    assert simplify(COLUMN >= 4, extents) == Constant(False, "bool")
