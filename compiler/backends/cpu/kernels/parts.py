"""How the loops of a kernel are cut into parts for threads."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index
from .tile import split_evenly

__all__ = ["Run", "clamp", "count_parts", "loop_run", "nest_parts", "runs"]

# Handing work to another thread and waiting for it takes 1 to 2 us: as long as this many simple
# operations on elements, or products, take one thread.
_LEAST_WORK = 1 << 17
# Parts of a kernel: enough to share them evenly, also among threads that do not all get on.
_ENOUGH = 32


def count_parts(extents: Sequence[int], work: int) -> int:
    """Return how many parts a nest of independent loops has: the product of its first extents.

    Parameters
    ----------
    extents : sequence of int
    work : int
        Operations of the whole kernel, on one element each.
    """
    if not isinstance(work, int) or work < _LEAST_WORK:
        # What is not known when this is compiled stays with one thread.
        return 1
    parts = 1
    for extent in extents:
        if parts >= _ENOUGH:
            break
        parts *= extent
    return parts


def nest_parts(
    build: Builder,
    extents: Sequence[int],
    chunks: int,
    bounds: tuple[Index, Index],
    body: Callable[[list[Index]], None],
) -> None:
    """Run `body` for every combination of indices that is in the parts, the last index fastest.

    Parameters
    ----------
    extents : sequence of int
    chunks : int
        The product of the first of them, or 1: as `count_parts` gave it.
    bounds : (Index, Index)
        The first part, and one past the last.
    """
    if chunks == 1:
        build.nest(extents, body)
        return
    depth = next(depth for depth in range(len(extents) + 1) if prod(extents[:depth]) == chunks)

    def part(number: Index, _: list[str]) -> None:
        outer: list[Index] = []
        for extent in reversed(extents[1:depth]):
            number, index = build.divide(number, extent)
            outer.insert(0, index)
        outer.insert(0, number)
        build.nest(extents[depth:], lambda inner: body([*outer, *inner]))

    build.loop(*bounds, part)


def clamp(build: Builder, x: Index, low: int, high: int) -> Index:
    """Return the value between `low` and `high` that is nearest to `x`."""
    if isinstance(x, int):
        return min(max(x, low), high)
    above = build.call("i64", "llvm.smax.i64", ("i64", x), ("i64", str(low))) if low > 0 else x
    return build.call("i64", "llvm.smin.i64", ("i64", above), ("i64", str(high)))


@dataclass(frozen=True, slots=True)
class Run:
    """Tiles of one size along an axis.

    Attributes
    ----------
    number : int
        Of the first among all tiles.
    first : int
        Where it begins.
    count, size : int
    """

    number: int
    first: int
    count: int
    size: int


def runs(extent: int, largest: int) -> Iterator[Run]:
    """Yield the tiles of at most `largest` along an axis."""
    if not isinstance(extent, int):
        # Of a size that is not known yet, the rest one by one.
        count = extent // largest
        yield Run(0, 0, count, largest)
        yield Run(count, count * largest, extent - count * largest, 1)
        return
    number = first = 0
    for count, size in split_evenly(extent, largest):
        yield Run(number, first, count, size)
        number, first = number + count, first + count * size


def loop_run(
    build: Builder,
    run: Run,
    bounds: tuple[Index, Index] | None,
    body: Callable[[Index], None],
    *,
    backward: bool = False,
) -> None:
    """Run `body` where each tile begins, of those whose numbers lie within the bounds, if any.

    If `backward`, the numbers count from the last tile.
    """
    first: Index = run.number
    last: Index = run.number + run.count
    if bounds is not None:
        first, last = (clamp(build, limit, run.number, run.number + run.count) for limit in bounds)

    step = -run.size if backward else run.size
    start = run.first + (run.count - 1) * run.size if backward else run.first

    def one(number: Index, _: list[str]) -> None:
        body(build.offset([number], [step], start - run.number * step))

    build.loop(first, last, one)
