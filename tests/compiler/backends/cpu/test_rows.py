"""Every operator on the CPU: compiled, run, and compared with the interpreter.

Many rows share a program, so that LLVM starts a few times and not a thousand.
"""

import numpy as np
import pytest

from compiler.backends.cpu import compile_host
from compiler.errors import TypeInferenceError, Unsupported
from compiler.infer import infer
from compiler.ir import Constant, Function, Module, TensorType, Tuple, TupleGetItem, TupleType, Var
from compiler.ops import call, operators
from compiler.passes.dynamic_to_static import dynamic_to_static
from tests.compiler.ops.samples.table import case

REFUSED = {
    "argwhere": "the size of the result follows from values: nothing says it while compiling",
}
"""Operators that the CPU does not take, and why."""

ROWS = [name for name in operators() if name not in REFUSED]
SEEDS = (0, 1)
ROWS_A_PROGRAM = 24
DTYPES = ("float64", "float16", "int8", "uint8", "int64", "bool")
"""In place of the float32 of the samples."""

TOLERANCE = {"float16": 2e-3, "float32": 2e-5, "float64": 1e-12}


def is_constant(row, argument):
    """Whether an argument must be known: scales and zero points, and what says the shape."""
    if row.name.startswith("dyn."):
        return argument not in ("data", "fill_value", "indices", "sparse_indices") and (
            "value" not in argument
        )
    named = "scale" in argument or "zero_point" in argument or row.name == "arange"
    return named and argument != "scale_factor" and not row.name.startswith("random.")


def as_exprs(value, made, known):
    """Return an expression of new variables, or constants, for arrays."""
    if isinstance(value, tuple):
        return Tuple(tuple(as_exprs(part, made, known) for part in value))
    array = np.asarray(value)
    if known:
        return Constant(array)
    made.append((Var(f"x{len(made)}", TensorType(array.shape, str(array.dtype))), array))
    return made[-1][0]


def retyped(value, dtype):
    """Return arrays with `dtype` in place of float32; integers are about twenty times as large."""
    if isinstance(value, tuple):
        return tuple(retyped(part, dtype) for part in value)
    array = np.asarray(value)
    if array.dtype != np.float32 or dtype.startswith("float"):
        return array if array.dtype != np.float32 else array.astype(dtype)
    if dtype == "bool":
        return array > 0
    return np.clip(np.round(array * 20), 0 if dtype.startswith("u") else -100, 100).astype(dtype)


def has_floats(value):
    if isinstance(value, tuple):
        return any(map(has_floats, value))
    return np.asarray(value).dtype == np.float32


def the_call(name, seed, made, dtype="float32"):
    """Return the call of a sample, with its arguments."""
    row, args, attrs = case(name, seed)
    names = [*row.arguments, *row.arguments[-1:] * len(args)]
    given = []
    for arg, part in zip(args, names, strict=False):
        known = is_constant(row, part)
        given.append(as_exprs(arg if known else retyped(arg, dtype), made, known))
    return call(name, *given, **attrs)


def fields(expr, kind):
    """Return the tensors of a value."""
    if not isinstance(kind, TupleType):
        return [(expr, kind)]
    parts = enumerate(kind.fields)
    return [one for n, part in parts for one in fields(TupleGetItem(expr, n), part)]


def program(cases):
    """Return a module with the results of many calls, its inputs and what each result is.

    Parameters
    ----------
    cases : of (name, seed, dtype)
    """
    made, results, labels, taken = [], [], [], 0
    for name, seed, dtype in cases:
        count = len(made)
        body = the_call(name, seed, made, dtype)
        alone = Module({"main": Function(tuple(var for var, _ in made[count:]), body)})
        try:
            kind = infer(alone)["main"].body.type
        except TypeInferenceError:
            # No program: the row is not of this data type.
            assert dtype != "float32", f"{name}, seed {seed}"
            del made[count:]
            continue
        taken += 1
        for number, (part, _) in enumerate(fields(body, kind)):
            results.append(part)
            labels.append(f"{name}, {dtype}, seed {seed}, result {number}")
    function = Function(tuple(var for var, _ in made), Tuple(tuple(results)))
    module = dynamic_to_static(infer(Module({"main": function})))
    return module, [array for _, array in made], labels, taken


def batches(names):
    return [names[first : first + ROWS_A_PROGRAM] for first in range(0, len(names), ROWS_A_PROGRAM)]


@pytest.mark.parametrize("names", batches(ROWS), ids=lambda names: f"{names[0]}..{names[-1]}")
def test_rows_of_float32_or_their_own_type(names, check):
    cases = [(name, seed, "float32") for name in names for seed in SEEDS]
    module, inputs, labels, taken = program(cases)
    assert taken == len(cases)
    check(module, inputs, rtol=TOLERANCE["float32"], atol=2e-6, labels=labels)


FLOATING = [name for name in ROWS if has_floats(tuple(case(name, 1)[1]))]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("names", batches(FLOATING), ids=lambda names: f"{names[0]}..{names[-1]}")
def test_rows_of_other_data_types(names, dtype, check):
    module, inputs, labels, taken = program([(name, 1, dtype) for name in names])
    assert taken or dtype == "bool"
    if taken:
        tolerance = TOLERANCE.get(dtype, 2e-5)
        check(module, inputs, rtol=tolerance, atol=tolerance / 10, labels=labels)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_taken_is_refused(name):
    made = []
    body = the_call(name, 0, made)
    module = infer(Module({"main": Function(tuple(var for var, _ in made), body)}))
    message = (
        rf"^the sizes of what {name} gives must follow from other sizes, but these follow from "
        r"values: Tensor\[\(\?, 3\), int32\]$"
    )
    with pytest.raises(Unsupported, match=message):
        compile_host(module, {})


def test_products_of_bool_behind_other_steps(variable, constant, main, check):
    """Nothing around them counts on the layouts that other types of theirs want."""
    seed, rng = 5, np.random.default_rng(5)
    x, w = variable("x", (1, 5, 6, 3), "bool"), variable("w", (3, 3, 3, 4), "bool")
    a, b = (variable(name, (2, 3, 3), "bool") for name in "ab")
    attrs = {"data_layout": "NHWC", "kernel_layout": "HWIO", "padding": [1, 1, 1, 1]}
    attrs |= {"kernel_size": [3, 3], "channels": 4}
    no = call("logical_not", x)
    turned = call("transpose", a, axes=[0, 2, 1])
    results = [
        call("logical_not", call("nn.conv2d", no, w, **attrs)),
        call("nn.conv2d", no, constant(rng.random((3, 3, 3, 4)) < 0.1), **attrs),
        call("nn.batch_matmul", turned, call("logical_and", a, b), transpose_b=False),
        call("nn.dense", call("reshape", turned, newshape=[6, 3]), variable("d", (4, 3), "bool")),
    ]
    params = [x, w, a, b, results[3].args[1]]
    inputs = [rng.random(one.annotation.shape) < 0.3 for one in params]
    labels = [f"{name}, seed {seed}" for name in ("padded", "constant", "batch", "dense")]
    check(main(params, results), inputs, labels=labels)


def test_a_line_too_long_for_the_stack_is_sorted(variable, main, check):
    x = np.random.default_rng(1).normal(size=(2, 30000)).astype(np.float32)
    data = variable("x", x.shape)
    check(main([data], call("sort", data)), [x])
