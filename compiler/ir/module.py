"""A program: functions by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .nodes import Function

__all__ = ["Module"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Module:
    """Global functions; ``main`` is where a program starts.

    Attributes
    ----------
    functions : Mapping of str to Function
        Read-only. Names stand without the ``@``.
    """

    functions: Mapping[str, Function]

    def __post_init__(self) -> None:
        object.__setattr__(self, "functions", MappingProxyType(dict(self.functions)))

    def __getitem__(self, name: str) -> Function:
        return self.functions[name]

    def __contains__(self, name: object) -> bool:
        return name in self.functions

    def __iter__(self) -> Iterator[str]:
        return iter(self.functions)

    def __len__(self) -> int:
        return len(self.functions)

    def __repr__(self) -> str:
        return f"<Module of {', '.join('@' + name for name in self.functions)}>"

    def replace(self, **functions: Function) -> "Module":
        """Return this module with some functions replaced or added."""
        return Module({**self.functions, **functions})
