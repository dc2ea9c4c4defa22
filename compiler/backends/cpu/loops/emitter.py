"""Emission of statements."""

from dataclasses import replace

from ....schedule.dependence import lanes_obstacle
from ....schedule.expressions import Constant
from ....schedule.nodes import Allocate, Block, For, If, Sequence, Statement, Store, Tensor, While
from ..builder import Builder, Index, element_bytes
from ..machine import Machine
from .contraction import contraction
from .frame import Frame, Place
from .lanes import lanes_of
from .memory import store
from .values import Values

__all__ = ["emit"]

# A loop over so few vectors is written out: buffers that it fills then live in registers.
_MOST_VECTORS = 4


def emit(frame: Frame, statement: Statement, machine: Machine) -> None:
    """Write the instructions of `statement`."""
    _Emitter(machine).do(frame, statement)


class _Emitter:
    """Writes statements.

    Parameters
    ----------
    machine : Machine
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def do(self, frame: Frame, statement: Statement) -> None:
        """Write a statement."""
        match statement:
            case For():
                self._loop(frame, statement)
            case Block(_, _, _, body):
                self.do(frame, body)
            case Store():
                store(frame, Values(frame), statement)
            case If():
                self._choose(frame, statement)
            case While():
                self._repeat(frame, statement)
            case Allocate(buffer, body):
                self.do(frame.with_buffer(buffer, _allocate(frame, statement)), body)
            case Tensor(_, loop):
                contraction(frame, Values(frame), loop, self._machine)
            case Sequence(parts):
                for part in parts:
                    self.do(frame, part)

    def _loop(self, frame: Frame, loop: For) -> None:
        """Write a loop of any kind."""
        extent = loop.extent
        if loop.kind == "unrolled" and isinstance(extent, Constant):
            for index in range(int(extent.value)):
                self.do(frame.inside(loop.variable, index, extent), loop.body)
            return
        stop = Values(frame).index(extent)
        lanes = 1
        if loop.kind == "vector" and not frame.vector and lanes_obstacle(loop) is None:
            lanes = lanes_of(loop, self._machine.vector_bytes)
        if lanes == 1:
            self._scalar(frame, loop, 0, stop)
            return
        whole = _whole(frame.build, stop, lanes)

        def vector(index: Index, _: list[str]) -> None:
            inside = frame.inside(loop.variable, index, extent)
            self.do(replace(inside, vector=loop.variable, lanes=lanes), loop.body)

        if isinstance(whole, int) and whole <= _MOST_VECTORS * lanes:
            for first in range(0, whole, lanes):
                vector(first, [])
        else:
            frame.build.loop(0, whole, vector, step=lanes)
        self._scalar(frame, loop, whole, stop)

    def _scalar(self, frame: Frame, loop: For, start: Index, stop: Index) -> None:
        """Write a loop of one iteration after the other."""

        def body(index: Index, _: list[str]) -> None:
            self.do(frame.inside(loop.variable, index, loop.extent), loop.body)

        frame.build.loop(start, stop, body)

    def _choose(self, frame: Frame, statement: If) -> None:
        """Write a choice: a branch, or a mask where lanes differ."""
        condition, then, otherwise = statement.condition, statement.then, statement.otherwise
        if not frame.is_wide(condition):
            frame.build.branch(
                Values(frame).narrow(condition),
                lambda: self.do(frame, then),
                (lambda: self.do(frame, otherwise)) if otherwise != Sequence(()) else None,
            )
            return
        holds = Values(frame).wide(condition)
        self._masked(frame, holds, then)
        if otherwise != Sequence(()):
            kind = f"<{frame.lanes} x i1>"
            fails = frame.build.value(f"xor {kind} {holds}, splat (i1 true)")
            self._masked(frame, fails, otherwise)

    def _masked(self, frame: Frame, condition: str, body: Statement) -> None:
        """Write `body` for the lanes where a condition holds, if there are any."""
        mask = _and(frame, condition)
        inside = replace(frame, mask=mask)
        frame.build.branch(_any(frame, mask), lambda: self.do(inside, body))

    def _repeat(self, frame: Frame, statement: While) -> None:
        """Write a loop that ends by a condition; lanes whose condition fails wait for others."""
        if not frame.is_wide(statement.condition):
            frame.build.repeat(
                lambda: Values(frame).narrow(statement.condition),
                lambda: self.do(frame, statement.body),
            )
            return
        masks: list[str] = []

        def test() -> str:
            masks.append(_and(frame, Values(frame).wide(statement.condition)))
            return _any(frame, masks[-1])

        def body() -> None:
            self.do(replace(frame, mask=masks[-1]), statement.body)

        frame.build.repeat(test, body)


def _and(frame: Frame, condition: str) -> str:
    """Return the lanes at work where a condition holds."""
    if not frame.mask:
        return condition
    return frame.build.value(f"and <{frame.lanes} x i1> {frame.mask}, {condition}")


def _any(frame: Frame, mask: str) -> str:
    """Return whether any lane is in a mask."""
    kind = f"<{frame.lanes} x i1>"
    return frame.build.call("i1", f"llvm.vector.reduce.or.v{frame.lanes}i1", (kind, mask))


def _whole(build: Builder, stop: Index, lanes: int) -> Index:
    """Return how many iterations whole vectors do."""
    if isinstance(stop, int):
        return stop - stop % lanes
    return build.value(f"and i64 {stop}, -{lanes}")


def _allocate(frame: Frame, statement: Allocate) -> Place:
    """Return the place of a new buffer, in the stack frame."""
    buffer = statement.buffer
    size = element_bytes(buffer.dtype) * frame.lanes
    for extent in buffer.shape:
        assert isinstance(extent, int), "symbolic buffers live in the workspace"
        size *= extent
    return Place(frame.build.allocate(max(size, 1)), frame.lanes)
