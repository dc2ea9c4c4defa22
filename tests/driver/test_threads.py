"""Threads of a host program: equal results, many callers at once, forks, and what is refused."""

import os
import re
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import tilewright as tw
from compiler.backends.cpu import compile_host
from compiler.infer import infer
from compiler.ir import Constant, Function, Module, TensorType, Var
from compiler.ops import call
from driver.errors import Unavailable
from driver.host import HostProgram
from driver.threads import default_threads
from isa.config import preset
from isa.image import Image, Tensor

ROOT = Path(__file__).parents[2]
SHAPE = (1, 32, 33, 48)


def network(seed):
    """Return a module with a kernel of each kind, all of them cut into parts."""
    random = np.random.default_rng(seed)

    def weight(*shape):
        return Constant(random.normal(size=shape).astype(np.float32))

    x = Var("x", TensorType(SHAPE, "float32"))
    layout = {"data_layout": "NHWC", "padding": (1, 1)}
    y = call("nn.conv2d", x, weight(3, 3, 48, 48), kernel_layout="HWIO", **layout)
    y = call("nn.relu", call("add", y, weight(1, 1, 1, 48)))
    y = call("nn.conv2d", y, weight(3, 3, 48, 1), kernel_layout="HWOI", groups=48, **layout)
    pooled = call("nn.max_pool2d", y, pool_size=(3, 3), padding=(1, 1), layout="NHWC")
    turned = call("transpose", call("nn.softmax", pooled, axis=1), axes=(0, 2, 1, 3))
    summed = call("sum", call("multiply", turned, weight(48)), axis=(1,))
    found = call("cast", call("argmax", pooled, axis=2), dtype="float32")
    return infer(Module({"main": Function((x,), call("add", summed, found))}))


@pytest.fixture(scope="module")
def hosts():
    """Return two host programs, of which even the smallest kernels are cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("compiler.backends.cpu.kernels.parts._LEAST_WORK", 0)
        programs = [compile_host(network(seed), {}) for seed in (1, 2)]
    assert all(host.threaded for host in programs)
    return programs


def run(program, seed):
    """Return what a program makes of inputs drawn from the seed."""
    x = np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32)
    y = np.empty((1, 32, 48), np.float32)
    assert program.run([x], [y]) == 0
    return y


def pool_threads():
    """Return the numbers of the threads of pools in this process; they have a name of their own."""
    found = set()
    for path in Path("/proc/self/task").glob("*/comm"):
        with suppress(OSError):
            if path.read_text() == "tilewright\n":
                found.add(path.parent.name)
    return found


@pytest.fixture
def become():
    """Return the function that says whether a test comes to have some number of threads.

    The system lists a thread without its name when it begins, and a little longer than it lives.
    """
    before = pool_threads()

    def wait(count):
        for _ in range(10000):
            if len(pool_threads() - before) == count:
                return True
            os.sched_yield()
        return False

    return wait


@pytest.mark.parametrize("threads", [2, 3, 8, 64])
def test_results_do_not_depend_on_threads(hosts, threads):
    alone, helped = HostProgram(hosts[0]), HostProgram(hosts[0], threads=threads)
    for seed in range(5):
        np.testing.assert_array_equal(run(helped, seed), run(alone, seed), err_msg=f"seed {seed}")


def test_many_callers_of_two_programs(hosts):
    """Six threads call two programs, which have threads of their own; each gets its results."""
    programs = [HostProgram(host, threads=2) for host in hosts]
    wanted = {(n, seed): run(HostProgram(hosts[n]), seed) for n in (0, 1) for seed in range(6)}
    wrong = []

    def work(seed):
        for turn in range(20):
            number = (seed + turn) % 2
            if not np.array_equal(run(programs[number], seed), wanted[number, seed]):
                wrong.append((number, seed))

    callers = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_programs_may_end_while_others_run(hosts):
    """A program whose threads end under its caller goes on alone."""
    program = HostProgram(hosts[0], threads=4)
    wanted, wrong = run(program, 0), []

    def work():
        for _ in range(20):
            if not np.array_equal(run(program, 0), wanted):
                wrong.append(1)

    caller = threading.Thread(target=work)
    caller.start()
    for _ in range(5):
        np.testing.assert_array_equal(run(HostProgram(hosts[0], threads=3), 0), wanted)
    program.close()
    caller.join()
    assert not wrong


def test_threads_end_with_the_program(hosts, become):
    program = HostProgram(hosts[0], threads=5)
    run(program, 0)
    assert become(4)
    del program
    assert become(0)


def test_one_thread_starts_none(hosts, become):
    program = HostProgram(hosts[0])
    run(program, 0)
    assert become(0)


def in_fork(action):
    """Return what `action` gives, or the message of what it raises, in a forked process."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            text = str(action())
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(sink, text.encode())
        os._exit(0)
    os.close(sink)
    with os.fdopen(source) as file:
        text = file.read()
    assert os.waitpid(child, 0)[1] == 0
    return text


def test_fork_is_refused(hosts):
    """The child is told, and may use programs of its own; the parent's go on."""
    program, alone = HostProgram(hosts[0], threads=3), HostProgram(hosts[0])
    wanted = run(program, 0)
    assert re.search(
        r"^DeviceFault: process \d+ was forked from the one that opened the device, and has none "
        r"of its threads; open a device in each process, or one with threads=1$",
        in_fork(lambda: run(program, 0)),
    )
    assert in_fork(lambda: (run(alone, 0) == wanted).all()) == "True"
    assert in_fork(lambda: (run(HostProgram(hosts[0], threads=3), 0) == wanted).all()) == "True"
    assert in_fork(program.close) == "None"
    np.testing.assert_array_equal(run(program, 0), wanted)


@pytest.fixture
def images(hosts):
    """Two images for the CPU."""
    x, y = Tensor("x", SHAPE, "float32"), Tensor("y", (1, 32, 48), "float32")
    return [Image("net", preset("tiny"), (x,), (y,), (), host) for host in hosts]


def test_device_of_a_fork_is_refused(images):
    x = np.zeros(SHAPE, np.float32)
    with tw.open_device("cpu", threads=2) as device:
        wanted = device.run(images[0], [x])[0]
        assert in_fork(lambda: device.run(images[0], [x])).startswith("DeviceFault: process ")
        np.testing.assert_array_equal(device.run(images[0], [x])[0], wanted)


def test_one_device_runs_two_images_at_once(images):
    xs = [np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32) for seed in range(4)]
    wrong = []
    with tw.open_device("cpu", threads=2) as device:
        wanted = {(n, k): device.run(images[n], [xs[k]])[0] for n in (0, 1) for k in range(4)}

        def work(k):
            for turn in range(10):
                n = (k + turn) % 2
                if not np.array_equal(device.run(images[n], [xs[k]])[0], wanted[n, k]):
                    wrong.append((n, k))

        callers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert not wrong


def test_images_stay_loaded_while_they_exist(images, become):
    x = np.zeros(SHAPE, np.float32)
    with tw.open_device("cpu", threads=2) as device:
        for number in (0, 1, 0, 1):
            device.run(images[number], [x])
        assert become(2)
        images.pop()
        assert become(1)
    assert become(0)


def test_python_ends_while_threads_sleep_or_work(tmp_path, images):
    """Neither a program that nobody closed nor a daemon thread inside of one keeps Python."""
    script = """
        import sys, threading, numpy as np
        from driver.host import HostProgram
        from isa.image import load_image
        program = HostProgram(load_image(sys.argv[1]).host, threads=4)
        x, y = np.zeros((1, 32, 33, 48), np.float32), np.empty((1, 32, 48), np.float32)
        program.run([x], [y])
        begun = threading.Event()
        def work():
            while True:
                program.run([x], [np.empty_like(y)])
                begun.set()
        threading.Thread(target=work, daemon=True).start()
        begun.wait()
        print("end")
    """
    path = tmp_path / "net.twi"
    tw.save(images[0], path)
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "end\n", "")


def test_threads_that_cannot_start(tmp_path, images):
    """With no address space left for their stacks, none stays behind."""
    script = """
        import os, resource, sys
        from driver.errors import Unavailable
        from driver.host import HostProgram
        from isa.image import load_image
        host = load_image(sys.argv[1]).host
        HostProgram(host)
        pages = int(open("/proc/self/statm").read().split()[0])
        limit = pages * resource.getpagesize() + (40 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        before = len(os.listdir("/proc/self/task"))
        try:
            HostProgram(host, threads=64)
        except Unavailable as error:
            print(error)
        print(len(os.listdir("/proc/self/task")) - before)
    """
    path = tmp_path / "net.twi"
    tw.save(images[0], path)
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert re.search(
        r"^64 threads cannot be started: [^\n]+; open the device with fewer threads\n0\n$",
        ended.stdout,
    ), ended.stderr


@pytest.mark.parametrize("threads", [0, -1, 65])
def test_number_of_threads_is_checked(hosts, threads):
    message = f"^threads must be in 1..64, not {threads}$"
    with pytest.raises(Unavailable, match=message):
        HostProgram(hosts[0], threads=threads)
    with pytest.raises(Unavailable, match=message):
        tw.open_device("cpu", threads=threads)


def test_default_counts_cores(tmp_path):
    """Processors that share a core count once; without a description, each counts."""
    processors = sorted(os.sched_getaffinity(0))
    unlimited = tmp_path / "cpu.max"
    unlimited.write_text("max 100000\n")
    assert default_threads(tmp_path, unlimited) == min(len(processors), 64)
    for processor in processors:
        folder = tmp_path / f"cpu{processor}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text("0-1\n")
    assert default_threads(tmp_path, unlimited) == 1
    with tw.open_device("cpu") as device:
        assert device.threads == default_threads()


@pytest.mark.parametrize("quota, most", [("350000 100000", 3), ("50000 100000", 1)])
def test_default_keeps_to_a_quota(tmp_path, quota, most):
    """Of time, as containers have: more threads would only be stopped more often."""
    path = tmp_path / "cpu.max"
    path.write_text(f"{quota}\n")
    assert default_threads(tmp_path, path) == min(most, len(os.sched_getaffinity(0)))
