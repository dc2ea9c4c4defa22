"""The kernel of depthwise convolution of bytes, by an instruction that sums four products.

The four are those of four lines of the image: the bytes of each channel are brought together once,
and serve all columns of the window, and all lines of the tile, each with weights of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index
from ..formula import Formula
from .evaluator import Evaluator
from .finish import Finish, Tile
from .overlay import overlaid
from .parts import count_parts
from .tile import split_evenly
from .window import tile_extents, walk_tiles

__all__ = ["DepthwiseDot", "Factor", "list_factors"]

_GROUP = 4

Factor = tuple[tuple[int, ...], int]
"""Weights of one product: the line of the window (or -1) of each of four lines, and the column."""


@dataclass(frozen=True, slots=True)
class DepthwiseDot:
    """Sums of products over a window, for all places, channels last; of uint8 and int8.

    Attributes
    ----------
    shape : (n, lines, places, channels)
        Of the result.
    target_strides : tuple of int
        Elements, by axis.
    data_strides : tuple of int
        Bytes of the data from one index to the next, by axis: of the data itself, not of windows.
    origin : int
        Bytes from the data to those of the first place.
    window, strides, dilation : (int, int)
    tile : (int, int)
        Lines, and places in each, computed at once.
    starts : bool
        The sums start from a vector of channels, given after the weights, not from 0.
    formula : Formula
    vector_bytes : int

    The weights are int8[vectors of channels][factors][lanes][4], in the order of `list_factors`.
    Up to 15 bytes past the last datum are read.
    """

    shape: tuple[int, int, int, int]
    target_strides: tuple[int, ...]
    data_strides: tuple[int, ...]
    origin: int
    window: tuple[int, int]
    strides: tuple[int, int]
    dilation: tuple[int, int]
    tile: tuple[int, int]
    starts: bool
    formula: Formula
    vector_bytes: int

    @property
    def chunks(self) -> int:
        """How many parts: images and lines of tiles of one height."""
        extents = tile_extents(self.shape, self.tile)
        return count_parts(extents, prod(self.shape) * prod(self.window))

    @property
    def in_place(self) -> tuple[int, ...]:
        """Operands of the formula, which come after data and weights."""
        first = 3 if self.starts else 2
        return overlaid(self.formula, self.shape, self.target_strides, first)

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the body; `pointers` are target, data, weights and what the formula reads."""
        emission = _Emission(self, build, pointers)
        walk_tiles(build, self.shape, self.tile, self.chunks, (first, last), emission.channels)


@dataclass(frozen=True, slots=True)
class _Product:
    """One product: the sum it belongs to, where its data begin, and its weights."""

    row: int
    lines: tuple[int, ...]
    column: int
    factor: Factor


def _products(
    window: tuple[int, int],
    strides: tuple[int, int],
    dilation: tuple[int, int],
    size: tuple[int, int],
) -> Iterator[_Product]:
    """Yield the products of a tile, those of the same data one after the other."""
    down, across = size
    taps = {
        (line * strides[0] + tap * dilation[0], line): tap
        for line in range(down)
        for tap in range(window[0])
    }
    needed = sorted({line for line, _ in taps})
    for first in range(0, len(needed), _GROUP):
        lines = tuple(needed[first : first + _GROUP])
        for column in range((across - 1) * strides[1] + (window[1] - 1) * dilation[1] + 1):
            for row in range(down * across):
                line, place = divmod(row, across)
                tap, rest = divmod(column - place * strides[1], dilation[1])
                if rest or not 0 <= tap < window[1]:
                    continue
                rows = tuple(taps.get((one, line), -1) for one in lines)
                if any(one >= 0 for one in rows):
                    yield _Product(row, lines, column, (_full(rows), tap))


def _full(rows: tuple[int, ...]) -> tuple[int, ...]:
    """Return four lines of the window."""
    return rows + (-1,) * (_GROUP - len(rows))


def list_factors(
    shape: tuple[int, int, int, int],
    window: tuple[int, int],
    strides: tuple[int, int],
    dilation: tuple[int, int],
    tile: tuple[int, int],
) -> tuple[Factor, ...]:
    """Return the weights that the tiles of a kernel need, each once."""
    found: dict[Factor, None] = {}
    for _, down in split_evenly(shape[1], tile[0]):
        for _, across in split_evenly(shape[2], tile[1]):
            for product in _products(window, strides, dilation, (down, across)):
                found[product.factor] = None
    return tuple(found)


class _Emission:
    """Writes one depthwise convolution."""

    def __init__(self, kernel: DepthwiseDot, build: Builder, pointers: list[str]) -> None:
        self.kernel, self.build = kernel, build
        target, data, self.weight, *others = pointers
        self.data = build.address(data, kernel.origin)
        self.start = others.pop(0) if kernel.starts else ""
        geometry = kernel.window, kernel.strides, kernel.dilation
        factors = list_factors(kernel.shape, *geometry, kernel.tile)
        self.factors = {factor: number for number, factor in enumerate(factors)}
        self.geometry = geometry
        self.whole = kernel.vector_bytes // 4
        self.lanes = min(self.whole, max(_GROUP, 1 << (kernel.shape[3] - 1).bit_length()))
        self.finish = Finish(
            build,
            Evaluator(build, kernel.formula, others),
            kernel.formula,
            (target, kernel.target_strides),
            "int32",
            self.lanes,
            prod(kernel.tile),
            kernel.vector_bytes,
        )

    def channels(self, where: tuple[Index, Index, Index], size: tuple[int, int]) -> None:
        """Loop over the channels of a tile; the last vector may be a shorter one."""
        channels = self.kernel.shape[3]
        whole = channels // self.lanes * self.lanes

        def vector(channel: Index, _: list[str]) -> None:
            self._tile(where, channel, size, self.lanes, self.lanes)

        self.build.loop(0, whole, vector, step=self.lanes)
        rest = channels - whole
        if rest:
            lanes = max(_GROUP, 1 << (rest - 1).bit_length())
            self._tile(where, whole, size, lanes, rest)

    def _tile(
        self,
        where: tuple[Index, Index, Index],
        channel: Index,
        size: tuple[int, int],
        lanes: int,
        valid: int,
    ) -> None:
        """Compute some channels of a tile."""
        build, kernel = self.build, self.kernel
        image, line, place = where
        n, down, across, _ = kernel.data_strides
        steps = (n, down * kernel.strides[0], across * kernel.strides[1], 1)
        data = build.address(self.data, build.offset([*where, channel], steps))
        pitch = len(self.factors) * _GROUP
        weight = build.address(self.weight, build.multiply(channel, pitch))
        if not isinstance(channel, str):
            # Where vectors of weights are whole, a shorter one begins inside of one.
            inside = channel % self.whole
            weight = build.address(self.weight, (channel - inside) * pitch + inside * _GROUP)
        begin = "zeroinitializer"
        if self.start:
            begin = build.load("int32", build.address(self.start, channel, 4), lanes)
        sums = [begin] * (size[0] * size[1])
        loaded: dict[tuple[tuple[int, ...], int], str] = {}
        known: dict[Factor, str] = {}
        for product in _products(*self.geometry, size):
            key = product.lines, product.column
            if key not in loaded:
                loaded[key] = self._gather(data, product.lines, product.column, lanes)
            if product.factor not in known:
                offset = self.factors[product.factor] * self.whole * _GROUP
                address = build.address(weight, offset)
                known[product.factor] = build.load("int8", address, _GROUP * lanes)
            sums[product.row] = self._multiply(
                sums[product.row], loaded[key], known[product.factor], lanes
            )
        self.finish.run(Tile((image,), line, place, channel, size, 1, valid, lanes), sums)

    def _gather(self, data: str, lines: tuple[int, ...], column: int, lanes: int) -> str:
        """Return the bytes of some channels, those of four lines side by side."""
        build = self.build
        _, down, across, _ = self.kernel.data_strides
        kind = f"<{lanes} x i8>"
        rows = []
        for line in lines:
            address = build.address(data, line * down + column * across)
            rows.append(build.load("int8", address, lanes))
        rows += ["zeroinitializer"] * (_GROUP - len(rows))
        left, right = (
            self._joined(kind, rows[number], rows[number + 1], 2 * lanes) for number in (0, 2)
        )
        whole = self._joined(f"<{2 * lanes} x i8>", left, right, _GROUP * lanes)
        places = (number % _GROUP * lanes + number // _GROUP for number in range(_GROUP * lanes))
        mask = ", ".join(f"i32 {place}" for place in places)
        kind = f"<{_GROUP * lanes} x i8>"
        return build.value(
            f"shufflevector {kind} {whole}, {kind} poison, <{_GROUP * lanes} x i32> <{mask}>"
        )

    def _joined(self, kind: str, left: str, right: str, lanes: int) -> str:
        """Return two vectors as one."""
        mask = ", ".join(f"i32 {lane}" for lane in range(lanes))
        return self.build.value(
            f"shufflevector {kind} {left}, {kind} {right}, <{lanes} x i32> <{mask}>"
        )

    def _multiply(self, total: str, x: str, y: str, lanes: int) -> str:
        """Return total + the sum of four products, in every lane."""
        kind, bytes_kind = f"<{lanes} x i32>", f"<{_GROUP * lanes} x i8>"
        name = f"llvm.x86.avx512.vpdpbusd.{32 * lanes}"
        return self.build.call(kind, name, (kind, total), (bytes_kind, x), (bytes_kind, y))
