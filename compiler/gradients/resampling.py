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

__all__ = ["RULES", "along_axis", "unit_vectors"]


def _resampled(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    if not site.is_float():
        return (None,)
    layout, dtype = str(site.attrs["layout"]), site.tensor().dtype
    rank = len(layout)
    result = site.result
    wide = grad if result == site.types[0] else call("cast", grad, dtype=dtype)
    for place, letter in enumerate(AXES[rank - 2]):
        weights = Constant(_weights(site, place).astype(dtype))
        wide = along_axis(wide, layout.index(letter), rank, weights)
    return (wide,)


def along_axis(image: Expr, axis: int, rank: int, weights: Expr) -> Expr:
    """Return `image`, of `rank` axes, with weighted sums along an axis, Tensor[(target, size)]."""
    swap = [rank - 1 if n == axis else axis if n == rank - 1 else n for n in range(rank)]
    return transpose(call("nn.dense", transpose(image, swap), weights), swap)


def _weights(site: Site, place: int) -> npt.NDArray[np.float64]:
    """Return how much of each element each result takes along one axis, float64[size, target].

    Where the place of a result lies outside the image, its weights are 0.
    """
    data, source = unit_vectors(site, place)
    meaning = lookup(site.name).meaning
    made = cast(Array, meaning(_along(site, place), data))
    return np.transpose(made, source).reshape(made.shape[source[0]], -1)


def unit_vectors(site: Site, place: int) -> tuple[npt.NDArray[np.float64], list[int]]:
    """Return a batch of unit vectors along a spatial axis, and where its axes are.

    What a resampling makes of them, with the axes in that order, are its weights along that axis.

    Returns
    -------
    float64 image in the layout of the call, whose other axes have size 1, and its axes in the
    order batch, the spatial axis, the others
    """
    layout = str(site.attrs["layout"])
    axis = layout.index(AXES[len(layout) - 2][place])
    size = site.shape()[axis]
    batch = layout.index("N")
    source = [batch, axis, *(n for n in range(len(layout)) if n not in (batch, axis))]
    units = np.eye(size).reshape(size, size, *(1,) * (len(layout) - 2))
    return np.transpose(units, np.argsort(source)).copy(), source


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
