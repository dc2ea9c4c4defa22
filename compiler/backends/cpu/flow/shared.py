"""What the functions of a module share while they are written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from .code import Compute
from .passing import Calls
from .values import Values
from .writer import Writer

__all__ = ["Objects"]


@dataclass(slots=True)
class Objects:
    """What the functions of a module share.

    Attributes
    ----------
    names : Mapping of str to str
        The LLVM name of each function.
    calls : Calls
        How they are called.
    constants : bytearray
        The data of all constants.
    failures : list of str
        Messages of errors of the running program.
    compute : callable
        Writes the call of a graph, and gives its targets values.
    statics : dict of str to str
        Objects that are always there, by text.
    """

    names: Mapping[str, str]
    calls: Calls
    constant: Callable[[np.ndarray], int]
    compute: Callable[[Writer, Compute, Values], None]
    fail: Callable[[str], int]
    statics: dict[tuple[int, str], str] = field(default_factory=dict)

    def static(self, tag: int, code: str) -> str:
        """Return an object without fields that is never freed."""
        return self.statics.setdefault((tag, code), f"@static{len(self.statics)}")

    def static_text(self) -> str:
        """Return the definitions of all such objects."""
        return "\n".join(
            f"{name} = internal constant {{ i64, i32, i32, ptr, i64 }} "
            f"{{ i64 -1, i32 {tag}, i32 0, ptr {code}, i64 0 }}"
            for (tag, code), name in self.statics.items()
        )
