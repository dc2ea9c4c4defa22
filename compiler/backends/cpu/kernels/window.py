"""What kernels of windows over images share: loops over tiles of the result."""

from collections.abc import Callable, Sequence

from ..builder import Builder, Index
from .parts import Parts, loop_run, nest_parts, runs

__all__ = ["tile_extents", "walk_tiles"]

Where = tuple[Index, Index, Index]
"""Image, line and place."""


def tile_extents(shape: Sequence[int], tile: tuple[int, int]) -> tuple[int, int]:
    """Return images, and lines of tiles; one of several images that are not all of a height."""
    bands = list(runs(shape[1], tile[0]))
    return shape[0], sum(run.count for run in bands) if shape[0] == 1 or len(bands) == 1 else 1


def walk_tiles(
    build: Builder,
    shape: Sequence[int],
    tile: tuple[int, int],
    chunks: Parts,
    bounds: tuple[Index, Index],
    body: Callable[[Where, tuple[int, int]], None],
) -> None:
    """Run `body` for all tiles of images, in some parts.

    Parameters
    ----------
    shape : (n, lines, places, channels)
        Of the result.
    tile : (int, int)
        Most lines, and places in each.
    chunks, bounds
        As of `nest_parts`, for the extents that `tile_extents` returns.
    body : callable
        Gets where a tile begins, and its lines and places.
    """
    bands = list(runs(shape[1], tile[0]))

    def line(image: Index, start: Index, down: int) -> None:
        for run in runs(shape[2], tile[1]):

            def place(column: Index, across: int = run.size) -> None:
                body((image, start, column), (down, across))

            loop_run(build, run, None, place)

    def image(where: list[Index]) -> None:
        if len(bands) == 1:
            line(where[0], build.multiply(where[1], bands[0].size), bands[0].size)
        else:
            lines(where[0], None)

    def lines(number: Index, within: tuple[Index, Index] | None) -> None:
        for run in bands:

            def band(start: Index, down: int = run.size) -> None:
                line(number, start, down)

            loop_run(build, run, within, band)

    if shape[0] == 1:
        lines(0, bounds if chunks != 1 else None)
    else:
        nest_parts(build, tile_extents(shape, tile), chunks, bounds, image)
