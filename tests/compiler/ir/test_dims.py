"""Arithmetic of sizes: canonical forms, and agreement with numbers put in for symbols."""

import random

import pytest

from compiler.ir.dims import Any, Symbol, substitute_dim, symbol, symbols_in

N, M = symbol("n"), symbol("m")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (N, "n"),
        (2 * N + 1, "2*n + 1"),
        (N * M - 3, "m*n - 3"),
        ((N + 3) // 2, "(n + 1)//2 + 1"),
        (4 - N, "-n + 4"),
        (N * N, "n*n"),
    ],
)
def test_text(size, text):
    assert str(size) == text


def test_equal_sizes_are_equal_and_constants_are_numbers():
    assert (N + M) * 2 == M * 2 + N + N
    assert N - N == 0 and (2 * N + 4) // 2 == N + 2
    assert type(N - N + 3) is int
    assert hash(N + 1) == hash(1 + N)


def test_the_unknown_swallows_all():
    assert N + Any() == Any() and 3 * Any() == Any() and Any() // 2 == Any() and Any() == N // M


@pytest.mark.parametrize("seed", range(20))
def test_arithmetic_agrees_with_numbers(seed):
    rng = random.Random(seed)
    values = {Symbol("n"): rng.randint(0, 50), Symbol("m"): rng.randint(0, 50)}
    size, number = N, values[Symbol("n")]
    for _ in range(8):
        step = rng.choice("+-*/m")
        factor = rng.randint(1, 5)
        if step == "+":
            size, number = size + factor, number + factor
        elif step == "-":
            size, number = factor - size, factor - number
        elif step == "*":
            size, number = size * factor, number * factor
        elif step == "/":
            size, number = size // factor, number // factor
        else:
            size, number = size + M, number + values[Symbol("m")]
    assert substitute_dim(size, values) == number, seed
    assert {found.name for found in symbols_in(size)} <= {"n", "m"}
