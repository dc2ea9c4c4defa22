"""How the loops of a kernel are cut into parts for threads."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from ....ir.dims import Dim, Size
from ..builder import Builder, Index
from ..sizes import as_known
from .tile import split_evenly

__all__ = [
    "OpenParts",
    "Parts",
    "Run",
    "all_parts",
    "clamp",
    "count_parts",
    "loop_run",
    "nest_parts",
    "runs",
]

# Handing work to another thread and waiting for it takes 1 to 2 us: as long as this many simple
# operations on elements, or products, take one thread.
_LEAST_WORK = 1 << 17
# Parts of a kernel: enough to share them evenly, also among threads that do not all get on.
_ENOUGH = 32


@dataclass(frozen=True, slots=True)
class OpenParts:
    """Parts of a kernel whose number or work is known only when the program runs.

    Attributes
    ----------
    count : Dim
    work : Dim
        As of `count_parts`.
    """

    count: Dim
    work: Dim

    @property
    def least_work(self) -> int:
        """Work below which they are not shared among threads."""
        return _LEAST_WORK


Parts = int | OpenParts


def all_parts(parts: Parts) -> int:
    """Return the number of parts of a kernel whose sizes are known, to do them all."""
    assert isinstance(parts, int), "a kernel inside another one has known sizes"
    return parts


def count_parts(extents: Sequence[int], work: int) -> Parts:
    """Return how many parts a nest of independent loops has: the product of its first extents.

    Parameters
    ----------
    extents : sequence of int
    work : int
        Operations of the whole kernel, on one element each.
    """
    depth = _depth(extents)
    if isinstance(work, Size):
        return OpenParts(prod(extents[:depth]), work) if depth else 1
    return 1 if work < _LEAST_WORK else prod(extents[:depth])


def _depth(extents: Sequence[int]) -> int:
    """Return how many of the first extents give enough parts, one that is open among them."""
    parts: Dim = 1
    depth = 0
    for place, extent in enumerate(extents, 1):
        if not isinstance(parts, int) or parts >= _ENOUGH:
            break
        if extent != 1:
            parts, depth = parts * extent, place
    return depth


def nest_parts(
    build: Builder,
    extents: Sequence[int],
    chunks: Parts,
    bounds: tuple[Index, Index],
    body: Callable[[list[Index]], None],
) -> None:
    """Run `body` for every combination of indices that is in the parts, the last index fastest.

    Parameters
    ----------
    extents : sequence of int
    chunks : Parts
        The product of the first of them, or 1: as `count_parts` gave it.
    bounds : (Index, Index)
        The first part, and one past the last.
    """
    if chunks == 1:
        build.nest(extents, body)
        return
    depth = _depth(extents)

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
    limits = [str(build.size(limit)) for limit in (low, high)]
    above = build.call("i64", "llvm.smax.i64", ("i64", x), ("i64", limits[0])) if low != 0 else x
    return build.call("i64", "llvm.smin.i64", ("i64", above), ("i64", limits[1]))


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
    if isinstance(extent, Size):
        yield from _open_runs(extent, largest)
        return
    number = first = 0
    for count, size in split_evenly(extent, largest):
        yield Run(number, first, count, size)
        number, first = number + count, first + count * size


def _open_runs(extent: Size, largest: int) -> Iterator[Run]:
    """Yield tiles of a size that is not known yet: whole ones, then one of each power of two."""
    number: Dim = 0
    first: Dim = 0
    size = largest
    while size:
        left = extent - first
        count = left // size
        (known_number, known_first, known_count) = as_known((number, first, count))
        yield Run(known_number, known_first, known_count, size)
        number, first = number + count, first + count * size
        size = 1 << ((size - 1).bit_length() - 1) if size > 1 else 0


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
