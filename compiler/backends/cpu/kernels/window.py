"""What kernels of windows over images share: loops over tiles of the result."""

from collections.abc import Callable, Sequence

from ..builder import Builder, Index
from .parts import nest_parts
from .tile import split_evenly

__all__ = ["tile_extents", "walk_tiles"]

Where = tuple[Index, Index, Index]
"""Image, line and place."""


def tile_extents(shape: Sequence[int], tile: tuple[int, int]) -> tuple[int, int]:
    """Return images, and lines of tiles; one where they are not all of a height."""
    bands = split_evenly(shape[1], tile[0])
    return shape[0], bands[0][0] if len(bands) == 1 else 1


def walk_tiles(
    build: Builder,
    shape: Sequence[int],
    tile: tuple[int, int],
    chunks: int,
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
    bands = split_evenly(shape[1], tile[0])

    def line(image: Index, start: Index, down: int) -> None:
        first = 0
        for count, across in split_evenly(shape[2], tile[1]):

            def place(
                number: Index, _: list[str], first: int = first, across: int = across
            ) -> None:
                column = build.offset([number], [across], first)
                body((image, start, column), (down, across))

            build.loop(0, count, place)
            first += count * across

    def image(where: list[Index]) -> None:
        if len(bands) == 1:
            line(where[0], build.multiply(where[1], bands[0][1]), bands[0][1])
            return
        first = 0
        for count, down in bands:

            def band(number: Index, _: list[str], first: int = first, down: int = down) -> None:
                line(where[0], build.offset([number], [down], first), down)

            build.loop(0, count, band)
            first += count * down

    nest_parts(build, tile_extents(shape, tile), chunks, bounds, image)
