"""The instruction set as tables: engines, memories, opcodes, formats and what makes a word illegal.

Assembler, disassembler, functional simulator, Amaranth decoder and docs/isa.md derive from here;
bit positions exist nowhere else. Field widths derive from the configuration.
"""

from dataclasses import dataclass
from functools import lru_cache

from .arithmetic import Rounding
from .choices import (
    MATRIX_LEVELS,
    SLIDE_TAPS,
    VECTOR_LEVELS,
    AMemory,
    BSource,
    Destination,
    Engine,
    Memory,
    Opcode,
    Operation,
    Reduction,
    Slide,
)
from .config import Config
from .errors import ConfigError, DecodeError
from .fields import Field, Format
from .rules import Rule, rules

__all__ = [
    "INSTRUCTION_BITS",
    "INSTRUCTION_BYTES",
    "MATRIX_LEVELS",
    "MAX_COUNT",
    "SLIDE_TAPS",
    "VECTOR_LEVELS",
    "AMemory",
    "BSource",
    "Destination",
    "Engine",
    "InstructionSet",
    "Memory",
    "Opcode",
    "Operation",
    "Reduction",
    "Rule",
    "Slide",
    "instruction_set",
    "slide_results",
]

INSTRUCTION_BITS = 512
INSTRUCTION_BYTES = INSTRUCTION_BITS // 8
COUNT_BITS = 13
# Most iterations of a loop level; a count from 1 is encoded as count - 1.
MAX_COUNT = 1 << COUNT_BITS


@dataclass(frozen=True)
class InstructionSet:
    """The formats of one configuration.

    Attributes
    ----------
    config : Config
    formats : one Format for each Opcode, in its order; all INSTRUCTION_BITS wide
    rules : what makes a word illegal, beside reserved bits and choices that do not exist
    """

    config: Config
    formats: tuple[Format, ...]
    rules: tuple[Rule, ...]

    def format(self, opcode: Opcode) -> Format:
        """Return the format of `opcode`."""
        return self.formats[opcode]

    def encode(self, opcode: Opcode, values: dict[str, int]) -> int:
        """Return the instruction word.

        Raises
        ------
        EncodeError
            A field is unknown or out of range.
        DecodeError
            The fields together make an illegal instruction.
        """
        word = self.formats[opcode].encode({**values, "opcode": opcode})
        self.decode(word)
        return word

    def decode(self, word: int) -> tuple[Opcode, dict[str, int]]:
        """Return the opcode of `word` and its fields, the opcode left out.

        Raises
        ------
        DecodeError
            The word is no legal instruction.
        """
        code = word & ((1 << _OPCODE.bits) - 1)
        if code > max(Opcode):
            raise DecodeError(f"opcode must be in 0..{max(Opcode)}, not {code}")
        opcode = Opcode(code)
        form = self.formats[opcode]
        values = form.decode(word)
        for rule in self.rules:
            if rule.opcode == opcode and all(
                (form.field(name).encode(values[name]) & mask) == value
                for name, mask, value in rule.conditions
            ):
                raise DecodeError(f"{form.name}: {rule.reason}")
        del values["opcode"]
        return opcode, values


def _bits(count: int) -> int:
    """Return the width of an address below `count`."""
    return max(1, (count - 1).bit_length())


_OPCODE = Field("opcode", 4, "which instruction this is", choices=Opcode)
_HEADER = (
    _OPCODE,
    Field("wait", 4, "take one token from each of these engines first", choices=Engine, mask=True),
    Field(
        "signal", 4, "give one token to each of these engines when done", choices=Engine, mask=True
    ),
)


def _stride(name: str, bits: int, meaning: str) -> Field:
    return Field(name, bits + 1, meaning, signed=True)


def _transfer(config: Config, address_meaning: str, local: Field, local_unit: str) -> list[Field]:
    """Return the fields that load and store share: a 3-D strided run of bytes."""
    return [
        local,
        Field("address", config.address_bits, address_meaning),
        Field("x_bytes", 20, "bytes of a run", minimum=1, default=1),
        Field("y_count", 16, "runs of a line", minimum=1, default=1),
        Field("z_count", 16, "lines", minimum=1, default=1),
        Field("y_stride", 32, "bytes from a run to the next in DRAM", signed=True),
        Field("z_stride", 32, "bytes from a line to the next in DRAM", signed=True),
        _stride("y_step", local.bits, f"{local_unit} from a run to the next on chip"),
        _stride("z_step", local.bits, f"{local_unit} from a line to the next on chip"),
    ]


def _load(config: Config) -> list[Field]:
    depth = max(config.act_words, config.weight_tiles, config.param_words, config.tables)
    destination = Field("destination", _bits(depth), "first word written, in words of the memory")
    return [
        *_HEADER,
        Field("memory", 2, "which memory is written", choices=Memory),
        *_transfer(config, "DRAM address of byte 0 of line 0", destination, "words"),
        Field("x_origin", 24, "position of the first run in its line, bytes", signed=True),
        Field("z_origin", 17, "index of the first line", signed=True),
        Field("line_bytes", 24, "bytes of a line that exist", default=(1 << 24) - 1),
        Field("line_count", 16, "lines that exist", default=(1 << 16) - 1),
        Field("fill", 8, "value of every byte that does not exist", signed=True),
    ]


def _store(config: Config) -> list[Field]:
    source = Field("source", _bits(config.act_words), "first act word read")
    return [*_HEADER, *_transfer(config, "DRAM address of the first byte", source, "act words")]


def _matrix(config: Config) -> list[Field]:
    acc = Field("acc", _bits(2 * config.acc_words), "first acc word, bank in the top bit")
    act = Field("act", _bits(config.act_row_vectors), "first act vector, in units of rows bytes")
    weight = Field("weight", _bits(config.weight_tiles), "first weight tile")
    fields = [
        *_HEADER,
        Field("accumulate", 1, "1: add to acc; 0: the first product of a reduction overwrites"),
        Field("reduce", MATRIX_LEVELS, "levels of the reduction, bit 0 the outermost level"),
        acc,
        act,
        weight,
    ]
    for level in range(MATRIX_LEVELS):
        fields += [
            Field(f"count{level}", COUNT_BITS, "iterations of the level", minimum=1, default=1),
            _stride(f"acc{level}", acc.bits, "step of the acc address"),
            _stride(f"act{level}", act.bits, "step of the act address"),
            _stride(f"weight{level}", weight.bits, "step of the weight address"),
        ]
    return fields


def _vector(config: Config) -> list[Field]:
    wide = _bits(max(config.act_column_vectors, 2 * config.acc_words))
    a = Field("a", wide, "first address of operand a: act in units of columns bytes, or acc words")
    b = Field(
        "b",
        _bits(max(config.param_slots, 2 * config.acc_words)),
        "first address of operand b: tap slots (16 a param word, 0..8 used) or acc words",
    )
    record = Field("record", _bits(config.param_words), "first param word of the requantisation")
    output = Field("output", wide, "first address written: act in units of columns bytes, or acc")
    fields = [
        *_HEADER,
        Field("operation", 3, "what is computed of a and b", choices=Operation),
        Field("reduction", 2, "how values of a reduction combine", choices=Reduction),
        Field("reduce_levels", 3, "innermost levels that reduce", maximum=VECTOR_LEVELS),
        Field("slide", 2, "columns from a result to the next of a sliding row", choices=Slide),
        Field("a_memory", 1, "where a is read", choices=AMemory),
        Field("a_offset", 9, "added to a", signed=True),
        Field("b_source", 2, "where b is read", choices=BSource),
        Field("immediate", 16, "b, where it is an immediate", signed=True),
        Field("table", _bits(max(1, config.tables)), "which table"),
        Field("requantize", 1, "1: add the bias, shift left, multiply, round"),
        Field("rounding", 1, "how a requantisation rounds", choices=Rounding),
        Field("pre_shift", 5, "left shift between bias and multiplier"),
        Field("destination", 1, "where the result is written", choices=Destination),
        Field("zero_point", 8, "added to a result for act", signed=True),
        Field("low", 8, "smallest result for act", signed=True, default=-128),
        Field("high", 8, "largest result for act", signed=True, default=127),
        a,
        b,
        record,
        output,
    ]
    for level in range(VECTOR_LEVELS):
        fields += [
            Field(f"count{level}", COUNT_BITS, "iterations of the level", minimum=1, default=1),
            _stride(f"a{level}", a.bits, "step of the address of a"),
            _stride(f"b{level}", b.bits, "step of the address of b"),
            _stride(f"record{level}", record.bits, "step of the record's address"),
            _stride(f"output{level}", output.bits, "step of the output's address"),
        ]
    return fields


def _sync(config: Config) -> list[Field]:
    return [*_HEADER, Field("engine", 2, "the engine that waits and signals", choices=Engine)]


def _end(config: Config) -> list[Field]:
    return [_OPCODE]


_BUILDERS = {
    Opcode.LOAD: _load,
    Opcode.MATRIX: _matrix,
    Opcode.VECTOR: _vector,
    Opcode.STORE: _store,
    Opcode.SYNC: _sync,
    Opcode.END: _end,
}


@lru_cache
def instruction_set(config: Config) -> InstructionSet:
    """Return the instruction set of `config`.

    Raises
    ------
    ConfigError
        A format does not fit into an instruction.
    """
    formats = []
    for opcode, build in _BUILDERS.items():
        form = Format(opcode.name.lower(), tuple(build(config)), INSTRUCTION_BITS)
        if form.bits > INSTRUCTION_BITS:
            raise ConfigError(
                f"{config.name}: the {form.name} instruction needs {form.bits} bits, at most "
                f"{INSTRUCTION_BITS} fit; make act_words ({config.act_words}), acc_words "
                f"({config.acc_words}), weight_tiles ({config.weight_tiles}) or param_words "
                f"({config.param_words}) smaller"
            )
        formats.append(form)
    return InstructionSet(config, tuple(formats), rules(config))


def slide_results(columns: int, slide: int) -> int:
    """Return how many results a sliding row gives on `columns` columns, `slide` columns apart."""
    return max(0, (columns - SLIDE_TAPS) // slide + 1)
