"""x ** y = exp(y log x), of float64, with the logarithm as a sum of two numbers.

Error: at most 1.5 units in the last place, as tested. Exceptions as C has them: x ** 0 and 1 ** y
are 1 whatever the other is, (-1) ** inf is 1, and a negative x needs a whole y.
"""

from math import inf, nan

from .coefficients import LOG_TAIL_64
from .exact import exact_product, exact_sum, product
from .exponential import exp
from .logarithm import split_number
from .value import Value, choose, polynomial

__all__ = ["power"]

# ln 2 and 2/3, each as a sum of two numbers; products of k with the first of ln 2 are exact.
_LN2 = (6.93147180369123816490e-01, 1.90821492927058770002e-10)
_TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)
# With such a y even 1 - 2**-53 and 1 + 2**-52 give 0 and infinity.
_LARGEST_Y = 2.0**64


def power(x: Value, y: Value) -> Value:
    """Return x ** y."""
    size = abs(x)
    bounded = choose(y > _LARGEST_Y, _LARGEST_Y, choose(y < -_LARGEST_Y, -_LARGEST_Y, y))
    high, low = _log(size)
    major, minor = exact_product(high, bounded)
    # The logarithms of 0 and infinity are infinite.
    is_zero = size.equals(0.0)
    limit = choose(is_zero, size.number(-inf), inf) * bounded
    exponent = choose(is_zero | size.equals(inf), limit, major)
    # Beyond this, exp is 0 or infinite anyway.
    rest = choose(abs(exponent) < 800.0, low.times_plus(bounded, minor), 0.0)
    base = exp(exponent)
    value = choose(base < inf, base.times_plus(rest, base), base)
    value = _signed(x, y, choose(size.equals(size), value, size))
    return choose(y.equals(0.0) | x.equals(1.0), 1.0, value)


def _signed(x: Value, y: Value, value: Value) -> Value:
    """Return |x| ** y as x ** y: with its sign, and not a number where that has no value."""
    whole = y.intrinsic("trunc").equals(y)
    half = y * 0.5
    odd = whole & (half.intrinsic("trunc").equals(half) ^ 1) & (abs(y) < inf)
    undefined = (x < 0.0) & (x > -inf) & (whole ^ 1)
    return choose(undefined, nan, choose(odd, value.sign_of(x), value))


def _log(x: Value) -> tuple[Value, Value]:
    """Return the logarithm of positive finite x as a sum of two numbers.

    ``log(m) = 2 s + s**3 (2/3 + s**2 P(s**2))``, s = (m - 1) / (m + 1), the first two terms with
    twice the bits.
    """
    exponent, mantissa = split_number(x)
    f = mantissa - 1.0
    below, lost = exact_sum(f.number(2.0), f)
    s = f / below
    back, error = exact_product(s, below)
    correction = ((f - back) - error - s * lost) / below
    pair = (s, correction)
    square = product(pair, pair)
    cube = product(square, pair)
    third = product(cube, (s.number(_TWO_THIRDS[0]), s.number(_TWO_THIRDS[1])))
    tail = cube[0] * square[0] * polynomial(square[0], LOG_TAIL_64)
    total, rest = exact_sum(s + s, third[0])
    rest = rest + (correction + correction) + third[1] + tail
    whole, more = exact_sum(exponent * _LN2[0], total)
    return exact_sum(whole, more + rest + exponent * _LN2[1])
