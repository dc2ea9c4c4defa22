"""Networks in C programs: what the files hold, what they compute, and what is refused."""

import ctypes
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import tilewright as tw
from compiler.backends.cpu.export import find_linker, link_library
from compiler.errors import LinkError, Unsupported
from compiler.export import export_network
from isa.host import Status

DIGITS = Path(__file__).parents[3] / "examples" / "digits" / "digits.onnx"
TRIPLES = ("x86_64-linux-gnu", "aarch64-linux-gnu", "riscv64-linux-gnu")


@pytest.fixture(scope="module")
def wanted(network):
    """Return what the network gives for arrays, as an image of the least able CPU."""
    image = tw.compile(network, targets=("cpu",), cpu="x86-64")

    def run(arrays):
        with tw.open_device("cpu", threads=1) as device:
            return device.run(image, arrays).outputs

    return run


@pytest.mark.parametrize("triple", TRIPLES)
def test_object_needs_nothing(network, symbols, triple):
    export = export_network(network, "math.net", ("object",), triple=triple)
    assert symbols(export.object) == ({"math_net_run"}, set())
    assert export.library is None


def test_pool_needs_threads_of_the_system(symbols):
    export = export_network(DIGITS, "digits", ("object",), triple=TRIPLES[0], threads=True)
    assert symbols(export.object)[1] <= {"memcpy"}
    assert "pool" not in export.header, "no kernel of this network is worth several threads"


@pytest.mark.parametrize("triple", TRIPLES)
def test_c_program(network, build, feed, need, wanted, arrays, triple):
    """Floats agree within the rounding of fused products; integers to the bit."""
    architecture = triple.split("-")[0]
    native = architecture == os.uname().machine
    compiler = need("cc" if native else f"{triple}-gcc")
    runner = [] if native else [need(f"qemu-{architecture}-static")]
    program = build(export_network(network, "math.net", ("object",), triple=triple), compiler)
    for found, value in zip(feed([*runner, str(program)], arrays), wanted(arrays), strict=True):
        if value.dtype == np.float32:
            np.testing.assert_allclose(found, value, rtol=2e-5, atol=1e-6, err_msg="seed 5")
        else:
            np.testing.assert_array_equal(found, value, err_msg="seed 5")


@pytest.mark.parametrize("triple", TRIPLES)
def test_linker_of_the_extra(network, triple):
    """lld of the wheel links for every architecture, wherever this runs."""
    pytest.importorskip("ziglang", reason="the extra `export` is not installed")
    code = export_network(network, "net", ("object",), triple=triple).object
    library = link_library(code, "net", (sys.executable, "-m", "ziglang", "ld.lld"))
    assert library[:4] == b"\x7fELF" and b"\0net_run\0" in library
    assert library[18:20] == code[18:20]


def test_header(network, golden):
    golden(export_network(network, "math.net", (), triple="riscv64-none-elf").header)


def test_header_of_quantised_tensors(models, golden):
    network = models / "kws_ref_model.tflite"
    golden(export_network(network, "2 keywords", (), triple=TRIPLES[1]).header)


BIG = """#[version = "0.0.5"]
def @main(%x: Tensor[(1, 64, 64, 16), float32]) {
  nn.relu(nn.avg_pool2d(%x, pool_size=[3, 3], padding=[1, 1], layout="NHWC"))
}
"""


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A network with a kernel that is worth several threads."""
    path = tmp_path_factory.mktemp("big") / "big.relay"
    path.write_text(BIG)
    return path


@pytest.mark.parametrize("triple", TRIPLES)
def test_c_program_with_threads(big, build, need, triple):
    """The pool's system calls are those of each architecture."""
    architecture = triple.split("-")[0]
    native = architecture == os.uname().machine
    compiler = need("cc" if native else f"{triple}-gcc")
    runner = [] if native else [need(f"qemu-{architecture}-static")]
    export = export_network(big, "big", ("object",), triple=triple, threads=True)
    program = build(export, compiler, pooled=True)
    assert subprocess.run([*runner, str(program)], check=False).returncode == 0


@pytest.fixture(scope="module")
def library(big):
    """Return a loaded shared library with a pool."""
    export = tw.export(big, "big", threads=True)
    path = big.with_suffix(".so")
    path.write_bytes(export.library)
    loaded = ctypes.CDLL(str(path))
    loaded.workspace_bytes = int(re.search(r"BIG_WORKSPACE_BYTES (\d+)", export.header)[1])
    return loaded


def aligned(size_bytes):
    """Return bytes that begin at a multiple of 64."""
    memory = np.zeros(size_bytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size_bytes]


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


def test_library_runs_in_threads_with_a_pool(library):
    """Several callers share one pool; each gets what one thread alone computes."""
    pool = aligned(832)
    assert library.big_open_pool(pointer(pool), 3) == Status.DONE
    wrong = []

    def work(seed):
        x = np.random.default_rng(seed).normal(size=(64, 64, 16)).astype(np.float32)
        y, z = np.empty_like(x), np.empty_like(x)
        workspace = aligned(library.workspace_bytes)
        for _ in range(20):
            alone = library.big_run(pointer(x), pointer(y), pointer(workspace))
            helped = library.big_run_pool(*map(pointer, (x, z, workspace, pool)))
            if alone or helped or not np.array_equal(y, z):
                wrong.append(seed)

    callers = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    library.big_close_pool(pointer(pool))
    assert not wrong


def test_library_refuses_pointers(library):
    x, y, workspace = np.zeros(65537, np.float32), np.zeros(65536, np.float32), aligned(1 << 20)
    good = [pointer(x), pointer(y), pointer(workspace)]
    assert library.big_run(*good) == Status.DONE
    for place in range(3):
        given = list(good)
        given[place] = None
        assert library.big_run(*given) == Status.NULL
        given[place] = ctypes.c_void_p(good[place].value + 2)
        assert library.big_run(*given) == Status.MISALIGNED
    given = [*good[:2], ctypes.c_void_p(good[2].value + 32)]
    assert library.big_run(*given) == Status.MISALIGNED


def test_library_refuses_pools(library):
    pool = aligned(832 + 64)
    for threads in (0, -1, 65):
        assert library.big_open_pool(pointer(pool), threads) == Status.THREADS
    assert library.big_open_pool(None, 2) == Status.NULL
    assert library.big_open_pool(pointer(pool[1:]), 2) == Status.MISALIGNED


def test_library_refuses_the_pool_of_another_process(library):
    pool, workspace = aligned(832), aligned(library.workspace_bytes)
    x, y = np.zeros(65536, np.float32), np.zeros(65536, np.float32)
    arguments = [pointer(array) for array in (x, y, workspace, pool)]
    assert library.big_open_pool(pointer(pool), 2) == Status.DONE
    child = os.fork()
    if child == 0:
        status = library.big_run_pool(*arguments)
        library.big_close_pool(pointer(pool))
        os._exit(-status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -Status.FORKED
    assert library.big_run_pool(*arguments) == Status.DONE
    library.big_close_pool(pointer(pool))


def test_system_without_libraries(network):
    message = "^a shared library must be for Linux, not aarch64-none-elf: emit an object instead$"
    with pytest.raises(Unsupported, match=message):
        export_network(network, "x", ("library",), triple="aarch64-none-elf")


def test_missing_linker_is_named(monkeypatch):
    monkeypatch.setattr("compiler.backends.cpu.export.linker.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nowhere")
    message = (
        "no linker for riscv64: install one of riscv64-linux-gnu-ld, ld.lld, or the extra "
        "`export`: pip install 'tilewright[export]'"
    )
    with pytest.raises(LinkError, match=f"^{re.escape(message)}$"):
        find_linker("riscv64-linux-gnu")


def test_failing_linker_is_told():
    with pytest.raises(LinkError, match=r"(?s)^ld failed for net: .*not recognized.*$"):
        link_library(b"no object", "net", ("ld",))
