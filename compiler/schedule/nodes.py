"""Statements of the loop IR, and the nest that they make.

::

    Nest      ::= name, inputs, outputs, body          inputs and outputs are buffers
    Statement ::= For(variable, extent, kind, body)    variable = 0, 1, .. extent - 1
                | Block(name, reads, writes, body)     what it touches, as regions
                | Store(buffer, indices, value)
                | If(condition, then, otherwise)
                | While(condition, body)
                | Allocate(buffer, body)               a buffer of `body`'s own, not initialised
                | Sequence(parts)
                | Tensor(intrinsic, body)              `body`, by a microkernel that computes it
    Region    ::= buffer, ((start, extent), ..)        one pair for each axis
    kind      ::= serial | parallel | vector | unrolled

Nodes are frozen and compare by value. A loop's kind says how it may be run, never what it
computes: the iterations of a parallel or vector loop do not touch each other's elements
(`verify`). Names of loops, buffers and blocks are unique in a nest.
"""

from __future__ import annotations

from dataclasses import dataclass

from .expressions import Buffer, Expr, Symbol

__all__ = [
    "KINDS",
    "Allocate",
    "Block",
    "For",
    "If",
    "Nest",
    "Region",
    "Sequence",
    "Statement",
    "Store",
    "Tensor",
    "While",
]

KINDS = ("serial", "parallel", "vector", "unrolled")
"""How a loop may be run."""


@dataclass(frozen=True, slots=True)
class Region:
    """A box of a buffer.

    Attributes
    ----------
    buffer : Buffer
    ranges : tuple of (start, extent)
        Expressions of int64, by axis.
    """

    buffer: Buffer
    ranges: tuple[tuple[Expr, Expr], ...]


@dataclass(frozen=True, slots=True)
class For:
    """A loop from 0.

    Attributes
    ----------
    variable : str
    extent : Expr
        int64; nothing happens if it is not positive.
    kind : str
        One of `KINDS`.
    body : Statement
    """

    variable: str
    extent: Expr
    kind: str
    body: Statement


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a nest with a name, which schedules refer to.

    Attributes
    ----------
    name : str
    reads, writes : tuple of Region
        All that it touches outside of its own buffers, no more often than once a buffer.
    body : Statement
    """

    name: str
    reads: tuple[Region, ...]
    writes: tuple[Region, ...]
    body: Statement


@dataclass(frozen=True, slots=True)
class Store:
    """Write one element."""

    buffer: Buffer
    indices: tuple[Expr, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class If:
    """Do one thing or the other; `otherwise` may be empty."""

    condition: Expr
    then: Statement
    otherwise: Statement


@dataclass(frozen=True, slots=True)
class While:
    """Repeat while a condition holds, tested before each time."""

    condition: Expr
    body: Statement


@dataclass(frozen=True, slots=True)
class Allocate:
    """A buffer that exists in `body`; each iteration of a loop around it has its own."""

    buffer: Buffer
    body: Statement


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """Loops that a microkernel computes at once.

    Attributes
    ----------
    intrinsic : str
        Which one: "contraction", of `products`.
    body : For
        What it computes.
    """

    intrinsic: str
    body: For


Statement = For | Block | Store | If | While | Allocate | Sequence | Tensor


@dataclass(frozen=True, slots=True)
class Nest:
    """A kernel: what is read, what is written, and how.

    Attributes
    ----------
    name : str
    inputs, outputs : tuple of Buffer
        Outputs are written, every element, and may be read after that.
    symbols : tuple of Symbol
        Sizes that are known when it runs.
    body : Statement
    """

    name: str
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    symbols: tuple[Symbol, ...]
    body: Statement
