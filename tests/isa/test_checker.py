"""What the static checker refuses, and how it says so."""

import re
from dataclasses import replace

import pytest

from isa.assembler import assemble
from isa.checker import Kind, Window, check, check_region, findings
from isa.config import preset
from isa.errors import EncodeError, ProgramRefused
from isa.image import Layer, Region
from isa.program import Program

TINY, ULX3S = preset("tiny"), preset("ulx3s")
DRAM = Window(0, 1 << 20, True, True)

REFUSED = {
    "race on act": (
        """load x_bytes=64
        vector count4=4 a4=1 output=100 output4=1
        end""",
        r"instruction 0 \(load\) writes and instruction 1 \(vector\) reads act bytes "
        r"0x0\.\.0xf in no "
        r"fixed order; let instruction 0 signal vector, and instruction 1 wait for load",
    ),
    "race on acc": (
        """matrix count5=8 acc5=2 signal=store
        vector a_memory=acc a=4 output=100
        end""",
        r"instruction 0 \(matrix\) writes and instruction 1 \(vector\) reads acc words 4\.\.4 "
        r"in no "
        r"fixed order; .*",
    ),
    "race on DRAM": (
        """store address=0x100 x_bytes=8
        load address=0x104 x_bytes=8 memory=param
        end""",
        r"instruction 0 \(store\) writes and instruction 1 \(load\) reads DRAM 0x104\.\.0x107 "
        r"in no "
        r"fixed order; let instruction 0 signal load, and instruction 1 wait for store",
    ),
    "a token given by the wrong instruction": (
        """load destination=0 x_bytes=4 signal=store
        load destination=1 x_bytes=4
        store source=1 address=0x100 x_bytes=4 wait=load
        end""",
        r"instruction 1 \(load\) writes and instruction 2 \(store\) reads act bytes "
        r"0x4\.\.0x7 in no "
        r"fixed order; let instruction 1 signal store, and instruction 2 wait for load",
    ),
    "several races": (
        """load x_bytes=4
        store address=0x100
        vector output=0
        end""",
        r"instruction 0 \(load\) writes and instruction 1 \(store\) reads act .* \(and 2 more\)",
    ),
    "a token that nobody gives": (
        "load\nmatrix wait=load\nend",
        r"instruction 1 \(matrix\) waits for a token of load that no instruction gives; let an "
        r"earlier instruction of load signal matrix, or drop the wait",
    ),
    "a ring": (
        """sync engine=load wait=store signal=vector
        sync engine=vector wait=load signal=store
        sync engine=store wait=vector signal=load
        end""",
        r"instruction 0 \(sync of load\) waits for a token of store; the next one that gives "
        r"one is "
        r"instruction 2 \(sync of store\), which waits in its turn; move the one that helps before "
        r"the one that waits, or drop one of the waits \(and 2 more\)",
    ),
    "two in the wrong order": (
        """sync engine=load wait=store
        sync engine=load signal=store
        sync engine=store wait=load signal=load
        end""",
        r"instruction 0 \(sync of load\) waits for a token of store; the next one that gives "
        r"one is "
        r"instruction 2 \(sync of store\), which waits in its turn; .*",
    ),
    "a giver behind one that waits": (
        """sync engine=load wait=store signal=store
        sync engine=store wait=load
        sync engine=store signal=load
        end""",
        r"instruction 0 .* is instruction 2 \(sync of store\), which comes behind instruction 1 "
        r"\(sync of store\), and that one waits too; .*",
    ),
    "a full queue": (
        "sync engine=vector wait=store\n" * 5 + "sync engine=store signal=vector\n" * 5 + "end",
        r"instruction 0 \(sync of vector\) waits for a token of store; the next one that gives one "
        r"is instruction 5 \(sync of store\), which is not queued: instruction 0 \(sync of "
        r"vector\) "
        r"and those behind it fill a queue; .*",
    ),
    "too many tokens": (
        "sync engine=load signal=store\n" * 256 + "end",
        r"instruction 255 \(sync of load\) cannot give store a token, 255 are there and no "
        r"instruction takes one; signal store less often",
    ),
    "no end": (
        "load\nstore address=0x100 source=8",
        r"a program must have an end, but instruction 1 is the last and none; append end",
    ),
    "nothing": ("", r"a program must have an end, but it is empty; append end"),
    "act": (
        "load destination=16380 x_bytes=32\nend",
        r"instruction 0 \(load\) writes act bytes 0x10000\.\.0x1000f, which is outside of act "
        r"bytes "
        r"0x0\.\.0xffff; move its address or make its counts smaller",
    ),
    "below act": (
        "vector a=2 count4=4 a4=-1 output=100\nend",
        r"instruction 0 \(vector\) reads act bytes -0x4\.\.-0x1, which is outside of act .*",
    ),
    "acc": (
        "matrix acc=511 count0=2 acc0=1\nend",
        r"instruction 0 \(matrix\) writes acc words 512\.\.512, which is outside of acc words "
        r"0\.\.511; .*",
    ),
    "weight": (
        "matrix weight=1000 count0=3 weight0=12\nend",
        r"instruction 0 \(matrix\) reads weight tiles 1024\.\.1024, which is outside of "
        r"weight tiles "
        r"0\.\.1023; .*",
    ),
    "the address space": (
        "load address=0xfffffffc x_bytes=8\nend",
        r"instruction 0 \(load\) reads DRAM 0x100000000\.\.0x100000003, which is outside of DRAM "
        r"0x0\.\.0xffffffff; .*",
    ),
    "the windows": (
        "store address=0xffffc y_count=3 y_stride=4 x_bytes=4\nend",
        r"instruction 0 \(store\) writes DRAM 0xffffc\.\.0x100007, but no window opens that for "
        r"writing; open a window, move its address or make its counts smaller",
    ),
    "tap slots": (
        "vector operation=multiply b_source=tap b=7 count4=3 b4=1 output=100\nend",
        r"instruction 0 \(vector\) reads tap slots 7\.\.9, but of the 16 slots of a param "
        r"word only "
        r"the first 9 exist; change b, its steps or the counts",
    ),
    "its own writes": (
        "vector a=0 output=1 count4=4 a4=1 output4=1\nend",
        r"instruction 0 \(vector\) reads act bytes 0x4\.\.0x7 and 2 more ranges after an earlier "
        r"iteration of itself wrote there; write elsewhere, or split it in two",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    text, message = REFUSED[case]
    with pytest.raises(ProgramRefused, match=f"^{message}$"):
        check(assemble(text, TINY), [DRAM])


def test_an_illegal_word() -> None:
    with pytest.raises(
        ProgramRefused,
        match=r"^instruction 1: opcode must be in 0\.\.5, not 15; the program is damaged, or for "
        "another configuration$",
    ):
        check(Program(TINY, assemble("load\nend", TINY).words[:64] + (15).to_bytes(64, "little")))


ACCEPTED = {
    "guarded": """load x_bytes=64 signal=vector
        vector count4=4 a4=1 output=100 output4=1 wait=load signal=store
        store source=100 x_bytes=16 wait=vector
        end""",
    "through a third": """load x_bytes=64 signal=matrix
        matrix acc=9 act=100 wait=load signal=vector
        vector count4=4 a4=1 output=200 output4=1 wait=matrix
        end""",
    "a later instruction signals": """load x_bytes=64
        load destination=50 signal=vector
        vector count4=4 a4=1 output=100 output4=1 wait=load
        end""",
    "two readers": "load x_bytes=4 signal=vector|store\nvector output=9 wait=load\n"
    "store address=0x100 wait=load\nend",
    "interleaved halves": """load x_bytes=4 y_count=8 y_step=2 y_stride=4
        vector count4=8 a=1 a4=2 output=101 output4=2
        end""",
    "tokens left over": "load signal=store|vector\nend",
    "in place": "vector a=7 output=7 count4=9 a4=1 output4=1\nend",
    "padding outside of the window": """load address=0xffff0 x_origin=-16 x_bytes=48 line_bytes=16
        end""",
    "behind the end": "end\nload wait=store",
    "what an operation does not use": "vector b_source=tap b=15 output=100\nend",
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(case: str) -> None:
    check(assemble(ACCEPTED[case], TINY), [DRAM])


def test_vectors_and_words_of_different_size() -> None:
    """Where rows and columns differ, row vectors and column vectors of act meet by their bytes."""
    text = "vector count4=2 output4=1 output=2 a=50 signal={}\nmatrix act={} wait=vector\nend"
    check(assemble(text.format("matrix", 7), ULX3S))
    race = "vector count4=2 output4=1 output=2 a=50\nmatrix act={}\nend"
    check(assemble(race.format(3), ULX3S))
    check(assemble(race.format(8), ULX3S))
    for act in (4, 7):
        (finding,) = findings(assemble(race.format(act), ULX3S))
        assert finding.kind == Kind.RACE
        assert f" act bytes {8 * act:#x}..{8 * act + 7:#x} " in finding.text


def test_windows_by_access() -> None:
    windows = [Window(0, 0x100, True, False), Window(0x200, 0x100, True, True)]
    for text, fine in {
        "load x_bytes=256": True,
        "load address=0x1 x_bytes=256": False,
        "store address=0x200 x_bytes=256": True,
        "store address=0 x_bytes=4": False,
        "load address=0x200 x_bytes=256": True,
        "load x_bytes=256 y_count=2 y_stride=512": True,
        "load x_bytes=256 y_count=3 y_stride=256": False,
    }.items():
        kinds = [item.kind for item in findings(assemble(f"{text}\nend", TINY), windows)]
        assert kinds == [Kind.BOUNDS] * (not fine), text


@pytest.mark.parametrize(("middle", "fine"), [(0x1000, True), (0x1004, False)])
def test_windows_that_meet(middle: int, fine: bool) -> None:
    """A run may cross from one window into the next where every burst ends."""
    windows = [Window(0, middle, True, False), Window(middle, 0x1000, True, True)]
    program = assemble("load address=0xff0 x_bytes=64\nend", TINY)
    assert bool(list(findings(program, windows))) != fine
    store = assemble("store address=0xff0 x_bytes=64\nend", TINY)
    assert [item.kind for item in findings(store, windows)] == [Kind.BOUNDS]


SEGMENTS = """store address=data+0x10 x_bytes=4
    load address=constants+0x10 x_bytes=4 destination=9
    end"""


def test_segments_are_apart_until_they_are_placed() -> None:
    program = assemble(SEGMENTS, TINY)
    check(program)
    check(program, bases={"constants": 0, "data": 0x100})
    with pytest.raises(ProgramRefused, match=r"^instruction 0 .* DRAM 0x110\.\.0x113 in no fixed"):
        check(program, bases={"constants": 0x100, "data": 0x100})
    with pytest.raises(EncodeError, match="^segment 'data' has no base address$"):
        check(program, bases={"constants": 0})
    with pytest.raises(EncodeError, match="^segment 'data' has no base address$"):
        check(program, [DRAM])


def test_a_race_in_a_segment() -> None:
    program = assemble("store address=data+0x10\nload address=data+0x10 destination=9\nend", TINY)
    with pytest.raises(ProgramRefused, match=r" reads DRAM data\+0x10\.\.0x10 in no fixed order; "):
        check(program)


def region(text: str) -> Region:
    layers = (Layer("conv", "conv2d", 1), Layer("pool", "max_pool2d", 0))
    program = assemble(text, TINY)
    return Region("net", program, bytes(64), 256, (), (), layers, (0, 1, 1)[: len(program)])


def test_a_region_has_windows_and_names_layers() -> None:
    good = region("load address=constants+0x0 x_bytes=64\nstore address=data+0xf0 x_bytes=16\nend")
    with pytest.raises(
        ProgramRefused,
        match=r"^net: instruction 0 \(load, conv\) writes and instruction 1 \(store, pool\) reads ",
    ):
        check_region(good)
    fine = region("load address=constants+0x0 x_bytes=64 signal=store\n"
                  "store address=data+0xf0 x_bytes=16 wait=load\nend")  # fmt: skip
    check_region(fine)
    check_region(fine, {"constants": 0x10000, "data": 0x20000})
    smaller = replace(fine, data_bytes=255)
    with pytest.raises(ProgramRefused, match=r"^net: .* writes DRAM .*, but no window opens that"):
        check_region(smaller)
    written = region("store address=constants+0x0 x_bytes=4\nend")
    with pytest.raises(ProgramRefused, match="no window opens that for writing"):
        check_region(written)


def test_all_findings_name_their_instructions() -> None:
    text = """load x_bytes=4
        store address=0x100
        matrix wait=store
        load destination=16383 x_bytes=8
        end"""
    found = [(item.kind, item.instructions) for item in findings(assemble(text, TINY))]
    assert found == [(Kind.BOUNDS, (3,)), (Kind.DEADLOCK, (2,)), (Kind.RACE, (0, 1))]


def test_a_full_semaphore_whose_taker_waits_too() -> None:
    text = (
        "sync engine=load signal=store\n" * 255
        + """sync engine=load signal=store|vector
        sync engine=store wait=load|matrix
        sync engine=vector wait=load
        end"""
    )
    root, full, waiting = findings(assemble(text, TINY))
    assert root.text == (
        "instruction 256 (sync of store) waits for a token of matrix that no instruction gives; "
        "let an earlier instruction of matrix signal store, or drop the wait"
    )
    assert full.text == (
        "instruction 255 (sync of load) cannot give store a token, 255 are there; the next one "
        "that takes one is instruction 256 (sync of store), which waits in its turn; move the one "
        "that helps before the one that waits, or drop one of the waits"
    )
    assert waiting.instructions == (257, 255)


def test_a_refusal_counts_up_to_a_bound() -> None:
    races = "load\nvector a=50 output=0\n" * 30 + "end"
    with pytest.raises(ProgramRefused) as caught:
        check(assemble(races, TINY))
    assert re.search(r" \(and at least 19 more\)$", str(caught.value))
