"""Which loops may be parallel, against what their iterations really touch."""

import itertools
import random

import pytest

from compiler.schedule.dependence import parallel_obstacle
from compiler.schedule.expressions import Buffer, Constant, Load, Variable
from compiler.schedule.nodes import For, Sequence, Store

SIZE = 400


def random_loop(choice):
    """Return a loop over i with loops over j and k inside, two stores and a load."""
    extents = {name: choice.randint(1, 4) for name in "ijk"}

    def index():
        parts = [Variable(name) * choice.choice([0, 1, 2, 3, 4, 8, 12, -4]) for name in "ijk"]
        return sum(parts[1:], parts[0]) + choice.randint(0, 20) + 50

    buffer = Buffer("y", (SIZE,), "int64")
    read, first, second = index(), index(), index()
    same = choice.random() < 0.5
    body = Sequence(
        (
            Store(buffer, (first,), Load(buffer, (first if same else read,))),
            *([Store(buffer, (second,), Constant(1, "int64"))] if choice.random() < 0.3 else []),
        )
    )
    for name in "kj":
        body = For(name, Constant(extents[name], "int64"), "serial", body)
    return For("i", Constant(extents["i"], "int64"), "serial", body), extents


def value(expr, indices):
    match expr:
        case Constant(number):
            return number
        case Variable(name):
            return indices[name]
        case _:
            left, right = (value(operand, indices) for operand in expr.operands)
            return left + right if expr.operation == "add" else left * right


def meets(loop, extents):
    """Return whether two iterations really touch one element, and one of them writes it."""
    stores = loop.body.body.body.parts
    written, touched = [], []
    for i in range(extents["i"]):
        writes, all_uses = set(), set()
        for j, k in itertools.product(range(extents["j"]), range(extents["k"])):
            at = {"i": i, "j": j, "k": k}
            for store in stores:
                writes.add(value(store.indices[0], at))
                if isinstance(store.value, Load):
                    all_uses.add(value(store.value.indices[0], at))
        written.append(writes)
        touched.append(writes | all_uses)
    return any(
        written[one] & touched[other]
        for one in range(len(written))
        for other in range(len(written))
        if one != other
    )


@pytest.mark.parametrize("seed", range(10))
def test_no_parallel_loop_has_iterations_that_meet(seed):
    choice = random.Random(seed)
    proved = 0
    for _ in range(200):
        loop, extents = random_loop(choice)
        if parallel_obstacle(loop) is None:
            proved += 1
            assert not meets(loop, extents), f"seed {seed}: {loop}"
    assert proved > 10, f"seed {seed}"


def test_halves_of_a_buffer_are_apart():
    buffer, i = Buffer("y", (16,), "int64"), Variable("i")
    body = Store(buffer, (i,), Load(buffer, (i + 8,)))
    assert parallel_obstacle(For("i", Constant(8, "int64"), "serial", body)) is None
    assert parallel_obstacle(For("i", Constant(9, "int64"), "serial", body)) is not None
