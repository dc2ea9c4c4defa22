"""exp and what is made of it: expm1, sigmoid, tanh, sinh, cosh.

``exp(x) = 2**n * exp(r)``, n the nearest integer to x / ln 2, |r| <= ln(2) / 2.

Errors in units in the last place that tests allow, with and without fused multiplication:

| | float32 | float64 |
|---|---|---|
| exp | 1.5 | 1.5 |
| sigmoid | 2.5 | 2.5 |
| tanh | 2.5 | 3 |
| sinh, cosh | through float64 | 3, 2 |
"""

from .coefficients import EXP_32, EXP_64
from .value import Value, choose, polynomial

__all__ = ["cosh", "exp", "expm1", "flushed_exp", "sigmoid", "sinh", "tanh"]

_LOG2_E = 1.4426950408889634

# ln 2 in two parts, the first with so few bits that its product with any n is exact.
# Source: Cephes, expf.c; FreeBSD, e_exp.c.
_LN2 = {
    "float32": (0.693359375, -2.12194440e-4),
    "float64": (6.93147180369123816490e-01, 1.90821492927058770002e-10),
}
# Added to a number below half of it, it leaves the nearest integer in the last bits.
_SHIFTER = {"float32": 1.5 * 2.0**23, "float64": 1.5 * 2.0**52}
_MANTISSA_BITS = {"float32": 23, "float64": 52}
_BIAS = {"float32": 127, "float64": 1023}
_COEFFICIENTS = {"float32": EXP_32, "float64": EXP_64}

# Where exp is 0 and infinite for certain, and n has not left the range of two factors.
_LIMITS = {"float32": (-105.0, 89.5), "float64": (-746.0, 711.0)}
# Where n is one below and one above the range of one factor.
_FLUSHED = {"float32": (-88.02, 88.72), "float64": (-709.09, 709.78)}


def exp(x: Value, halved: bool = False) -> Value:
    """Return exp(x), half of it if `halved`."""
    whole, rest = _reduced(x, *_LIMITS[x.dtype])
    if halved:
        whole = whole - 1
    first = whole >> 1
    scaled = (_expm1_near(rest) + 1.0) * _power_of_two(first, x)
    return scaled * _power_of_two(whole - first, x)


def flushed_exp(x: Value, negative: bool = False) -> Value:
    """Return exp(x), but 0 where that is below the normal numbers, infinity above 2**127.5.

    Of float64: above 2**1023.5. With `negative`, no x is above 0.
    """
    low, high = _FLUSHED[x.dtype]
    whole, rest = _reduced(x, low, None if negative else high)
    return (_expm1_near(rest) + 1.0) * _power_of_two(whole, x)


def expm1(x: Value, limit: float) -> Value:
    """Return exp(x) - 1 for 0 <= x, taken for `limit` if above."""
    whole, rest = _reduced(x, -1.0, limit)
    factor = _power_of_two(whole, x)
    return _expm1_near(rest).times_plus(factor, factor - 1.0)


def sigmoid(x: Value) -> Value:
    """Return 1 / (1 + exp(-x)); 0 where that is subnormal."""
    return 1.0 / (flushed_exp(-x) + 1.0)


def tanh(x: Value) -> Value:
    """Return (e - 1) / (e + 1), where e = exp(2 |x|), with the sign of x."""
    size = abs(x)
    power = expm1(size + size, 20.0 if x.dtype == "float32" else 40.0)
    return (power / (power + 2.0)).sign_of(x)


def sinh(x: Value) -> Value:
    """Return (e - 1 + (e - 1) / e) / 2, where e = exp(|x|), with the sign of x."""
    size = abs(x)
    power = expm1(size, 22.0)
    near = (power + power / (power + 1.0)) * 0.5
    return choose(size < 22.0, near, exp(size, halved=True)).sign_of(x)


def cosh(x: Value) -> Value:
    """Return (e + 1 / e) / 2, where e = exp(|x|)."""
    half = exp(abs(x), halved=True)
    return half + 0.25 / half


def _reduced(x: Value, low: float, high: float | None) -> tuple[Value, Value]:
    """Return n, an integer, and r, of x within low..high; not-a-number stays what it is in r."""
    if high is not None:
        x = choose(x > high, high, x)
    x = choose(x < low, low, x)
    shifter = x.number(_SHIFTER[x.dtype])
    shifted = x.times_plus(_LOG2_E, shifter)
    count = shifted - shifter
    high_part, low_part = _LN2[x.dtype]
    rest = count.times_plus(-low_part, count.times_plus(-high_part, x))
    return shifted.bits() - shifter.bits(), rest


def _expm1_near(r: Value) -> Value:
    """Return exp(r) - 1 for |r| <= ln(2) / 2."""
    return (r * r).times_plus(polynomial(r, _COEFFICIENTS[r.dtype]), r)


def _power_of_two(n: Value, x: Value) -> Value:
    """Return 2**n, of the type of `x`; 0 and infinity one below and above the range."""
    return ((n + _BIAS[x.dtype]) << _MANTISSA_BITS[x.dtype]).bits()
