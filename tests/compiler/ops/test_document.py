"""docs/operators.md is what the rows say."""

from pathlib import Path

from compiler.ops import operators
from compiler.ops.catalog import sentences
from compiler.ops.document import document

DOCUMENT = Path(__file__).parents[3] / "docs" / "operators.md"


def test_document_is_up_to_date():
    made = document()
    assert DOCUMENT.read_text() == made, "run: python -m compiler.ops.document > docs/operators.md"


def test_every_operator_has_a_sentence():
    assert set(sentences()) == set(operators())
    for name, (level, sentence) in sentences().items():
        assert 1 <= level <= 11 and sentence.endswith((".", "?")), name
        assert len(sentence) < 90, name
