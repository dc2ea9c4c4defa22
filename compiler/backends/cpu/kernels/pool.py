"""The kernel of pooling: the sum or the extreme of every window of an image."""

from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index, element_bytes, llvm_type
from ..formula import Formula, Node
from ..operations import OPERATIONS
from ..site import Site, literal
from .evaluator import Evaluator, lanes_of, pieces
from .overlay import overlaid
from .parts import count_parts, nest_parts
from .tile import extend

__all__ = ["Pool", "combine"]

# Taps of a window that are written out, without loops.
_FEW_TAPS = 16


def combine(build: Builder, name: str, dtype: str, left: str, right: str, lanes: int) -> str:
    """Return the result of a binary operation, such as "add" or "maximum"."""
    site = Site(build, Node(name, dtype), (dtype, dtype), (left, right), lanes)
    return OPERATIONS[name](site)


@dataclass(frozen=True, slots=True)
class Pool:
    """Combines the elements of windows; padding is left out.

    Attributes
    ----------
    shape : tuple of int
        Of the result, axes in the order of memory.
    row_axis, column_axis : int
        Which of them are down and across.
    target_strides, data_strides : tuple of int
        Elements by axis; those of the data count per element of the data.
    origin : int
        Elements from the data to those of the first window, padding not counted.
    size : (int, int)
        Rows and columns of the data.
    window, strides, dilation : (int, int)
    before : (int, int)
        Padding at the top and at the left.
    operation : str
        add or maximum.
    first : float
        Value to begin with.
    data_dtype, result_dtype : str
        The latter is that of the combined value, which the formula takes as its anchor.
    formula : Formula
    vector_bytes : int
    """

    shape: tuple[int, ...]
    row_axis: int
    column_axis: int
    target_strides: tuple[int, ...]
    data_strides: tuple[int, ...]
    origin: int
    size: tuple[int, int]
    window: tuple[int, int]
    strides: tuple[int, int]
    dilation: tuple[int, int]
    before: tuple[int, int]
    operation: str
    first: float
    data_dtype: str
    result_dtype: str
    formula: Formula
    vector_bytes: int

    @property
    def chunks(self) -> int:
        """How many parts: places along the first axes."""
        return count_parts(self.shape[:-1], prod(self.shape) * prod(self.window))

    @property
    def in_place(self) -> tuple[int, ...]:
        """Operands of the formula."""
        return overlaid(self.formula, self.shape, self.target_strides, 1)

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body; `pointers` are target, data and what the formula reads."""
        target, data, *others = pointers
        evaluator = Evaluator(build, self.formula, others)
        *outer, extent = self.shape
        axis = len(outer)
        contiguous = self.data_strides[-1] == 1 and axis not in (self.row_axis, self.column_axis)
        lanes = 1
        if contiguous:
            stride = self.target_strides[-1]
            lanes = lanes_of(self.formula, -1, stride, extent, self.vector_bytes)

        def row(indices: list[Index]) -> None:
            for start, stop, width in pieces(extent, lanes):

                def vector(index: Index, _: list[str], width: int = width) -> None:
                    where = [*indices, index]
                    anchor = self._window(build, data, where, width)
                    value = evaluator.emit(where, width, anchor)
                    dtype = self.formula[-1].dtype
                    offset = build.offset(where, self.target_strides)
                    address = build.address(target, offset, element_bytes(dtype))
                    build.store(dtype, value, address, width)

                build.loop(start, stop, vector, step=width)

        nest_parts(build, outer, self.chunks, (first, last), row)

    def _window(self, build: Builder, data: str, where: list[Index], lanes: int) -> str:
        """Return the combined elements of the window at `where`."""
        axes = (self.row_axis, self.column_axis)
        others = [0 if axis in axes else index for axis, index in enumerate(where)]
        origin = build.offset(others, self.data_strides, self.origin)
        begins = [
            build.offset([where[axis]], [self.strides[number]], -self.before[number])
            for number, axis in enumerate(axes)
        ]
        bounds = [self._taps(build, number, begins[number]) for number in range(2)]
        inside = bounds == [(0, taps) for taps in self.window]
        if inside and self.window[0] * self.window[1] <= _FEW_TAPS:
            return self._whole(build, data, where, lanes)
        kind = llvm_type(self.result_dtype, lanes)
        number = literal(self.first, self.result_dtype)
        zero = number if lanes == 1 else f"splat ({llvm_type(self.result_dtype)} {number})"

        def tap(down: Index, across: Index, total: str) -> str:
            place: Index = origin
            for number, index in enumerate((down, across)):
                step = build.add(begins[number], build.multiply(index, self.dilation[number]))
                place = build.add(place, build.multiply(step, self.data_strides[axes[number]]))
            address = build.address(data, place, element_bytes(self.data_dtype))
            x = build.load(self.data_dtype, address, lanes)
            x = extend(build, x, self.data_dtype, self.result_dtype, lanes)
            return combine(build, self.operation, self.result_dtype, total, x, lanes)

        def window_row(down: Index, carried: list[str]) -> list[str]:
            return build.loop(
                *bounds[1],
                lambda across, inner: [tap(down, across, inner[0])],
                [(kind, carried[0])],
            )

        return build.loop(*bounds[0], window_row, [(kind, zero)])[0]

    def _whole(self, build: Builder, data: str, where: list[Index], lanes: int) -> str:
        """Return the combined elements of a window that lies within the data, written out."""
        steps = list(self.data_strides)
        start = self.origin
        for number, axis in enumerate((self.row_axis, self.column_axis)):
            steps[axis] *= self.strides[number]
            start -= self.before[number] * self.data_strides[axis]
        size = element_bytes(self.data_dtype)
        first = build.address(data, build.offset(where, steps, start), size)
        down = self.dilation[0] * self.data_strides[self.row_axis]
        across = self.dilation[1] * self.data_strides[self.column_axis]
        total = ""
        for line in range(self.window[0]):
            for place in range(self.window[1]):
                address = build.address(first, line * down + place * across, size)
                x = build.load(self.data_dtype, address, lanes)
                x = extend(build, x, self.data_dtype, self.result_dtype, lanes)
                if total:
                    x = combine(build, self.operation, self.result_dtype, total, x, lanes)
                total = x
        return total

    def _taps(self, build: Builder, number: int, begin: Index) -> tuple[Index, Index]:
        """Return the first tap and one past the last that lie within the data."""
        taps, dilation, size = self.window[number], self.dilation[number], self.size[number]
        axis = (self.row_axis, self.column_axis)[number]
        largest = (self.shape[axis] - 1) * self.strides[number] - self.before[number]
        low: Index = 0
        high: Index = taps
        if self.before[number]:
            low = _divide_up(build, build.offset([begin], [-1]), dilation)
        if largest + (taps - 1) * dilation >= size:
            rest = _divide_up(build, build.offset([begin], [-1], size), dilation)
            if isinstance(rest, int):
                high = min(rest, taps)
            else:
                high = build.call("i64", "llvm.smin.i64", ("i64", rest), ("i64", str(taps)))
        return low, high


def _divide_up(build: Builder, x: Index, divisor: int) -> Index:
    """Return max(x, 0) / divisor, rounded up."""
    if isinstance(x, int):
        return -(-max(x, 0) // divisor)
    positive = build.call("i64", "llvm.smax.i64", ("i64", x), ("i64", "0"))
    if divisor == 1:
        return positive
    return build.value(f"udiv i64 {build.add(positive, divisor - 1)}, {divisor}")
