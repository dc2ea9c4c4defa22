"""Text of one LLVM function: values, labels, and blocks of the stack frame."""

from collections.abc import Iterator
from itertools import count

__all__ = ["Writer"]


class Writer:
    """Collects the instructions of a function whose result is a pointer or a status.

    Attributes
    ----------
    label : str
        Of the basic block that instructions are added to.
    """

    def __init__(self) -> None:
        self.label = "entry"
        self._frame: list[str] = []
        self._lines: list[str] = []
        self._numbers: Iterator[int] = count()

    def body(self) -> str:
        """Return the function's body between its braces."""
        return "\n".join(["entry:", *self._frame, *self._lines])

    def fresh(self, stem: str) -> str:
        """Return a name that nothing has, without the %."""
        return f"{stem}{next(self._numbers)}"

    def value(self, text: str) -> str:
        """Add an instruction with a result; return the result's name."""
        name = "%" + self.fresh("v")
        self._lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Add an instruction without a result."""
        self._lines.append("  " + text)

    def begin(self, label: str) -> None:
        """Start a basic block."""
        self._lines.append(f"{label}:")
        self.label = label

    def branch(self, condition: str, then: str, otherwise: str) -> None:
        """End a basic block with a branch."""
        self.do(f"br i1 {condition}, label %{then}, label %{otherwise}")

    def require(self, pointer: str) -> None:
        """Go to the block "failed", which the function must have, if a pointer is null."""
        none, good = self.value(f"icmp eq ptr {pointer}, null"), self.fresh("good")
        self.branch(none, "failed", good)
        self.begin(good)

    def allocate(self, size_bytes: int) -> str:
        """Return the address of some bytes of the stack frame, aligned to 8."""
        name = "%" + self.fresh("s")
        self._frame.append(f"  {name} = alloca [{size_bytes} x i8], align 8")
        return name

    def address(self, pointer: str, offset: int) -> str:
        """Return pointer + offset bytes."""
        if not offset:
            return pointer
        return self.value(f"getelementptr i8, ptr {pointer}, i64 {offset}")

    def load(self, kind: str, pointer: str, offset: int = 0) -> str:
        """Return what lies at pointer + offset bytes."""
        return self.value(f"load {kind}, ptr {self.address(pointer, offset)}")

    def store(self, kind: str, value: str, pointer: str, offset: int = 0) -> None:
        """Store at pointer + offset bytes."""
        self.do(f"store {kind} {value}, ptr {self.address(pointer, offset)}")
