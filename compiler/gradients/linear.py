"""Gradients of matrix products, biases and normalisation."""

from collections.abc import Iterator
from functools import reduce
from math import prod
from typing import cast

from ..errors import Unsupported
from ..ir.nodes import Expr, Tuple, TupleGetItem
from ..ir.types import TupleType
from ..ops.registry import call
from .site import Gradient, Rule, Site, add, multiply, reshape, sum_over, transpose

__all__ = ["RULES"]


def _dense(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """y = x . w^T for rows x."""
    (x, weight), (columns, inner) = site.args, site.shape(1)
    rows = prod(site.shape()[:-1])
    flat = reshape(grad, (rows, columns))
    by_data = call("nn.dense", flat, transpose(weight, (1, 0)))
    by_weight = call(
        "nn.dense",
        transpose(flat, (1, 0)),
        transpose(reshape(x, (rows, inner)), (1, 0)),
    )
    return reshape(by_data, site.shape()), by_weight


def _matmul(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Rows times a matrix, either of them perhaps stored transposed."""
    left, right = site.args
    turn_left, turn_right = bool(site.attrs["transpose_a"]), bool(site.attrs["transpose_b"])
    lead = len(site.shape()) > 2
    if lead and turn_left:
        left_matrix = transpose(left, (*range(len(site.shape()) - 2), -1, -2))
    else:
        left_matrix = left
    inner = site.shape()[-2] if turn_left else site.shape()[-1]
    columns = site.result_shape[-1]
    rows = prod(site.result_shape[:-1])
    flat = reshape(grad, (rows, columns))
    matrix = left_matrix if lead or not turn_left else transpose(left, (1, 0))
    x = reshape(matrix, (rows, inner))
    w = right if turn_right else transpose(right, (1, 0))
    by_left = call("nn.dense", flat, transpose(w, (1, 0)))
    by_right = call("nn.dense", transpose(flat, (1, 0)), transpose(x, (1, 0)))
    shaped = reshape(by_left, (*site.result_shape[:-1], inner))
    if turn_left:
        rank = len(site.shape())
        shaped = transpose(shaped, (*range(rank - 2), rank - 1, rank - 2))
    return shaped, by_right if turn_right else transpose(by_right, (1, 0))


def _batch_matmul(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    left, right = site.args
    turn_left, turn_right = bool(site.attrs["transpose_a"]), bool(site.attrs["transpose_b"])
    if turn_left:
        by_left = _product(right, grad, turn_right, True)
    else:
        by_left = _product(grad, right, False, not turn_right)
    if turn_right:
        by_right = _product(grad, left, True, turn_left)
    else:
        by_right = _product(left, grad, not turn_left, False)
    return _over_batch(site, by_left, 0), _over_batch(site, by_right, 1)


def _product(left: Expr, right: Expr, turn_left: bool, turn_right: bool) -> Expr:
    return call("nn.batch_matmul", left, right, transpose_a=turn_left, transpose_b=turn_right)


def _over_batch(site: Site, expr: Expr, place: int) -> Expr:
    """Return a gradient summed over the batch if the operand has one matrix for all of it."""
    shared = site.shape(place)[0] == 1 and site.result_shape[0] != 1
    return sum_over(expr, (0,), keepdims=True) if shared else expr


def _bias_add(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    rank = len(site.shape())
    axis = cast(int, site.attrs["axis"]) % rank
    return grad, sum_over(grad, [other for other in range(rank) if other != axis])


def _along(site: Site, vector: Expr, axis: int) -> Expr:
    """Return a vector shaped to lie along one axis of the data."""
    sizes = site.shape()
    shape = tuple(size if place == axis else 1 for place, size in enumerate(sizes))
    return reshape(vector, shape)


def _batch_norm(site: Site, grads: tuple[Gradient, ...]) -> tuple[Gradient, ...]:
    """Inference: mean and variance are given; they are handed on as second and third result."""
    grad, by_mean, by_variance = grads
    if grad is None:
        return None, None, None, by_mean, by_variance
    assert isinstance(grad, Expr)
    data, gamma, _, mean, variance = site.args
    rank = len(site.shape())
    axis = cast(int, site.attrs["axis"]) % rank
    others = [place for place in range(rank) if place != axis]
    epsilon = site.constant(cast(float, site.attrs["epsilon"]))
    inverse = call("rsqrt", add(variance, epsilon))
    centred = call("subtract", data, _along(site, mean, axis))
    weighted = sum_over(multiply(grad, centred), others)
    total = sum_over(grad, others)
    factor = multiply(inverse, gamma) if site.attrs["scale"] else inverse
    cube = multiply(multiply(inverse, inverse), factor)
    from_mean = call("negative", multiply(total, factor))
    from_variance = multiply(site.constant(-0.5), multiply(weighted, cube))
    return (
        multiply(grad, _along(site, factor, axis)),
        multiply(weighted, inverse) if site.attrs["scale"] else None,
        total if site.attrs["center"] else None,
        _plus(from_mean, by_mean),
        _plus(from_variance, by_variance),
    )


def _plus(left: Expr, right: Gradient) -> Expr:
    return left if right is None else add(left, cast(Expr, right))


def _layer_norm(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    axis = cast(int, site.attrs["axis"]) % len(site.shape())
    return _normalised(site, grad, site.shape(), (axis,))


def _instance_norm(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    axis = cast(int, site.attrs["axis"]) % len(site.shape())
    axes = tuple(place for place in range(len(site.shape())) if place not in (0, axis))
    return _normalised(site, grad, site.shape(), axes)


def _group_norm(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    shape, groups = site.shape(), cast(int, site.attrs["num_groups"])
    axis = cast(int, site.attrs["axis"]) % len(shape)
    split = (*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])
    axes = tuple(place for place in range(len(split)) if place not in (0, axis))
    return _normalised(site, grad, split, axes)


def _normalised(
    site: Site, grad: Expr, split: tuple[int, ...], axes: tuple[int, ...]
) -> tuple[Gradient, ...]:
    """Return gradients of n * gamma + beta with n = (x - mean) / sqrt(variance + epsilon).

    Parameters
    ----------
    split : shape of the data for mean and variance
    axes : of `split`, over which these are taken
    """
    data, gamma, _ = site.args
    shape = site.shape()
    axis = cast(int, site.attrs["axis"]) % len(shape)
    others = [place for place in range(len(shape)) if place != axis]
    x = reshape(data, split)
    centred = call("subtract", x, _mean(x, axes))
    epsilon = site.constant(cast(float, site.attrs["epsilon"]))
    inverse = call("rsqrt", add(_mean(multiply(centred, centred), axes), epsilon))
    normal = multiply(centred, inverse)
    scaled = multiply(grad, _along(site, gamma, axis)) if site.attrs["scale"] else grad
    by_normal = reshape(scaled, split)
    spread = multiply(normal, _mean(multiply(by_normal, normal), axes))
    level = call("subtract", by_normal, _mean(by_normal, axes))
    by_data = multiply(inverse, call("subtract", level, spread))
    by_gamma = sum_over(multiply(grad, reshape(normal, shape)), others)
    return (
        reshape(by_data, shape),
        by_gamma if site.attrs["scale"] else None,
        sum_over(grad, others) if site.attrs["center"] else None,
    )


def _mean(expr: Expr, axes: tuple[int, ...]) -> Expr:
    return call("mean", expr, axis=axes, keepdims=True)


def _lrn(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """y = x / d^beta with d = bias + alpha / size * (sum of x * x over a window of channels)."""
    (x,), size = site.args, cast(int, site.attrs["size"])
    bias, alpha, beta = (cast(float, site.attrs[name]) for name in ("bias", "alpha", "beta"))
    scale, power = site.constant(alpha / size), site.constant(-beta)
    level = add(site.constant(bias), multiply(scale, _window_sum(site, multiply(x, x), size)))
    weight = call("power", level, power)
    share = call("divide", multiply(grad, multiply(x, weight)), level)
    back = multiply(site.constant(-2 * beta * alpha / size), _window_sum(site, share, size))
    return (add(multiply(grad, weight), multiply(x, back)),)


def _window_sum(site: Site, expr: Expr, size: int) -> Expr:
    """Return the sum over `size` neighbours along the axis, what lies outside being 0."""
    shape = site.shape()
    axis = cast(int, site.attrs["axis"]) % len(shape)
    half = size // 2
    widths = tuple((half, half) if place == axis else (0, 0) for place in range(len(shape)))
    padded = call("nn.pad", expr, site.constant(0), pad_width=widths)
    parts: Iterator[Expr] = (
        call("strided_slice", padded, begin=(n,), end=(n + shape[axis],), axes=(axis,))
        for n in range(size)
    )
    return reduce(add, parts)


def _einsum(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """The gradient by an operand is the sum of products of the others with the result's."""
    fields = site.types[0]
    assert isinstance(fields, TupleType)
    left, arrow, result = str(site.attrs["equation"]).replace(" ", "").partition("->")
    operands = left.split(",")
    values = [TupleGetItem(site.args[0], place) for place in range(len(operands))]
    found: list[Gradient] = []
    for place, labels in enumerate(operands):
        others = [text for other, text in enumerate(operands) if other != place]
        known = set("".join((result, *others)))
        if not arrow or "." in left or len(set(labels)) < len(labels) or set(labels) - known:
            raise Unsupported(
                f"the gradient of einsum is known of equations with a result, in which each label "
                f"of an operand stands once and somewhere else too, not of "
                f"{site.attrs['equation']!r}",
                site.span,
            )
        given = (grad, *(value for other, value in enumerate(values) if other != place))
        equation = f"{','.join((result, *others))}->{labels}"
        found.append(call("einsum", Tuple(given), equation=equation))
    return (tuple(found),)


def _dropout(site: Site, grads: tuple[Gradient, ...]) -> tuple[Gradient, ...]:
    """Inference hands the data on; the mask does not depend on it."""
    return (grads[0],)


def _prelu(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    data, alpha = site.args
    rank = len(site.shape())
    axis = cast(int, site.attrs["axis"]) % rank
    others = [place for place in range(rank) if place != axis]
    positive, zero = call("greater", data, site.constant(0)), site.constant(0)
    below = multiply(grad, _along(site, alpha, axis))
    by_alpha = sum_over(call("where", positive, zero, multiply(grad, data)), others)
    return call("where", positive, grad, below), by_alpha


RULES: dict[str, Rule] = {
    "nn.dense": _dense,
    "nn.matmul": _matmul,
    "nn.batch_matmul": _batch_matmul,
    "nn.bias_add": _bias_add,
    "nn.batch_norm": cast(Rule, _batch_norm),
    "nn.layer_norm": _layer_norm,
    "nn.instance_norm": _instance_norm,
    "nn.group_norm": _group_norm,
    "nn.lrn": _lrn,
    "einsum": _einsum,
    "nn.dropout": cast(Rule, _dropout),
    "nn.prelu": _prelu,
}
