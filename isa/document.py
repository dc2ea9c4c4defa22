"""Writes docs/isa.md from the tables: `python -m isa.document > docs/isa.md`."""

import sys
from collections.abc import Sequence

from .config import PRESETS, Config
from .fields import Field, Format
from .instructions import InstructionSet, Opcode, instruction_set
from .meanings import MEANINGS
from .registers import Access, Cause, register_map

__all__ = ["document"]

_INTRODUCTION = """\
# Instruction set

Written by `python -m isa.document` from the tables in `isa/`; do not edit. Widths are those of the
preset `{config}`; they derive from the configuration. Every instruction is 512 bits, little endian;
bits above the last field are zero. A count is encoded as count - 1.

Instructions are fetched in order and queued before four engines, which run side by side, each in
order. An engine first takes a token from each engine named in `wait`, and gives a token to each
named in `signal` once the instruction's last result can be read. There is one counting semaphore
for each ordered pair of engines.
"""
_LIMITS = """\
A counter is cleared at start and stops at its largest value, 2**64 - 1. So does the watchdog's
count of cycles without an instruction finished, at 2**32 - 1: a limit written while a program runs
holds for the cycles before, too.
"""


def document(config: Config) -> str:
    """Return the description of the machine `config` as Markdown."""
    isa = instruction_set(config)
    parts = [_INTRODUCTION.format(config=config.name), _presets()]
    parts += [_instruction(isa, opcode) for opcode in Opcode]
    parts += [_registers(config), _causes()]
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _presets() -> str:
    rows = [
        (
            f"`{config.name}`",
            f"{config.rows} x {config.columns}",
            f"{config.act_words} x {config.act_word_bytes} B",
            f"{config.weight_tiles} x {config.tile_bytes} B",
            f"2 x {config.acc_words} x {config.acc_word_bytes} B",
            f"{config.param_words} x {config.param_word_bytes} B",
            f"{config.tables}",
            f"{8 * config.bus_bytes}",
            f"{config.scratchpad_bytes / 1024:.0f}",
        )
        for config in PRESETS.values()
    ]
    head = ("preset", "rows x columns", "act", "weight", "acc", "param", "tables", "bus bits")
    return "## Configurations\n\n" + _table((*head, "scratchpads KiB"), rows)


def _range(field: Field) -> str:
    if field.choices is None:
        return f"{field.low}..{field.high}"
    return ", ".join(f"{int(item)} {item.name.lower()}" for item in field.choices)


def _instruction(isa: InstructionSet, opcode: Opcode) -> str:
    form: Format = isa.format(opcode)
    rows = []
    for field in form.fields:
        low = form.offset(field.name)
        place = f"{low + field.bits - 1}..{low}"
        rows.append((f"`{field.name}`", place, _range(field), f"{field.default}", field.meaning))
    table = _table(("field", "bits", "range", "default", "meaning"), rows)
    reasons = dict.fromkeys(rule.reason for rule in isa.rules if rule.opcode == opcode)
    illegal = "".join(f"* Illegal: {reason}.\n" for reason in reasons)
    return f"## {form.name} (opcode {int(opcode)})\n\n{MEANINGS[opcode]}\n{table}\n{illegal}"


def _registers(config: Config) -> str:
    rows = [
        (
            f"{register.offset:#05x}",
            f"`{register.name}`",
            str(32 * register.words),
            Access(register.access).name.lower().replace("_", " "),
            register.meaning,
        )
        for register in register_map(config).registers
    ]
    table = _table(("offset", "name", "bits", "access", "meaning"), rows)
    return f"## Registers\n\n{table}\n{_LIMITS}\n"


def _causes() -> str:
    rows = [(str(int(cause)), cause.name.lower()) for cause in Cause]
    return "## Causes of an error stop\n\n" + _table(("value", "cause"), rows)


if __name__ == "__main__":
    sys.stdout.write(document(PRESETS["vta"]))
