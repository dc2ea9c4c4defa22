"""The kernel of depthwise convolution: every channel has its own window of weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index, element_bytes, llvm_type
from ..formula import Formula
from .evaluator import Evaluator
from .finish import Finish, Tile
from .overlay import overlaid
from .parts import count_parts
from .tile import accumulate, extend
from .window import tile_extents, walk_tiles

__all__ = ["Depthwise"]

# Taps that are written out; of larger windows, a loop goes over the lines.
_FEW_TAPS = 12


@dataclass(frozen=True, slots=True)
class Depthwise:
    """Sums of products over a window, for all places, channels last.

    Attributes
    ----------
    shape : (n, lines, places, channels)
        Of the result.
    target_strides : tuple of int
        Elements, by axis.
    data_strides : tuple of int
        Elements of the data from one index of the result to the next, by axis.
    origin : int
        Elements from the data to those of the first place.
    window : (int, int)
        Taps down and across.
    tap_strides : (int, int)
        Elements of the data from tap to tap.
    tile : (int, int)
        Lines, and places in each, computed at once.
    starts : bool
        The sums start from a vector of channels, given after the weights, not from 0.
    data_dtype, weight_dtype, sum_dtype : str
    formula : Formula
    vector_bytes : int
    """

    shape: tuple[int, int, int, int]
    target_strides: tuple[int, ...]
    data_strides: tuple[int, ...]
    origin: int
    window: tuple[int, int]
    tap_strides: tuple[int, int]
    tile: tuple[int, int]
    starts: bool
    data_dtype: str
    weight_dtype: str
    sum_dtype: str
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
        _Emission(self, build, pointers).run((first, last))


class _Emission:
    """Writes one depthwise convolution."""

    def __init__(self, kernel: Depthwise, build: Builder, pointers: list[str]) -> None:
        self.kernel, self.build = kernel, build
        target, data, self.weight, *others = pointers
        size = element_bytes(kernel.data_dtype)
        self.data = build.address(data, kernel.origin, size)
        self.start = others.pop(0) if kernel.starts else ""
        lanes = kernel.vector_bytes // element_bytes(kernel.sum_dtype)
        self.lanes = min(lanes, 1 << (kernel.shape[3].bit_length() - 1))
        self.finish = Finish(
            build,
            Evaluator(build, kernel.formula, others),
            kernel.formula,
            (target, kernel.target_strides),
            kernel.sum_dtype,
            self.lanes,
            prod(kernel.tile),
            kernel.vector_bytes,
        )

    def run(self, bounds: tuple[Index, Index]) -> None:
        """Loop over all tiles, in some parts."""
        kernel = self.kernel
        walk_tiles(self.build, kernel.shape, kernel.tile, kernel.chunks, bounds, self._channels)

    def _channels(self, where: tuple[Index, Index, Index], size: tuple[int, int]) -> None:
        """Loop over the channels of a tile: whole vectors, then shorter and shorter ones."""
        build, channels = self.build, self.kernel.shape[3]
        done, lanes = 0, self.lanes
        while done < channels:
            stop = channels - (channels - done) % lanes

            def vector(channel: Index, _: list[str], lanes: int = lanes) -> None:
                self._tile(where, channel, size, lanes)

            build.loop(done, stop, vector, step=lanes)
            done, lanes = stop, lanes // 2

    def _tile(
        self,
        where: tuple[Index, Index, Index],
        channel: Index,
        size: tuple[int, int],
        lanes: int,
    ) -> None:
        """Compute some channels of a tile."""
        build, kernel = self.build, self.kernel
        kind, dtype = llvm_type(kernel.sum_dtype, lanes), kernel.sum_dtype
        offset = build.offset([*where, channel], kernel.data_strides)
        data = build.address(self.data, offset, element_bytes(kernel.data_dtype))
        weight = build.address(self.weight, channel, element_bytes(kernel.weight_dtype))
        begin = "zeroinitializer" if lanes > 1 else "0.0" if dtype.startswith("float") else "0"
        if self.start:
            address = build.address(self.start, channel, element_bytes(dtype))
            begin = build.load(dtype, address, lanes)
        sums = [begin] * (size[0] * size[1])
        taps = [(y, x) for y in range(kernel.window[0]) for x in range(kernel.window[1])]
        if len(taps) <= _FEW_TAPS:
            sums = self._products(data, weight, taps, size, sums, lanes)
        else:
            row = [(0, x) for x in range(kernel.window[1])]

            def line(down: Index, carried: list[str]) -> list[str]:
                place = build.multiply(down, kernel.tap_strides[0])
                here = build.address(data, place, element_bytes(kernel.data_dtype))
                place = build.multiply(down, kernel.window[1] * kernel.shape[3])
                at = build.address(weight, place, element_bytes(kernel.weight_dtype))
                return self._products(here, at, row, size, carried, lanes)

            sums = build.loop(0, kernel.window[0], line, [(kind, total) for total in sums])
        image, first, place = where
        self.finish.run(Tile((image,), first, place, channel, size, 1, lanes, lanes), sums)

    def _products(
        self,
        data: str,
        weight: str,
        taps: Sequence[tuple[int, int]],
        size: tuple[int, int],
        sums: Sequence[str],
        lanes: int,
    ) -> list[str]:
        """Return the sums with the products of some taps added; each datum is loaded once."""
        build, kernel = self.build, self.kernel
        uses: dict[int, list[tuple[int, int]]] = {}
        for row in range(size[0] * size[1]):
            place = row // size[1] * kernel.data_strides[1] + row % size[1] * kernel.data_strides[2]
            for number, (y, x) in enumerate(taps):
                step = y * kernel.tap_strides[0] + x * kernel.tap_strides[1]
                uses.setdefault(place + step, []).append((row, number))
        channels = kernel.shape[3]
        factors = [
            self._load(weight, (y * kernel.window[1] + x) * channels, kernel.weight_dtype, lanes)
            for y, x in taps
        ]
        result = list(sums)
        for offset, products in sorted(uses.items()):
            value = self._load(data, offset, kernel.data_dtype, lanes)
            for row, number in products:
                result[row] = accumulate(
                    build, kernel.sum_dtype, result[row], value, factors[number], lanes
                )
        return result

    def _load(self, pointer: str, offset: int, dtype: str, lanes: int) -> str:
        """Return neighbouring elements in the type of the sums."""
        address = self.build.address(pointer, offset, element_bytes(dtype))
        value = self.build.load(dtype, address, lanes)
        return extend(self.build, value, dtype, self.kernel.sum_dtype, lanes)
