"""The prelude's definitions, read when they are first asked for."""

from functools import cache
from importlib.resources import files

from ..errors import InvalidModule
from ..ir.definitions import take_definitions
from ..ir.module import Module
from ..text import parse
from ..text.cursor import suggestion

__all__ = ["import_prelude", "parse_with_prelude", "prelude"]

# Each may use those before it.
_PARTS = ("function", "list", "tree", "nat", "gradient")


def prelude(*names: str) -> Module:
    """Return the prelude, or of it what is named, with what that needs.

    Parameters
    ----------
    names : str
        Data types and functions, without ``@``.

    Raises
    ------
    InvalidModule
        The prelude has no such definition.
    """
    return import_prelude(Module({}), *names) if names else _whole()


def import_prelude(module: Module, *names: str) -> Module:
    """Return `module` with what it uses of the prelude and does not define.

    Parameters
    ----------
    module : Module
    names : str
        Data types and functions to add even if nothing uses them.

    Raises
    ------
    InvalidModule
        The prelude has no definition of that name.
    """
    whole = _whole()
    for name in names:
        if name not in whole and name not in whole.types:
            known = [*whole, *whole.types]
            hint = suggestion(name, known, f"it has {', '.join(sorted(known))}")
            raise InvalidModule(f"the prelude has no {name}; {hint}")
    return take_definitions(module, whole, names)


def parse_with_prelude(text: str, path: str = "<text>") -> Module:
    """Return the module that `text` describes, which may use the prelude's names as its own.

    What it uses is in the result. Raises what `compiler.text.parse` raises.
    """
    return parse(text, path, library=prelude())


@cache
def _whole() -> Module:
    """Return all definitions."""
    whole = Module({})
    for part in _PARTS:
        name = f"{part}.relay"
        text = files(__package__).joinpath(name).read_text("utf-8")
        found = parse(text, f"<prelude>/{name}", library=whole)
        whole = Module({**whole.functions, **found.functions}, {**whole.types, **found.types})
    return whole
