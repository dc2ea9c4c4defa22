"""Reductions, norms and losses that no kernel takes: statistics in float64, rounded once."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import cast as is_

from ...ir.dims import Dim
from ...ops.operator import Attributes
from ...ops.rearrangement import einsum_sides
from ...ops.reduction import reduced_axes
from ..expressions import Buffer, Constant, Expr, Load, apply
from ..functions import (
    both,
    call,
    cast,
    clamp,
    either,
    equal,
    highest,
    inside,
    lowest,
    maximum,
    negate,
    number,
    select,
    size_of,
    unequal,
)
from .axes import Define, axis_of, text, whole, widened
from .definition import Definition

__all__ = ["ROWS"]

Place = Callable[[Sequence[Expr]], tuple[Expr, ...]]
"""From the indices of reduced axes to those of data."""


def _split(
    nest: Definition, attrs: Attributes, write: Callable[[tuple[Expr, ...], Place], None]
) -> None:
    """Call `write` in the loops over a reduction's results, with the place of its elements."""
    data, out = nest.inputs[0], nest.outputs[0]
    rank = len(data.shape)
    axes = reduced_axes(attrs, rank)
    kept = [axis for axis in range(rank) if axis not in axes]
    with nest.loops(*out.shape) as at:
        own = [at[axis] for axis in kept] if attrs["keepdims"] else list(at)

        def place(inner: Sequence[Expr]) -> tuple[Expr, ...]:
            found = dict(zip(kept, own, strict=True)) | dict(zip(axes, inner, strict=True))
            return tuple(found[axis] for axis in range(rank))

        write(at, place)


def _reduced(nest: Definition, attrs: Attributes) -> list[Dim]:
    """Return the sizes of the reduced axes."""
    data = nest.inputs[0]
    return [data.shape[axis] for axis in reduced_axes(attrs, len(data.shape))]


def _count(sizes: Sequence[Dim]) -> Expr:
    """Return the number of elements."""
    total: Expr = Constant(1, "int64")
    for size in sizes:
        total = total * size_of(size)
    return total


def _sum(operation: str, first: int, mean: bool = False) -> Define:
    """Return the definition of a sum, a product or a mean; of integers it wraps."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (data,), (out,) = nest.inputs, nest.outputs
        sizes = _reduced(nest, attrs)
        floating = data.dtype.startswith("float")
        dtype = "float64" if floating else "int64" if mean else data.dtype

        def write(at: tuple[Expr, ...], place: Place) -> None:
            total = nest.local(dtype, first)
            with nest.loops(*sizes) as inner:
                nest.store(total, apply(operation, total, cast(data[place(inner)], dtype)))
            result = total / cast(_count(sizes), dtype) if mean else total
            nest.store(out[at], cast(result, out.dtype))

        _split(nest, attrs, write)

    return define


def _extreme(operation: str, first: Callable[[str], Expr]) -> Define:
    """Return the definition of a maximum or minimum, all or any."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (data,), (out,) = nest.inputs, nest.outputs
        sizes = _reduced(nest, attrs)

        def write(at: tuple[Expr, ...], place: Place) -> None:
            best = nest.local(data.dtype, first(data.dtype))
            with nest.loops(*sizes) as inner:
                nest.store(best, apply(operation, best, data[place(inner)]))
            nest.store(out[at], best)

        _split(nest, attrs, write)

    return define


def _arg(largest: bool) -> Define:
    """Return the definition of argmax or argmin: the first or last best one; not-a-number wins."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (data,), (out,) = nest.inputs, nest.outputs
        sizes = _reduced(nest, attrs)
        last = bool(attrs["select_last_index"])

        def write(at: tuple[Expr, ...], place: Place) -> None:
            zeros = [Constant(0, "int64")] * len(sizes)
            best = nest.local(data.dtype, data[place(zeros)])
            where, index = nest.local("int64", 0), nest.local("int64", 0)
            with nest.loops(*sizes) as inner:
                value = nest.local(data.dtype, data[place(inner)])
                better = value > best if largest else value < best
                if data.dtype == "bool":
                    better = both(value, negate(best)) if largest else both(best, negate(value))
                ties = equal(value, best) if last else Constant(False, "bool")
                if data.dtype.startswith("float"):
                    nans = [unequal(one, one) for one in (value, best)]
                    ends = both(*nans) if last else Constant(False, "bool")
                    plain = both(either(better, ties), negate(nans[1]))
                    wins = either(plain, both(nans[0], negate(nans[1])), ends)
                else:
                    wins = either(better, ties)
                taken = nest.local("bool", wins)
                nest.store(where, select(taken, index, where))
                nest.store(best, select(taken, value, best))
                nest.store(index, index + 1)
            nest.store(out[at], cast(where, out.dtype))

        _split(nest, attrs, write)

    return define


def _logsumexp(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    sizes = _reduced(nest, attrs)

    def write(at: tuple[Expr, ...], place: Place) -> None:
        best = nest.local("float64", lowest("float64"))
        with nest.loops(*sizes) as inner:
            nest.store(best, maximum(best, widened(data[place(inner)])))
        offset = nest.local("float64", select(call("isfinite", best, dtype="bool"), best, 0.0))
        total = nest.local("float64", 0.0)
        with nest.loops(*sizes) as inner:
            nest.store(total, total + call("exp", widened(data[place(inner)]) - offset))
        nest.store(out[at], cast(call("log", total) + offset, out.dtype))

    _split(nest, attrs, write)


def _variance(nest: Definition, attrs: Attributes) -> None:
    (data, mean), (out,) = nest.inputs, nest.outputs
    sizes = _reduced(nest, attrs)
    axes = reduced_axes(attrs, len(data.shape))
    zero = Constant(0, "int64")

    def write(at: tuple[Expr, ...], place: Place) -> None:
        total = nest.local("float64", 0.0)
        with nest.loops(*sizes) as inner:
            here = place(inner)
            of_mean = tuple(zero if axis in axes else index for axis, index in enumerate(here))
            difference = widened(data[here]) - widened(mean[of_mean])
            nest.store(total, total + difference * difference)
        count = cast(_count(sizes) - int(bool(attrs["unbiased"])), "float64")
        nest.store(out[at], cast(total / count, out.dtype))

    _split(nest, attrs, write)


def _collapse(nest: Definition, attrs: Attributes) -> None:
    """Sum over the axes along which the result broadcasts to data."""
    data, (out,) = nest.inputs[0], nest.outputs
    extra = len(data.shape) - len(out.shape)
    pairs = enumerate(zip(data.shape[extra:], out.shape, strict=True))
    summed = [axis for axis, (size, target) in pairs if target == 1 and size != 1]
    dtype = "float64" if data.dtype.startswith("float") else data.dtype
    with nest.loops(*out.shape) as at:
        total = nest.local(dtype, 0)
        sizes = (*data.shape[:extra], *(data.shape[extra + axis] for axis in summed))
        with nest.loops(*sizes) as inner:
            moved = dict(zip(summed, inner[extra:], strict=True))
            rest = [moved.get(axis, index) for axis, index in enumerate(at)]
            nest.store(total, apply("add", total, cast(data[(*inner[:extra], *rest)], dtype)))
        nest.store(out[at], cast(total, out.dtype))


def _norm(kind: str) -> Define:
    """Return the definition of nn.layer_norm, nn.instance_norm or nn.group_norm."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (data, gamma, beta), (out,) = nest.inputs, nest.outputs
        rank = len(data.shape)
        axis = axis_of(attrs, rank)
        size = data.shape[axis]
        groups = {"layer": 1, "instance": size}.get(kind) or whole(attrs, "num_groups")
        part = 1 if kind == "instance" else size // is_(int, groups)
        outer_axes = [n for n in range(rank) if n != axis] if kind == "layer" else [0]
        moving = [n for n in range(rank) if n not in (*outer_axes, axis)]
        inner_sizes = [part, *(data.shape[n] for n in moving)]
        with nest.loops(groups, *(data.shape[n] for n in outer_axes)) as (group, *outer):

            def place(inner: Sequence[Expr]) -> tuple[Expr, ...]:
                found = dict(zip(outer_axes, outer, strict=True))
                found |= dict(zip(moving, inner[1:], strict=True))
                found[axis] = inner[0] if groups == 1 else group * size_of(part) + inner[0]
                return tuple(found[n] for n in range(rank))

            mean, scale = _statistics(nest, data, inner_sizes, place, attrs)
            with nest.loops(*inner_sizes) as inner:
                here = place(inner)
                value = (widened(data[here]) - mean) / scale
                if attrs["scale"]:
                    value = value * widened(gamma[here[axis]])
                if attrs["center"]:
                    value = value + widened(beta[here[axis]])
                nest.store(out[here], cast(value, out.dtype))

    return define


def _statistics(
    nest: Definition, data: Buffer, sizes: Sequence[Dim], place: Place, attrs: Attributes
) -> tuple[Load, Load]:
    """Return the mean, and the root of variance + epsilon, of some elements."""
    count = cast(_count(sizes), "float64")
    total, square = nest.local("float64", 0.0), nest.local("float64", 0.0)
    with nest.loops(*sizes) as inner:
        nest.store(total, total + widened(data[place(inner)]))
    mean = nest.local("float64", total / count)
    with nest.loops(*sizes) as inner:
        difference = widened(data[place(inner)]) - mean
        nest.store(square, square + difference * difference)
    epsilon = number(is_(float, attrs["epsilon"]), "float64")
    return mean, nest.local("float64", call("sqrt", square / count + epsilon))


def _lrn(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    axis, size = axis_of(attrs, len(data.shape)), whole(attrs, "size")
    bias, alpha, beta = (
        number(is_(float, attrs[name]), "float64") for name in ("bias", "alpha", "beta")
    )
    with nest.loops(*out.shape) as at:
        total = nest.local("float64", 0.0)
        with nest.loop(size) as step:
            place = (*at[:axis], at[axis] + step - size // 2, *at[axis + 1 :])
            value = widened(inside(data, place))
            nest.store(total, total + value * value)
        base = bias + alpha / float(size) * total
        nest.store(out[at], cast(widened(data[at]) / call("power", base, beta), out.dtype))


def _entropy(with_logits: bool) -> Define:
    """Return the definition of a cross entropy of rows."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (x, y), (out,) = nest.inputs, nest.outputs
        total = nest.local("float64", 0.0)
        with nest.loops(*x.shape) as at:
            score = widened(x[at]) if with_logits else call("log", widened(x[at]))
            nest.store(total, total + score * widened(y[at]))
        nest.store(out[()], cast(-total / cast(size_of(x.shape[0]), "float64"), out.dtype))

    return define


def _nll_loss(nest: Definition, attrs: Attributes) -> None:
    (predictions, targets, weights), (out,) = nest.inputs, nest.outputs
    total, factors = nest.local("float64", 0.0), nest.local("float64", 0.0)
    how = text(attrs, "reduction")
    with nest.loops(*targets.shape) as at:
        target = cast(targets[at], "int64")
        ignored = equal(target, whole(attrs, "ignore_index"))
        own = clamp(select(ignored, 0, target), 0, size_of(weights.shape[0]) - 1)
        place = (own,) if len(predictions.shape) == 1 else (at[0], own, *at[1:])
        factor = select(ignored, number(0.0, "float64"), widened(weights[own]))
        loss = -widened(predictions[place]) * factor
        if how == "none":
            nest.store(out[at], cast(loss, out.dtype))
        else:
            nest.store(total, total + loss)
            nest.store(factors, factors + factor)
    if how != "none":
        mean = total / factors if how == "mean" else total
        nest.store(out[()], cast(mean, out.dtype))


def _einsum(nest: Definition, attrs: Attributes) -> None:
    """Loops over the letters of the result, then over those that are summed."""
    out = nest.outputs[0]
    operands, result = einsum_sides(text(attrs, "equation"), len(nest.inputs))
    sizes: dict[str, Dim] = {}
    for letters, buffer in zip(operands, nest.inputs, strict=True):
        for letter, size in zip(letters, buffer.shape, strict=True):
            if sizes.get(letter, 1) == 1:
                sizes[letter] = size
    summed = [letter for letter in sizes if letter not in result]
    dtype = "float64" if out.dtype.startswith("float") else out.dtype
    zero = Constant(0, "int64")
    with nest.loops(*out.shape) as at:
        total = nest.local(dtype, 0)
        with nest.loops(*(sizes[letter] for letter in summed)) as inner:
            places = dict(zip(result, at, strict=True)) | dict(zip(summed, inner, strict=True))
            product: Expr | None = None
            for letters, buffer in zip(operands, nest.inputs, strict=True):
                axes = zip(letters, buffer.shape, strict=True)
                index = tuple(zero if size == 1 else places[letter] for letter, size in axes)
                value = cast(buffer[index], dtype)
                product = value if product is None else apply("multiply", product, value)
            assert product is not None, "an einsum has an operand"
            nest.store(total, apply("add", total, product))
        nest.store(out[at], cast(total, out.dtype))


ROWS: Mapping[str, Define] = MappingProxyType(
    {
        "all": _extreme("multiply", highest),
        "any": _extreme("add", lowest),
        "argmax": _arg(True),
        "argmin": _arg(False),
        "collapse_sum_like": _collapse,
        "collapse_sum_to": _collapse,
        "einsum": _einsum,
        "logsumexp": _logsumexp,
        "max": _extreme("maximum", lowest),
        "mean": _sum("add", 0, mean=True),
        "min": _extreme("minimum", highest),
        "nn.cross_entropy": _entropy(False),
        "nn.cross_entropy_with_logits": _entropy(True),
        "nn.group_norm": _norm("group"),
        "nn.instance_norm": _norm("instance"),
        "nn.layer_norm": _norm("layer"),
        "nn.lrn": _lrn,
        "nn.nll_loss": _nll_loss,
        "prod": _sum("multiply", 1),
        "sum": _sum("add", 0),
        "variance": _variance,
    }
)
