"""A program: functions and data types by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from .data import ConstructorData, TypeData
from .nodes import Function

__all__ = ["Module"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Module:
    """Global functions and algebraic data types; ``main`` is where a program starts.

    Attributes
    ----------
    functions : Mapping of str to Function
        Read-only. Names stand without the ``@``.
    types : Mapping of str to TypeData
        Read-only.
    """

    functions: Mapping[str, Function]
    types: Mapping[str, TypeData] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "functions", MappingProxyType(dict(self.functions)))
        object.__setattr__(self, "types", MappingProxyType(dict(self.types)))

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
        return replace(self, functions={**self.functions, **functions})

    def constructor(self, name: str) -> tuple[TypeData, ConstructorData] | None:
        """Return a constructor and the data type that it belongs to, None if there is none."""
        for data in self.types.values():
            for constructor in data.constructors:
                if constructor.name == name:
                    return data, constructor
        return None
