"""Loading host programs, calling them, and what they refuse."""

import ctypes
import re
import threading
from dataclasses import replace

import numpy as np
import pytest

from compiler.backends.cpu import compile_host
from compiler.infer import infer
from compiler.ir import Call, Function, GlobalVar, Module, TensorType, Var
from compiler.ops import call
from driver.errors import DeviceFault, ImageMismatch, InputMismatch
from driver.host import HostProgram
from driver.native import Memory

SHAPE = (3, 5)


def module(with_region):
    """Return a module that doubles its input, then negates it in a region or on the CPU."""
    data, inner = (Var(name, TensorType(SHAPE, "int32")) for name in "xy")
    twice = call("transpose", call("transpose", call("add", data, data)))
    negated = Call(GlobalVar("negate"), (twice,)) if with_region else call("negative", twice)
    functions = {"main": Function((data,), call("clip", negated, a_min=-1e6, a_max=1e6))}
    if with_region:
        functions["negate"] = Function((inner,), call("negative", inner))
    return infer(Module(functions))


@pytest.fixture(scope="module")
def plain():
    """Return a host program without regions."""
    return compile_host(module(False), {})


@pytest.fixture(scope="module")
def calling():
    """Return a host program that calls region 3."""
    return compile_host(module(True), {"negate": 3})


def negate(region, inputs, outputs):
    """Do what the region does."""
    assert (region, len(inputs), len(outputs)) == (3, 1, 1)
    kind = ctypes.c_int32 * 15
    for number, value in enumerate(kind.from_address(inputs[0])):
        kind.from_address(outputs[0])[number] = -value
    return 0


def numbers(seed=0):
    """Return an input and room for the output."""
    x = np.random.default_rng(seed).integers(-1000, 1000, SHAPE).astype(np.int32)
    return x, np.empty_like(x)


def test_runs_any_number_of_times(plain, calling):
    for host, region in ((plain, None), (calling, negate)):
        program = HostProgram(host)
        for seed in range(5):
            x, y = numbers(seed)
            assert program.run([x], [y], region) == 0
            np.testing.assert_array_equal(y, -2 * x)


def test_constants_of_the_image_are_not_shared(plain):
    first, second = HostProgram(plain), HostProgram(plain)
    x, y = numbers()
    first.run([x], [y])
    del first
    second.run([x], [y])
    np.testing.assert_array_equal(y, -2 * x)


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_exception_of_a_region_comes_out(calling, kind):
    program = HostProgram(calling)
    x, y = numbers()

    def fail(region, inputs, outputs):
        raise kind("the machine is on fire")

    with pytest.raises(kind, match=r"^the machine is on fire$"):
        program.run([x], [y], fail)
    assert program.run([x], [y], negate) == 0
    np.testing.assert_array_equal(y, -2 * x)


def test_status_of_a_region_comes_out(calling):
    x, y = numbers()
    assert HostProgram(calling).run([x], [y], lambda *_: 42) == 42


def test_region_is_needed(calling):
    x, y = numbers()
    message = r"^the program runs region 3 on an accelerator: pass region=\.\.\.$"
    with pytest.raises(InputMismatch, match=message):
        HostProgram(calling).run([x], [y])


def test_threads_run_at_the_same_time(calling):
    """Regions of four threads wait for each other inside of four calls, each with its arena."""
    program, barrier = HostProgram(calling), threading.Barrier(4, timeout=60)
    results = {}

    def meet(region, inputs, outputs):
        barrier.wait()
        return negate(region, inputs, outputs)

    def work(seed):
        for _ in range(10):
            x, y = numbers(seed)
            program.run([x], [y], meet)
            results.setdefault(seed, []).append(bool((y == -2 * x).all()))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {seed: [True] * 10 for seed in range(4)}


def test_region_may_run_another_inference(calling):
    program = HostProgram(calling)
    inner_x, inner_y = numbers(1)

    def nested(region, inputs, outputs):
        program.run([inner_x], [inner_y], negate)
        return negate(region, inputs, outputs)

    x, y = numbers(0)
    program.run([x], [y], nested)
    np.testing.assert_array_equal(y, -2 * x)
    np.testing.assert_array_equal(inner_y, -2 * inner_x)


def test_contiguous_arrays_only(plain):
    x, y = numbers()
    program = HostProgram(plain)
    message = r"must be contiguous in memory; pass numpy\.ascontiguousarray\(\.\.\.\)$"
    with pytest.raises(InputMismatch, match="^input 0 " + message):
        program.run([np.asfortranarray(x)], [y])
    with pytest.raises(InputMismatch, match="^output 0 " + message):
        program.run([x], [np.asfortranarray(y)])


def test_aligned_arrays_only(plain):
    x, y = numbers()
    program, odd = HostProgram(plain), np.zeros(61, np.uint8)[1:].view(np.int32).reshape(SHAPE)
    message = (
        r"must begin at a multiple of its elements' size; pass "
        r"numpy\.require\(\.\.\., requirements='A'\)$"
    )
    with pytest.raises(InputMismatch, match="^input 0 " + message):
        program.run([odd], [y])
    with pytest.raises(InputMismatch, match="^output 0 " + message):
        program.run([x], [odd])


def test_outputs_must_be_writeable(plain):
    x, y = numbers()
    y.flags.writeable = False
    with pytest.raises(InputMismatch, match=r"^output 0 must be writeable; pass a new array$"):
        HostProgram(plain).run([x], [y])


def test_outputs_must_not_share_memory(plain):
    x, _ = numbers()
    message = r"^output 0 must not share memory with another array; pass a new one$"
    with pytest.raises(InputMismatch, match=message):
        HostProgram(plain).run([x], [x])


def test_missing_feature_is_named(plain):
    host = replace(plain, features=plain.features + ",+avx9000,+psychic")
    message = (
        r"^the host program of the image needs a processor with avx9000, psychic, which this one "
        r"does not have; compile the network on this machine, or for cpu x86-64$"
    )
    with pytest.raises(ImageMismatch, match=message):
        HostProgram(host)


def test_first_that_runs_is_taken(plain):
    """Of programs for several CPUs; the error names what the nearest one needs."""
    other = replace(plain, features=f"{plain.features},+avx9000", code=b"unused")
    x, y = numbers()
    assert HostProgram(other, plain, replace(plain, code=b"worse")).run([x], [y]) == 0
    np.testing.assert_array_equal(y, -2 * x)
    with pytest.raises(ImageMismatch, match=r"^the host program of the image needs a processor "):
        HostProgram(other)
    far = replace(other, features=f"{other.features},+psychic")
    with pytest.raises(ImageMismatch, match=r"needs a processor with avx9000, which"):
        HostProgram(far, other)


def test_other_processor_is_refused(plain):
    host = replace(plain, triple="riscv64-unknown-linux-gnu")
    message = (
        f"^the host program of the image must be for {re.escape(plain.triple)}, not "
        "riscv64-unknown-linux-gnu; compile the network on this machine$"
    )
    with pytest.raises(ImageMismatch, match=message):
        HostProgram(host)


@pytest.mark.parametrize("code", [b"", b"no object file", "cut"], ids=["empty", "text", "cut"])
def test_damaged_code_is_refused(plain, code):
    host = replace(plain, code=plain.code[: len(plain.code) // 2] if code == "cut" else code)
    message = r"^the host program of the image cannot be loaded: [^\n]*; compile the network again$"
    with pytest.raises(ImageMismatch, match=message):
        HostProgram(host)


def test_missing_symbol_is_refused(plain):
    message = r"^the host program of the image cannot be loaded: [^\n]*; compile the network again$"
    with pytest.raises(ImageMismatch, match=message):
        HostProgram(replace(plain, symbol="other_main"))


def test_binding_computes_from_what_the_inputs_then_hold(plain, calling):
    for host, region in ((plain, None), (calling, negate)):
        x, result = numbers(seed=5)
        binding = HostProgram(host).bind([x], [result], region)
        for step in (0, 7):
            x += step
            assert binding() == 0
            np.testing.assert_array_equal(result, -2 * x)


def test_binding_keeps_its_arrays(plain):
    x, result = numbers(seed=6)
    binding = HostProgram(plain).bind([x.copy()], [result])
    assert binding() == 0
    np.testing.assert_array_equal(result, -2 * x)


def test_binding_raises_what_its_region_raises(calling):
    def fail(region, inputs, outputs):
        raise ZeroDivisionError("in the region")

    x, result = numbers()
    binding = HostProgram(calling).bind([x], [result], fail)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match=r"^in the region$"):
            binding()


def test_binding_checks_its_arrays(plain):
    x, _ = numbers()
    with pytest.raises(
        InputMismatch,
        match=r"^output 0 must not share memory with another array; pass a new one$",
    ):
        HostProgram(plain).bind([x], [x])


def test_too_little_memory_is_told(plain):
    x, y = numbers()
    program = HostProgram(replace(plain, arena_bytes=1 << 60))
    message = (
        r"^the host program needs 1152921504606846976 bytes of memory, which this system does not "
        r"give; run it where there are more$"
    )
    with pytest.raises(DeviceFault, match=message):
        program.run([x], [y])


def test_constants_stay_where_they_are_if_aligned():
    block = Memory(256)
    block.array[:] = np.arange(256, dtype=np.uint8)
    there = Memory.holding(block.array.data)
    assert there.address == block.address
    moved = Memory.holding(block.array[1:].data)
    assert moved.address % 64 == 0
    np.testing.assert_array_equal(moved.array, block.array[1:])
