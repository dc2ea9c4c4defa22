"""Tensor arrays against numpy, through the interpreter."""

import numpy as np
import pytest

from compiler.errors import InvalidInput, InvalidModule
from compiler.infer import infer
from compiler.interpreter import Data, evaluate
from compiler.ir import Any, structural_equal
from compiler.prelude import parse_with_prelude, prelude, static_tensor_array, tensor_array
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


@pytest.mark.parametrize("shape", [(4, 3), (Any(), 3), (4,), (4, 3, 2, 1, 1, 1, 1)])
def test_arrays_of_one_shape(shape):
    sizes = tuple(4 if isinstance(size, Any) else size for size in shape)
    x = np.arange(np.prod(sizes), dtype="float32").reshape(sizes)
    name = "$_" + "_".join("any" if isinstance(size, Any) else str(size) for size in shape)
    line = "$_" + ("_".join(map(str, shape[1:])) or "scalar")
    kind = f"Tensor[({', '.join(map(str, shape))}), float32]"

    def run_static(body):
        text = f"{HEAD}def @main(%x: {kind}) {{ {body} }}"
        return evaluate(parse_with_prelude(text.replace("$", "float32")), x)

    lines = f"@tensor_array_unstack_{name}(%x)"
    assert all(map(same, static_elements(run_static(lines)), x))
    assert same(run_static(f"@tensor_array_stack_{line}({lines})").fields[0], x)
    places = "stack((3, 1), axis=0)"
    assert same(run_static(f"@tensor_array_gather_{line}({lines}, {places})").fields[0], x[[3, 1]])
    assert same(run_static(f"@tensor_array_read_{line}({lines}, 2)").fields[0], x[2])
    data = f"@tensor_get_data_{line}(@tensor_array_read_{line}({lines}, 1))"
    assert same(run_static(data), x[1])
    one = f"tensor_constructor_{name}(%x)"
    both = f"Cons({one}, Cons({one}, Nil))"
    whole = np.concatenate([x, x])
    assert same(run_static(f"@tensor_array_concat_{name}({both})").fields[0], whole)
    assert same(run_static(f"@tensor_concatenate_{name}({one}, {one})").fields[0], whole)
    assert same(run_static(f"@tensor_take_{name}({one}, 1, 3)").fields[0], x[1:3])
    assert same(run_static(f"@tensor_expand_dims_{name}({one})").fields[0], x[None])
    fresh = f"@tensor_array_{name}(3)"
    written = static_elements(run_static(f"@tensor_array_write_{name}({fresh}, 1, {one})"))
    assert written[0] is written[2] is None and same(written[1], x)
    put = f"@tensor_array_scatter_{name}({fresh}, stack((2, 0), axis=0), {both})"
    assert [part is None for part in static_elements(run_static(put))] == [False, True, False]
    some = "$_" + "_".join(["any", *map(str, shape[1:])])
    split = f"@tensor_array_split_{name}(@tensor_array_{some}(2), {one}, stack((3, 1), axis=0))"
    first, second = static_elements(run_static(split))
    assert same(first, x[:3]) and same(second, x[3:])


def static_elements(value):
    """Return an array of tensors of one shape as a list of arrays, None for nothing."""
    found = []
    while value.constructor == "Cons":
        first, value = value.fields
        found.append(first.fields[0] if first.fields else None)
    return found


def test_shapes_of_arrays():
    with pytest.raises(ValueError, match=r"^a size must be a number >= 0 or \?, not -1$"):
        static_tensor_array("int8", (-1,))
    with pytest.raises(ValueError, match=r"^dtype must be one of bool, .*, not 'int7'$"):
        static_tensor_array("int7", ())
    infer(static_tensor_array("int8", ()))
