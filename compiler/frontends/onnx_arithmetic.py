"""ONNX operators element by element, as Relay's or as compositions of those."""

from collections.abc import Callable, Mapping
from functools import reduce

import numpy as np

from ..ir import Expr
from ..ops import call
from .onnx_node import OnnxContext, OnnxConverter

__all__ = ["ARITHMETIC", "clip_bounds"]


def _named(name: str, count: int = 1) -> OnnxConverter:
    """Return the converter to the Relay operator `name` of `count` operands of one type."""

    def converter(context: OnnxContext) -> Expr:
        return call(name, *context.numbers(*range(count)), span=context.span)

    return converter


def _float(name: str) -> OnnxConverter:
    """Return the converter to the Relay operator `name` of one float operand."""

    def converter(context: OnnxContext) -> Expr:
        return call(name, *context.floats(0), span=context.span)

    return converter


def _chained(name: str) -> OnnxConverter:
    """Return the converter of any number of operands, combined two by two."""

    def converter(context: OnnxContext) -> Expr:
        parts = context.numbers(*range(len(context.inputs)))
        return reduce(lambda left, right: call(name, left, right, span=context.span), parts)

    return converter


def clip_bounds(context: OnnxContext) -> tuple[float, float]:
    """Return the bounds of Relu or Clip."""
    if context.kind == "Relu":
        return 0.0, np.inf
    bounds = []
    for number, name, default in ((1, "min", -np.inf), (2, "max", np.inf)):
        if context.has(number):
            bounds.append(float(context.constant(number, f"the bound {name}").reshape(())))
        else:
            bounds.append(float(context.attribute(name, default)))
    return bounds[0], bounds[1]


def _clip(context: OnnxContext) -> Expr:
    """Convert Clip; bounds that are computed, or of integers, as minimum and maximum."""
    data, span = context.value(0), context.span
    known = all(not context.has(n) or context.value(n).array is not None for n in (1, 2))
    if known and data.dtype == "float32":
        low, high = clip_bounds(context)
        if low <= high:
            return call("clip", *context.floats(0), span=span, a_min=low, a_max=high)
    (made,) = context.numbers(0)
    if context.has(1):
        made = call("maximum", made, *context.numbers(1), span=span)
    return call("minimum", made, *context.numbers(2), span=span) if context.has(2) else made


def _relu(context: OnnxContext) -> Expr:
    if context.value(0).dtype == "float32":
        return call("nn.relu", *context.floats(0), span=context.span)
    return call("maximum", *context.numbers(0), context.scalar(0), span=context.span)


def _divide(context: OnnxContext) -> Expr:
    name = "divide" if context.is_float(0) else "trunc_divide"
    return call(name, *context.numbers(0, 1), span=context.span)


def _mod(context: OnnxContext) -> Expr:
    name = "trunc_mod" if context.attribute("fmod", 0) else "floor_mod"
    return call(name, *context.numbers(0, 1), span=context.span)


def _power(context: OnnxContext) -> Expr:
    """Convert Pow; small whole exponents as products, which are exact."""
    data, exponent = context.value(0), context.value(1)
    (base,) = context.numbers(0)
    if exponent.array is not None and exponent.array.size == 1 and data.dtype.startswith("float"):
        power = float(exponent.array.reshape(()))
        fits = len(exponent.shape) <= len(data.shape)
        if power in (1.0, 2.0, 3.0) and fits:
            return reduce(
                lambda left, right: call("multiply", left, right, span=context.span),
                [base] * int(power),
            )
        if power == 0.5 and fits:
            return call("sqrt", base, span=context.span)
    # Relay raises floats only; float64 holds what integers of some size make.
    wide = data.dtype if data.dtype.startswith("float") else "float64"
    raised = context.cast(exponent.expr, exponent.dtype, wide)
    made = call("power", context.cast(base, data.dtype, wide), raised, span=context.span)
    return context.cast(made, wide, data.dtype)


def _cast(context: OnnxContext) -> Expr:
    value = context.value(0)
    target = context.result.dtype
    if value.dtype.startswith("float") and target == "bool":
        return call("not_equal", value.expr, context.scalar(0), span=context.span)
    return context.cast(value.expr, value.dtype, target)


def _round(context: OnnxContext) -> Expr:
    """Round half to even: where x - floor(x) is a half, to twice the rounded half of x."""
    (x,) = context.floats(0)
    span, half = context.span, context.scalar(0.5)
    floor = call("floor", x, span=span)
    rest = call("subtract", x, floor, span=span)
    up = call("add", floor, context.scalar(1), span=span)
    pair = call(
        "multiply",
        call("floor", call("multiply", x, half, span=span), span=span),
        context.scalar(2),
        span=span,
    )
    is_even = call("equal", pair, floor, span=span)
    tie = call("where", is_even, floor, up, span=span)
    nearer = call("where", call("less", rest, half, span=span), floor, up, span=span)
    return call("where", call("equal", rest, half, span=span), tie, nearer, span=span)


def _reciprocal(context: OnnxContext) -> Expr:
    return call("divide", context.scalar(1), *context.floats(0), span=context.span)


def _where(context: OnnxContext) -> Expr:
    condition = context.value(0).expr
    return call("where", condition, *context.numbers(1, 2), span=context.span)


def _is_inf(context: OnnxContext) -> Expr:
    (x,) = context.floats(0)
    found = call("isinf", x, span=context.span)
    for name, side in (("detect_negative", "greater"), ("detect_positive", "less")):
        if not context.attribute(name, 1):
            allowed = call(side, x, context.scalar(0), span=context.span)
            found = call("logical_and", found, allowed, span=context.span)
    return found


def _shift(context: OnnxContext) -> Expr:
    name = "left_shift" if context.attribute("direction", "") == "LEFT" else "right_shift"
    return call(name, *context.numbers(0, 1), span=context.span)


def _mean(context: OnnxContext) -> Expr:
    total = _chained("add")(context)
    return call("divide", total, context.scalar(len(context.inputs)), span=context.span)


def _prelu(context: OnnxContext) -> Expr:
    """slope * x below 0."""
    x, slope = context.numbers(0, 1)
    below = call("multiply", slope, x, span=context.span)
    return _unless_negative(context, x, below)


def _unless_negative(context: OnnxContext, x: Expr, below: Expr) -> Expr:
    """Return x where it is not negative, else `below`."""
    negative = call("less", x, context.scalar(0), span=context.span)
    return call("where", negative, below, x, span=context.span)


def _leaky_relu(context: OnnxContext) -> Expr:
    alpha = float(context.attribute("alpha", 0.01))
    return call("nn.leaky_relu", *context.floats(0), span=context.span, alpha=alpha)


def _exponential(alpha: float, gamma: float = 1.0) -> OnnxConverter:
    """Return the converter of gamma * x, below 0 of gamma * alpha * (exp(x) - 1)."""

    def converter(context: OnnxContext) -> Expr:
        (x,) = context.floats(0)
        a, g = context.attribute("alpha", alpha), context.attribute("gamma", gamma)
        span, scale = context.span, context.scalar
        # Celu divides by alpha inside.
        inner = call("divide", x, scale(a), span=span) if context.kind == "Celu" else x
        grown = call("subtract", call("exp", inner, span=span), scale(1), span=span)
        made = _unless_negative(context, x, call("multiply", scale(a), grown, span=span))
        return made if g == 1.0 else call("multiply", scale(g), made, span=span)

    return converter


def _thresholded(context: OnnxContext) -> Expr:
    (x,) = context.floats(0)
    bound = context.scalar(context.attribute("alpha", 1.0))
    above = call("greater", x, bound, span=context.span)
    return call("where", above, x, context.scalar(0), span=context.span)


def _hard_sigmoid(context: OnnxContext) -> Expr:
    """max(0, min(1, alpha * x + beta)); HardSwish is x times that, of 1/6 and 1/2."""
    (x,) = context.floats(0)
    swish = context.kind == "HardSwish"
    alpha = 1 / 6 if swish else context.attribute("alpha", 0.2)
    beta = 0.5 if swish else context.attribute("beta", 0.5)
    line = call("multiply", context.scalar(alpha), x, span=context.span)
    line = call("add", line, context.scalar(beta), span=context.span)
    made = call("clip", line, span=context.span, a_min=0.0, a_max=1.0)
    return call("multiply", x, made, span=context.span) if swish else made


def _softplus(context: OnnxContext) -> Expr:
    """log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|)), which does not overflow."""
    (x,) = context.floats(0)
    return _softplus_of(context, x)


def _softplus_of(context: OnnxContext, x: Expr) -> Expr:
    span = context.span
    small = call("exp", call("negative", call("abs", x, span=span), span=span), span=span)
    rest = call("log", call("add", context.scalar(1), small, span=span), span=span)
    return call("add", call("maximum", x, context.scalar(0), span=span), rest, span=span)


def _mish(context: OnnxContext) -> Expr:
    (x,) = context.floats(0)
    part = call("tanh", _softplus_of(context, x), span=context.span)
    return call("multiply", x, part, span=context.span)


def _swish(context: OnnxContext) -> Expr:
    (x,) = context.floats(0)
    alpha = context.attribute("alpha", 1.0)
    inner = x if alpha == 1.0 else call("multiply", context.scalar(alpha), x, span=context.span)
    return call("multiply", x, call("sigmoid", inner, span=context.span), span=context.span)


def _softsign(context: OnnxContext) -> Expr:
    (x,) = context.floats(0)
    size = call("add", context.scalar(1), call("abs", x, span=context.span), span=context.span)
    return call("divide", x, size, span=context.span)


def _gelu(context: OnnxContext) -> Expr:
    """Half x * (1 + erf(x / sqrt(2))), or with tanh instead.

    Source
    ------
    ONNX operator specification, Gelu-20.
    """
    (x,) = context.floats(0)
    span, scalar = context.span, context.scalar
    if context.attribute("approximate", "none") == "tanh":
        cube = call("multiply", x, call("multiply", x, x, span=span), span=span)
        inner = call("add", x, call("multiply", scalar(0.044715), cube, span=span), span=span)
        inner = call("multiply", scalar(float(np.sqrt(2 / np.pi))), inner, span=span)
        part = call("tanh", inner, span=span)
    else:
        part = call("erf", call("multiply", x, scalar(float(np.sqrt(0.5))), span=span), span=span)
    half = call("multiply", scalar(0.5), x, span=span)
    return call("multiply", half, call("add", scalar(1), part, span=span), span=span)


def _shrink(context: OnnxContext) -> Expr:
    (x,) = context.floats(0)
    span, bias = context.span, context.scalar(context.attribute("bias", 0.0))
    bound = float(context.attribute("lambd", 0.5))
    low = call("less", x, context.scalar(-bound), span=span)
    high = call("greater", x, context.scalar(bound), span=span)
    above = call("where", high, call("subtract", x, bias, span=span), context.scalar(0), span=span)
    return call("where", low, call("add", x, bias, span=span), above, span=span)


_UNARY: Mapping[str, str] = {
    "Acos": "acos",
    "Acosh": "acosh",
    "Asin": "asin",
    "Asinh": "asinh",
    "Atan": "atan",
    "Atanh": "atanh",
    "Ceil": "ceil",
    "Cos": "cos",
    "Cosh": "cosh",
    "Erf": "erf",
    "Exp": "exp",
    "Floor": "floor",
    "IsNaN": "isnan",
    "Log": "log",
    "Sigmoid": "sigmoid",
    "Sin": "sin",
    "Sinh": "sinh",
    "Sqrt": "sqrt",
    "Tan": "tan",
    "Tanh": "tanh",
}
_ANY_UNARY: Mapping[str, str] = {
    "Abs": "abs",
    "BitwiseNot": "bitwise_not",
    "Neg": "negative",
    "Not": "logical_not",
    "Sign": "sign",
}
_BINARY: Mapping[str, str] = {
    "Add": "add",
    "And": "logical_and",
    "BitwiseAnd": "bitwise_and",
    "BitwiseOr": "bitwise_or",
    "BitwiseXor": "bitwise_xor",
    "Equal": "equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Mul": "multiply",
    "Or": "logical_or",
    "Sub": "subtract",
    "Xor": "logical_xor",
}

_OWN: Mapping[str, Callable[[OnnxContext], Expr]] = {
    "BitShift": _shift,
    "Cast": _cast,
    "CastLike": _cast,
    "Celu": _exponential(1.0),
    "Clip": _clip,
    "Div": _divide,
    "Elu": _exponential(1.0),
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_sigmoid,
    "IsInf": _is_inf,
    "LeakyRelu": _leaky_relu,
    "Max": _chained("maximum"),
    "Mean": _mean,
    "Min": _chained("minimum"),
    "Mish": _mish,
    "Mod": _mod,
    "Pow": _power,
    "PRelu": _prelu,
    "Reciprocal": _reciprocal,
    "Relu": _relu,
    "Round": _round,
    # Source: ONNX operator specification, Selu, attributes alpha and gamma.
    "Selu": _exponential(1.67326319217681884765625, 1.05070102214813232421875),
    "Shrink": _shrink,
    "Softplus": _softplus,
    "Softsign": _softsign,
    "Sum": _chained("add"),
    "Swish": _swish,
    "ThresholdedRelu": _thresholded,
    "Where": _where,
}

ARITHMETIC: Mapping[str, OnnxConverter] = {
    **{kind: _float(name) for kind, name in _UNARY.items()},
    **{kind: _named(name) for kind, name in _ANY_UNARY.items()},
    **{kind: _named(name, 2) for kind, name in _BINARY.items()},
    **_OWN,
}
