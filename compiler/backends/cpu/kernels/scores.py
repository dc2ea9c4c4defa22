"""Rows of scores on the stack and their exponentials: what attention does between its products."""

from collections.abc import Callable

from ..builder import Builder, Index, element_bytes, llvm_type
from ..functions.exponential import flushed_exp
from ..functions.value import Value, choose
from ..site import literal
from .line import fold_lanes
from .parts import Run, loop_run, runs
from .pool import combine

__all__ = ["ScoreRows"]

# Rows whose exponentials are computed beside each other: one alone waits for its own sums.
_TOGETHER = 4
_LOWEST = float("-inf")


class ScoreRows:
    """Scores of some rows, in the frame of the function that is written.

    What a row has beyond the scores that are there is -infinity, up to whole vectors.

    Parameters
    ----------
    build : Builder
    dtype : str
        float32 or float64.
    lanes : int
    rows, width : int
        How many there are at most.

    Attributes
    ----------
    address : str
        Of the first score.
    pitch : int
        Elements from one row to the next.
    factors : str
        Address of a number for each row: what its sums are multiplied by.
    """

    def __init__(self, build: Builder, dtype: str, lanes: int, rows: int, width: int) -> None:
        self._build, self._dtype, self._lanes = build, dtype, lanes
        self._size = element_bytes(dtype)
        self.pitch = -(-width // lanes) * lanes
        self.address = build.allocate(rows * self.pitch * self._size)
        self.factors = build.allocate(rows * self._size)
        self._largest = build.allocate(rows * self._size)
        self._totals = build.allocate(rows * self._size)

    def begin(self, rows: int) -> None:
        """Forget what was seen of `rows`."""
        build = self._build

        def row(index: Index, _: list[str]) -> None:
            self._keep(self._largest, index, literal(_LOWEST, self._dtype))
            self._keep(self._totals, index, literal(0.0, self._dtype))

        build.loop(0, rows, row)

    def pad(self, rows: int, width: int) -> None:
        """Fill the last vectors of rows of `width` that are no whole ones."""
        build, lanes = self._build, self._lanes
        if width % lanes == 0:
            return
        last = width - width % lanes

        def row(index: Index, _: list[str]) -> None:
            address = build.address(
                self.address, build.offset([index], [self.pitch], last), self._size
            )
            build.store(self._dtype, self._number(_LOWEST, lanes), address, lanes)

        build.loop(0, rows, row)

    def exponentials(self, rows: int, width: int) -> None:
        """Replace scores by exp(score - largest); `factors` are 1 / their sums."""

        def group(first: Index, count: int) -> None:
            largest = self._largest_of(first, count, width)
            for place, total in enumerate(self._powers(first, count, width, largest)):
                self._keep(self.factors, self._build.add(first, place), (1.0 / total).name)

        self._groups(rows, group)

    def more_exponentials(self, rows: int, width: int) -> None:
        """Do so for further keys of rows; `factors` are for what was summed with keys before."""
        build = self._build

        def group(first: Index, count: int) -> None:
            largest: list[Value] = []
            factors: list[Value] = []
            for place, here in enumerate(self._largest_of(first, count, width)):
                row = build.add(first, place)
                before = self._kept(self._largest, row)
                now = combine(build, "larger", self._dtype, before.name, here.name, 1)
                self._keep(self._largest, row, now)
                # Of a row that has only scores of -infinity yet, all exponentials are 0.
                is_lowest = here.like(now).equals(_LOWEST)
                largest.append(choose(is_lowest, 0.0, here.like(now)))
                factors.append(flushed_exp(before - largest[-1], negative=True))
                self._keep(self.factors, row, factors[-1].name)
            for place, total in enumerate(self._powers(first, count, width, largest)):
                row = build.add(first, place)
                before = self._kept(self._totals, row)
                self._keep(self._totals, row, before.times_plus(factors[place], total).name)

        self._groups(rows, group)

    def invert(self, rows: int) -> None:
        """Make `factors` 1 / the sums of all exponentials."""

        def row(index: Index, _: list[str]) -> None:
            self._keep(self.factors, index, (1.0 / self._kept(self._totals, index)).name)

        self._build.loop(0, rows, row)

    def _groups(self, rows: int, body: Callable[[Index, int], None]) -> None:
        """Run `body` for rows side by side; it gets the first and how many."""
        for run in runs(rows, _TOGETHER):

            def one(first: Index, run: Run = run) -> None:
                body(first, run.size)

            loop_run(self._build, run, None, one)

    def _largest_of(self, first: Index, count: int, width: int) -> list[Value]:
        """Return the largest score of each row."""

        def larger(place: int, total: str, address: str) -> str:
            score = self._build.load(self._dtype, address, self._lanes)
            return combine(self._build, "larger", self._dtype, total, score, self._lanes)

        return self._reduce("larger", _LOWEST, (first, count, width), larger)

    def _powers(self, first: Index, count: int, width: int, largest: list[Value]) -> list[Value]:
        """Replace scores by their exponentials; return the sum of those of each row."""
        build, dtype, lanes = self._build, self._dtype, self._lanes
        spread = [build.splat(dtype, value.name, lanes) for value in largest]

        def power(place: int, total: str, address: str) -> str:
            score = Value(build, dtype, lanes, build.load(dtype, address, lanes))
            made = flushed_exp(score - score.like(spread[place]), negative=True)
            build.store(dtype, made.name, address, lanes)
            return (made + made.like(total)).name

        return self._reduce("add", 0.0, (first, count, width), power)

    def _reduce(
        self,
        operation: str,
        begin: float,
        rows: tuple[Index, int, int],
        more: Callable[[int, str, str], str],
    ) -> list[Value]:
        """Return the vectors of each row combined.

        Parameters
        ----------
        rows : the first one, how many, and how wide
        more : gets number of the row, what was combined, address of a vector; returns both combined
        """
        build, dtype, lanes = self._build, self._dtype, self._lanes
        first, count, width = rows
        bases = [
            build.address(
                self.address, build.offset([first], [self.pitch], place * self.pitch), self._size
            )
            for place in range(count)
        ]

        def body(index: Index, totals: list[str]) -> list[str]:
            return [
                more(place, total, build.address(bases[place], index, self._size))
                for place, total in enumerate(totals)
            ]

        carried = [(llvm_type(dtype, lanes), self._number(begin, lanes))] * count
        totals = build.loop(0, width, body, carried, step=lanes)
        return [
            Value(build, dtype, 1, fold_lanes(build, operation, dtype, total, lanes))
            for total in totals
        ]

    def _score(self, index: Index) -> str:
        """Return the address of a score."""
        return self._build.address(self.address, index, self._size)

    def _number(self, value: float, lanes: int) -> str:
        """Return a constant in all lanes."""
        text = literal(value, self._dtype)
        return text if lanes == 1 else f"splat ({llvm_type(self._dtype)} {text})"

    def _keep(self, numbers: str, row: Index, value: str) -> None:
        """Store one of the numbers that rows have."""
        self._build.store(self._dtype, value, self._build.address(numbers, row, self._size))

    def _kept(self, numbers: str, row: Index) -> Value:
        """Return one of the numbers that rows have."""
        address = self._build.address(numbers, row, self._size)
        return Value(self._build, self._dtype, 1, self._build.load(self._dtype, address))
