"""Scalars are no objects until one is needed: wherever they go, values and memory are right."""

import numpy as np
import pytest

from compiler.backends.cpu.flow.convert import convert
from compiler.backends.cpu.flow.ownership import own
from compiler.backends.cpu.flow.passing import Passing, passings
from compiler.backends.cpu.flow.segments import gather
from compiler.interpreter import Data
from compiler.passes.to_a_normal_form import to_a_normal_form

DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
)


def passed(module):
    """Return how the functions of a program are called."""
    return passings([own(gather(one, False)) for one in convert(to_a_normal_form(module), {})])


def items(values):
    """Return a list of int32."""
    made = Data("Nil", ())
    for value in reversed(values):
        made = Data("Cons", (np.int32(value), made))
    return made


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_goes_through_calls(typed, agree, dtype):
    text = f"""
    def @pick(%n: int32, %x: {dtype}, %y: {dtype}) -> {dtype} {{
      if (%n <= 0) {{ %x }} else {{ @pick(%n - 1, %y, %x) }}
    }}
    def @main(%n: int32, %x: {dtype}, %y: {dtype}) {{
      let %a: {dtype} = @pick(%n, %x, %y);
      (%a, @pick(%n + 1, %a, %y), [%a, %y])
    }}
    """.replace("[%a, %y]", "stack((%a, %y), axis=0)")
    values = [np.dtype(dtype).type(0), np.iinfo(dtype).max if "int" in dtype else 1.5]
    agree(typed(text), np.int32(3), *(np.asarray(value, dtype) for value in values))


def test_results_of_recursion(typed, agree):
    text = """
    def @even(%n: int32) -> bool { if (%n <= 0) { True } else { @odd(%n - 1) } }
    def @odd(%n: int32) -> bool { if (%n <= 0) { False } else { @even(%n - 1) } }
    def @fib(%n: int32) -> int32 {
      if (%n < 2) { %n } else { @fib(%n - 1) + @fib(%n - 2) }
    }
    def @main(%n: int32) { (@even(%n), @odd(%n), @fib(%n)) }
    """
    module = typed(text)
    assert passed(module)["even"] == passed(module)["fib"] == Passing((True,), True)
    agree(module, np.int32(13))


def test_functions_that_are_values_take_objects(typed, agree):
    text = """
    def @next(%x: int32) -> int32 { %x + 1 }
    def @last(%x: int32, %xs: List[int32]) -> int32 {
      match (%xs) { Cons(%y, %rest) => @last(@next(%y), %rest), Nil => %x }
    }
    def @apply(%f: fn (int32) -> int32, %x: int32) -> int32 { %f(%x) }
    def @by(%n: int32) -> int32 { @apply(@next, %n) }
    def @main(%n: int32, %xs: List[int32]) { (@map(@next, %xs), @last(%n, %xs), @by(@next(%n))) }
    """
    module = typed(text)
    found = passed(module)
    assert found["next"] == Passing((False,), False)
    assert found["last"] == Passing((True, False), True)
    assert found["apply"] == Passing((False, True), False), "it ends with a call of a value"
    assert found["by"] == Passing((True,), False), "it ends with a call of such a one"
    assert found["main"] == Passing((False, False), False)
    agree(module, np.int32(5), items([1, 2, 3]))


def test_branches_meet_with_objects_and_scalars(typed, agree):
    text = """
    def @main(%c: bool, %n: int32, %xs: List[int32]) {
      let %a = if (%c) { match? (%xs) { Cons(%x, _) => %x } } else { %n * 2 };
      let %b = match (%xs) { Cons(%x, Nil) => %x, Cons(_, _) => %a, Nil => 7 };
      let %d = match (%n) { %m => %m + %b };
      (%a, %b, (%d, Cons(%d, Cons(%a, %xs))))
    }
    """
    module = typed(text)
    for values in ([1], [1, 2]):
        for choice in (True, False):
            agree(module, np.bool_(choice), np.int32(9), items(values))


def test_cells_and_closures_hold_scalars(typed, agree):
    text = """
    def @main(%n: int32) {
      let %r = ref(%n + 1);
      let %s = %n * 3;
      let %f = fn (%x: int32) -> int32 { %x + %s };
      let %u = ref_write(%r, %f(ref_read(%r)));
      let %v = ref_write(%r, %f(ref_read(%r) + %s));
      (ref_read(%r), %s, %f(%s))
    }
    """
    agree(typed(text), np.int32(4))


def test_sizes_from_scalars(typed, agree):
    text = """
    def @grow(%i: int32, %n: int64) -> Tensor[(?), float32] {
      if (%i <= 0) { dyn.full(1f, expand_dims(%n, axis=0)) } else { @grow(%i - 1, %n * 2i64) }
    }
    def @main(%i: int32, %n: int64) { @grow(%i, %n) }
    """
    agree(typed(text), np.int32(3), np.int64(2))


def test_nothing_is_left_on_the_heap(typed, native):
    """A million turns need no more memory than one."""
    text = """
    def @turn(%n: int32, %box: (int32, float32), %sum: float32) -> float32 {
      if (%n <= 0) { %sum } else {
        let %a = %box.0;
        let %b = if (%a > %n) { %box.1 } else { cast(%a, dtype="float32") };
        @turn(%n - 1, (%a + 1, %b * 0.5f), %sum + %b)
      }
    }
    def @main(%n: int32) { @turn(%n, (0, 1f), 0f) }
    """
    module = typed(text)
    assert native(module, np.int32(1000), heap_bytes=1 << 19) > 0
    assert native(module, np.int32(300_000), heap_bytes=1 << 19) > 0
