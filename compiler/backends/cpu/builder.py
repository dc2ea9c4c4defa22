"""Text of one LLVM function: numbered values, loops with carried values, addresses.

Kernels write vector instructions themselves (`lanes` elements at a time), so what they do does not
depend on what an optimiser recognises.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from types import MappingProxyType

from ...ir.dims import Dim, Symbol
from .sizes import index_of

__all__ = ["Builder", "Index", "element_bytes", "llvm_type", "memory_type", "stored_type"]

Index = int | str
"""A known number, or the name of an i64 value."""

_LLVM = {"bool": "i1", "float16": "half", "float32": "float", "float64": "double"}


def stored_type(dtype: str) -> str:
    """Return the LLVM type of one element of `dtype` in memory."""
    return "i8" if dtype == "bool" else llvm_type(dtype)


def llvm_type(dtype: str, lanes: int = 1) -> str:
    """Return the LLVM type of `lanes` elements of `dtype` in registers."""
    scalar = _LLVM.get(dtype) or "i" + dtype.removeprefix("u").removeprefix("int")
    return scalar if lanes == 1 else f"<{lanes} x {scalar}>"


def memory_type(dtype: str, lanes: int = 1) -> str:
    """Return the LLVM type of `lanes` elements of `dtype` in memory, where a bool is a byte."""
    return stored_type(dtype) if lanes == 1 else f"<{lanes} x {stored_type(dtype)}>"


def element_bytes(dtype: str) -> int:
    """Return the size of one element in memory."""
    return 1 if dtype == "bool" else int(dtype.lstrip("uintfloa")) // 8


class Builder:
    """Collects the instructions of one function.

    Extents, strides and offsets may be a `Size` wherever they are numbers.

    Parameters
    ----------
    symbols : Mapping of Symbol to str
        The i64 value of each symbol of such sizes.

    Attributes
    ----------
    declarations : set of str
        Declarations that the module needs for what was called.
    symbols : Mapping of Symbol to str
    """

    def __init__(self, symbols: Mapping[Symbol, str] = MappingProxyType({})) -> None:
        self.declarations: set[str] = set()
        self.symbols = symbols
        self._sizes: dict[Dim, Index] = {}
        self._entry: list[str] = []
        self._lines: list[str] = []
        self._numbers: Iterator[int] = count()
        self._block = "entry"

    def body(self) -> str:
        """Return the function's body between its braces."""
        return "\n".join(["entry:", *self._entry, *self._lines, "  ret void"])

    def value(self, text: str) -> str:
        """Add an instruction with a result; return the result's name."""
        name = f"%v{next(self._numbers)}"
        self._lines.append(f"  {name} = {text}")
        return name

    def size(self, size: Dim | str) -> Index:
        """Return a size as an index; it is computed where the function begins."""
        if isinstance(size, int | str):
            return size
        if size not in self._sizes:
            self._sizes[size] = index_of(size, self.symbols, self._early)
        return self._sizes[size]

    def _early(self, text: str) -> str:
        """Add an instruction where the function begins; return the name of its result."""
        name = f"%v{next(self._numbers)}"
        self._entry.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Add an instruction without a result."""
        self._lines.append("  " + text)

    def allocate(self, size_bytes: int) -> str:
        """Return the address of `size_bytes` of the stack frame, aligned to 64 bytes."""
        name = f"%s{next(self._numbers)}"
        self._entry.append(f"  {name} = alloca [{size_bytes} x i8], align 64")
        return name

    def call(self, result: str, function: str, *arguments: tuple[str, str]) -> str:
        """Call a function outside the module; return the result's name.

        Parameters
        ----------
        result : str
            LLVM type of the result, not void.
        arguments : (LLVM type, value)
        """
        types = ", ".join(kind for kind, _ in arguments)
        self.declarations.add(f"declare {result} @{function}({types}) nounwind")
        values = ", ".join(f"{kind} {value}" for kind, value in arguments)
        return self.value(f"call {result} @{function}({values})")

    def splat(self, dtype: str, value: str, lanes: int) -> str:
        """Return a vector of `lanes` times `value`; `value` itself for one lane."""
        if lanes == 1:
            return value
        kind = llvm_type(dtype, lanes)
        first = self.value(f"insertelement {kind} poison, {llvm_type(dtype)} {value}, i32 0")
        return self.value(
            f"shufflevector {kind} {first}, {kind} poison, <{lanes} x i32> zeroinitializer"
        )

    def shuffle(
        self, element: str, pair: tuple[str, str], lanes: int, places: Sequence[int]
    ) -> str:
        """Return some lanes of two vectors of `lanes`; beyond both they are undefined.

        Parameters
        ----------
        element : LLVM type of one lane
        places : lanes of the first vector from 0 on, then of the second
        """
        kind = f"<{lanes} x {element}>"
        mask = ", ".join(f"i32 {place}" if place < 2 * lanes else "i32 poison" for place in places)
        return self.value(
            f"shufflevector {kind} {pair[0]}, {kind} {pair[1]}, <{len(places)} x i32> <{mask}>"
        )

    def add(self, left: Index, right: Index) -> Index:
        """Return left + right."""
        left, right = self.size(left), self.size(right)
        if isinstance(left, int) and isinstance(right, int):
            return left + right
        if 0 in (left, right):
            return right if left == 0 else left
        return self.value(f"add nsw i64 {left}, {right}")

    def multiply(self, left: Index, right: int) -> Index:
        """Return left * right."""
        if isinstance(left, int):
            return self.size(left * right)
        if right in (0, 1):
            return left if right else 0
        return self.value(f"mul nsw i64 {left}, {self.size(right)}")

    def divide(self, left: Index, right: int) -> tuple[Index, Index]:
        """Return quotient and rest of left / right, which are not negative."""
        if isinstance(left, int) and isinstance(right, int):
            return divmod(left, right)
        divisor = self.size(right)
        quotient = self.value(f"udiv i64 {left}, {divisor}")
        return quotient, self.value(f"urem i64 {left}, {divisor}")

    def offset(self, indices: Sequence[Index], strides: Sequence[int], start: int = 0) -> Index:
        """Return start + the sum of indices * strides."""
        fixed: Index = 0
        total = []
        for index, stride in zip(indices, strides, strict=True):
            part = self.multiply(index, stride)
            if isinstance(part, int):
                fixed = self.add(fixed, part)
            else:
                total.append(part)
        result: Index = total.pop(0) if total else 0
        for part in total:
            result = self.add(result, part)
        return self.add(result, self.add(start, fixed))

    def address(self, pointer: str, offset: Index, size_bytes: int = 1) -> str:
        """Return pointer + offset elements of `size_bytes`."""
        offset = self.size(offset)
        if offset == 0:
            return pointer
        kind = f"[{size_bytes} x i8]" if size_bytes > 1 else "i8"
        return self.value(f"getelementptr {kind}, ptr {pointer}, i64 {offset}")

    def load(self, dtype: str, address: str, lanes: int = 1) -> str:
        """Return `lanes` elements at `address`, aligned as one element."""
        size = element_bytes(dtype)
        kind = memory_type(dtype, lanes)
        value = self.value(f"load {kind}, ptr {address}, align {size}")
        if dtype != "bool":
            return value
        return self.value(f"icmp ne {kind} {value}, {'0' if lanes == 1 else 'zeroinitializer'}")

    def store(self, dtype: str, value: str, address: str, lanes: int = 1) -> None:
        """Store `lanes` elements at `address`, aligned as one element."""
        kind = memory_type(dtype, lanes)
        if dtype == "bool":
            value = self.value(f"zext {llvm_type(dtype, lanes)} {value} to {kind}")
        self.do(f"store {kind} {value}, ptr {address}, align {element_bytes(dtype)}")

    def loop(
        self,
        start: Index,
        stop: Index,
        body: Callable[[Index, list[str]], Sequence[str] | None],
        carried: Sequence[tuple[str, str]] = (),
        step: int = 1,
    ) -> list[str]:
        """Run `body` for start, start + step, ... below `stop`; return the carried values.

        Parameters
        ----------
        body : callable
            Gets the index and the carried values, returns the next carried values.
        carried : sequence of (LLVM type, first value)
        """
        values = [value for _, value in carried]
        start, stop = self.size(start), self.size(stop)
        if isinstance(start, int) and isinstance(stop, int):
            if start >= stop:
                return values
            if start + step >= stop:
                return list(body(start, values) or ())
            return self._counted(start, stop, body, carried, step)
        before, number = self._block, next(self._numbers)
        head, inside, after = f"h{number}", f"b{number}", f"x{number}"
        index, following = f"%i{number}", f"%n{number}"
        names = [f"%c{number}.{place}" for place in range(len(values))]
        self.do(f"br label %{head}")
        self._begin(head)
        place = len(self._lines)
        self._lines.append("")
        self.do(f"%t{number} = icmp slt i64 {index}, {stop}")
        self.do(f"br i1 %t{number}, label %{inside}, label %{after}")
        self._begin(inside)
        results = list(body(index, names) or ())
        self.do(f"{following} = add nsw i64 {index}, {step}")
        last = self._block
        self.do(f"br label %{head}")
        every = ("i64", str(start)), *carried
        ends = following, *results
        self._lines[place] = _phis((index, *names), every, ends, before, last)
        self._begin(after)
        return names

    def _counted(
        self,
        start: int,
        stop: int,
        body: Callable[[Index, list[str]], Sequence[str] | None],
        carried: Sequence[tuple[str, str]],
        step: int,
    ) -> list[str]:
        """Write a loop that runs at least twice: one block, tested at its end."""
        before, number = self._block, next(self._numbers)
        inside, after = f"b{number}", f"x{number}"
        index, following = f"%i{number}", f"%n{number}"
        names = [f"%c{number}.{place}" for place in range(len(carried))]
        self.do(f"br label %{inside}")
        self._begin(inside)
        place = len(self._lines)
        self._lines.append("")
        results = list(body(index, names) or ())
        self.do(f"{following} = add nuw nsw i64 {index}, {step}")
        self.do(f"%t{number} = icmp slt i64 {following}, {stop}")
        last = self._block
        self.do(f"br i1 %t{number}, label %{inside}, label %{after}")
        every = ("i64", str(start)), *carried
        ends = following, *results
        self._lines[place] = _phis((index, *names), every, ends, before, last)
        self._begin(after)
        return results

    def branch(
        self, condition: str, then: Callable[[], None], otherwise: Callable[[], None] | None = None
    ) -> None:
        """Do `then` where the i1 `condition` holds, else `otherwise`, if there is one."""
        number = next(self._numbers)
        yes, no, after = f"y{number}", f"o{number}", f"a{number}"
        self.do(f"br i1 {condition}, label %{yes}, label %{no if otherwise else after}")
        self._begin(yes)
        then()
        self.do(f"br label %{after}")
        if otherwise:
            self._begin(no)
            otherwise()
            self.do(f"br label %{after}")
        self._begin(after)

    def repeat(self, condition: Callable[[], str], body: Callable[[], None]) -> None:
        """Do `body` while the i1 that `condition` writes holds."""
        number = next(self._numbers)
        head, inside, after = f"w{number}", f"r{number}", f"e{number}"
        self.do(f"br label %{head}")
        self._begin(head)
        self.do(f"br i1 {condition()}, label %{inside}, label %{after}")
        self._begin(inside)
        body()
        self.do(f"br label %{head}")
        self._begin(after)

    def nest(self, extents: Sequence[int], body: Callable[[list[Index]], None]) -> None:
        """Run `body` for every combination of indices below `extents`, the last fastest."""

        def level(indices: list[Index]) -> None:
            if len(indices) == len(extents):
                body(indices)
                return

            def inner(index: Index, _: list[str]) -> None:
                level([*indices, index])

            self.loop(0, extents[len(indices)], inner)

        level([])

    def _begin(self, block: str) -> None:
        """Start a new basic block."""
        self._lines.append(f"{block}:")
        self._block = block


def _phis(
    names: Sequence[str],
    carried: Sequence[tuple[str, str]],
    results: Sequence[str],
    before: str,
    last: str,
) -> str:
    """Return the head of a loop: values of the block before it, or else of its last block."""
    return "\n".join(
        f"  {name} = phi {kind} [{first}, %{before}], [{result}, %{last}]"
        for name, (kind, first), result in zip(names, carried, results, strict=True)
    )
