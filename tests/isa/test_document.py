"""docs/isa.md is what the tables say."""

import re
from pathlib import Path

from isa.config import preset
from isa.document import document
from isa.instructions import Opcode, instruction_set
from isa.meanings import MEANINGS
from isa.registers import register_map

DOCUMENT = Path(__file__).parents[2] / "docs" / "isa.md"


def test_document_is_up_to_date():
    made = document(preset("vta"))
    assert DOCUMENT.read_text() == made, "run: python -m isa.document > docs/isa.md"


def test_document_names_everything(config):
    text = document(config)
    for opcode in Opcode:
        form = instruction_set(config).format(opcode)
        assert f"## {form.name} (opcode {int(opcode)})" in text
        assert MEANINGS[opcode] in text
        for field in form.fields:
            assert f"| `{field.name}` | " in text
    for register in register_map(config).registers:
        assert f"| {register.offset:#05x} | `{register.name}` | " in text


def test_tables_are_well_formed():
    """Every row of a table has as many cells as its head."""
    width = 0
    for line in document(preset("vta")).splitlines():
        cells = len(re.findall(r"\|", line)) if line.startswith("|") else 0
        assert not cells or not width or cells == width, line
        width = cells
