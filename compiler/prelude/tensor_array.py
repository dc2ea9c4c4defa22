"""Tensor arrays: lists whose elements are tensors of any rank, as a data type for each dtype.

Relay has no polymorphism over ranks and dtypes, so their text is made when it is asked for. The
names are TVM's: ``tensor_array_write_float32``, ``tensor_float32_t`` with the constructors
``tensor_nil_float32`` and ``tensor0_float32`` (of a scalar) to ``tensor6_float32``.
"""

from string import Template

from ..ir.definitions import take_definitions
from ..ir.module import Module
from ..ir.types import DTYPES
from ..text import parse
from .core import core

__all__ = ["tensor_array"]

MOST_AXES = 6

_TYPE = """
// Nothing yet, or a tensor.
type tensor_${d}_t { tensor_nil_$d, $constructors }
"""

_BY_RANK = """
// The lines from %lower to before %upper.
def @tensor_take_$d(%t: tensor_${d}_t, %lower: int32, %upper: int32) -> tensor_${d}_t {
  let %lines = arange(%lower, %upper, 1, dtype="int32");
  match? (%t) { $take }
}

// The same elements with an axis of size 1 in front.
def @tensor_expand_dims_$d(%t: tensor_${d}_t) -> tensor_${d}_t {
  match? (%t) { $expand }
}

// The lines of %left, then those of %right.
def @tensor_concatenate_$d(%left: tensor_${d}_t, %right: tensor_${d}_t) -> tensor_${d}_t {
  match? ((%left, %right)) { $concatenate }
}
"""

_UNSTACK = """
// The lines of a tensor.
def @tensor_array_unstack_tensor${rank}_$d(%t: $type) -> List[tensor_${d}_t] {
  let %turn = fn (%line: int32, %done: List[tensor_${d}_t]) -> List[tensor_${d}_t] {
    if (%line < 0) { %done } else {
      %turn(%line - 1, Cons(tensor${less}_$d(take(%t, %line, axis=0)), %done))
    }
  };
  %turn(take(shape_of(%t, dtype="int32"), 0, axis=0) - 1, Nil)
}
"""

_ARRAY = """
// %n elements that are nothing yet.
def @tensor_array_$d(%n: int32) -> List[tensor_${d}_t] {
  if (%n <= 0) { Nil } else { Cons(tensor_nil_$d, @tensor_array_$d(%n - 1)) }
}

// The element at position %n.
def @tensor_array_read_$d(%array: List[tensor_${d}_t], %n: int32) -> tensor_${d}_t {
  @nth(%array, %n)
}

// The array with %value at position %n.
def @tensor_array_write_$d(%array: List[tensor_${d}_t], %n: int32, %value: tensor_${d}_t)
-> List[tensor_${d}_t] {
  @update(%array, %n, %value)
}

// The array with each of %values at the position that %places has for it.
def @tensor_array_scatter_$d(
  %array: List[tensor_${d}_t], %places: Tensor[(?), int32], %values: List[tensor_${d}_t]
) -> List[tensor_${d}_t] {
  let %put = fn (%done: (int32, List[tensor_${d}_t]), %value: tensor_${d}_t)
  -> (int32, List[tensor_${d}_t]) {
    let %place = take(%places, %done.0, axis=0);
    (%done.0 + 1, @update(%done.1, %place, %value))
  };
  let %all = @foldl(%put, (0, %array), %values);
  %all.1
}

// The array whose first elements are as many lines of %value, one after the other, as %lengths has.
def @tensor_array_split_$d(
  %array: List[tensor_${d}_t], %value: tensor_${d}_t, %lengths: Tensor[(?), int32]
) -> List[tensor_${d}_t] {
  let %count = take(shape_of(%lengths, dtype="int32"), 0, axis=0);
  let %turn = fn (%place: int32, %line: int32, %done: List[tensor_${d}_t])
  -> List[tensor_${d}_t] {
    if (%place >= %count) { %done } else {
      let %end = %line + take(%lengths, %place, axis=0);
      let %lines = @tensor_take_$d(%value, %line, %end);
      %turn(%place + 1, %end, @update(%done, %place, %lines))
    }
  };
  %turn(0, 0, %array)
}

// The lines of all elements; nothing if there is no element.
def @tensor_array_concat_$d(%array: List[tensor_${d}_t]) -> tensor_${d}_t {
  match (%array) {
    Nil => tensor_nil_$d,
    Cons(%first, %rest) => @foldl(@tensor_concatenate_$d, %first, %rest)
  }
}

// The elements, of one shape, as the lines of a tensor; there must be one.
def @tensor_array_stack_$d(%array: List[tensor_${d}_t]) -> tensor_${d}_t {
  @tensor_array_concat_$d(@map(@tensor_expand_dims_$d, %array))
}

// The same of the elements at some positions.
def @tensor_array_gather_$d(%array: List[tensor_${d}_t], %places: Tensor[(?), int32])
-> tensor_${d}_t {
  let %turn = fn (%left: int32, %done: List[tensor_${d}_t]) -> List[tensor_${d}_t] {
    if (%left < 0) { %done } else {
      %turn(%left - 1, Cons(@nth(%array, take(%places, %left, axis=0)), %done))
    }
  };
  let %last = take(shape_of(%places, dtype="int32"), 0, axis=0) - 1;
  @tensor_array_stack_$d(%turn(%last, Nil))
}
"""


def tensor_array(dtype: str) -> Module:
    """Return the data type of tensors of one dtype, the functions of arrays of it, and `List`.

    Parameters
    ----------
    dtype : str
        One of `DTYPES`.

    Raises
    ------
    ValueError
        There is no such dtype.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, not {dtype!r}")
    text = '#[version = "0.0.5"]\n' + _text(dtype)
    return take_definitions(parse(text, f"<prelude>/tensor_array[{dtype}]", core()), core())


def _text(dtype: str) -> str:
    """Return the definitions as Relay text."""
    ranks = range(MOST_AXES + 1)
    take = (
        f"tensor{n}_{dtype}(%x) => tensor{n}_{dtype}(take(%x, %lines, axis=0))" for n in ranks[1:]
    )
    expand = (
        f"tensor{n}_{dtype}(%x) => tensor{n + 1}_{dtype}(expand_dims(%x, axis=0))"
        for n in ranks[:-1]
    )
    concatenate = (
        f"(tensor{n}_{dtype}(%x), tensor{n}_{dtype}(%y)) => "
        f"tensor{n}_{dtype}(concatenate((%x, %y), axis=0))"
        for n in ranks[1:]
    )
    types = [_tensor_type(n, dtype) for n in ranks]
    constructors = ", ".join(f"tensor{n}_{dtype}({types[n]})" for n in ranks)
    parts = [
        Template(_TYPE).substitute(d=dtype, constructors=constructors),
        Template(_BY_RANK).substitute(
            d=dtype,
            take=",\n    ".join(take),
            expand=",\n    ".join(expand),
            concatenate=",\n    ".join(concatenate),
        ),
        *(
            Template(_UNSTACK).substitute(d=dtype, rank=n, less=n - 1, type=types[n])
            for n in ranks[1:]
        ),
        Template(_ARRAY).substitute(d=dtype),
    ]
    return "".join(parts)


def _tensor_type(rank: int, dtype: str) -> str:
    """Return the type of a tensor of unknown sizes."""
    return f"Tensor[({', '.join('?' * rank)}), {dtype}]" if rank else dtype
