"""Addresses of an affine loop nest: as arrays, as views of a memory, as bounds."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Addresses", "addresses", "are_distinct", "bounds", "places", "steps"]

Addresses = npt.NDArray[np.int64]


def steps(fields: Mapping[str, int], name: str, levels: int) -> tuple[int, ...]:
    """Return the fields name0, name1, ... of all `levels` (at least 2), the outermost first."""
    return _getter(name, levels)(fields)


@lru_cache
def _getter(name: str, levels: int) -> Callable[[Mapping[str, int]], tuple[int, ...]]:
    return itemgetter(*(f"{name}{level}" for level in range(levels)))


def addresses(base: int, counts: Sequence[int], strides: Sequence[int]) -> Addresses:
    """Return the address of every iteration.

    Parameters
    ----------
    base : int, address of the first iteration
    counts, strides : iterations and address step of each level, the outermost first

    Returns
    -------
    int64[*counts]
    """
    return _offsets(tuple(counts), tuple(strides)) + base


# Instructions of a program differ far more often in their base than in their nest.
@lru_cache(maxsize=128)
def _offsets(counts: tuple[int, ...], strides: tuple[int, ...]) -> Addresses:
    result: Addresses = np.zeros(1, np.int64)
    for count, stride in zip(counts, strides, strict=True):
        if count != 1:
            steps_of_level = np.arange(count, dtype=np.int64) * stride
            result = (result[:, None] + steps_of_level).reshape(-1)
    return result.reshape(counts)


def places(
    memory: npt.NDArray[Any],
    base: int,
    counts: Sequence[int],
    strides: Sequence[int],
) -> npt.NDArray[Any]:
    """Return a view of what each iteration addresses, which must lie inside the memory.

    Parameters
    ----------
    memory : any[words, *shape], contiguous
    base, counts, strides : as of `addresses`, in words

    Returns
    -------
    any[*counts, *shape]
    """
    word = memory.strides[0]
    return np.ndarray(
        (*counts, *memory.shape[1:]),
        memory.dtype,
        memory,
        base * word,
        (*[stride * word for stride in strides], *memory.strides[1:]),
    )


def are_distinct(counts: Sequence[int], strides: Sequence[int]) -> bool:
    """Return whether no two iterations surely have one address: each step passes all smaller ones.

    A nest whose steps interleave is told to have repeated addresses, though it may have none.
    """
    reach = 0
    for stride, count in sorted(
        (abs(stride), count) for stride, count in zip(strides, counts, strict=True) if count > 1
    ):
        if stride <= reach:
            return False
        reach += stride * (count - 1)
    return True


def bounds(base: int, counts: Sequence[int], strides: Sequence[int]) -> tuple[int, int]:
    """Return the smallest and the largest address of the nest."""
    low = high = base
    for count, stride in zip(counts, strides, strict=True):
        if stride < 0:
            low += stride * (count - 1)
        else:
            high += stride * (count - 1)
    return low, high
