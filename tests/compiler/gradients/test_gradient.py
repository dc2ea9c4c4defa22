"""Gradients of whole programs, of first and of higher order, once and twice."""

import numpy as np
import pytest

from compiler.errors import InvalidModule, Unsupported
from compiler.infer import infer
from compiler.interpreter import evaluate, same_value
from compiler.ir import RefCreate
from compiler.ir.visitor import post_order
from compiler.passes.gradient import gradient
from compiler.passes.registry import find_pass
from compiler.text import parse
from compiler.verify import verify

VERSION = '#[version = "0.0.5"]\n'
LIST = "type List[A] { Cons(A, List[A]), Nil }\n"

NETWORK = """def @main(%x: Tensor[(2, 3), float64], %w: Tensor[(4, 3), float64],
                       %v: Tensor[(2, 4), float64]) {
  let %h = tanh(nn.dense(%x, %w));
  let %p = nn.log_softmax(nn.dense(%h, %v));
  (mean(multiply(%p, %p)), %h).0
}"""

PROGRAMS = {
    "network": (NETWORK, ((2, 3), (4, 3), (2, 4))),
    "sharing": (
        "def @main(%x: Tensor[(3), float64]) { %0 = exp(%x); multiply(%0, add(%0, %0)) }",
        ((3,),),
    ),
    "tuples": (
        """def @main(%x: Tensor[(2, 2), float64]) {
             %0 = split(%x, indices_or_sections=2); (multiply(%0.0, %0.1), sin(%0.0)) }""",
        ((2, 2),),
    ),
}
"""Graphs of operators, which both orders take."""

WHOLE = {
    "recursion": (
        """def @pow(%n: int32, %x: float64) -> float64 {
             if (%n == 0) { 1f64 } else { %x * @pow(%n - 1, %x) } }
           def @main(%x: float64) -> float64 { @pow(3, sin(%x)) }""",
        ((),),
    ),
    "choice": (
        """def @main(%x: float64, %y: float64) -> float64 {
             if (%x > 0f64) { %x * %y } else { exp(%x) - %y } }""",
        ((), ()),
    ),
    "closures": (
        """def @twice(%f: fn (float64) -> float64) -> fn (float64) -> float64 {
             fn (%z: float64) -> float64 { %f(%f(%z)) } }
           def @main(%x: float64, %y: float64) -> float64 {
             let %g = @twice(fn (%z: float64) -> float64 { sin(%z) * %y }); %g(%x) }""",
        ((), ()),
    ),
    "lists": (
        LIST
        + """def @foldl[A, B](%f: fn (A, B) -> A, %a: A, %l: List[B]) -> A {
               match (%l) { Nil => %a, Cons(%h, %t) => @foldl(%f, %f(%a, %h), %t) } }
             def @main(%x: Tensor[(2), float64], %y: Tensor[(2), float64]) {
               @foldl(fn (%a, %b) { tanh(%a * %b) + %x }, %x, Cons(%y, Cons(%x, Cons(%y, Nil)))) }
          """,
        ((2,), (2,)),
    ),
    "declared types": (
        """type Pair { Pair(Tensor[(2), float64], fn (float64) -> float64) }
           def @main(%x: Tensor[(2), float64], %s: float64) {
             match (Pair(exp(%x), fn (%z: float64) -> float64 { %z * %s })) {
               Pair(%v, %f) => %v * %f(sum(%v)) } }""",
        ((2,), ()),
    ),
    "cells": (
        """def @main(%x: float64) -> float64 {
             let %r = ref(%x);
             let %f = fn () { let %_ = ref_write(%r, ref_read(%r) * %x); ref_read(%r) };
             let %a = %f(); let %b = %f(); %a + sin(%b) }""",
        ((),),
    ),
    "tuple parameters": (
        """def @main(%p: (float64, float64)) -> (float64, float64) { (%p.0 * %p.1, exp(%p.0)) }""",
        None,
    ),
}
"""Programs of the whole language."""


def module_of(text):
    return infer(verify(parse(VERSION + text)))


def inputs_of(shapes, seed):
    random = np.random.default_rng(seed)
    return [np.asarray(random.uniform(0.2, 1, shape)) for shape in shapes]


@pytest.mark.parametrize("order", ["first", "higher"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_graphs_of_operators(name, order, check_gradient):
    text, shapes = PROGRAMS[name]
    module, inputs = module_of(text), inputs_of(shapes, 1)
    slopes = verify(gradient(module, order=order))
    check_gradient(module, slopes, inputs, f"{name}, {order} order, seed 1")


@pytest.mark.parametrize("name", [name for name in WHOLE if WHOLE[name][1] is not None])
def test_programs_of_the_whole_language(name, check_gradient):
    text, shapes = WHOLE[name]
    module = module_of(text)
    slopes = verify(gradient(module, order="higher"))
    for seed in (2, 3):
        check_gradient(module, slopes, inputs_of(shapes, seed), f"{name}, seed {seed}")


def test_tuple_parameters_get_tuples():
    slopes = gradient(module_of(WHOLE["tuple parameters"][0]), order="higher")
    x, y = np.float64(0.3), np.float64(-0.7)
    _, (by_pair,) = evaluate(slopes, (x, y))
    assert same_value(by_pair, (np.asarray(y + np.exp(x)), np.asarray(x)), 1e-12)


@pytest.mark.parametrize("orders", [("first", "first"), ("first", "higher"), ("higher", "higher")])
def test_second_derivative_of_a_network(orders, check_gradient):
    """The gradient of the gradient, against differences of the gradient."""
    text, shapes = PROGRAMS["network"]
    first = gradient(module_of(text), order=orders[0])
    second = verify(gradient(first, order=orders[1]))
    check_gradient(first, second, inputs_of(shapes, 4), f"{orders}, seed 4")


@pytest.mark.parametrize("name", ["recursion", "closures", "lists", "cells"])
def test_second_derivative_of_programs(name, check_gradient):
    text, shapes = WHOLE[name]
    first = gradient(module_of(text), order="higher")
    second = gradient(first, order="higher")
    check_gradient(first, second, inputs_of(shapes, 5), f"{name}, seed 5", 1e-4, 1e-5)


@pytest.mark.parametrize("name", ["network", "recursion", "closures", "lists", "cells"])
def test_partial_evaluation_leaves_no_cells(name):
    """Of a program without open choices only operators stay: closures, lists and cells go."""
    text, shapes = (PROGRAMS | WHOLE)[name]
    slopes = gradient(module_of(text), order="higher")
    plain = find_pass("partial_evaluate").function(slopes)
    assert list(plain) == ["main"] and not plain.types
    assert not any(isinstance(node, RefCreate) for node in post_order(plain["main"]))
    inputs = inputs_of(shapes, 6)
    assert same_value(evaluate(plain, *inputs), evaluate(slopes, *inputs))


def test_what_is_not_floating_point_gets_zeros():
    text = 'def @main(%x: float64, %n: int32) { %x * cast(%n, dtype="float64") }'
    for order in ("first", "higher"):
        slopes = gradient(module_of(text), order=order)
        result = evaluate(slopes, np.float64(2), np.int32(3))
        expected = np.float64(6), (np.float64(3), np.int32(0))
        assert same_value(result, (np.asarray(expected[0]), tuple(map(np.asarray, expected[1]))))


def test_other_functions_stay_and_may_be_asked_for():
    text = """def @f(%x: float64) -> float64 { %x * %x }
              def @main(%x: float64) -> float64 { @f(%x) }"""
    for order in ("first", "higher"):
        slopes = verify(gradient(module_of(text), "f", order, "slope"))
        assert str(slopes["slope"].type) == "fn (float64) -> (float64, (float64,))"
        assert str(slopes["f"].type) == "fn (float64) -> float64"
    higher = gradient(module_of(text), order="higher")
    assert set(higher) == {"f", "main", "f_grad", "main_grad"}


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        (
            WHOLE["choice"][0],
            {},
            Unsupported,
            "the gradient of first order is of operators and tuples, not of If; "
            "ask for order='higher'",
        ),
        (WHOLE["choice"][0], {"order": "second"}, Unsupported, "order must be one of first, .*"),
        (WHOLE["choice"][0], {"name": "f"}, InvalidModule, "there is no function @f to .*"),
        (
            "def @main(%f: fn (float64) -> float64) -> float64 { %f(1f64) }",
            {"order": "higher"},
            Unsupported,
            "gradients are of and by tensors and tuples of them, not fn .*",
        ),
        (
            'def @main(%x: Tensor[(2, 3), float64]) { reinterpret(%x, dtype="float64") }',
            {},
            Unsupported,
            "operator reinterpret has no gradient: .*",
        ),
        (
            "def @main(%x: Tensor[(?), float64]) { sum(%x) }",
            {},
            Unsupported,
            "the gradient of sum needs known sizes, not .*; annotate the inputs",
        ),
    ],
)
def test_what_has_no_gradient_is_refused(text, options, error, message):
    with pytest.raises(error, match=rf"^(<text>:\d+:\d+: )?{message}(\n.*)*$"):
        gradient(module_of(text), **options)
