"""What convolution kernels share: how extents are cut, and one product added to a sum."""

from ..builder import Builder, llvm_type
from ..site import is_float, is_signed

__all__ = ["accumulate", "column_blocks", "extend", "split_evenly"]


def split_evenly(extent: int, largest: int) -> list[tuple[int, int]]:
    """Return (count, size) of tiles of at most `largest` that cover `extent`, sizes nearly equal.

    At most two different sizes, the larger first.
    """
    tiles = -(-extent // largest)
    size, larger = divmod(extent, tiles)
    parts = ((larger, size + 1), (tiles - larger, size))
    return [(count, size) for count, size in parts if count]


def column_blocks(vectors: int, largest: int) -> list[tuple[int, int, int]]:
    """Return (first vector, count, size) of the blocks of at most `largest` of `vectors`."""
    found, first = [], 0
    for count, size in split_evenly(vectors, largest) if vectors else ():
        found.append((first, count, size))
        first += count * size
    return found


def extend(build: Builder, value: str, source: str, target: str, lanes: int) -> str:
    """Return `value` in the wider type that sums are made in."""
    if source == target:
        return value
    name = "fpext" if is_float(source) else "sext" if is_signed(source) else "zext"
    have, want = llvm_type(source, lanes), llvm_type(target, lanes)
    return value if have == want else build.value(f"{name} {have} {value} to {want}")


def accumulate(build: Builder, dtype: str, total: str, x: str, y: str, lanes: int) -> str:
    """Return total + x * y."""
    kind = llvm_type(dtype, lanes)
    if not dtype.startswith("float"):
        return build.value(f"add {kind} {total}, {build.value(f'mul {kind} {x}, {y}')}")
    suffix = f"f{dtype[5:]}" if lanes == 1 else f"v{lanes}f{dtype[5:]}"
    return build.call(kind, f"llvm.fmuladd.{suffix}", (kind, x), (kind, y), (kind, total))
