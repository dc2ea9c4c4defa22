"""Tensor arrays whose elements have one known shape, as a data type for each dtype and shape.

Their text is made when it is asked for. The names are TVM's: for float32 and (2, 3),
``static_tensor_float32_2_3_t`` with ``tensor_constructor_float32_2_3`` and
``tensor_nil_float32_2_3``, and ``tensor_array_write_float32_2_3``; ``any`` stands for ``?`` and
``scalar`` for no axes.
"""

from string import Template

from ..ir.definitions import take_definitions
from ..ir.module import Module
from ..ir.types import DTYPES, Any, Dim
from ..text import parse
from .core import core

__all__ = ["static_tensor_array"]

_TYPE = """
// Nothing yet, or a tensor.
type static_tensor_${d}_${s}_t {
  tensor_nil_${d}_$s,
  tensor_constructor_${d}_$s($type)
}

// The tensor, which must be there.
def @tensor_get_data_${d}_$s(%t: static_tensor_${d}_${s}_t) -> $type {
  match? (%t) { tensor_constructor_${d}_$s(%x) => %x }
}
"""

_ARRAY = """
// %n elements that are nothing yet.
def @tensor_array_${d}_$s(%n: int32) -> List[$t] {
  if (%n <= 0) { Nil } else { Cons(tensor_nil_${d}_$s, @tensor_array_${d}_$s(%n - 1)) }
}

// The element at position %n.
def @tensor_array_read_${d}_$s(%array: List[$t], %n: int32) -> $t { @nth(%array, %n) }

// The array with %value at position %n.
def @tensor_array_write_${d}_$s(%array: List[$t], %n: int32, %value: $t) -> List[$t] {
  @update(%array, %n, %value)
}

// The array with each of %values at the position that %places has for it.
def @tensor_array_scatter_${d}_$s(
  %array: List[$t], %places: Tensor[(?), int32], %values: List[$t]
) -> List[$t] {
  let %put = fn (%done: (int32, List[$t]), %value: $t) -> (int32, List[$t]) {
    let %place = take(%places, %done.0, axis=0);
    (%done.0 + 1, @update(%done.1, %place, %value))
  };
  let %all = @foldl(%put, (0, %array), %values);
  %all.1
}

// The same elements with an axis of size 1 in front.
def @tensor_expand_dims_${d}_$s(%t: $t) -> $stacked {
  match? (%t) {
    tensor_constructor_${d}_$s(%x) => tensor_constructor_${d}_$many(expand_dims(%x, axis=0))
  }
}

// The elements as the lines of a tensor; there must be one.
def @tensor_array_stack_${d}_$s(%array: List[$t]) -> $stacked {
  let %join = fn (%left: $stacked, %right: $stacked) -> $stacked {
    match? ((%left, %right)) {
      (tensor_constructor_${d}_$many(%x), tensor_constructor_${d}_$many(%y)) =>
        tensor_constructor_${d}_$many(concatenate((%x, %y), axis=0))
    }
  };
  let %lines = @map(@tensor_expand_dims_${d}_$s, %array);
  @foldl(%join, @hd(%lines), @tl(%lines))
}

// The same of the elements at some positions.
def @tensor_array_gather_${d}_$s(%array: List[$t], %places: Tensor[(?), int32]) -> $stacked {
  let %turn = fn (%left: int32, %done: List[$t]) -> List[$t] {
    if (%left < 0) { %done } else {
      %turn(%left - 1, Cons(@nth(%array, take(%places, %left, axis=0)), %done))
    }
  };
  let %last = take(shape_of(%places, dtype="int32"), 0, axis=0) - 1;
  @tensor_array_stack_${d}_$s(%turn(%last, Nil))
}
"""

_WITH_LINES = """
// The lines from %lower to before %upper.
def @tensor_take_${d}_$s(%t: $t, %lower: int32, %upper: int32) -> $part {
  match? (%t) {
    tensor_constructor_${d}_$s(%x) => {
      let %lines = arange(%lower, %upper, 1, dtype="int32");
      tensor_constructor_${d}_$some(take(%x, %lines, axis=0))
    }
  }
}

// The lines of %left, then those of %right.
def @tensor_concatenate_${d}_$s(%left: $t, %right: $t) -> $part {
  match? ((%left, %right)) {
    (tensor_constructor_${d}_$s(%x), tensor_constructor_${d}_$s(%y)) =>
      tensor_constructor_${d}_$some(concatenate((%x, %y), axis=0))
  }
}

// The lines of all elements; there must be one.
def @tensor_array_concat_${d}_$s(%array: List[$t]) -> $part {
  let %loose = fn (%t: $t) -> $part {
    match? (%t) { tensor_constructor_${d}_$s(%x) => tensor_constructor_${d}_$some(%x) }
  };
  let %join = fn (%left: $part, %right: $part) -> $part {
    match? ((%left, %right)) {
      (tensor_constructor_${d}_$some(%x), tensor_constructor_${d}_$some(%y)) =>
        tensor_constructor_${d}_$some(concatenate((%x, %y), axis=0))
    }
  };
  let %parts = @map(%loose, %array);
  @foldl(%join, @hd(%parts), @tl(%parts))
}

// The array whose first elements are as many lines of %value, one after the other, as %lengths has.
def @tensor_array_split_${d}_$s(
  %array: List[$part], %value: $t, %lengths: Tensor[(?), int32]
) -> List[$part] {
  let %count = take(shape_of(%lengths, dtype="int32"), 0, axis=0);
  let %turn = fn (%place: int32, %line: int32, %done: List[$part]) -> List[$part] {
    if (%place >= %count) { %done } else {
      let %end = %line + take(%lengths, %place, axis=0);
      let %lines = @tensor_take_${d}_$s(%value, %line, %end);
      %turn(%place + 1, %end, @update(%done, %place, %lines))
    }
  };
  %turn(0, 0, %array)
}

// The lines of a tensor.
def @tensor_array_unstack_${d}_$s(%t: $type) -> List[$line] {
  let %turn = fn (%row: int32, %done: List[$line]) -> List[$line] {
    if (%row < 0) { %done } else {
      %turn(%row - 1, Cons(tensor_constructor_${d}_$one(take(%t, %row, axis=0)), %done))
    }
  };
  %turn(take(shape_of(%t, dtype="int32"), 0, axis=0) - 1, Nil)
}
"""


def static_tensor_array(dtype: str, shape: tuple[Dim, ...]) -> Module:
    """Return the data type of tensors of one dtype and shape, its arrays' functions, and `List`.

    Parameters
    ----------
    dtype : str
        One of `DTYPES`.
    shape : tuple of int or Any
        Sizes >= 0.

    Raises
    ------
    ValueError
        There is no such dtype, or a size is neither a number >= 0 nor unknown.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, not {dtype!r}")
    for size in shape:
        if not isinstance(size, Any) and not (isinstance(size, int) and size >= 0):
            raise ValueError(f"a size must be a number >= 0 or ?, not {size}")
    text = '#[version = "0.0.5"]\n' + _text(dtype, shape)
    path = f"<prelude>/static_tensor_array[{dtype}_{_suffix(shape)}]"
    return take_definitions(parse(text, path, core()), core())


def _text(dtype: str, shape: tuple[Dim, ...]) -> str:
    """Return the definitions as Relay text."""
    some: tuple[Dim, ...] = (Any(), *shape[1:])
    many: tuple[Dim, ...] = (Any(), *shape)
    shapes = dict.fromkeys((shape, many, *((some, shape[1:]) if shape else ())))
    parts = [
        Template(_TYPE).substitute(d=dtype, s=_suffix(each), type=_tensor_type(each, dtype))
        for each in shapes
    ]
    names = {
        "d": dtype,
        "s": _suffix(shape),
        "t": _name(dtype, shape),
        "type": _tensor_type(shape, dtype),
        "many": _suffix(many),
        "stacked": _name(dtype, many),
    }
    parts.append(Template(_ARRAY).substitute(names))
    if shape:
        names |= {"some": _suffix(some), "part": _name(dtype, some)}
        names |= {"one": _suffix(shape[1:]), "line": _name(dtype, shape[1:])}
        parts.append(Template(_WITH_LINES).substitute(names))
    return "".join(parts)


def _suffix(shape: tuple[Dim, ...]) -> str:
    """Return what names say of a shape."""
    return "_".join("any" if isinstance(size, Any) else str(size) for size in shape) or "scalar"


def _name(dtype: str, shape: tuple[Dim, ...]) -> str:
    """Return the name of the data type."""
    return f"static_tensor_{dtype}_{_suffix(shape)}_t"


def _tensor_type(shape: tuple[Dim, ...], dtype: str) -> str:
    """Return the type of the tensors."""
    return f"Tensor[({', '.join(map(str, shape))}), {dtype}]" if shape else dtype
