"""A program: instruction words, and where DRAM addresses are filled in when it is loaded."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .config import Config
from .errors import DecodeError, EncodeError
from .instructions import INSTRUCTION_BYTES, Opcode, instruction_set

__all__ = ["Instruction", "Program", "Relocation"]


@dataclass(frozen=True)
class Instruction:
    """One instruction before encoding.

    Attributes
    ----------
    opcode : Opcode
    fields : mapping of field names to values; fields left out take their defaults
    segment : str, name of the DRAM segment that the address counts from; "" where it is absolute
    """

    opcode: Opcode
    fields: Mapping[str, int] = field(default_factory=dict)
    segment: str = ""


@dataclass(frozen=True)
class Relocation:
    """The instruction `index` holds an address that counts from the start of `segment`."""

    index: int
    segment: str


@dataclass(frozen=True)
class Program:
    """Encoded instructions of one configuration.

    Attributes
    ----------
    config : Config
    words : bytes, INSTRUCTION_BYTES for each instruction, little endian
    relocations : tuple of Relocation, by rising index
    """

    config: Config
    words: bytes
    relocations: tuple[Relocation, ...] = ()

    def __len__(self) -> int:
        """Return the number of instructions."""
        return len(self.words) // INSTRUCTION_BYTES

    def word(self, index: int) -> int:
        """Return the encoded instruction `index`."""
        start = index * INSTRUCTION_BYTES
        return int.from_bytes(self.words[start : start + INSTRUCTION_BYTES], "little")

    def instructions(self) -> Iterator[Instruction]:
        """Yield the decoded instructions, every field present.

        Raises
        ------
        DecodeError
            A word is no legal instruction.
        """
        isa = instruction_set(self.config)
        segments = {relocation.index: relocation.segment for relocation in self.relocations}
        for index in range(len(self)):
            opcode, fields = isa.decode(self.word(index))
            yield Instruction(opcode, fields, segments.get(index, ""))

    def relocate(self, bases: Mapping[str, int]) -> bytes:
        """Return the words with the base of each segment added to the addresses that need it.

        Parameters
        ----------
        bases : mapping of segment names to DRAM addresses

        Raises
        ------
        EncodeError
            A segment has no base, or an address does not fit.
        """
        words = bytearray(self.words)
        isa = instruction_set(self.config)
        for relocation in self.relocations:
            if relocation.segment not in bases:
                raise EncodeError(f"segment {relocation.segment!r} has no base address")
            opcode, fields = isa.decode(self.word(relocation.index))
            fields["address"] += bases[relocation.segment]
            start = relocation.index * INSTRUCTION_BYTES
            word = isa.encode(opcode, fields)
            words[start : start + INSTRUCTION_BYTES] = word.to_bytes(INSTRUCTION_BYTES, "little")
        return bytes(words)

    @staticmethod
    def encode(config: Config, instructions: Iterable[Instruction]) -> "Program":
        """Return the program of `instructions`.

        Raises
        ------
        EncodeError, DecodeError
            An instruction cannot be encoded; the message begins with its index.
        """
        isa = instruction_set(config)
        words, relocations = bytearray(), []
        for index, instruction in enumerate(instructions):
            try:
                word = isa.encode(instruction.opcode, dict(instruction.fields))
                if instruction.segment:
                    isa.format(instruction.opcode).field("address")
            except (EncodeError, DecodeError) as error:
                raise type(error)(f"instruction {index}: {error}") from None
            words += word.to_bytes(INSTRUCTION_BYTES, "little")
            if instruction.segment:
                relocations.append(Relocation(index, instruction.segment))
        return Program(config, bytes(words), tuple(relocations))
