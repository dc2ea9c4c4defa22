"""Gradients of pools over three axes, of adaptive pools, and of what else moves a maximum."""

from math import prod
from typing import cast

import numpy as np

from ..ir.nodes import Constant, Expr
from ..ops.operator import Array
from ..ops.registry import call, lookup
from ..ops.spatial import AXES
from .site import Gradient, Rule, Site, multiply, reshape, sum_over, transpose
from .window_rows import (
    Table,
    adaptive_table,
    first_largest,
    image_of,
    read,
    rows_of,
    spatial_sizes,
    window_table,
    written,
)

__all__ = ["RULES"]


def _table(site: Site) -> Table:
    """Return which rows the windows of a pool read."""
    layout = str(site.attrs["layout"])
    sizes = spatial_sizes(layout, site.shape())
    if "pool_size" not in site.attrs:
        return adaptive_table(sizes, spatial_sizes(layout, site.result_shape))
    window = cast(tuple[int, ...], site.attrs["pool_size"])
    return window_table(sizes, window, site.attrs)


def _given_back(site: Site, taps: Expr, table: Table) -> Expr:
    """Return the data's gradient, of what each tap of each window gets."""
    layout, shape = str(site.attrs["layout"]), site.shape()
    places = prod(spatial_sizes(layout, shape))
    columns = shape[layout.index("N")] * shape[layout.index("C")]
    total = written(taps, table, places, columns, site.tensor().dtype)
    return image_of(total, layout, shape)


def _max_pool(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Each window's gradient goes to its largest element, the first one of equal ones."""
    if not site.is_float():
        return (None,)
    layout, dtype, table = str(site.attrs["layout"]), site.tensor().dtype, _table(site)
    taps = read(rows_of(site.args[0], layout, site.shape()), table, -np.inf, dtype)
    chosen = first_largest(taps, table.shape[1], dtype)
    of_windows = rows_of(grad, layout, site.result_shape)
    part = multiply(chosen, call("expand_dims", of_windows, axis=1))
    return (_given_back(site, part, table),)


def _avg_pool(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Each element gets its share of every window that it is in.

    What a mean divides by depends on the padding: the operator itself says how much of ones it
    makes at each window, which is how many of them lie inside over what it divides by.
    """
    if not site.is_float():
        return (None,)
    layout, dtype, table = str(site.attrs["layout"]), site.tensor().dtype, _table(site)
    sizes = spatial_sizes(layout, site.shape())
    one = np.ones([1 if n in "NC" else site.shape()[layout.index(n)] for n in layout])
    means = cast(Array, lookup(site.name).meaning(site.attrs, one))
    source = [layout.index(letter) for letter in AXES[len(layout) - 2]]
    lines = np.moveaxis(means, source, range(len(source))).reshape(-1, 1)
    inside = (table < prod(sizes)).sum(axis=1, keepdims=True)
    shares = np.asarray(lines / np.maximum(inside, 1), dtype)
    of_windows = multiply(rows_of(grad, layout, site.result_shape), Constant(shares))
    columns = site.shape()[layout.index("N")] * site.shape()[layout.index("C")]
    spread = call("expand_dims", of_windows, axis=1)
    every = call("broadcast_to", spread, shape=(*table.shape, columns))
    return (_given_back(site, every, table),)


def _dilation2d(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """The result is the largest of data plus weight; both get the gradient where it is."""
    if not site.is_float():
        return (None, None)
    attrs, dtype = site.attrs, site.tensor().dtype
    layout, order = str(attrs["data_layout"]), str(attrs["kernel_layout"])
    batch, channels = (site.shape()[layout.index(letter)] for letter in "NC")
    sizes = spatial_sizes(layout, site.shape())
    window = tuple(site.shape(1)[order.index(letter)] for letter in "HW")
    table = window_table(sizes, window, {**attrs, "dilation": attrs["dilations"]})
    whole = (*table.shape, batch, channels)
    kernel = transpose(site.args[1], [order.index(letter) for letter in "HWI"])
    rows = rows_of(site.args[0], layout, site.shape())
    taps = reshape(read(rows, table, -np.inf, dtype), whole)
    raised = call("add", taps, reshape(kernel, (1, table.shape[1], 1, channels)))
    flat = (*table.shape, batch * channels)
    chosen = first_largest(reshape(raised, flat), table.shape[1], dtype)
    of_windows = rows_of(grad, layout, site.result_shape)
    part = multiply(chosen, call("expand_dims", of_windows, axis=1))
    by_data = written(part, table, prod(sizes), batch * channels, dtype)
    by_kernel = reshape(sum_over(reshape(part, whole), (0, 2)), (*window, channels))
    back = transpose(by_kernel, ["HWI".index(letter) for letter in order])
    return image_of(by_data, layout, site.shape()), back


def _pool2d_gradient(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """The operator gives each window's gradient to its taps: each window collects from them.

    Where the largest element is does not move with the data, so that these have none.
    """
    attrs, dtype, table = site.attrs, site.tensor().dtype, _table(site)
    layout, sizes = str(attrs["layout"]), spatial_sizes(str(attrs["layout"]), site.shape())
    taps = read(rows_of(grad, layout, site.shape()), table, 0.0, dtype)
    if site.name == "nn.max_pool2d_grad":
        data = read(rows_of(site.args[0], layout, site.shape()), table, -np.inf, dtype)
        share: Expr = first_largest(data, table.shape[1], dtype)
    else:
        inside = (table < prod(sizes)).sum(axis=1)
        counts = table.shape[1] if attrs["count_include_pad"] else np.maximum(inside, 1)
        parts = np.broadcast_to(1 / np.asarray(counts), inside.shape)
        share = Constant(np.asarray(parts, dtype).reshape(-1, 1, 1))
    rows = sum_over(multiply(taps, share), (1,))
    return None, image_of(rows, layout, site.shape(1))


RULES: dict[str, Rule] = {
    "nn.max_pool3d": _max_pool,
    "nn.avg_pool3d": _avg_pool,
    **{f"nn.adaptive_max_pool{count}d": _max_pool for count in AXES},
    "nn.adaptive_avg_pool1d": _avg_pool,
    "nn.adaptive_avg_pool3d": _avg_pool,
    "nn.max_pool2d_grad": _pool2d_gradient,
    "nn.avg_pool2d_grad": _pool2d_gradient,
    "image.dilation2d": _dilation2d,
}
