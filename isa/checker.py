"""The static checker: refuses programs that can go wrong, whatever the timing of the machine.

A program that passes gives the same results in every run, and always comes to its end:

* every word is a legal instruction, and there is an END;
* no instruction leaves a memory on the chip, the address space, or the windows of DRAM;
* no vector instruction reads what an earlier iteration of itself wrote;
* no wait is in vain, with queues of `queue_depth` instructions (tokens.py);
* whatever two engines touch, one of them writing, they touch in a fixed order (races.py).

Stores into the program itself are not looked for: the driver's windows do not allow them.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from .bounds import Limits, Window
from .choices import Destination, Engine, Opcode
from .deadlocks import deadlocks
from .decoding import decode_program
from .errors import DecodeError, EncodeError, ProgramRefused
from .findings import Finding, Kind, Writer
from .footprint import DRAM, Access, footprint, missing_slots
from .image import Region
from .in_place import reads_its_own_writes
from .intervals import EMPTY, Intervals
from .program import Program
from .races import Race, races
from .tokens import Tokens, run_tokens

__all__ = ["Finding", "Kind", "Window", "check", "check_region", "findings"]

# The segments of a region that stands nowhere yet begin on such addresses.
_ALIGNMENT = 4096
# Findings that a refusal counts; the first one is told.
_COUNTED = 20

Fields = dict[str, int]


def check(
    program: Program,
    windows: Sequence[Window] | None = None,
    bases: Mapping[str, int] | None = None,
    layers: Sequence[str] = (),
) -> None:
    """Check `program`; parameters as in `findings`.

    Raises
    ------
    ProgramRefused
        With the first finding as its message.
    EncodeError
        A segment has no base.
    """
    found = list(islice(findings(program, windows, bases, layers), _COUNTED))
    if found:
        more = len(found) - 1
        count = f"at least {more}" if len(found) == _COUNTED else str(more)
        raise ProgramRefused(found[0].text + (f" (and {count} more)" if more else ""))


def check_region(region: Region, bases: Mapping[str, int] | None = None) -> None:
    """Check the program of `region` as the driver runs it: constants are read, data is written too.

    Parameters
    ----------
    bases : addresses of the segments constants and data; None puts them somewhere

    Raises
    ------
    ProgramRefused
        The message begins with the region's name.
    """
    if bases is None:
        bases = {"constants": 0, "data": -(-len(region.constants) // _ALIGNMENT) * _ALIGNMENT}
    windows = (
        Window(bases["constants"], len(region.constants), True, False),
        Window(bases["data"], region.data_bytes, True, True),
    )
    layers = [region.layers[layer].name for layer in region.instruction_layers if region.layers]
    try:
        check(region.program, windows, bases, layers)
    except ProgramRefused as error:
        raise ProgramRefused(f"{region.name}: {error}") from None


def findings(
    program: Program,
    windows: Sequence[Window] | None = None,
    bases: Mapping[str, int] | None = None,
    layers: Sequence[str] = (),
) -> Iterator[Finding]:
    """Yield all that is wrong with `program`; nothing, and it may run.

    Of races those with the last access of each other engine are found; earlier ones may show when
    these are mended.

    Parameters
    ----------
    windows : the open windows of DRAM; None opens all of it
    bases : addresses of the program's segments; without windows and bases, each segment is taken
        for a memory of its own, of any size
    layers : names that messages put behind the index of an instruction

    Raises
    ------
    EncodeError
        A segment has no base.
    """
    try:
        decoded = decode_program(program)
    except DecodeError as error:
        index = int(str(error).split()[1].rstrip(":"))
        text = f"{error}; the program is damaged, or for another configuration"
        yield Finding(Kind.ILLEGAL, (index,), text)
        return
    opcodes = [opcode for opcode, _ in decoded]
    if Opcode.END not in opcodes:
        last = len(opcodes) - 1
        found = f"instruction {last} is the last and none" if opcodes else "it is empty"
        text = f"a program must have an end, but {found}; append end"
        yield Finding(Kind.NO_END, (last,) if opcodes else (), text)
    else:
        del decoded[opcodes.index(Opcode.END) :]
    places = _places(program, bases if windows is None else bases or {})
    yield from _Check(program, decoded, layers).run(windows, places)


def _places(program: Program, bases: Mapping[str, int] | None) -> dict[int, tuple[str, int]]:
    """Return memory and base of the address of each instruction that counts from a segment."""
    result = {}
    for relocation in program.relocations:
        if bases is None:
            result[relocation.index] = f"{DRAM} {relocation.segment}+", 0
        elif relocation.segment in bases:
            result[relocation.index] = DRAM, bases[relocation.segment]
        else:
            raise EncodeError(f"segment {relocation.segment!r} has no base address")
    return result


class _Check:
    """The checks of one decoded program, END left out."""

    def __init__(
        self, program: Program, decoded: Sequence[tuple[Opcode, Fields]], layers: Sequence[str]
    ) -> None:
        self._config = program.config
        self._decoded = decoded
        self._tokens = [
            Tokens(
                Engine(fields["engine"] if opcode == Opcode.SYNC else opcode),
                fields["wait"],
                fields["signal"],
            )
            for opcode, fields in decoded
        ]
        opcodes = [opcode for opcode, _ in decoded]
        engines = [item.engine for item in self._tokens]
        self._writer = Writer(program.config, opcodes, engines, layers)

    def run(
        self, windows: Sequence[Window] | None, places: Mapping[int, tuple[str, int]]
    ) -> Iterator[Finding]:
        limits, footprints = Limits(self._config, windows), []
        for index, (opcode, fields) in enumerate(self._decoded):
            memory, base = places.get(index, (DRAM, 0))
            accesses = footprint(self._config, opcode, fields)
            if index in places:
                accesses = tuple(_moved(access, memory, base) for access in accesses)
            footprints.append(accesses)
            yield from self._alone(index, accesses, limits)
        order = run_tokens(self._config, self._tokens)
        yield from deadlocks(self._writer, self._tokens, order)
        for race in races(self._tokens, footprints, order):
            yield self._writer.race(race, _common(footprints, race))

    def _alone(self, index: int, accesses: Sequence[Access], limits: Limits) -> Iterator[Finding]:
        """Yield what is wrong with one instruction, whatever the others do."""
        for access in accesses:
            beyond = limits.outside(access)
            if len(beyond):
                yield self._writer.bounds(index, access, beyond)
        opcode, fields = self._decoded[index]
        if opcode == Opcode.VECTOR:
            slots = missing_slots(self._config, fields)
            if len(slots):
                yield self._writer.slots(index, slots)
            late = reads_its_own_writes(fields)
            if len(late):
                memory = "act" if fields["destination"] == Destination.ACT else "acc"
                yield self._writer.own_writes(index, late, memory)


def _moved(access: Access, memory: str, base: int) -> Access:
    if access.memory != DRAM:
        return access
    return Access(memory, access.writes, access.places.shifted(base))


def _common(footprints: Sequence[Sequence[Access]], race: Race) -> Intervals:
    """Return the places that the two instructions of a race touch."""
    result = EMPTY
    for first in footprints[race.first]:
        for second in footprints[race.second]:
            if (
                first.memory == second.memory == race.memory
                and first.writes == race.first_writes
                and second.writes == race.second_writes
            ):
                result = result.union(first.places.intersection(second.places))
    return result
