"""Addresses of an affine loop nest, as arrays."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["Addresses", "addresses", "bounds", "steps"]

Addresses = npt.NDArray[np.int64]


def steps(fields: Mapping[str, int], name: str, levels: int) -> tuple[int, ...]:
    """Return the fields name0, name1, ... of all `levels`, the outermost first."""
    return tuple(fields[f"{name}{level}"] for level in range(levels))


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
    result: Addresses = np.full(1, base, np.int64)
    for count, stride in zip(counts, strides, strict=True):
        if count > 1:
            steps_of_level = np.arange(count, dtype=np.int64) * stride
            result = (result[:, None] + steps_of_level).reshape(-1)
    return result.reshape(tuple(counts))


def bounds(base: int, counts: Sequence[int], strides: Sequence[int]) -> tuple[int, int]:
    """Return the smallest and the largest address of the nest."""
    spans = [stride * (count - 1) for count, stride in zip(counts, strides, strict=True)]
    return base + sum(min(span, 0) for span in spans), base + sum(max(span, 0) for span in spans)
