"""Program text: one instruction a line, `mnemonic field=value ...`; the second form of a Program.

::

    line   := [mnemonic { field "=" value }] [";" comment]
    value  := integer | name | name { "|" name } | [segment "+"] integer

Integers are decimal or hexadecimal. Choices and masks are written by name (`memory=weight`,
`wait=load|store`), a DRAM address that counts from a segment as `constants+0x40`. Fields at their
default are left out.
"""

import re

from .config import Config
from .errors import AssemblyError, IsaError
from .fields import Field
from .instructions import Opcode, instruction_set
from .program import Instruction, Program

__all__ = ["assemble", "disassemble", "format_instruction"]

_SEGMENT = re.compile(r"([A-Za-z_]\w*)\+(.+)")


def assemble(text: str, config: Config, path: str = "<text>") -> Program:
    """Return the program that `text` describes.

    Raises
    ------
    AssemblyError
        A line cannot be read; the message begins with path:line.
    """
    instructions = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split(";")[0].split()
        if not words:
            continue
        try:
            instruction = _parse(words, config)
            instruction_set(config).encode(instruction.opcode, dict(instruction.fields))
        except IsaError as error:
            raise AssemblyError(f"{path}:{number}: {error}") from None
        instructions.append(instruction)
    return Program.encode(config, instructions)


def disassemble(program: Program) -> str:
    """Return the text of `program`, so that assemble(disassemble(p), p.config) == p."""
    lines = (format_instruction(program.config, item) for item in program.instructions())
    return "".join(f"{line}\n" for line in lines)


def format_instruction(config: Config, instruction: Instruction) -> str:
    """Return the line of text of one instruction."""
    form = instruction_set(config).format(instruction.opcode)
    words = [form.name]
    for field in form.fields[1:]:
        value = instruction.fields.get(field.name, field.default)
        if field.name == "address" and instruction.segment:
            words.append(f"{field.name}={instruction.segment}+{value:#x}")
        elif value != field.default:
            words.append(f"{field.name}={_format_value(field, value)}")
    return " ".join(words)


def _format_value(field: Field, value: int) -> str:
    if field.choices is None:
        return hex(value) if field.name == "address" else str(value)
    if field.mask:
        return "|".join(item.name.lower() for item in field.choices if value >> item & 1)
    return field.choices(value).name.lower()


def _parse(words: list[str], config: Config) -> Instruction:
    names = [opcode.name.lower() for opcode in Opcode]
    if words[0] not in names:
        raise AssemblyError(f"instruction must be one of {', '.join(names)}, not {words[0]!r}")
    opcode = Opcode(names.index(words[0]))
    form = instruction_set(config).format(opcode)
    fields: dict[str, int] = {}
    segment = ""
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals or not value:
            raise AssemblyError(f"{form.name}: expected field=value, found {word!r}")
        if name == "opcode":
            raise AssemblyError(f"{form.name}: the opcode is the first word, not a field")
        if name in fields:
            raise AssemblyError(f"{form.name}.{name} is given twice")
        match = _SEGMENT.fullmatch(value)
        if name == "address" and match:
            segment, value = match.groups()
        fields[name] = _parse_value(form.field(name), f"{form.name}.{name}", value)
    return Instruction(opcode, fields, segment)


def _parse_value(field: Field, place: str, text: str) -> int:
    if field.choices is None:
        try:
            return int(text, 0)
        except ValueError:
            raise AssemblyError(f"{place} must be an integer, not {text!r}") from None
    names = {item.name.lower(): int(item) for item in field.choices}
    total = 0
    for part in text.split("|") if field.mask else [text]:
        if part not in names:
            raise AssemblyError(f"{place} must be one of {', '.join(names)}, not {part!r}")
        total |= 1 << names[part] if field.mask else names[part]
    return total
