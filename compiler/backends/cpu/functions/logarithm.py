"""Logarithms, and the inverses of hyperbolic functions.

``log(x) = k ln 2 + log(m)``, m within sqrt(1/2)..sqrt(2); ``log(1 + f) = 2 atanh(s)``, where
s = f / (2 + f).

Errors in units in the last place that tests allow: log 1 (float32 and float64); log2, log10 1.5;
asinh, acosh, atanh 3 (float64; float32 goes through it).

Source
------
The order of additions: FreeBSD, e_log.c, e_log2.c, e_log10.c, s_asinh.c, e_acosh.c, e_atanh.c.
"""

from math import inf, nan

from .coefficients import LOG_32, LOG_64
from .value import Value, choose, polynomial

__all__ = ["acosh", "asinh", "atanh", "log", "log10", "log1p", "log2", "split_number"]

_LN2 = {
    "float32": (6.9313812256e-01, 9.0580006145e-06),
    "float64": (6.93147180369123816490e-01, 1.90821492927058770002e-10),
}
_COEFFICIENTS = {"float32": LOG_32, "float64": LOG_64}
# Mantissa bits, the smallest normal number, a factor that makes every number normal, its logarithm,
# and the bits of sqrt(1/2).
_FORMAT = {
    "float32": (23, 2.0**-126, 2.0**25, 25, 0x3F3504F3),
    "float64": (52, 2.0**-1022, 2.0**54, 54, 0x3FE6A09E667F3BCD),
}


def log(x: Value) -> Value:
    """Return the natural logarithm."""
    exponent, mantissa = split_number(x)
    f, half_square, rest = _log_parts(mantissa)
    high, low = _LN2[x.dtype]
    tail = half_square - exponent.times_plus(low, rest)
    return _with_limits(x, exponent.times_plus(high, f - tail))


def log2(x: Value) -> Value:
    """Return the logarithm to base 2, of float64."""
    return _log_to_base(x, (1.44269504072144627571e00, 1.67517131648865118353e-10), (1.0, 0.0))


def log10(x: Value) -> Value:
    """Return the logarithm to base 10, of float64."""
    return _log_to_base(
        x,
        (4.34294481878168880939e-01, 2.50829467116452752298e-11),
        (3.01029995663611771306e-01, 3.69423907715893078616e-13),
    )


def log1p(x: Value) -> Value:
    """Return log(1 + x) for x >= 0: log(u) + lost / u, where u = 1 + x as rounded."""
    u = x + 1.0
    moved = u - 1.0
    lost = (1.0 - (u - moved)) + (x - moved)
    return choose(x < inf, log(u) + lost / u, x)


def asinh(x: Value) -> Value:
    """Return the inverse of sinh, of float64."""
    size = abs(x)
    square = size * size
    near = log1p(size + square / ((square + 1.0).root() + 1.0))
    far = log(size) + 0.6931471805599453
    return choose(size > 2.0**28, far, near).sign_of(x)


def acosh(x: Value) -> Value:
    """Return the inverse of cosh, of float64; not a number below 1."""
    t = x - 1.0
    near = log1p(t + (t * 2.0 + t * t).root())
    far = log(x) + 0.6931471805599453
    return choose(x < 1.0, nan, choose(x > 2.0**28, far, near))


def atanh(x: Value) -> Value:
    """Return the inverse of tanh, of float64; not a number beyond 1."""
    size = abs(x)
    double = size + size
    rest = 1.0 - size
    term = choose(size < 0.5, double + double * size / rest, double / rest)
    return choose(size > 1.0, nan, (log1p(term) * 0.5).sign_of(x))


def split_number(x: Value) -> tuple[Value, Value]:
    """Return k, as a float, and m of positive x = 2**k m."""
    bits, smallest, factor, raised, middle = _FORMAT[x.dtype]
    small = x < smallest
    pattern = choose(small, x * factor, x).bits()
    k = (pattern - middle) >> bits
    mantissa = (pattern - (k << bits)).bits()
    exponent = k.convert("sitofp", x.dtype)
    return choose(small, exponent - float(raised), exponent), mantissa


def _log_parts(mantissa: Value) -> tuple[Value, Value, Value]:
    """Return f, h = f**2 / 2 and g such that log(mantissa) = f - (h - g)."""
    f = mantissa - 1.0
    s = f / (f + 2.0)
    square = s * s
    half_square = f * f * 0.5
    tail = polynomial(square, _COEFFICIENTS[f.dtype]) * square
    return f, half_square, s * (half_square + tail)


def _log_to_base(x: Value, inverse: tuple[float, float], power: tuple[float, float]) -> Value:
    """Return log(x) / log(base); `inverse` and `power` are 1 / log(base) and log(2) / log(base)."""
    exponent, mantissa = split_number(x)
    f, half_square, rest = _log_parts(mantissa)
    high = (f - half_square).without_tail(32)
    low = (f - high) - half_square + rest
    major, whole = high * inverse[0], exponent * power[0]
    minor = exponent * power[1] + (low + high) * inverse[1] + low * inverse[0]
    total = whole + major
    return _with_limits(x, (whole - total) + major + minor + total)


def _with_limits(x: Value, value: Value) -> Value:
    """Return a logarithm where x is positive and finite, else its limit or not-a-number."""
    value = choose(x < inf, value, x)
    return choose(x < 0.0, nan, choose(x.equals(0.0), -inf, value))
