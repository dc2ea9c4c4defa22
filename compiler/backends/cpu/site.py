"""One operation of a formula at the place where it is emitted."""

import struct
from dataclasses import dataclass, replace

import numpy as np

from .builder import Builder, llvm_type
from .formula import Node

__all__ = ["Site", "is_float", "is_signed", "literal", "resize", "type_suffix"]


def literal(value: float | bool, dtype: str) -> str:
    """Return `value` as an LLVM constant of one element."""
    if dtype == "bool":
        return "true" if value else "false"
    if not dtype.startswith("float"):
        return str(int(value))
    if dtype == "float16":
        return f"0xH{np.float16(value).view(np.uint16):04X}"
    exact = float(np.dtype(dtype).type(value))
    return f"0x{struct.unpack('<Q', struct.pack('<d', exact))[0]:016X}"


@dataclass(frozen=True, slots=True)
class Site:
    """Where an operation is emitted.

    Attributes
    ----------
    builder : Builder
    node : Node
    dtypes : tuple of str
        Of the operands.
    values : tuple of str
        Names of the operands.
    lanes : int
    """

    builder: Builder
    node: Node
    dtypes: tuple[str, ...]
    values: tuple[str, ...]
    lanes: int

    @property
    def operand(self) -> str:
        """The only operand."""
        (one,) = self.values
        return one

    @property
    def operands(self) -> tuple[str, str]:
        """Both operands."""
        left, right = self.values
        return left, right

    def halved(self) -> "Site":
        """Return the same place for half as many lanes."""
        return replace(self, lanes=self.lanes // 2)

    def type(self, dtype: str) -> str:
        """Return the LLVM type of `dtype` in all lanes."""
        return llvm_type(dtype, self.lanes)

    def number(self, value: float | bool, dtype: str) -> str:
        """Return a constant in all lanes."""
        text = literal(value, dtype)
        return text if self.lanes == 1 else f"splat ({llvm_type(dtype)} {text})"

    def binary(self, instruction: str, left: str, right: str, dtype: str) -> str:
        """Return instruction(left, right)."""
        return self.builder.value(f"{instruction} {self.type(dtype)} {left}, {right}")

    def convert(self, instruction: str, value: str, source: str, target: str) -> str:
        """Return `value` of type `source` converted to type `target`."""
        return self.builder.value(
            f"{instruction} {self.type(source)} {value} to {self.type(target)}"
        )

    def choose(self, condition: str, yes: str, no: str, dtype: str) -> str:
        """Return `yes` where `condition` holds, else `no`."""
        kind = self.type(dtype)
        return self.builder.value(
            f"select {self.type('bool')} {condition}, {kind} {yes}, {kind} {no}"
        )

    def intrinsic(self, name: str, dtype: str, *values: str, flag: str = "") -> str:
        """Return the result of an LLVM intrinsic of `values`, all of type `dtype`."""
        kind = self.type(dtype)
        suffix = type_suffix(dtype, self.lanes)
        arguments = [(kind, value) for value in values]
        if flag:
            arguments.append(("i1", flag))
        return self.builder.call(kind, f"llvm.{name}.{suffix}", *arguments)


def type_suffix(dtype: str, lanes: int) -> str:
    """Return how LLVM names a type in intrinsics."""
    bits = dtype.lstrip("uintfloa") if dtype != "bool" else "1"
    scalar = ("f" if dtype.startswith("float") else "i") + bits
    return scalar if lanes == 1 else f"v{lanes}{scalar}"


def is_float(dtype: str) -> bool:
    """Return whether `dtype` is floating point."""
    return dtype.startswith("float")


def is_signed(dtype: str) -> bool:
    """Return whether `dtype` is a signed integer."""
    return dtype.startswith("int")


def resize(site: Site, x: str, source: str, target: str) -> str:
    """Return an integer with another number of bits."""
    have = 1 if source == "bool" else int(source.lstrip("uint"))
    want = int(target.lstrip("uint"))
    if have == want:
        return x
    name = "trunc" if want < have else "sext" if is_signed(source) else "zext"
    return site.convert(name, x, source, target)
