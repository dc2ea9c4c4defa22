"""What is compiled does what Python does; what cannot be compiled says so."""

import itertools
import re
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pytest

from simulator.errors import SimulatorError
from simulator.native import Instance, compile_function

LIMIT = 40
HALF = 0.5


class Step(IntEnum):
    ONE = 1
    TWO = 2


@dataclass
class Item:
    count: int
    weight: float


@dataclass
class State:
    a: int
    b: int
    x: float
    y: float
    total: float
    one: Item
    ints: list[int]
    floats: list[float]
    items: list[Item]


SIZES = {"ints": 16, "floats": 16, "items": 4}


def arithmetic(state: State) -> int:
    a, b = state.a, state.b
    ints = state.ints
    ints[0] = a + b
    ints[1] = a - b * Step.TWO
    ints[2] = a // b
    ints[3] = a % b
    ints[4] = a << (b & 7)
    ints[5] = a >> (b & 7)
    ints[6] = a & b | 12 ^ ~a
    ints[7] = -a
    ints[8] = min(a, b, LIMIT)
    ints[9] = max(a, b)
    ints[10] = int(state.x) + int(a < b <= LIMIT)
    ints[11] = int(not a) + int(a == b or a != 3 and b >= 2)
    floats = state.floats
    floats[0] = a / b
    floats[1] = state.x * state.y - a
    floats[2] = -state.x + HALF
    floats[3] = min(state.x, b, state.y)
    floats[4] = max(float(a), state.y)
    floats[5] = state.x if state.x > state.y or a > b else state.y
    return a


def collatz(state: State) -> int:
    steps = 0
    for index in range(state.a):
        if index % 5 == 3:
            continue
        item = state.items[index % 4]
        item.count += _steps(state, index)
        item.weight = item.count / 2
        steps += item.count
        if steps > 2_000:
            break
    for index in range(12, 2, -3):
        state.ints[index] = index
    state.one.count, state.one.weight = steps, state.items[1].weight
    _note(state, 1.0)
    return steps


def _steps(state: State, number: int) -> int:
    """Return how long it takes."""
    count = 0
    while True:
        if number <= 1:
            return count
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        count += 1
        while count > LIMIT * 10:
            number = 1
            break


def _note(state: State, weight: float) -> None:
    if state.total > 0.0:
        return
    state.total += weight


CASES = [*itertools.product((7, -7, 0, 123456), (3, -3, 1, -100))]


@pytest.mark.parametrize("function", [arithmetic, collatz])
def test_same_as_python(function):
    compiled = compile_function(function)
    for a, b in CASES:
        native = Instance(State, SIZES)
        native["a"], native["b"], native["x"], native["y"] = a, b, a * 0.75, b - 0.25
        plain = native.plain()
        assert compiled(native) == function(plain), (a, b)
        assert native.plain() == plain, (a, b)


@pytest.mark.parametrize("seed", range(4))
def test_random_arithmetic(seed):
    compiled = compile_function(arithmetic)
    random = np.random.default_rng(seed)
    for _ in range(50):
        native = Instance(State, SIZES)
        native["a"], native["b"] = random.integers(-(1 << 40), 1 << 40, 2).tolist()
        native["x"], native["y"] = (random.normal(size=2) * 1e6).tolist()
        plain = native.plain()
        arithmetic(plain)
        compiled(native)
        assert native.plain() == plain, f"seed {seed}"


def test_instance():
    native = Instance(State, SIZES)
    native["x"] = 2.5
    native.array("floats")[:] = range(16)
    native.array("items")[2:4] = 7, 0
    assert native["x"] == 2.5
    plain = native.plain()
    assert plain.items[1] == Item(7, 0.0)
    assert plain.floats == [float(number) for number in range(16)]
    assert plain.one == Item(0, 0.0)


def unknown(state: State) -> int:
    return state.missing


def text(state: State) -> int:
    return "a"


def keyword(state: State) -> int:
    return _steps(state, number=3)


def too_few(state: State) -> int:
    return _steps(state)


def loop(state: State) -> int:
    for number in state.ints:
        state.a += number
    return 0


def stepping(state: State) -> int:
    for number in range(0, 9, state.a):
        state.a += number
    return 0


def loop_else(state: State) -> int:
    while state.a:
        state.a -= 1
    else:
        state.a = 3
    return 0


def narrow(state: State) -> int:
    count = 0
    count = state.x
    return count + 1


def operands(state: State) -> int:
    return state.a or state.b


def chained(state: State) -> int:
    return int(0 < state.a < _steps(state, 3))


def deleting(state: State) -> int:
    del state.a
    return 0


def powers(state: State) -> int:
    return state.a**2


def builtin(state: State) -> int:
    return abs(state.a)


def item(state: State) -> int:
    return state.a[0]


def assigned(state: State) -> int:
    _steps(state, 1).a = 3
    return 0


ERRORS = {
    unknown: "a member must be one of the record, not 'state.missing'",
    text: "a name must be a local one or that of a number, not \"'a'\"",
    keyword: "a call must give its values in order, not '_steps(state, number=3)'",
    too_few: "a call must give 2 values, not '_steps(state)'",
    loop: "a loop must be over a range, not 'state.ints'",
    stepping: "the step of a range must be a constant, not 'range(0, 9, state.a)'",
    loop_else: "a statement must be one that native code has, not 'while state.a:\\n",
    narrow: "a value must be of the kind i64, not double, not 'count = state.x'",
    operands: "an operand of `and` and `or` must be a bool here, not 'state.a'",
    chained: "a chain of comparisons must not call at its end, not '0 < state.a",
    deleting: "a statement must be one that native code has, not 'del state.a'",
    powers: "an operator must be one that native code has for these numbers, not 'return",
    builtin: "a call must be of min, max, int, float or a function, not 'abs(state.a)'",
    item: "what has items must be a list, not 'state.a[0]'",
    assigned: "what has members must be a record, not '_steps(state, 1).a'",
}


@pytest.mark.parametrize("function", ERRORS, ids=lambda function: function.__name__)
def test_refused(function):
    line = re.escape(f"{function.__module__}.{function.__name__}:")
    with pytest.raises(SimulatorError, match=rf"^{line}\d+: {re.escape(ERRORS[function])}"):
        compile_function(function)


def test_inner_function():
    def inner(state: State) -> int:
        return state.a

    message = (
        r"^.*\.test_inner_function\.<locals>\.inner must be defined at the top of its file for "
        "native code to be made of it$"
    )
    with pytest.raises(SimulatorError, match=message):
        compile_function(inner)


@dataclass
class Named:
    name: str


@dataclass
class Flagged:
    done: bool


def of_named(state: Named) -> int:
    return 0


def of_flagged(state: Flagged) -> int:
    return int(state.done)


def test_types():
    message = (
        "^a type of native code must be int, float, bool, a record or a list of one of these, "
        "not <class 'str'>$"
    )
    with pytest.raises(SimulatorError, match=message):
        Instance(Named, {})
    message = "^Flagged.done must be an int, a float, a record or a list of these, not a i1$"
    with pytest.raises(SimulatorError, match=message):
        compile_function(of_flagged)
