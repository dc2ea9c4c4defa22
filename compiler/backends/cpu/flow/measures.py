"""Instructions for the sizes of a graph: what is read of tensors, what must hold, new tensors."""

from collections.abc import Callable, Sequence

from isa.host import TENSOR_TAG, Status

from ....ir.dims import Dim, Quotient, Size, Symbol
from ..arena import ALIGNMENT
from ..builder import element_bytes
from ..sizes import index_of, parts_of
from .code import Compute, Measure, Require, Variable
from .runtime import FIELDS_OFFSET, slot
from .values import Values, head_of
from .writer import Writer

__all__ = ["Sizes"]

# No memory has so many bytes, and doubles say exactly whether there are more.
_MOST = f"{1 << 52}.0"


class Sizes:
    """The sizes of one graph where a function computes it.

    Parameters
    ----------
    write : Writer
        Of the function.
    values : Values
        Of the function.
    fail : callable
        Returns the status that a message has.
    """

    def __init__(self, write: Writer, values: Values, fail: Callable[[str], int]) -> None:
        self._write, self._values, self._fail = write, values, fail
        self._symbols: dict[Symbol, str] = {}
        self._bounded: set[Dim] = set()

    def take(self, compute: Compute) -> None:
        """Read sizes, and leave the function if they do not fit."""
        for measure in compute.measures:
            self._symbols[measure.symbol] = self._measured(measure, compute.reads[measure.read])
        for require in compute.requires:
            self._require(self._holds(require), self._fail(require.message))

    def value(self, size: Dim) -> str:
        """Return the value of a size."""
        return str(index_of(size, self._symbols, self._write.value))

    def tensor(self, shape: Sequence[Dim], size: Dim) -> str:
        """Return a new tensor of some shape and so many bytes."""
        write, rank = self._write, len(shape)
        self._bound(*shape, size)
        head = FIELDS_OFFSET + 8 * rank
        # What fits beside the head stays there: a scalar takes one block of 64 bytes.
        small = isinstance(size, int) and head + size <= ALIGNMENT
        start = head if small else -(-head // ALIGNMENT) * ALIGNMENT
        made = self._take(head_of(TENSOR_TAG, rank), start, self.value(size))
        for axis, extent in enumerate(shape):
            write.store("i64", self.value(extent), made, FIELDS_OFFSET + 8 * axis)
        return made

    def block(self, size_bytes: Dim) -> str:
        """Return an object that is nothing but memory."""
        self._bound(size_bytes)
        return self._take(head_of(TENSOR_TAG, 0), ALIGNMENT, self.value(size_bytes))

    def _take(self, head: int, start: int, size_bytes: str) -> str:
        """Return a new tensor without sizes; leave the function if there is no memory."""
        write = self._write
        made = write.value(
            f"call ptr @take_tensor(ptr %state, i64 {head}, i64 {start}, i64 {size_bytes})"
        )
        none, good = write.value(f"icmp eq ptr {made}, null"), write.fresh("good")
        write.branch(none, "failed", good)
        write.begin(good)
        return made

    def _bound(self, *sizes: Dim) -> None:
        """Leave the function if a size is more than any heap, before 64 bits overflow."""
        write = self._write
        for size in sizes:
            if isinstance(size, int) or size in self._bounded:
                continue
            self._bounded.add(size)
            fits = write.value(f"fcmp olt double {self._magnitude(size)}, {_MOST}")
            self._require(fits, Status.HEAP_FULL)

    def _magnitude(self, size: Dim) -> str:
        """Return what no intermediate result of `value` is above; symbols are >= 0."""
        if isinstance(size, int):
            return f"{abs(size)}.0"
        assert isinstance(size, Size), "a size that nothing says has no value"
        total = "0.0"
        for monomial, factor in size.terms:
            product = f"{abs(factor)}.0"
            for atom in monomial:
                product = self._write.value(f"fmul double {product}, {self._atom(atom)}")
            total = self._write.value(f"fadd double {total}, {product}")
        return total

    def _atom(self, atom: Symbol | Quotient) -> str:
        """Return the magnitude of an atom, 1 where it is 0."""
        write = self._write
        if isinstance(atom, Quotient):
            return write.value(f"fadd double 1.0, {self._magnitude(atom.dividend)}")
        if parts_of(atom):
            total = "1.0"
            for part in parts_of(atom):
                total = write.value(f"fadd double {total}, {self._magnitude(part)}")
            return total
        wide = write.value(f"sitofp i64 {self.value(Size((((atom,), 1),)))} to double")
        some = write.value(f"fcmp ogt double {wide}, 1.0")
        return write.value(f"select i1 {some}, double {wide}, double 1.0")

    def _measured(self, measure: Measure, read: Variable) -> str:
        """Return the value of a symbol that is read."""
        write = self._write
        if measure.axis is not None:
            source = self._values.known(read)
            size = write.load("i64", source, FIELDS_OFFSET + 8 * measure.axis)
            return (
                size if measure.divisor == 1 else write.value(f"sdiv i64 {size}, {measure.divisor}")
            )
        data = self._values.data(read)
        width = 8 * element_bytes(measure.dtype)
        value = write.load(f"i{width}", data, measure.element * width // 8)
        if width < 64:
            signed = "sext" if measure.dtype.startswith("int") else "zext"
            value = write.value(f"{signed} i{width} {value} to i64")
        good = write.value(f"icmp sge i64 {value}, 0")
        self._require(good, self._fail("a size that is computed must not be negative"))
        return value

    def _holds(self, require: Require) -> str:
        """Return whether sizes fit."""
        write = self._write
        left, right = self.value(require.left), self.value(require.right)
        tests = [write.value(f"icmp eq i64 {left}, {right}")]
        if require.stretches:
            tests.append(write.value(f"icmp eq i64 {left}, 1"))
        if require.both:
            tests.append(write.value(f"icmp eq i64 {right}, 1"))
        found = tests[0]
        for test in tests[1:]:
            found = write.value(f"or i1 {found}, {test}")
        return found

    def _require(self, holds: str, status: int) -> None:
        """Leave the function with an error unless something holds."""
        write = self._write
        good, wrong = write.fresh("good"), write.fresh("wrong")
        write.branch(holds, good, wrong)
        write.begin(wrong)
        write.store("i64", f"{status:d}", "%state", slot("status"))
        write.do("ret ptr null")
        write.begin(good)
