"""Kernels whose rows, columns and sums are known when the program runs, and who shares them."""

import numpy as np
import pytest

from compiler.backends.cpu import compile_host
from compiler.backends.cpu.kernels.parts import OpenParts, count_parts, runs
from compiler.interpreter import evaluate, same_value
from compiler.ir.dims import Symbol, substitute_dim, symbol

SEED = 9
N = symbol("n")

PRODUCTS = {
    f"{a}{b}": f"""def @main(%x: Tensor[({"3, ?, 20" if a == "n" else "3, 20, ?"}), float32],
        %y: Tensor[({"3, 20, ?" if b == "n" else "3, ?, 20"}), float32]) {{
        nn.relu(nn.batch_matmul(%x, %y, transpose_a={a == "t"}, transpose_b={b == "t"}) / 8f) }}"""
    for a, b in ("nn", "nt", "tn")
}
KERNELS = {
    **PRODUCTS,
    "sum of products": """def @main(%x: Tensor[(2, 5, ?), float32],
        %y: Tensor[(2, ?, 33), float32]) {
        nn.batch_matmul(%x, %y, transpose_b=False) }""",
    "one matrix for all": """def @main(%x: Tensor[(4, ?, 7), float32],
        %y: Tensor[(1, 7, ?), float32]) {
        nn.batch_matmul(%x, %y, transpose_b=False) }""",
    "many batches": """def @main(%x: Tensor[(?, 3, 7), float32]) {
        nn.batch_matmul(%x, tanh(%x), transpose_b=True) }""",
    "batches that may be one": """def @main(%x: Tensor[(?, 3, 7), float32],
        %y: Tensor[(1, 7, 5), float32]) { nn.batch_matmul(%x, %y, transpose_b=False) }""",
    "softmax": "def @main(%x: Tensor[(3, ?), float32]) { nn.softmax(%x * 3f) * 2f }",
    "softmax of rows": "def @main(%x: Tensor[(?, 19), float32]) { nn.softmax(%x) }",
    "softmax across": "def @main(%x: Tensor[(?, ?, 21), float32]) { nn.softmax(%x, axis=1) }",
    "log_softmax": "def @main(%x: Tensor[(?, ?), float32]) { nn.log_softmax(%x, axis=-1) }",
    "layer_norm": """def @main(%x: Tensor[(2, ?, 35), float32], %g: Tensor[(35), float32]) {
        nn.gelu(nn.layer_norm(%x, %g, %g)) }""".replace("nn.gelu", "tanh"),
    "dense": """def @main(%x: Tensor[(2, ?, 20), float32], %w: Tensor[(37, 20), float32]) {
        nn.dense(%x, %w, units=37) + %x * 0f }""".replace(" + %x * 0f", ""),
    "turned": "def @main(%x: Tensor[(3, ?, 20), float32]) { transpose(%x, axes=[0, 2, 1]) }",
    "turned around": "def @main(%x: Tensor[(?, ?), float32]) { transpose(%x) }",
    "heads": """def @main(%x: Tensor[(1, ?, 24), float32]) {
        transpose(reshape(%x, newshape=[0, 0, -4, 4, 6]), axes=[0, 2, 1, 3]) }""",
    "planes": "def @main(%x: Tensor[(3, ?), float32]) { transpose(%x) }",
    "element-wise": "def @main(%x: Tensor[(?, ?), float32]) { tanh(%x) + %x }",
    "rows": """def @main(%x: Tensor[(11, 8), float32], %i: Tensor[(?), int32]) {
        take(%x, %i, axis=0) }""",
}
SIZES = (0, 1, 2, 3, 5, 8, 17, 33, 64, 79)
LONG = (4096, 5000)
"""About as long as the scores that stay on the stack."""


def inputs_of(module, size, seed=SEED):
    """Return inputs whose open sizes are `size`."""
    random = np.random.default_rng(seed)
    found = []
    for param in module["main"].params:
        shape = [one if isinstance(one, int) else size for one in param.type.shape]
        if param.type.dtype.startswith("float"):
            found.append(random.normal(size=shape).astype(param.type.dtype))
        else:
            low, high = (-128, 128) if param.type.dtype == "int8" else (0, 11)
            found.append(random.integers(low, high, shape).astype(param.type.dtype))
    return found


@pytest.mark.parametrize("name", KERNELS)
def test_values_of_every_size(typed, compiled, name):
    module = typed(KERNELS[name])
    run = compiled(module)
    for size in SIZES:
        given = inputs_of(module, size)
        wanted, found = evaluate(module, *given), run(*given)
        assert same_value(found, wanted, 2e-5), f"seed {SEED}, {size}: {found} is not {wanted}"


@pytest.mark.parametrize("size", LONG)
def test_long_softmax(typed, compiled, size):
    module = typed(KERNELS["softmax"])
    given = inputs_of(module, size)
    np.testing.assert_allclose(
        compiled(module)(*given), evaluate(module, *given), rtol=1e-4, err_msg=f"seed {SEED}"
    )


@pytest.mark.parametrize(
    "name", ("nn", "many batches", "softmax across", "turned", "dense", "heads")
)
def test_threads_give_the_same(typed, compiled, monkeypatch, name):
    module = typed(KERNELS[name])
    alone = compiled(module)
    monkeypatch.setattr("compiler.backends.cpu.kernels.parts._LEAST_WORK", 0)
    together = compiled(module, threads=3)
    for size in (0, 1, 7, 50):
        given = inputs_of(module, size)
        np.testing.assert_array_equal(
            together(*given), alone(*given), err_msg=f"seed {SEED}, {size}"
        )


QUANTIZED = {
    "dense": """def @main(%x: Tensor[(?, 20), int8], %w: Tensor[(9, 20), int8]) {
        qnn.requantize(qnn.dense(%x, %w, 3, 0, 0.5f, 0.5f, units=9), 0.25f, 0, 16f, 2) }""",
    "products": """def @main(%x: Tensor[(2, ?, 20), int8], %y: Tensor[(2, ?, 20), int8]) {
        qnn.batch_matmul(%x, %y, 3, -4, 0.5f, 0.5f, transpose_b=True) }""",
    "sums": """def @main(%x: Tensor[(2, 9, ?), int8], %y: Tensor[(2, ?, 20), int8]) {
        qnn.batch_matmul(%x, %y, 3, -4, 0.5f, 0.5f) }""",
}


@pytest.mark.parametrize("name", QUANTIZED)
def test_quantised_kernels_are_exact(typed, compiled, name):
    module = typed(QUANTIZED[name])
    run = compiled(module)
    for size in (0, 1, 4, 13, 70):
        given = inputs_of(module, size)
        np.testing.assert_array_equal(run(*given), evaluate(module, *given), f"seed {SEED}, {size}")


@pytest.mark.parametrize("cpu", ("x86-64", "x86-64-v3", "armv8-a", "rv64gcv"))
def test_other_cpus_take_open_sizes(typed, cpu):
    """LLVM accepts the code, and there are parts to share."""
    triple = {"armv8-a": "aarch64-linux-gnu", "rv64gcv": "riscv64-linux-gnu"}.get(cpu)
    for name in ("softmax", "turned", "sum of products"):
        host = compile_host(typed(KERNELS[name]), {}, cpu=cpu, triple=triple)
        assert host.threaded and host.code


@pytest.mark.parametrize("largest", (1, 2, 6, 14))
def test_tiles_of_an_open_extent(largest):
    """They cover it, whatever it turns out to be, each place once."""
    for extent in range(60):
        done = number = 0
        for run in runs(N, largest):
            count, first, begin = (
                substitute_dim(one, {Symbol("n"): extent})
                for one in (run.count, run.first, run.number)
            )
            assert (first, begin) == (done, number) and count >= 0, extent
            done, number = done + count * run.size, number + count
        assert done == extent


def test_parts_of_open_sizes():
    assert count_parts((3, N, 5), 8 * N) == OpenParts(3 * N, 8 * N)
    assert count_parts((40, N), 8 * N) == OpenParts(40, 8 * N)
    assert count_parts((), 8 * N) == 1
    assert count_parts((1, 1), N) == 1
