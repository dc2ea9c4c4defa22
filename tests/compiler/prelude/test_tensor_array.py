"""Tensor arrays against numpy, through the interpreter."""

import numpy as np
import pytest

from compiler.errors import InvalidInput, InvalidModule
from compiler.infer import infer
from compiler.interpreter import Data, evaluate
from compiler.ir import structural_equal
from compiler.prelude import parse_with_prelude, prelude, tensor_array
from compiler.text import parse, to_text

HEAD = '#[version = "0.0.5"]\n'


def elements(value):
    """Return a tensor array as a list of (rank by constructor, array) or None."""
    found = []
    while value.constructor == "Cons":
        first, value = value.fields
        found.append(tensor(first))
    return found


def tensor(value):
    """Return a tensor of any rank as an array, None for nothing."""
    if value.constructor.startswith("tensor_nil"):
        return None
    (array,) = value.fields
    assert value.constructor.startswith(f"tensor{array.ndim}_")
    return array


def run(body, x, dtype, more=""):
    shape = ", ".join("?" * x.ndim)
    text = f"{HEAD}def @main(%x: Tensor[({shape}), {dtype}]{more}) {{ {body} }}"
    return evaluate(parse_with_prelude(text.replace("$", dtype)), x)


def same(left, right):
    return left.dtype == right.dtype and np.array_equal(left, right)


@pytest.mark.parametrize("dtype", ["float32", "int8", "bool"])
@pytest.mark.parametrize("rank", [1, 2, 6])
def test_unstack_and_stack(dtype, rank):
    x = np.arange(3 * 2 ** (rank - 1)).reshape(3, *[2] * (rank - 1)).astype(dtype)
    lines = elements(run(f"@tensor_array_unstack_tensor{rank}_$(%x)", x, dtype))
    assert len(lines) == 3 and all(map(same, lines, x))
    back = run(f"@tensor_array_stack_$(@tensor_array_unstack_tensor{rank}_$(%x))", x, dtype)
    assert same(tensor(back), x)


def test_read_write_and_gather():
    x = np.arange(12, dtype="float32").reshape(4, 3)
    array = "@tensor_array_unstack_tensor2_$(%x)"
    assert same(tensor(run(f"@tensor_array_read_$({array}, 2)", x, "float32")), x[2])
    written = elements(run(f"@tensor_array_write_$({array}, 1, tensor2_$(%x))", x, "float32"))
    assert same(written[1], x) and same(written[3], x[3])
    fresh = elements(
        run("@tensor_array_write_$(@tensor_array_$(3), 1, tensor2_$(%x))", x, "float32")
    )
    assert fresh[0] is None and same(fresh[1], x) and fresh[2] is None
    places = 'cast(stack((3, 0, 3), axis=0), dtype="int32")'
    gathered = run(f"@tensor_array_gather_$({array}, {places})", x, "float32")
    assert same(tensor(gathered), x[[3, 0, 3]])


def test_scatter_split_and_concat():
    x = np.arange(12, dtype="int32").reshape(6, 2)
    numbers = "stack((4, 1), axis=0)"
    scattered = elements(
        run(
            f"@tensor_array_scatter_$(@tensor_array_unstack_tensor2_$(%x), {numbers}, "
            "Cons(tensor2_$(%x), Cons(tensor_nil_$, Nil)))",
            x,
            "int32",
        )
    )
    assert same(scattered[4], x) and scattered[1] is None and same(scattered[5], x[5])
    split = f"@tensor_array_split_$(@tensor_array_$(3), tensor2_$(%x), {numbers})"
    first, second, third = elements(run(split, x, "int32"))
    assert same(first, x[:4]) and same(second, x[4:5]) and third is None
    two = "Cons(tensor2_$(%x), Cons(tensor2_$(%x), Nil))"
    assert same(tensor(run(f"@tensor_array_concat_$({two})", x, "int32")), np.concatenate([x, x]))
    assert tensor(run("@tensor_array_concat_$(Nil)", x, "int32")) is None


def test_take_expand_and_concatenate():
    x = np.arange(10, dtype="int64").reshape(5, 2)
    assert same(tensor(run("@tensor_take_$(tensor2_$(%x), 1, 4)", x, "int64")), x[1:4])
    assert same(tensor(run("@tensor_expand_dims_$(tensor2_$(%x))", x, "int64")), x[None])
    both = run("@tensor_concatenate_$(tensor2_$(%x), tensor2_$(%x))", x, "int64")
    assert same(tensor(both), np.concatenate([x, x]))
    with pytest.raises(InvalidInput):
        run("@tensor_concatenate_$(tensor2_$(%x), tensor_nil_$)", x, "int64")


def test_the_array_of_each_dtype_is_well_typed():
    module = tensor_array("uint8")
    typed = infer(module)
    result = typed["tensor_array_stack_uint8"].type
    assert str(result) == "fn (List[tensor_uint8_t]) -> tensor_uint8_t"
    assert structural_equal(parse(to_text(module)), module)
    with pytest.raises(ValueError, match=r"^dtype must be one of bool, .*, not 'int7'$"):
        tensor_array("int7")


def test_names():
    module = prelude("tensor_array_read_int16")
    assert sorted(module) == ["nth", "tensor_array_read_int16"]
    assert set(module.types) == {"List", "tensor_int16_t"}
    with pytest.raises(InvalidModule, match=r"^the prelude has no tensor_array_red_int16; did you"):
        prelude("tensor_array_red_int16")
    data = Data("tensor0_int16", (np.asarray(3, "int16"),))
    text = HEAD + "def @main(%t: tensor_int16_t) { @tensor_expand_dims_int16(%t) }"
    assert same(tensor(evaluate(parse_with_prelude(text), data)), np.asarray([3], "int16"))
