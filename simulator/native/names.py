"""What a name means outside of a function: a constant, another function or a record."""

import ast
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any, get_type_hints

from ..errors import SimulatorError
from .records import Kind, kind_of

__all__ = ["Source", "constant_of", "fail", "source_of"]


@dataclass(frozen=True)
class Source:
    """A function that is compiled.

    Attributes
    ----------
    function : function
    """

    function: FunctionType

    @property
    def symbol(self) -> str:
        """Its name in LLVM."""
        return f'@"{self.function.__module__}.{self.function.__name__}"'

    @property
    def tree(self) -> ast.FunctionDef:
        """Its syntax tree.

        Raises
        ------
        SimulatorError
            It is not defined at the top of a file.
        """
        code = self.function.__code__
        try:
            return _functions(code.co_filename)[code.co_name]
        except KeyError:
            raise SimulatorError(
                f"{self.function.__module__}.{code.co_qualname} must be defined at the top of its "
                "file for native code to be made of it"
            ) from None

    @cached_property
    def _kinds(self) -> Mapping[str, Kind]:
        hints = get_type_hints(self.function)
        return {name: kind_of(hint) for name, hint in hints.items()}

    @property
    def parameters(self) -> Mapping[str, Kind]:
        """Its parameters, in order."""
        return {argument.arg: self._kinds[argument.arg] for argument in self.tree.args.args}

    @property
    def result(self) -> Kind:
        """What it returns."""
        return self._kinds["return"]

    def find(self, node: ast.expr) -> Any:
        """Return what a name, or an attribute of one, of the function's module stands for.

        It is None if the module has no such name.
        """
        if isinstance(node, ast.Attribute):
            return getattr(self.find(node.value), node.attr, None)
        return self.function.__globals__.get(node.id) if isinstance(node, ast.Name) else None


@lru_cache
def _functions(path: str) -> Mapping[str, ast.FunctionDef]:
    """Return the functions at the top of a file, by name."""
    tree = ast.parse(Path(path).read_text())
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


@lru_cache
def source_of(function: FunctionType) -> Source:
    """Return the source of a function."""
    return Source(function)


def constant_of(value: Any) -> tuple[Kind, str] | None:
    """Return the kind and LLVM's notation of a number, None for anything else."""
    if isinstance(value, bool):
        return kind_of(bool), str(value).lower()
    if isinstance(value, int):
        return kind_of(int), str(int(value))
    if isinstance(value, float):
        # LLVM takes any double in its binary form.
        return kind_of(float), f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
    return None


def fail(source: Source, node: ast.AST, problem: str) -> SimulatorError:
    """Return the error of something that native code does not have."""
    place = f"{source.function.__module__}.{source.function.__name__}:{getattr(node, 'lineno', 0)}"
    return SimulatorError(f"{place}: {problem}, not {ast.unparse(node)!r}")
