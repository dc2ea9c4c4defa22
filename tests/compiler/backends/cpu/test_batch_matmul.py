"""Products of matrices that are both computed while the program runs."""

import numpy as np
import pytest

from compiler.ops import call


@pytest.mark.parametrize("cpu", [None, "x86-64-v3", "x86-64"])
@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False)])
@pytest.mark.parametrize(
    ("batches", "rows", "inner", "columns"),
    [((3, 3), 20, 64, 40), ((1, 2), 7, 12, 16), ((2, 1), 1, 4, 3), ((2, 2), 9, 7, 50)],
)
@pytest.mark.parametrize("points", [(0, 0), (-128, 5), (3, -128)])
def test_quantized(
    batches, rows, inner, columns, transposed, points, cpu, variable, constant, main, check
):
    seed = rows + inner
    rng = np.random.default_rng(seed)
    shapes = [(batches[0], rows, inner), (batches[1], inner, columns)]
    shapes = [
        (n, b, a) if swapped else (n, a, b)
        for (n, a, b), swapped in zip(shapes, transposed, strict=True)
    ]
    x, y = (rng.integers(-128, 128, shape).astype(np.int8) for shape in shapes)
    a, b = variable("a", x.shape, "int8"), variable("b", y.shape, "int8")
    zeros = [constant(point, "int32") for point in points]
    scales = [constant(0.1, "float32")] * 2
    total = call(
        "qnn.batch_matmul", a, b, *zeros, *scales,
        transpose_a=transposed[0], transpose_b=transposed[1],
    )  # fmt: skip
    moved = call(
        "qnn.requantize", total, constant(0.01, "float32"), constant(0, "int32"),
        constant(1.3, "float32"), constant(7, "int32"), out_dtype="int8",
    )  # fmt: skip
    check(main([a, b], [total, moved]), [x, y], cpu)


def test_quantized_data_are_stored_as_the_instruction_wants_them(variable, constant, main, check):
    rng = np.random.default_rng(8)
    x, y = (rng.integers(-128, 128, shape).astype(np.int8) for shape in ((2, 6, 8), (2, 8, 16)))
    a, b = variable("a", x.shape, "int8"), variable("b", y.shape, "int8")
    points, scales = [constant(9, "int32")] * 2, [constant(0.1, "float32")] * 2
    shares = call("nn.softmax", call("qnn.dequantize", a, scales[0], points[0]))
    made = call("qnn.quantize", shares, constant(1 / 128, "float32"), points[0], out_dtype="int8")
    total = call("qnn.batch_matmul", made, b, *points, *scales, transpose_b=False)
    check(main([a, b], total), [x, y])


@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False), (True, True)])
def test_float(transposed, variable, constant, main, check):
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(3, 12, 12)), rng.normal(size=(3, 12, 12))
    x, y = x.astype(np.float32), y.astype(np.float32)
    a, b = variable("a", x.shape), variable("b", y.shape)
    attrs = {"transpose_a": transposed[0], "transpose_b": transposed[1]}
    results = [call("nn.batch_matmul", a, b, **attrs)]
    results.append(call("nn.batch_matmul", a, constant(y, "float32"), **attrs))
    results.append(call("nn.batch_matmul", constant(x, "float32"), b, **attrs))
    check(main([a, b], results), [x, y], rtol=1e-5, atol=1e-5)
