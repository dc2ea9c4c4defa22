"""Writes docs/operators.md from the rows: `python -m compiler.ops.document > docs/operators.md`."""

import sys
from collections.abc import Sequence

from .catalog import ABSENT, sentences
from .operator import Attribute, Operator
from .registry import operators

__all__ = ["document"]

_INTRODUCTION = """\
# Operators

Written by `python -m compiler.ops.document` from the rows in `compiler/ops/`; do not edit. There
are {rows} of them. An attribute without `=` must be given; `=None` may be left out.

The kind says how an operator may be fused with its neighbours (`compiler/ops/operator.py`). A
star says that the shape of the result follows from values, not from types alone: its sizes are `?`
until the program runs.

Sizes that are not known are kept as they can be: an expression of symbols where one says the size,
else `?`. What a relation needs to know and does not is an error that names it.
"""

_FAMILIES = (
    ("Elements", ""),
    ("Networks", "nn."),
    ("Images", "image."),
    ("Vision", "vision."),
    ("Random numbers", "random."),
    ("Shapes known at run time", "dyn."),
    ("Quantised tensors", "qnn."),
)


def document() -> str:
    """Return the description of all operators as Markdown."""
    rows = operators()
    parts = [_INTRODUCTION.format(rows=len(rows))]
    prefixes = tuple(prefix for _, prefix in _FAMILIES if prefix)
    for title, prefix in _FAMILIES:
        names = [
            name
            for name in rows
            if (name.startswith(prefix) if prefix else not name.startswith(prefixes))
        ]
        parts.append(f"## {title}\n\n" + _table(_HEAD, [_row(rows[name]) for name in names]))
    return "\n".join(parts) + "\n" + _absent()


_HEAD = ("operator", "attributes", "kind", "level", "meaning")


def _row(row: Operator) -> tuple[str, ...]:
    """Return the cells of one operator."""
    level, sentence = sentences()[row.name]
    attributes = [_attribute(name, kind) for name, kind in row.attributes.items()]
    star = "" if row.result_shape is None else " *"
    call = f"`{row.name}({', '.join(row.arguments)})`{star}"
    return call, ", ".join(attributes), row.kind.value, str(level), sentence


def _attribute(name: str, attribute: Attribute) -> str:
    """Return an attribute and its default."""
    if attribute.required:
        return f"`{name}`"
    default = attribute.default
    if isinstance(default, tuple):
        return f"`{name}=[{', '.join(map(str, default))}]`"
    return f'`{name}="{default}"`' if isinstance(default, str) else f"`{name}={default}`"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a table of Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _absent() -> str:
    """Return the part about operators that are not taken."""
    count = sum(len(names) for names in ABSENT.values())
    lines = [f"## Absent\n\n{count} operators of Relay are refused by name.\n"]
    for reason, names in ABSENT.items():
        lines.append(f"* {reason}: {', '.join(f'`{name}`' for name in names)}.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
