"""The prelude's definitions, read from Relay text when they are first asked for."""

from functools import cache
from importlib.resources import files

from ..ir.module import Module
from ..text import parse

__all__ = ["core"]

# Each may use those before it.
_PARTS = ("function", "list", "tree", "nat", "gradient")


@cache
def core() -> Module:
    """Return all definitions but those that are made for a dtype."""
    whole = Module({})
    for part in _PARTS:
        name = f"{part}.relay"
        text = files(__package__).joinpath(name).read_text("utf-8")
        found = parse(text, f"<prelude>/{name}", library=whole)
        whole = Module({**whole.functions, **found.functions}, {**whole.types, **found.types})
    return whole
