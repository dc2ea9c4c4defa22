"""The kernel of convolutions and matrix products: a register tile of sums of products.

Rows are places of the result (pixels), columns its last axis (output channels). Weights are read
one after the other, whole vectors of columns, in the order of the reduction.
"""

from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index, element_bytes, llvm_type
from ..formula import Formula
from .evaluator import Evaluator
from .parts import count_parts, nest_parts
from .tile import Epilogue, accumulate, extend, split_evenly

__all__ = ["Contraction", "Dot"]

_MOST_ROWS = 12
_MOST_VECTORS = 8

# By lanes of int32.
_PAIR_PRODUCTS = {
    4: "llvm.x86.sse2.pmadd.wd",
    8: "llvm.x86.avx2.pmadd.wd",
    16: "llvm.x86.avx512.pmaddw.d.512",
}


@dataclass(frozen=True, slots=True)
class Dot:
    """How one step of the reduction is computed.

    Attributes
    ----------
    data_dtype, weight_dtype, sum_dtype : str
    group : int
        Products summed into one lane in one step: 1; 2 int16 with the instruction pmaddwd; or 4
        int8 with vpdpbusd, which takes unsigned data, so 128 is added to them, and the formula
        takes 128 * sum(weight) off.
    lanes : int
        Columns in a vector.
    tile : int
        Vectors of sums that fit into the registers.
    """

    data_dtype: str
    weight_dtype: str
    sum_dtype: str
    group: int
    lanes: int
    tile: int

    @property
    def vector_type(self) -> str:
        """LLVM type of a vector of sums."""
        return llvm_type(self.sum_dtype, self.lanes)

    def load_data(self, build: Builder, address: str) -> str:
        """Return the data of one row and one step, in all lanes."""
        if self.group == 1:
            value = build.load(self.data_dtype, address)
            wide = extend(build, value, self.data_dtype, self.sum_dtype, 1)
            return build.splat(self.sum_dtype, wide, self.lanes)
        if self.group == 2:
            pair = build.load(self.data_dtype, address, 2)
            wide = extend(build, pair, self.data_dtype, "int16", 2)
            word = build.value(f"bitcast <2 x i16> {wide} to i32")
        else:
            packed = build.value(f"load i32, ptr {address}, align 1")
            word = build.value(f"xor i32 {packed}, {0x80808080}")
        words = build.splat("int32", word, self.lanes)
        kind = llvm_type("int32", self.lanes)
        return build.value(f"bitcast {kind} {words} to {self._weight_type}")

    def load_weight(self, build: Builder, address: str) -> str:
        """Return the weights of all lanes and one step."""
        if self.group > 1:
            size = element_bytes(self.weight_dtype)
            return build.value(f"load {self._weight_type}, ptr {address}, align {size}")
        value = build.load(self.weight_dtype, address, self.lanes)
        return extend(build, value, self.weight_dtype, self.sum_dtype, self.lanes)

    def multiply(self, build: Builder, total: str, x: str, y: str) -> str:
        """Return total + x * y, in every lane."""
        if self.group == 1:
            return accumulate(build, self.sum_dtype, total, x, y, self.lanes)
        operands = (self._weight_type, x), (self._weight_type, y)
        sums = self.vector_type
        if self.group == 4:
            name = f"llvm.x86.avx512.vpdpbusd.{32 * self.lanes}"
            return build.call(sums, name, (sums, total), *operands)
        products = build.call(sums, _PAIR_PRODUCTS[self.lanes], *operands)
        return build.value(f"add {sums} {total}, {products}")

    @property
    def _weight_type(self) -> str:
        """LLVM type of the weights of all lanes and one step, for groups."""
        return llvm_type(self.weight_dtype, self.group * self.lanes)


@dataclass(frozen=True, slots=True)
class Contraction:
    """Sums of products over a reduction, for all rows and columns.

    Attributes
    ----------
    shape : tuple of int
        Axes of the result: outer ones, rows, columns. Columns of a group lie together.
    target_strides : tuple of int
        Elements, by axis.
    data_strides : tuple of int
        Elements of the data from one index to the next, by axis but the last.
    weight_strides : tuple of int
        The same of the weights.
    groups : int
        Parts of the columns, each with data and weights of its own.
    group_strides : (int, int)
        Elements of data and weights from one group to the next.
    reduction : tuple of (count, data stride)
        Loops over the steps, the innermost last; strides in elements of the data.
    weight_step, block_stride : int
        Elements of the weights from one step to the next, and from one vector of columns to the
        next.
    padded : bool
        The weights have whole vectors of columns only; otherwise the rest is done with shorter
        ones.
    dot : Dot
    formula : Formula
    vector_bytes : int
    """

    shape: tuple[int, ...]
    target_strides: tuple[int, ...]
    data_strides: tuple[int, ...]
    weight_strides: tuple[int, ...]
    groups: int
    group_strides: tuple[int, int]
    reduction: tuple[tuple[int, int], ...]
    weight_step: int
    block_stride: int
    padded: bool
    dot: Dot
    formula: Formula
    vector_bytes: int

    @property
    def chunks(self) -> int:
        """How many parts: places along the first axes."""
        steps = prod(count for count, _ in self.reduction) * self.dot.group
        return count_parts((*self.shape[:-2], self.groups), prod(self.shape) * steps)

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the body; `pointers` are target, data, weights and what the formula reads."""
        _Emission(self, build, pointers).run((first, last))


class _Emission:
    """Writes one contraction."""

    def __init__(self, kernel: Contraction, build: Builder, pointers: list[str]) -> None:
        self.kernel, self.build = kernel, build
        target, self.data, self.weight, *others = pointers
        evaluator = Evaluator(build, kernel.formula, others)
        self.epilogue = Epilogue(
            build,
            evaluator,
            kernel.formula,
            kernel.target_strides,
            target,
            kernel.dot.sum_dtype,
            kernel.vector_bytes,
        )
        size = element_bytes(kernel.dot.sum_dtype) * kernel.dot.lanes
        self.tile = build.allocate(size * max(kernel.dot.tile, _MOST_VECTORS))

    def run(self, bounds: tuple[Index, Index]) -> None:
        """Loop over everything outside of the tiles, in some parts."""
        kernel = self.kernel
        *outer, _, columns = kernel.shape

        def group(indices: list[Index]) -> None:
            data = self._advance(self.data, self.data_offset(indices), kernel.dot.data_dtype)
            offset = self.build.offset(
                indices, (*kernel.weight_strides[: len(outer)], kernel.group_strides[1])
            )
            weight = self._advance(self.weight, offset, kernel.dot.weight_dtype)
            self._columns(indices, data, weight, columns // kernel.groups)

        nest_parts(self.build, [*outer, kernel.groups], kernel.chunks, bounds, group)

    def data_offset(self, indices: list[Index]) -> Index:
        """Return where the data of outer indices and a group begin."""
        strides = (*self.kernel.data_strides[: len(indices) - 1], self.kernel.group_strides[0])
        return self.build.offset(indices, strides)

    def _advance(self, pointer: str, offset: Index, dtype: str) -> str:
        return self.build.address(pointer, offset, element_bytes(dtype))

    def _columns(self, outer: list[Index], data: str, weight: str, columns: int) -> None:
        """Loop over the columns of a group in chunks of several vectors."""
        kernel, lanes = self.kernel, self.kernel.dot.lanes
        blocks = -(-columns // lanes) if kernel.padded else columns // lanes
        rows = min(kernel.shape[-2], _MOST_ROWS)
        widest = max(1, min(_MOST_VECTORS, kernel.dot.tile // rows, 4 if rows > 1 else 8))
        first = 0
        for count, vectors in split_evenly(blocks, widest) if blocks else ():
            whole = min(columns - first, count * vectors * lanes) // (vectors * lanes)

            def chunk(number: Index, _: list[str], first: int = first, size: int = vectors) -> None:
                column = self.build.offset([number], [size * lanes], first)
                offset = self.build.offset(
                    [number], [size * kernel.block_stride], first // lanes * kernel.block_stride
                )
                start = self._advance(weight, offset, kernel.dot.weight_dtype)
                self._rows(outer, data, start, column, size, size * lanes, kernel.dot)

            self.build.loop(0, whole, chunk)
            first += whole * vectors * lanes
            if whole < count:
                offset = first // lanes * kernel.block_stride
                start = self._advance(weight, offset, kernel.dot.weight_dtype)
                self._rows(outer, data, start, first, vectors, columns - first, kernel.dot)
                first = columns
        self._remainder(outer, data, weight, first, columns)

    def _remainder(
        self, outer: list[Index], data: str, weight: str, first: int, columns: int
    ) -> None:
        """Do the columns that fill no vector, with shorter and shorter ones."""
        dot = self.kernel.dot
        lanes = dot.lanes
        while first < columns:
            lanes //= 2
            if columns - first < lanes:
                continue
            narrow = Dot(
                dot.data_dtype, dot.weight_dtype, dot.sum_dtype, dot.group, lanes, dot.tile
            )
            start = self._advance(weight, first, dot.weight_dtype)
            self._rows(outer, data, start, first, 1, lanes, narrow)
            first += lanes

    def _rows(
        self,
        outer: list[Index],
        data: str,
        weight: str,
        column: Index,
        vectors: int,
        columns: int,
        dot: Dot,
    ) -> None:
        """Loop over the rows, a tile at a time."""
        most = max(1, min(_MOST_ROWS, dot.tile // vectors))
        stride = self.kernel.data_strides[len(outer) - 1]
        first = 0
        for count, rows in split_evenly(self.kernel.shape[-2], most):

            def tile(number: Index, _: list[str], first: int = first, rows: int = rows) -> None:
                row = self.build.offset([number], [rows], first)
                start = self._advance(data, self.build.multiply(row, stride), dot.data_dtype)
                self._tile(outer, start, weight, row, column, (rows, vectors, columns), dot)

            self.build.loop(0, count, tile)
            first += count * rows

    def _tile(
        self,
        outer: list[Index],
        data: str,
        weight: str,
        row: Index,
        column: Index,
        size: tuple[int, int, int],
        dot: Dot,
    ) -> None:
        """Compute one tile of `size` rows, vectors, columns and put it through the formula."""
        rows, vectors, columns = size
        build, kind, width = self.build, dot.vector_type, element_bytes(dot.sum_dtype)
        sums = self._reduce(data, weight, rows, vectors, dot)
        for number, total in enumerate(sums):
            address = build.address(self.tile, number * dot.lanes, width)
            build.do(f"store {kind} {total}, ptr {address}, align {width}")
        group_columns = self.kernel.shape[-1] // self.kernel.groups

        def indices(tile_row: Index, tile_column: Index) -> list[Index]:
            base = build.multiply(outer[-1], group_columns)
            return [
                *outer[:-1],
                build.add(row, tile_row),
                build.add(build.add(base, column), tile_column),
            ]

        self.epilogue.run(self.tile, rows, columns, vectors * dot.lanes, indices)

    def _reduce(self, data: str, weight: str, rows: int, vectors: int, dot: Dot) -> list[str]:
        """Return the sums of a tile, row by row."""
        build, kernel = self.build, self.kernel
        row_stride = kernel.data_strides[len(kernel.shape) - 2]
        zero = "0" if dot.lanes == 1 else "zeroinitializer"
        if dot.lanes == 1 and dot.sum_dtype.startswith("float"):
            zero = "0.0"

        def step(at: str, weights: str, sums: list[str]) -> list[str]:
            loaded = [
                dot.load_weight(
                    build, self._advance(weights, block * kernel.block_stride, dot.weight_dtype)
                )
                for block in range(vectors)
            ]
            result: list[str] = []
            for row in range(rows):
                x = dot.load_data(build, self._advance(at, row * row_stride, dot.data_dtype))
                for block, y in enumerate(loaded):
                    result.append(dot.multiply(build, sums[row * vectors + block], x, y))
            return result

        def level(depth: int, at: str, carried: list[str]) -> list[str]:
            if depth == len(kernel.reduction):
                weights, *sums = carried
                following = self._advance(weights, kernel.weight_step, dot.weight_dtype)
                return [following, *step(at, weights, sums)]
            count, stride = kernel.reduction[depth]

            def body(index: Index, values: list[str]) -> list[str]:
                offset = build.multiply(index, stride)
                return level(depth + 1, self._advance(at, offset, dot.data_dtype), values)

            kinds = ["ptr", *[dot.vector_type] * (rows * vectors)]
            return build.loop(0, count, body, list(zip(kinds, carried, strict=True)))

        return level(0, data, [weight, *[zero] * (rows * vectors)])[1:]
