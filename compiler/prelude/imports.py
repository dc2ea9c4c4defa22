"""Programs that use the prelude: what they use becomes part of them."""

import re

from ..errors import CompileError, InvalidModule
from ..ir.definitions import take_definitions
from ..ir.module import Module
from ..ir.types import DTYPES, Any
from ..text import parse
from ..text.cursor import suggestion
from .core import core
from .static_tensor_array import static_tensor_array
from .tensor_array import tensor_array

__all__ = ["import_prelude", "parse_with_prelude", "prelude"]

_DTYPE = "|".join(DTYPES)
_ARRAY_NAME = re.compile(rf"\btensor\w*?_({_DTYPE})(?:_t)?\b")
_SIZE = r"(?:any|\d{1,18})"
_STATIC_NAME = re.compile(
    rf"\b(?:static_)?tensor\w*?_({_DTYPE})_(scalar|{_SIZE}(?:_{_SIZE})*)(?:_t)?\b"
)


def prelude(*names: str) -> Module:
    """Return the prelude, or of it what is named, with what that needs.

    Parameters
    ----------
    names : str
        Data types and functions, without ``@``. Those of tensor arrays are made for the dtype in
        their name, and only if they are named.

    Raises
    ------
    InvalidModule
        The prelude has no such definition.
    """
    return import_prelude(Module({}), *names) if names else core()


def import_prelude(module: Module, *names: str) -> Module:
    """Return `module` with what it uses of the prelude and does not define.

    Parameters
    ----------
    module : Module
    names : str
        Data types and functions to add even if nothing uses them. Functions of tensor arrays must
        be named.

    Raises
    ------
    InvalidModule
        The prelude has no definition of that name.
    """
    whole = _library(" ".join(names))
    for name in names:
        if name not in whole and name not in whole.types:
            known = [*whole, *whole.types]
            hint = suggestion(name, known, f"it has {', '.join(sorted(known))}")
            raise InvalidModule(f"the prelude has no {name}; {hint}")
    return take_definitions(module, whole, names)


def parse_with_prelude(text: str, path: str = "<text>") -> Module:
    """Return the module that `text` describes, which may use the prelude's names as its own.

    What it uses is in the result. The prelude itself is read only for a text that does not stand
    without it. Raises what `compiler.text.parse` raises.
    """
    try:
        return parse(text, path)
    except CompileError:
        return parse(text, path, library=_library(text))


def _library(text: str) -> Module:
    """Return the prelude with the tensor arrays of each dtype and shape that `text` names."""
    arrays = [tensor_array(dtype) for dtype in sorted(set(_ARRAY_NAME.findall(text)))]
    for dtype, suffix in sorted(set(_STATIC_NAME.findall(text))):
        sizes = suffix.split("_") if suffix != "scalar" else []
        shape = tuple(Any() if size == "any" else int(size) for size in sizes)
        arrays.append(static_tensor_array(dtype, shape))
    whole = core()
    for module in arrays:
        whole = Module({**module.functions, **whole.functions}, {**module.types, **whole.types})
    return whole
