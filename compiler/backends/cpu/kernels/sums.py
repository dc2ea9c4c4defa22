"""One register tile of a contraction: its sums, and what the formula makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Protocol

from ....ir.dims import Size
from ..builder import Builder, Index, element_bytes
from ..formula import Formula
from .dot import Dot
from .evaluator import Evaluator
from .finish import Finish, Tile

__all__ = ["Block", "Sums"]

# Products in the body of the innermost loop: more make code that is no faster, or slower, since
# the CPU keeps decoded instructions of little code only.
_MOST_PRODUCTS = 64
_MOST_STEPS = 8
# Sums in registers where there are 32 of them.
_MOST_APART = 24
_CACHE_LINE = 64
_PREFETCH = "declare void @llvm.prefetch.p0(ptr, i32 immarg, i32 immarg, i32 immarg)"


@dataclass(frozen=True, slots=True)
class Block:
    """A block of columns.

    Attributes
    ----------
    outer : tuple of Index
        Outer axes of the result.
    column : Index
        The first one.
    weight : str
        Address of its weights.
    vectors, columns : int
        Vectors, and how many columns in them count.
    dot : Dot
    """

    outer: tuple[Index, ...]
    column: Index
    weight: str
    vectors: int
    columns: int
    dot: Dot


class Walk(Protocol):
    """What a tile needs to know of its kernel."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def target_strides(self) -> tuple[int, ...]: ...
    @property
    def data_strides(self) -> tuple[int, ...]: ...
    @property
    def reduction(self) -> tuple[tuple[int, int], ...]: ...
    @property
    def tile(self) -> tuple[int, int, int]: ...
    @property
    def weight_step(self) -> int: ...
    @property
    def columns_outside(self) -> bool: ...
    @property
    def steps(self) -> int: ...
    @property
    def dot(self) -> Dot: ...
    @property
    def formula(self) -> Formula: ...
    @property
    def vector_bytes(self) -> int: ...


class Sums:
    """Writes the tiles of a kernel.

    Parameters
    ----------
    kernel : Walk
    build : Builder
        Still at the function's entry.
    evaluator : Evaluator
    target, start : str
        Addresses of the result, and of what the sums start from ("" for 0).
    """

    def __init__(
        self, kernel: Walk, build: Builder, evaluator: Evaluator, target: str, start: str
    ) -> None:
        self._kernel, self._build = kernel, build
        self._start = start
        dot, (lines, places, vectors) = kernel.dot, kernel.tile
        self._finish = Finish(
            build,
            evaluator,
            kernel.formula,
            (target, kernel.target_strides),
            dot.sum_dtype,
            dot.lanes,
            lines * places * vectors,
            kernel.vector_bytes,
        )

    def tile(
        self, block: Block, data: str, where: tuple[Index, Index], size: tuple[int, int]
    ) -> None:
        """Compute a tile.

        Parameters
        ----------
        data : str
            Address of the data of its first place.
        where : (Index, Index)
            Line and place where it begins.
        size : (int, int)
            Lines and places.
        """
        down, across = size
        rows = [(line, place) for line in range(down) for place in range(across)]
        sums = self._reduce(block, data, rows, self._ahead(block, where))
        whole = Tile(
            block.outer, *where, block.column, size, block.vectors, block.columns, block.dot.lanes
        )
        self._finish.run(whole, sums)

    def _block_bytes(self, block: Block) -> int:
        """Return the size of the weights of a block."""
        dot = block.dot
        vector = dot.lanes * dot.group * element_bytes(dot.weight_dtype)
        return self._kernel.steps * block.vectors * vector

    def _ahead(self, block: Block, where: tuple[Index, Index]) -> str:
        """Return the address of weights that the tile shall bring into the cache, or "".

        They are those of the next block: as much of it as the tile is of all tiles.
        """
        lines, places = self._kernel.shape[-3:-1]
        if not self._kernel.columns_outside or lines * places == 1:
            return ""
        if not isinstance(lines * places, int):
            return ""
        size = self._block_bytes(block)
        part = self._build.offset(where, [places, 1])
        offset = self._build.add(self._build.multiply(part, size // (lines * places)), size)
        return self._build.address(block.weight, offset)

    def _share(self, block: Block, rows: int) -> int:
        """Return the bytes of a block's weights that a tile of `rows` brings, 0 if not known."""
        everywhere = prod(self._kernel.shape[-3:-1])
        return self._block_bytes(block) * rows // everywhere if isinstance(everywhere, int) else 0

    def _reduce(
        self, block: Block, data: str, rows: Sequence[tuple[int, int]], ahead: str
    ) -> list[str]:
        """Return the sums of a tile, row by row; bring weights from `ahead` on into the cache."""
        build, kernel, dot = self._build, self._kernel, block.dot
        size, wide = element_bytes(dot.data_dtype), element_bytes(dot.weight_dtype)
        strides = kernel.data_strides[-2:]
        places = [line * strides[0] + place * strides[1] for line, place in rows]
        vector = dot.lanes * dot.group
        weight_step = kernel.weight_step or block.vectors * vector
        share = self._share(block, len(rows)) if ahead else 0
        count = len(rows) * block.vectors
        unroll = _unroll(kernel.reduction[-1][0], count)
        chains = _chains(count, unroll, kernel.vector_bytes)
        kinds = ["ptr", "ptr", *[dot.vector_type] * (chains * count)]

        def innermost(at: str, carried: list[str]) -> list[str]:
            turns, stride = kernel.reduction[-1]
            pace = -(-share * unroll // kernel.steps) if ahead else 0

            def body(index: Index, values: list[str], steps: int = unroll) -> list[str]:
                here, weights, later, *sums = values
                if ahead:
                    for line in range(0, pace, _CACHE_LINE):
                        address = build.address(later, line)
                        build.do(f"call void @llvm.prefetch.p0(ptr {address}, i32 0, i32 2, i32 1)")
                    later = build.address(later, pace)
                for step in range(steps):
                    chain = step % chains * count
                    sums[chain : chain + count] = self._products(
                        block, places, (here, weights), step, sums[chain : chain + count]
                    )
                following = build.address(here, steps * stride, size)
                return [following, build.address(weights, steps * weight_step, wide), later, *sums]

            whole = turns // unroll
            state = list(zip(["ptr", *kinds], [at, *carried], strict=True))
            values = build.loop(0, whole, body, state)
            rest = turns - whole * unroll
            if isinstance(rest, Size):
                state = list(zip(["ptr", *kinds], values, strict=True))
                return build.loop(0, rest, partial(body, steps=1), state)[1:]
            return (body(0, values, rest) if rest else values)[1:]

        def level(depth: int, at: str, carried: list[str]) -> list[str]:
            if depth == len(kernel.reduction) - 1:
                return innermost(at, carried)
            turns, stride = kernel.reduction[depth]

            def body(index: Index, values: list[str]) -> list[str]:
                here = build.address(at, build.multiply(index, stride), size)
                return level(depth + 1, here, values)

            return build.loop(0, turns, body, list(zip(kinds, carried, strict=True)))

        if ahead:
            build.declarations.add(_PREFETCH)
        begin = [*self._begin(block) * len(rows), *[dot.zero] * ((chains - 1) * count)]
        made = level(0, data, [block.weight, ahead or "null", *begin])[2:]
        return self._joined(made, count, dot)

    def _products(
        self,
        block: Block,
        places: Sequence[int],
        pointers: tuple[str, str],
        step: int,
        sums: Sequence[str],
    ) -> list[str]:
        """Return sums with one more product each; `places` are those of the rows, in elements."""
        build, kernel, dot = self._build, self._kernel, block.dot
        size, wide = element_bytes(dot.data_dtype), element_bytes(dot.weight_dtype)
        vector = dot.lanes * dot.group
        first = step * (kernel.weight_step or block.vectors * vector)
        loaded = [
            dot.load_weight(build, build.address(pointers[1], first + number * vector, wide))
            for number in range(block.vectors)
        ]
        result: list[str] = []
        for row, place in enumerate(places):
            offset = step * kernel.reduction[-1][1] + place
            x = dot.load_data(build, build.address(pointers[0], offset, size))
            for number, y in enumerate(loaded):
                total = sums[row * block.vectors + number]
                result.append(dot.multiply(build, total, x, y))
        return result

    def _joined(self, sums: list[str], count: int, dot: Dot) -> list[str]:
        """Return the sums of several chains, one after the other, added up."""
        name = "fadd" if dot.sum_dtype.startswith("float") else "add"
        made = sums[:count]
        for first in range(count, len(sums), count):
            made = [
                self._build.value(f"{name} {dot.vector_type} {left}, {right}")
                for left, right in zip(made, sums[first : first + count], strict=True)
            ]
        return made

    def _begin(self, block: Block) -> list[str]:
        """Return what the sums of a row start from."""
        build, dot = self._build, block.dot
        if not self._start:
            return [dot.zero] * block.vectors
        size = element_bytes(dot.sum_dtype)
        first = build.address(self._start, block.column, size)
        return [
            build.load(dot.sum_dtype, build.address(first, number * dot.lanes, size), dot.lanes)
            for number in range(block.vectors)
        ]


def _chains(sums: int, unroll: int, vector_bytes: int) -> int:
    """Return how many parts of the reduction are summed apart.

    Few sums wait for each other: an instruction takes 4 or 5 cycles, and two begin in each. And
    shorter chains round less.
    """
    most = _MOST_APART if vector_bytes == 64 else _MOST_APART // 2
    return max(1, min(unroll, most // sums))


def _unroll(count: int, sums: int) -> int:
    """Return how many steps of the reduction the body of the innermost loop has."""
    if isinstance(count, Size):
        count = _MOST_STEPS
    most = max(1, min(count, _MOST_STEPS, _MOST_PRODUCTS // sums))
    # A divisor needs no code for a rest.
    near = (*range(most, most // 2, -1), most + 1)
    return next((steps for steps in near if count % steps == 0), most)
