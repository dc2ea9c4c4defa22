"""The kernel of depthwise convolution: every channel has its own window of weights."""

from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index, element_bytes, llvm_type
from ..formula import Formula
from .evaluator import Evaluator, pieces
from .parts import count_parts, nest_parts
from .tile import Epilogue, accumulate, extend, split_evenly

__all__ = ["Depthwise"]

_MOST_ROWS = 4


@dataclass(frozen=True, slots=True)
class Depthwise:
    """Sums of products over a window, for all places, channels last.

    Attributes
    ----------
    shape : (n, rows, columns, channels)
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
    data_dtype: str
    weight_dtype: str
    sum_dtype: str
    formula: Formula
    vector_bytes: int

    @property
    def chunks(self) -> int:
        """How many parts: places along the first axes."""
        return count_parts(self.shape[:2], prod(self.shape) * prod(self.window))

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the body; `pointers` are target, data, weights and what the formula reads."""
        target, data, weight, *others = pointers
        evaluator = Evaluator(build, self.formula, others)
        epilogue = Epilogue(
            build,
            evaluator,
            self.formula,
            self.target_strides,
            target,
            self.sum_dtype,
            self.vector_bytes,
        )
        channels = self.shape[3]
        widest = self.vector_bytes // element_bytes(self.sum_dtype)
        lanes = min(widest, 1 << (channels.bit_length() - 1))
        tile = build.allocate(_MOST_ROWS * lanes * element_bytes(self.sum_dtype))

        def places(outer: list[Index]) -> None:
            for begin, end, width in pieces(channels, lanes):
                for start, count, rows in _tiles(self.shape[2]):

                    def block(
                        channel: Index,
                        _: list[str],
                        width: int = width,
                        start: int = start,
                        count: int = count,
                        rows: int = rows,
                    ) -> None:
                        def row_tile(number: Index, _: list[str]) -> None:
                            column = build.offset([number], [rows], start)
                            where = [*outer, column, channel]
                            self._tile(build, epilogue, data, weight, tile, where, rows, width)

                        build.loop(0, count, row_tile)

                    build.loop(begin, end, block, step=width)

        nest_parts(build, self.shape[:2], self.chunks, (first, last), places)

    def _tile(
        self,
        build: Builder,
        epilogue: Epilogue,
        data: str,
        weight: str,
        tile: str,
        where: list[Index],
        rows: int,
        lanes: int,
    ) -> None:
        """Compute `rows` places side by side of `lanes` channels, from `where` on."""
        kind, width = llvm_type(self.sum_dtype, lanes), element_bytes(self.sum_dtype)
        origin = build.offset(where, self.data_strides, self.origin)
        channel = where[3]

        def tap(down: Index, across: Index, sums: list[str]) -> list[str]:
            place = build.offset(
                [down, across, channel], [self.window[1] * self.shape[3], self.shape[3], 1]
            )
            y = self._load(build, weight, place, self.weight_dtype, lanes)
            at = build.add(origin, build.offset([down, across], self.tap_strides))
            result: list[str] = []
            for row, total in enumerate(sums):
                offset = build.add(at, row * self.data_strides[2])
                x = self._load(build, data, offset, self.data_dtype, lanes)
                result.append(accumulate(build, self.sum_dtype, total, x, y, lanes))
            return result

        def window_row(down: Index, sums: list[str]) -> list[str]:
            return build.loop(
                0,
                self.window[1],
                lambda across, inner: tap(down, across, inner),
                [(kind, total) for total in sums],
            )

        zero = "zeroinitializer"
        if lanes == 1:
            zero = "0.0" if self.sum_dtype.startswith("float") else "0"
        sums = build.loop(0, self.window[0], window_row, [(kind, zero)] * rows)
        for number, total in enumerate(sums):
            address = build.address(tile, number * lanes, width)
            build.do(f"store {kind} {total}, ptr {address}, align {width}")

        def indices(row: Index, column: Index) -> list[Index]:
            return [*where[:2], build.add(where[2], row), build.add(channel, column)]

        epilogue.run(tile, rows, lanes, lanes, indices)

    def _load(self, build: Builder, pointer: str, offset: Index, dtype: str, lanes: int) -> str:
        """Return neighbouring elements in the type of the sums."""
        address = build.address(pointer, offset, element_bytes(dtype))
        return extend(build, build.load(dtype, address, lanes), dtype, self.sum_dtype, lanes)


def _tiles(extent: int) -> list[tuple[int, int, int]]:
    """Return (first, count, size) of the tiles of a row."""
    found, first = [], 0
    for count, size in split_evenly(extent, _MOST_ROWS):
        found.append((first, count, size))
        first += count * size
    return found
