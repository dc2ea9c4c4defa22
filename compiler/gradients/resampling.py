"""Gradients of image.resize1d, 2d and 3d and of nn.upsampling: a product with a matrix an axis.

Along each axis a result is the same weighted sums of elements of data, so that the gradient is
the sums with the weights transposed. The weights are what the operator makes of unit vectors.
"""

from typing import cast

import numpy as np
import numpy.typing as npt

from ..ir.nodes import Constant, Expr
from ..ops.operator import Array
from ..ops.registry import call, lookup
from ..ops.spatial import AXES
from .site import Gradient, Rule, Site, transpose

__all__ = ["RULES"]


def _resampled(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    if not site.is_float():
        return (None,)
    layout, dtype = str(site.attrs["layout"]), site.tensor().dtype
    rank = len(layout)
    result = site.result
    wide = grad if result == site.types[0] else call("cast", grad, dtype=dtype)
    for place, letter in enumerate(AXES[rank - 2]):
        axis = layout.index(letter)
        swap = [rank - 1 if n == axis else axis if n == rank - 1 else n for n in range(rank)]
        weights = Constant(_weights(site, place).astype(dtype))
        wide = transpose(call("nn.dense", transpose(wide, swap), weights), swap)
    return (wide,)


def _weights(site: Site, place: int) -> npt.NDArray[np.float64]:
    """Return how much of each element each result takes along one axis, float64[size, target].

    Asked about an image whose other axes have size 1, with unit vectors as its batch. Where the
    place of a result lies outside the image, its weights are 0.
    """
    layout = str(site.attrs["layout"])
    letters = AXES[len(layout) - 2]
    axis = layout.index(letters[place])
    size = site.shape()[axis]
    shape = tuple(size if n in (layout.index("N"), axis) else 1 for n in range(len(layout)))
    units = np.zeros((size, size) + (1,) * (len(layout) - 2))
    units[np.arange(size), np.arange(size)] = 1.0
    others = [n for n in range(len(layout)) if n not in (layout.index("N"), axis)]
    source = [layout.index("N"), axis, *others]
    data = np.transpose(units, [source.index(n) for n in range(len(layout))])
    assert data.shape == shape
    meaning = lookup(site.name).meaning
    made = cast(Array, meaning(_along(site, place), data))
    return np.moveaxis(made, source, range(len(layout))).reshape(size, -1)


def _along(site: Site, place: int) -> dict[str, object]:
    """Return the attributes of a call that resizes one axis and leaves the others of size 1."""
    attrs = dict(site.attrs)
    letters = AXES[len(str(attrs["layout"])) - 2]
    if "size" not in attrs:
        scales = {f"scale_{letter.lower()}": 1.0 for n, letter in enumerate(letters) if n != place}
        return {**attrs, **scales}
    sizes = cast(tuple[int, ...], attrs["size"])
    size = tuple(target if n == place else 1 for n, target in enumerate(sizes))
    roi = cast(tuple[float, ...] | None, attrs["roi"])
    if roi is not None:
        count = len(sizes)
        starts = tuple(roi[n] if n == place else 0.0 for n in range(count))
        ends = tuple(roi[n + count] if n == place else 0.0 for n in range(count))
        roi = (*starts, *ends)
    return {**attrs, "size": size, "roi": roi, "extrapolation_value": 0.0, "out_dtype": "float64"}


RULES: dict[str, Rule] = {
    **{f"image.resize{count}d": _resampled for count in AXES},
    "nn.upsampling": _resampled,
    "nn.upsampling3d": _resampled,
}
