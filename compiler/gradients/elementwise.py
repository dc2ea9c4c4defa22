"""Gradients of element-wise operators."""

import math
from collections.abc import Callable
from typing import cast

from ..ir.nodes import Expr
from ..ir.types import TensorType
from ..ops.registry import call
from .site import Gradient, Rule, Site, add, multiply, reduce_to

__all__ = ["RULES"]

Slope = Callable[[Site, Expr, Expr], Expr]
"""``slope(site, x, y)``: the derivative of ``y`` by ``x``, element by element."""


def _by_slope(slope: Slope) -> Rule:
    """Return the rule of a unary operator."""

    def rule(site: Site, grad: Expr) -> tuple[Gradient, ...]:
        if not site.is_float():
            return (None,)
        return (multiply(grad, slope(site, site.args[0], site.output)),)

    return rule


def _square(x: Expr) -> Expr:
    return multiply(x, x)


def _one_minus(site: Site, x: Expr) -> Expr:
    return call("subtract", site.constant(1), x)


def _inverse(site: Site, x: Expr) -> Expr:
    return call("divide", site.constant(1), x)


def _scaled(site: Site, factor: float, x: Expr) -> Expr:
    return multiply(site.constant(factor), x)


def _gauss(site: Site, x: Expr) -> Expr:
    """Return 2 / sqrt(pi) * exp(-x * x)."""
    return _scaled(site, 2 / math.sqrt(math.pi), call("exp", call("negative", _square(x))))


def _cube(x: Expr) -> Expr:
    return multiply(x, _square(x))


def _is_positive(site: Site, x: Expr) -> Expr:
    return call("cast", call("greater", x, site.constant(0)), dtype=site.tensor().dtype)


_SLOPES: dict[str, Slope] = {
    "exp": lambda site, x, y: y,
    "log": lambda site, x, y: _inverse(site, x),
    "log2": lambda site, x, y: _inverse(site, _scaled(site, math.log(2), x)),
    "log10": lambda site, x, y: _inverse(site, _scaled(site, math.log(10), x)),
    "sqrt": lambda site, x, y: call("divide", site.constant(0.5), y),
    "rsqrt": lambda site, x, y: _scaled(site, -0.5, _cube(y)),
    "tanh": lambda site, x, y: _one_minus(site, _square(y)),
    "sigmoid": lambda site, x, y: multiply(y, _one_minus(site, y)),
    "erf": lambda site, x, y: _gauss(site, x),
    "sin": lambda site, x, y: call("cos", x),
    "cos": lambda site, x, y: call("negative", call("sin", x)),
    "tan": lambda site, x, y: add(site.constant(1), _square(y)),
    "sinh": lambda site, x, y: call("cosh", x),
    "cosh": lambda site, x, y: call("sinh", x),
    "asin": lambda site, x, y: call("rsqrt", _one_minus(site, _square(x))),
    "acos": lambda site, x, y: call("negative", call("rsqrt", _one_minus(site, _square(x)))),
    "atan": lambda site, x, y: _inverse(site, add(site.constant(1), _square(x))),
    "asinh": lambda site, x, y: call("rsqrt", add(_square(x), site.constant(1))),
    "acosh": lambda site, x, y: call("rsqrt", call("subtract", _square(x), site.constant(1))),
    "atanh": lambda site, x, y: _inverse(site, _one_minus(site, _square(x))),
    "abs": lambda site, x, y: call("sign", x),
    "fast_exp": lambda site, x, y: y,
    "fast_tanh": lambda site, x, y: _one_minus(site, _square(y)),
    "fast_erf": lambda site, x, y: _gauss(site, x),
    "nn.relu": lambda site, x, y: _is_positive(site, x),
}


def _same(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    return (grad,)


def _negative(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    return (call("negative", grad),)


def _none(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Say that nothing the arguments do changes the result by a little."""
    return (None,) * len(site.args)


def _cast(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    result = site.result
    assert isinstance(result, TensorType)
    if not site.is_float() or not result.dtype.startswith("float"):
        return (None,) * len(site.args)
    back = call("cast", grad, dtype=site.tensor().dtype)
    return (back, *(None,) * (len(site.args) - 1))


def _clip(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    low, high = (site.constant(cast(float, site.attrs[name])) for name in ("a_min", "a_max"))
    zero, (x,) = site.constant(0), site.args
    below = call("where", call("less_equal", x, high), grad, zero)
    return (call("where", call("greater_equal", x, low), below, zero),)


def _leaky_relu(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    slope = multiply(grad, site.constant(cast(float, site.attrs["alpha"])))
    return (call("where", call("greater", site.args[0], site.constant(0)), grad, slope),)


def _both(site: Site, left: Expr, right: Expr) -> tuple[Gradient, ...]:
    """Return gradients of two operands, each of the result's shape, in the operands' shapes."""
    if not site.is_float():
        return (None, None)
    return reduce_to(left, site, 0), reduce_to(right, site, 1)


def _add(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    return _both(site, grad, grad)


def _subtract(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    return _both(site, grad, call("negative", grad))


def _multiply(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    lhs, rhs = site.args
    return _both(site, multiply(grad, rhs), multiply(grad, lhs))


def _divide(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    part = call("divide", grad, site.args[1])
    return _both(site, part, call("negative", multiply(part, site.output)))


def _choice(comparison: str) -> Rule:
    """Return the rule of maximum or minimum; of equal operands the left one is taken."""

    def rule(site: Site, grad: Expr) -> tuple[Gradient, ...]:
        left, zero = call(comparison, *site.args), site.constant(0)
        return _both(site, call("where", left, grad, zero), call("where", left, zero, grad))

    return rule


def _power(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """A base that is not positive has no gradient by the exponent."""
    base, exponent = site.args
    lower = call("power", base, call("subtract", exponent, site.constant(1)))
    safe = call("where", call("greater", base, site.constant(0)), base, site.constant(1))
    by_base = multiply(grad, multiply(exponent, lower))
    return _both(site, by_base, multiply(grad, multiply(site.output, call("log", safe))))


def _where(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    if not site.is_float(1):
        return (None, None, None)
    condition, zero = site.args[0], site.constant(0, 1)
    then = reduce_to(call("where", condition, grad, zero), site, 1)
    return None, then, reduce_to(call("where", condition, zero, grad), site, 2)


def _floor_mod(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    quotient = call("floor", call("divide", *site.args))
    return _both(site, grad, call("negative", multiply(grad, quotient)))


def _trunc_mod(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    quotient = call("trunc", call("divide", *site.args))
    return _both(site, grad, call("negative", multiply(grad, quotient)))


def _arange(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Element k is start + k * step; stop only says how many there are."""
    if not site.is_float():
        return (None, None, None)
    dtype = site.tensor().dtype
    wide = grad if site.result_dtype == dtype else call("cast", grad, dtype=dtype)
    places = call("cumsum", call("ones_like", wide), axis=0, exclusive=True)
    return call("sum", wide), None, call("sum", multiply(wide, places))


def _full_like(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    return None, call("sum", grad) if site.is_float(1) else None


def _full(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    if not site.is_float():
        return (None,)
    total = call("sum", grad)
    result = site.result
    assert isinstance(result, TensorType)
    same = result.dtype == site.tensor().dtype
    return (total if same else call("cast", total, dtype=site.tensor().dtype),)


_NO_GRADIENT = (
    *("floor", "ceil", "trunc", "round", "sign", "zeros", "ones", "zeros_like", "ones_like"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_not"),
    *("logical_and", "logical_or", "logical_xor", "isnan", "isfinite", "isinf", "all", "any"),
    *("argmax", "argmin", "shape_of", "ndarray_size", "argsort"),
    *("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "left_shift", "right_shift"),
    *("floor_divide", "trunc_divide", "unravel_index", "searchsorted", "argwhere"),
    *("fixed_point_multiply", "fixed_point_multiply_per_axis", "invert_permutation"),
    *("random.threefry_generate", "random.threefry_split", "random.multinomial"),
    *("dyn.zeros", "dyn.ones", "vision.multibox_prior", "vision.all_class_non_max_suppression"),
)

_IDENTITIES = (
    *("annotation.stop_fusion", "annotation.cast_hint", "annotation.checkpoint"),
    *("annotation.compiler_begin", "annotation.compiler_end", "device_copy", "on_device"),
    *("annotation.bitpack_start", "annotation.bitpack_end"),
)

RULES: dict[str, Rule] = {
    **{name: _by_slope(slope) for name, slope in _SLOPES.items()},
    **dict.fromkeys(_NO_GRADIENT, _none),
    "negative": _negative,
    "copy": _same,
    **dict.fromkeys(_IDENTITIES, _same),
    "cast": _cast,
    "cast_like": _cast,
    "clip": _clip,
    "nn.leaky_relu": _leaky_relu,
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "maximum": _choice("greater_equal"),
    "minimum": _choice("less_equal"),
    "power": _power,
    "where": _where,
    "floor_mod": _floor_mod,
    "mod": _floor_mod,
    "trunc_mod": _trunc_mod,
    "arange": _arange,
    "full": _full,
    "full_like": _full_like,
}
