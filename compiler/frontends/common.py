"""What the importers share: files, names, tensors' descriptions, and finding what is near."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import ImportFailed
from ..ir import Module, Span
from ..mapped import map_file

__all__ = [
    "Array",
    "Network",
    "Signature",
    "TensorInfo",
    "identifiers",
    "nearest",
    "read_file",
    "view_file",
]

Array = npt.NDArray[np.generic]
Bytes = TypeVar("Bytes", bytes, bytes | memoryview)

# More names than this say less than one does.
_MANY = 80
# Smaller files are read faster than mapped.
_LARGE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """An input or output of a network, as its file describes it.

    Attributes
    ----------
    name : str
        As in the file; the parameter of @main bears it as an identifier.
    shape : tuple of int
        -1 stands for a size that each run has its own of.
    dtype : str
        numpy's name of the data type; "" of what is no tensor.
    scale : float or None
        What one step of the integers stands for; None if the tensor is not quantised.
    zero_point : int or None
        The integer that stands for 0.0; None if the tensor is not quantised.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None


Signature = tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...]]
"""The inputs and the outputs of a network."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """What is in a network's file: its typed module, and how the file describes its tensors."""

    module: Module
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]


def read_file(path: str | PathLike[str]) -> tuple[bytes, Span]:
    """Return a file's bytes and the place that errors in it begin with.

    Raises
    ------
    ImportFailed
        There is no such file, it is empty or it cannot be read.
    """
    return _read(path, lambda file: file.read_bytes())


def view_file(path: str | PathLike[str]) -> tuple[bytes | memoryview, Span]:
    """Return the same; a large file's bytes where they lie, so it must stay as it is meanwhile.

    Raises
    ------
    ImportFailed
        As of `read_file`.
    """

    def view(file: Path) -> bytes | memoryview:
        is_large = file.is_file() and file.stat().st_size >= _LARGE_BYTES
        return map_file(file) if is_large else file.read_bytes()

    return _read(path, view)


def _read(path: str | PathLike[str], read: Callable[[Path], Bytes]) -> tuple[Bytes, Span]:
    span = Span(str(path))
    try:
        data = read(Path(path))
    except FileNotFoundError:
        raise ImportFailed("there is no such file", span) from None
    except IsADirectoryError:
        raise ImportFailed("this is a folder; name a network's file in it", span) from None
    except OSError as error:
        raise ImportFailed(f"the file cannot be read: {error.strerror}", span) from None
    if not data:
        raise ImportFailed("the file is empty; copy or export the network again", span)
    return data, span


def nearest(name: str, supported: Collection[str]) -> str:
    """Return the words that name the nearest supported thing, or all of them if they are few."""
    near = get_close_matches(name, supported, 1, 0.5 if len(supported) < _MANY else 0.0)
    if near:
        return f"the nearest supported one is {near[0]}"
    return f"supported are {', '.join(sorted(supported))}"


def identifiers(names: list[str]) -> list[str]:
    """Return a different identifier of the text format for each name, the name where it is one.

    Examples
    --------
    >>> identifiers(["image", "serving_default_x:0", "0", "image"])
    ['image', 'serving_default_x_0', 'v0', 'image_1']
    """
    taken: set[str] = set()
    result = []
    for name in names:
        base = re.sub(r"[^A-Za-z0-9_/]", "_", name) or "v"
        base = base if re.match(r"[A-Za-z_/]", base) else f"v{base}"
        unique, count = base, 0
        while unique in taken:
            count += 1
            unique = f"{base}_{count}"
        taken.add(unique)
        result.append(unique)
    return result
