"""Control flow, data, closures, cells, deep recursion, and the errors of a run."""

import re

import numpy as np
import pytest

from compiler.backends.cpu import compile_host
from compiler.errors import Unsupported
from compiler.interpreter import Data
from driver.errors import DeviceFault, InputMismatch
from driver.host import HostProgram


def items(values):
    """Return a list of scalars as the program's value."""
    found = Data("Nil")
    for value in reversed(values):
        found = Data("Cons", (np.int32(value), found))
    return found


LOOP = """
def @loop(%n: int32, %x: Tensor[(4), float32]) -> Tensor[(4), float32] {
  if (%n <= 0) { %x } else { @loop(%n - 1, %x * 0.5f + 1f) }
}
def @main(%n: int32, %x: Tensor[(4), float32]) { @loop(%n, %x) }
"""


@pytest.mark.parametrize("count", (0, 1, 9))
def test_a_loop_by_recursion(typed, agree, count):
    agree(typed(LOOP), np.int32(count), np.arange(4, dtype=np.float32))


def test_a_million_rounds_need_no_memory(typed, native):
    """A call in tail position takes the place of its caller, and each round frees its values."""
    x = np.zeros(4, np.float32)
    found = native(typed(LOOP), np.int32(1_000_000), x, heap_bytes=1 << 20)
    np.testing.assert_array_equal(found, np.full(4, 2, np.float32))


SUM = """
def @sum(%n: int32) -> int32 { if (%n <= 0) { 0 } else { 1 + @sum(%n - 1) } }
def @main(%n: int32) { @sum(%n) }
"""


def test_recursion_of_depth_100_000(typed, native):
    assert native(typed(SUM), np.int32(100_000)) == 100_000


def test_a_stack_that_is_full_is_an_error(typed, native):
    endless = SUM.replace("%n <= 0", "%n == -1").replace("%n - 1", "%n + 1")
    message = "the program calls itself too deeply; call it in place of a function's result"
    with pytest.raises(DeviceFault, match=f"^{re.escape(message)}$"):
        native(typed(endless), np.int32(0))


LISTS = """
def @up(%n: int32, %rest: List[int32]) -> List[int32] {
  if (%n <= 0) { %rest } else { @up(%n - 1, Cons(%n, %rest)) }
}
"""


def test_a_heap_that_is_full_is_an_error(typed, native):
    text = LISTS + "def @main(%n: int32) { @up(%n, Nil) }"
    message = "the values of the program need more than 1048576 bytes; give it more"
    with pytest.raises(DeviceFault, match=f"^{message}$"):
        native(typed(text), np.int32(100_000), heap_bytes=1 << 20)


def test_long_lists_in_and_out(typed, native):
    """Values are read, written and freed without recursion."""
    text = LISTS + "def @main(%n: int32, %xs: List[int32]) { (@up(%n, Nil), @length(%xs)) }"
    given = items([5] * 30_000)
    made, length = native(typed(text + "\n"), np.int32(300), given)
    assert length == 30_000
    for value in range(1, 301):
        head, made = made.fields
        assert head == value
    assert made.constructor == "Nil"


def test_lists_are_freed_without_recursion(typed, native):
    text = LISTS + ("def @main(%n: int32) { match (@up(%n, Nil)) { Cons(%x, _) => %x, Nil => 0 } }")
    assert native(typed(text), np.int32(200_000)) == 1


def test_closures(typed, agree):
    text = """
    def @twice(%f: fn (int32) -> int32, %x: int32) -> int32 { %f(%f(%x)) }
    def @main(%n: int32, %xs: List[int32]) {
      let %add = fn (%y: int32) -> int32 { %y + %n };
      let %count = fn (%k: int32) -> int32 { if (%k <= 0) { %n } else { %count(%k - 1) } };
      let %sum = @foldl(fn (%s: int32, %y: int32) { %s + %y * %n }, 0, %xs);
      (@twice(%add, %n), @map(%add, %xs), %sum,
       %count(%n), @map(fn (%y: int32) { Some(%y) }, %xs))
    }
    """
    agree(typed(text), np.int32(5), items([1, 2, 3]))


def test_constructors_and_globals_as_values(typed, agree):
    text = """
    def @next(%x: int32) -> int32 { %x + 1 }
    def @main(%xs: List[int32]) { (@map(Some, %xs), @map(@next, %xs)) }
    """
    agree(typed(text), items([4, 5]))


def test_functions_of_many_parameters(typed, agree):
    """Arguments that have no register stand elsewhere, also when a call replaces its caller."""
    names = [f"%a{n}" for n in range(9)]
    params = ", ".join(f"{name}: int32" for name in names)
    turned = ", ".join([*names[1:-1], "%a0 * 2", "%a8 - 1"])
    total = " + ".join(f"{name} * {place + 1}" for place, name in enumerate(names))
    text = f"""
    def @turn({params}) -> int32 {{ if (%a8 <= 0) {{ {total} }} else {{ @turn({turned}) }} }}
    def @main({params}) {{ @turn({", ".join(names)}) + 1 }}
    """
    agree(typed(text), *(np.int32(n + 1) for n in range(8)), np.int32(13))


def test_cells_in_a_circle_are_freed_at_the_end(typed, agree):
    text = """
    type Link { Link(ref(Chain)) }
    type Chain { End, On(ref(Chain), int32) }
    def @main(%n: int32) {
      let %cell: ref(Chain) = ref(End);
      let %u = ref_write(%cell, On(%cell, %n));
      match (ref_read(%cell)) { On(_, %x) => %x + 1, End => 0 }
    }
    """
    agree(typed(text), np.int32(4))


def test_cells_are_written_and_shared(typed, agree):
    text = """
    def @add(%r: ref(int32), %n: int32) -> int32 {
      if (%n <= 0) { ref_read(%r) }
      else { let %u = ref_write(%r, ref_read(%r) + %n); @add(%r, %n - 1) }
    }
    def @main(%n: int32) { let %r = ref(0); let %s = @add(%r, %n); (%s, ref_read(%r), %r) }
    """
    agree(typed(text), np.int32(10))


def test_nested_patterns(typed, agree):
    text = """
    def @main(%p: (List[int32], int32)) {
      match (%p) {
        (Cons(%a, Cons(%b, _)), %n) => %a * %b + %n,
        (Cons(%a, Nil), _) => %a,
        (Nil, %n) => %n
      }
    }
    """
    for values in ([], [7], [7, 8], [7, 8, 9]):
        agree(typed(text), (items(values), np.int32(3)))


def test_a_match_without_a_clause_is_an_error(typed, native):
    text = "def @main(%xs: List[int32]) { match? (%xs) { Cons(%x, _) => %x } }"
    message = (
        r"test\.relay:2:\d+: match has no clause for a value; add one, or do not run it on this"
    )
    with pytest.raises(DeviceFault, match=f"^{message}$"):
        native(typed(text), items([]))


def test_inputs_of_another_form(typed):
    text = "def @main(%xs: List[int32], %p: (int32, Tensor[(2, ?), float32])) { (%xs, %p) }"
    program = HostProgram(compile_host(typed(text), {}))
    good = np.int32(1), np.zeros((2, 5), np.float32)
    wanted = "input xs must be made of Cons of 2 or Nil of 0"
    for inputs, message in (
        ([good], "the program takes 2 inputs (xs, p), not 1"),
        ([good, good], f"{wanted}, not a tuple of 2, at one place"),
        ([np.int32(1), good], f"{wanted}, not int32[], at one place"),
    ):
        with pytest.raises(InputMismatch, match=f"^{re.escape(message)}$"):
            program.evaluate(["xs", "p"], inputs)


def test_functions_do_not_leave_a_program(typed):
    text = "def @main(%n: int32) { fn (%x: int32) { %x + %n } }"
    message = "the result of @main must be of tensors, tuples and data, not fn (int32) -> int32"
    with pytest.raises(Unsupported, match=f"^{re.escape(message)}$"):
        compile_host(typed(text), {})
