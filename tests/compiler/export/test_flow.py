"""Programs with control flow in C programs: values, sizes, and what a call refuses."""

import ctypes
import os
import re
import subprocess
import threading

import numpy as np
import pytest

from compiler.errors import Unsupported
from compiler.export import export_network
from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.prelude import parse_with_prelude
from isa.host import Status

TRIPLES = ("x86_64-linux-gnu", "aarch64-linux-gnu", "riscv64-linux-gnu")

LOOP = """
def @loop(%i: int32, %x: Tensor[(?, 4), float32]) -> Tensor[(?, 4), float32] {
  if (%i <= 0) { %x } else { @loop(%i - 1, concatenate((tanh(%x), %x), axis=0)) }
}
def @main(%n: int32, %x: Tensor[(?, 4), float32]) { @loop(%n, %x) }
"""
CHOICE = """
def @main(%x: Tensor[(2, 3), float32], %c: bool) { if (%c) { (%x, 1i64) } else { (exp(%x), 2i64) } }
"""
NESTED = """
def @main(%p: (Tensor[(3), float32], (bool, Tensor[(?), int8])), %m: Tensor[(2), float32]) {
  let %q = %p.1;
  (negative(%q.1), (%p.0, (%q.0, %m)), ())
}
"""
LISTS = """
def @up(%n: int32, %rest: List[int32]) -> List[int32] {
  if (%n <= 0) { %rest } else { @up(%n - 1, Cons(%n, %rest)) }
}
def @main(%n: int32, %k: int32) {
  let %scale = fn (%x: int32) -> int32 { %x * %k };
  @foldl(fn (%s: int32, %x: int32) { %s + %x }, 0, @map(%scale, @up(%n, Nil)))
}
"""
SUM = """
def @sum(%n: int32) -> int32 { if (%n <= 0) { 0 } else { 1 + @sum(%n - 1) } }
def @main(%n: int32) { @sum(%n) }
"""
# Everything at once, for architectures that run only C programs here.
MIXED = f"""
{LISTS.replace("@main", "@fold")}
{SUM.replace("@main", "@count")}
{LOOP.replace("@main", "@grow")}
def @main(%n: int32, %x: Tensor[(?, 4), float32]) {{
  let %few: int32 = @fold(1, %n) / 5;
  (@grow(%few, %x), @fold(%n, 7), @count(%n * 100))
}}
"""
MIXED_MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include "net.h"

#define SPACE 60000

static void *get(size_t size_bytes)
{
    void *memory = aligned_alloc(NET_ALIGNMENT, (size_bytes + 63) / 64 * 64);
    if (memory == NULL)
        exit(90);
    return memory;
}

int main(void)
{
    int32_t n, status, fold, count, rows;
    int64_t sizes[NET_OUTPUT0_RANK], room;
    float *x, *y;
    void *workspace = get(SPACE);

    if (fread(&n, 4, 1, stdin) != 1 || fread(&rows, 4, 1, stdin) != 1)
        return 91;
    x = malloc(16 * rows);
    if (x == NULL || fread(x, 16, rows, stdin) != (size_t)rows)
        return 92;
    y = malloc(4);
    status = net_run(&n, x, rows, y, 1, sizes, &fold, &count, workspace, SPACE, 4 << 20);
    if (status != NET_ROOM)
        return 93;
    room = sizes[0] * sizes[1];
    y = realloc(y, 4 * room);
    status = net_run(&n, x, rows, y, room, sizes, &fold, &count, workspace,
                     NET_LEAST_WORKSPACE_BYTES + 256, 4 << 20);
    if (status != NET_HEAP_FULL)
        return 94;
    status = net_run(&n, x, rows, y, room, sizes, &fold, &count, workspace, SPACE,
                     NET_LEAST_STACK_BYTES);
    if (status != NET_STACK_FULL)
        return 95;
    status = net_run(&n, x, -1, y, room, sizes, &fold, &count, workspace, SPACE, 4 << 20);
    if (status != NET_SIZES)
        return 96;
    status = net_run(&n, x, rows, y, room, sizes, &fold, &count, workspace, SPACE, 4 << 20);
    if (net_workspace_used(workspace) > SPACE)
        return 97;
    fwrite(sizes, 8, 2, stdout);
    fwrite(y, 4, room, stdout);
    fwrite(&fold, 4, 1, stdout);
    fwrite(&count, 4, 1, stdout);
    free(x);
    free(y);
    free(workspace);
    return status;
}
"""
ADD = "def @main(%x: Tensor[(?, 2), float32], %y: Tensor[(?, 2), float32]) { %x + %y }"


def flat(value):
    """Return the tensors of a value, in order."""
    if isinstance(value, tuple):
        return [tensor for field in value for tensor in flat(field)]
    return [np.asarray(value)]


def check(loaded, text, *inputs, seed=0):
    """Compare a call with the interpreter; return the arrays that it gives."""
    module = infer(parse_with_prelude(f'#[version = "0.0.5"]\n{text}\n', "net.relay"))
    wanted = flat(evaluate(module, *inputs))
    assert loaded.call(*(np.ascontiguousarray(one) for one in flat(inputs))) == 0
    opened = iter(loaded.sizes)
    for output, value in zip(loaded.outputs, wanted, strict=True):
        known = len(output) != loaded.room
        shape = value.shape if known else tuple(next(opened))
        assert shape == value.shape
        found = output[: value.size].reshape(shape)
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-6, err_msg=f"seed {seed}")
        np.testing.assert_array_equal(output[value.size :], 99)
    return wanted


def floats(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_a_loop_over_open_sizes(exported, rows):
    loaded = exported(LOOP)
    for turns in (0, 1, 4):
        check(loaded, LOOP, np.int32(turns), floats(rows, 4))


def test_branches_over_known_sizes(exported):
    loaded = exported(CHOICE)
    assert loaded.sizes == []
    for choice in (True, False):
        check(loaded, CHOICE, floats(2, 3), np.bool_(choice))


def test_tuples_are_passed_tensor_by_tensor(exported):
    text = NESTED
    given = (floats(3), (np.bool_(True), np.arange(7, dtype=np.int8)))
    check(exported(text), text, given, floats(2))


def test_lists_and_closures_inside(exported):
    check(exported(LISTS), LISTS, np.int32(100), np.int32(3))


@pytest.mark.parametrize("text", [NESTED, LOOP, SUM], ids=["tuples", "sizes", "stack"])
def test_header(text, tmp_path, golden):
    path = tmp_path / "net.relay"
    path.write_text(f'#[version = "0.0.5"]\n{text}\n')
    golden(export_network(path, "net", (), triple="riscv64-none-elf").header)


def test_recursion_uses_the_stack_that_it_may(exported):
    loaded = exported(SUM)
    loaded.stack_bytes += loaded.number("LEAST_STACK_BYTES")
    check(loaded, SUM, np.int32(1000))
    loaded.stack_bytes = loaded.number("LEAST_STACK_BYTES") + 1000
    check(loaded, SUM, np.int32(3))
    for stack_bytes in (loaded.stack_bytes, loaded.number("LEAST_STACK_BYTES"), 1, 0):
        loaded.stack_bytes = stack_bytes
        assert loaded.call(np.int32(1000)) == Status.STACK_FULL == loaded.number("STACK_FULL")
        assert loaded.outputs[0] == 99


def test_a_workspace_that_is_too_small(exported):
    loaded = exported(LISTS)
    given = np.int32(50), np.int32(3)
    check(loaded, LISTS, *given)
    whole, used = loaded.workspace, loaded.used()
    assert loaded.number("LEAST_WORKSPACE_BYTES") < used < len(whole)
    loaded.workspace = whole[:used]
    check(loaded, LISTS, *given)
    for size_bytes in (used - 64, loaded.number("LEAST_WORKSPACE_BYTES"), 64, 0):
        loaded.workspace = whole[:size_bytes]
        whole[size_bytes:] = 0x5A
        assert loaded.call(*given) == Status.HEAP_FULL == loaded.number("HEAP_FULL")
        assert loaded.outputs[0] == 99
        assert (whole[size_bytes:] == 0x5A).all()


def test_loops_over_scalars_need_no_memory(exported):
    text = """
    def @loop(%i: int32, %s: int32) -> int32 {
      if (%i <= 0) { %s } else { @loop(%i - 1, %s * 1664525 + 1013904223) }
    }
    def @main(%n: int32) { @loop(%n, 1) }
    """
    loaded = exported(text)
    check(loaded, text, np.int32(1000))
    assert loaded.used() == loaded.number("LEAST_WORKSPACE_BYTES") + 64, "the result alone"


def test_a_workspace_serves_again_and_again(exported):
    loaded = exported(LISTS)
    for turns in (50, 3, 50):
        check(loaded, LISTS, np.int32(turns), np.int32(turns))


def test_outputs_without_room(exported):
    """The sizes say how much there must be."""
    loaded = exported(LOOP)
    given = np.int32(3), floats(2, 4)
    for room in (0, 1, 63):
        loaded.room = room
        assert loaded.call(*given) == Status.ROOM == loaded.number("ROOM")
        np.testing.assert_array_equal(loaded.sizes, [[16, 4]])
        assert (loaded.outputs[0] == 99).all()
    loaded.room = 64
    check(loaded, LOOP, *given)


@pytest.mark.parametrize("size", [-1, -(1 << 63), 1 << 44, 1 << 62, (1 << 63) - 1])
def test_sizes_that_cannot_be(exported, size, monkeypatch):
    loaded = exported(LOOP)
    monkeypatch.setattr(type(loaded), "_value", lambda self, name, given: size)
    assert loaded.call(np.int32(0), floats(2, 4)) == Status.SIZES == loaded.number("SIZES")


def test_sizes_that_do_not_fit(exported):
    loaded = exported(ADD)
    check(loaded, ADD, floats(3, 2), floats(3, 2, seed=1))
    check(loaded, ADD, floats(1, 2), floats(3, 2, seed=1))
    status = loaded.call(floats(2, 2), floats(3, 2))
    assert (loaded.outputs[0] == 99).all()
    message = r"/\* \S*net\.relay:2:\d+: add: sizes must be equal, or one of them 1 \*/"
    assert re.search(rf"#define NET_FAILED_\d+ \({status}\) {message}", loaded.header)


def test_pointers_are_refused(exported):
    loaded = exported(ADD)
    x, y, z = floats(3, 2), floats(3, 2), np.zeros(12, np.float32)
    sizes, place = np.zeros(3, np.int64), loaded.workspace.ctypes.data
    good = [x.ctypes.data, 3, y.ctypes.data, 3, z.ctypes.data, 6, sizes.ctypes.data, place]

    def call(arguments):
        values = [ctypes.c_void_p(one) for one in arguments]
        return loaded.loaded.net_run(*values, ctypes.c_size_t(len(loaded.workspace)))

    assert call(good) == Status.DONE
    for number in (0, 2, 4, 6, 7):
        for wrong, status in ((0, Status.NULL), (good[number] + 2, Status.MISALIGNED)):
            assert call([*good[:number], wrong, *good[number + 1 :]]) == status
    assert call([*good[:7], place + 32]) == Status.MISALIGNED


def test_threads_call_at_once(exported):
    """Each call has a workspace; all share code and constants."""
    loaded = exported(LISTS)
    module = infer(parse_with_prelude(f'#[version = "0.0.5"]\n{LISTS}\n', "net.relay"))
    wrong = []

    def work(seed):
        own = loaded.beside()
        wanted = evaluate(module, np.int32(200), np.int32(seed))
        for _ in range(50):
            if own.call(np.int32(200), np.int32(seed)) or own.outputs[0][0] != wanted:
                wrong.append(seed)

    callers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong, f"seeds {wrong}"


def test_kernels_in_a_pool(exported):
    text = """
    def @turn(%i: int32, %x: Tensor[(1, 64, 64, 16), float32]) -> Tensor[(1, 64, 64, 16), float32] {
      if (%i <= 0) { %x } else {
        @turn(%i - 1, nn.avg_pool2d(%x, pool_size=[3, 3], padding=[1, 1], layout="NHWC"))
      }
    }
    def @main(%i: int32, %x: Tensor[(1, 64, 64, 16), float32]) { @turn(%i, %x) }
    """
    loaded = exported(text, workspace_bytes=1 << 22, threads=2)
    try:
        check(loaded, text, np.int32(3), floats(1, 64, 64, 16))
    finally:
        loaded.loaded.net_close_pool(ctypes.c_void_p(loaded.pool.ctypes.data))


def run_mixed(folder, compiler, runner, **target):
    """Compare a C program with the interpreter."""
    (folder / "net.relay").write_text(f'#[version = "0.0.5"]\n{MIXED}\n')
    export = export_network(folder / "net.relay", "net", ("object",), **target)
    (folder / "main.c").write_text(MIXED_MAIN)
    (folder / "net.h").write_text(export.header)
    (folder / "net.o").write_bytes(export.object)
    command = [compiler, "-std=c11", "-g", "-Wall", "-Wextra", "-Werror", "-o", "main"]
    static = [] if runner and "valgrind" in runner[0] else ["-static"]
    subprocess.run([*command, *static, "main.c", "net.o"], check=True, cwd=folder)
    module = infer(parse_with_prelude(f'#[version = "0.0.5"]\n{MIXED}\n', "net.relay"))
    for number, rows in ((20, 3), (5, 1)):
        x = floats(rows, 4)
        grown, fold, count = evaluate(module, np.int32(number), x)
        given = np.array([number, rows], np.int32).tobytes() + x.tobytes()
        out = subprocess.run(
            [*runner, "./main"], input=given, stdout=subprocess.PIPE, check=True, cwd=folder
        ).stdout
        np.testing.assert_array_equal(np.frombuffer(out, np.int64, 2), grown.shape)
        found = np.frombuffer(out, np.float32, grown.size, 16).reshape(grown.shape)
        np.testing.assert_allclose(found, grown, rtol=1e-5, atol=1e-6, err_msg="seed 0")
        assert np.frombuffer(out, np.int32, 2, 16 + grown.nbytes).tolist() == [fold, count]


@pytest.mark.parametrize("triple", TRIPLES)
def test_c_program(triple, need, tmp_path):
    architecture = triple.split("-")[0]
    native = architecture == os.uname().machine
    compiler = need("cc" if native else f"{triple}-gcc")
    runner = [] if native else [need(f"qemu-{architecture}-static")]
    run_mixed(tmp_path, compiler, runner, triple=triple)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="needs a CPU that valgrind knows")
def test_c_program_touches_only_its_memory(need, tmp_path):
    runner = [need("valgrind"), "--quiet", "--error-exitcode=80", "--leak-check=full"]
    run_mixed(tmp_path, need("cc"), runner, cpu="x86-64-v3")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("def @main(%xs: List[int32]) { 1 }", "%xs of @main holds List[int32]"),
        ("def @main(%p: (int32, List[int32])) { %p.0 }", "%p of @main holds List[int32]"),
        ("def @main(%n: int32) { (%n, ref(%n)) }", "result 1 of @main holds ref(int32)"),
        ("def @main(%n: int32) { Some(%n) }", "the result of @main holds Option[int32]"),
    ],
)
def test_data_stays_inside(tmp_path, text, what):
    path = tmp_path / "net.relay"
    path.write_text(f'#[version = "0.0.5"]\n{text}\n')
    message = (
        f"{what}, which C programs cannot pass: take and give tensors and tuples of them, and "
        "keep other values inside"
    )
    with pytest.raises(Unsupported, match=f"^{re.escape(message)}$"):
        export_network(path, "net", ("object",))
