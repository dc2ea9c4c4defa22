"""sin, cos, tan and their inverses, of float64.

``x = n pi/2 + r + t``, |r| <= pi / 4, t what r lost in rounding. Up to |n| = 2**20, pi/2 is taken
off in three parts; beyond that x is multiplied by those bits of 2/pi that matter (`reduction`).

Errors in units in the last place that tests allow, of float64: sin, cos 1; tan 2.5; asin, acos 1.5;
atan 2. float32 goes through these and is the nearest number, but for one case in a million.

Source
------
Kernels: FreeBSD, k_sin.c, k_cos.c, e_asin.c, e_acos.c.
"""

from math import inf

from .coefficients import ASIN_64, ATAN_64, COS_64, SIN_64
from .reduction import reduce_angle
from .value import Value, choose, polynomial

__all__ = ["acos", "asin", "atan", "cos", "sin", "tan"]

# pi/2 as the sum of two doubles, and pi/4 the same.
_HALF_PI = (1.57079632679489655800e00, 6.12323399573676603587e-17)
_QUARTER_PI = (7.85398163397448278999e-01, 3.06161699786838301793e-17)


def sin(x: Value) -> Value:
    """Return the sine of an angle in radians."""
    quadrant, r, t = reduce_angle(x)
    value = choose((quadrant & 1).equals(0), _sin_near(r, t), _cos_near(r, t))
    return _finite(x, _negated(value, quadrant << 62))


def cos(x: Value) -> Value:
    """Return the cosine of an angle in radians."""
    quadrant, r, t = reduce_angle(x)
    value = choose((quadrant & 1).equals(0), _cos_near(r, t), _sin_near(r, t))
    return _finite(x, _negated(value, (quadrant + 1) << 62))


def tan(x: Value) -> Value:
    """Return sin / cos, or -cos / sin in odd quadrants."""
    quadrant, r, t = reduce_angle(x)
    even = (quadrant & 1).equals(0)
    sine, cosine = _sin_near(r, t), _cos_near(r, t)
    quotient = choose(even, sine, cosine) / choose(even, cosine, sine)
    return _finite(x, _negated(quotient, quadrant << 63))


def asin(x: Value) -> Value:
    """Return the inverse of the sine; not a number beyond 1."""
    size = abs(x)
    root, tail, correction, tight = _half_angle(size)
    near = size.times_plus(tight, size)
    lost = _HALF_PI[1] - (correction + correction)
    quarter = _QUARTER_PI[0] - (root + root)
    far = _QUARTER_PI[0] - (tail + tail - lost - quarter)
    return choose(size < 0.5, near, far).sign_of(x)


def acos(x: Value) -> Value:
    """Return the inverse of the cosine; not a number beyond 1."""
    size = abs(x)
    root, tail, correction, tight = _half_angle(size)
    middle = _HALF_PI[0] - (x - (_HALF_PI[1] - x * tight))
    right = (root + (tail + correction)) * 2.0
    left = _HALF_PI[0] - ((root + (tail + correction) - _HALF_PI[1]) * 2.0 - _HALF_PI[0])
    return choose(size < 0.5, middle, choose(x > 0.0, right, left))


def atan(x: Value) -> Value:
    """Return the inverse of the tangent: of x, (x - 1) / (x + 1) or -1 / x, and 0, pi/4, pi/2."""
    size = abs(x)
    large, medium = size > 2.414213562373095, size > 0.41421356237309503
    above = choose(large, -1.0, choose(medium, size - 1.0, size))
    below = choose(large, size, choose(medium, size + 1.0, 1.0))
    t = above / below
    square = t * t
    high, low = (
        choose(large, t.number(half), choose(medium, t.number(quarter), 0.0))
        for half, quarter in zip(_HALF_PI, _QUARTER_PI, strict=True)
    )
    value = high + (t + (t * square).times_plus(polynomial(square, ATAN_64), low))
    return value.sign_of(x)


def _half_angle(size: Value) -> tuple[Value, Value, Value, Value]:
    """Return what asin and acos are made of.

    ``asin(s) = f + c + tail``, s = sqrt((1 - size) / 2) = f + c, f with few bits; and
    asin(size) / size - 1, of size < 1/2.
    """
    near = size < 0.5
    square = choose(near, size * size, (1.0 - size) * 0.5)
    part = polynomial(square, ASIN_64) * square
    whole = square.root()
    root = whole.without_tail(32)
    sums = whole + root
    correction = (square - root * root) / choose(sums.equals(0.0), 1.0, sums)
    return root, whole * part, correction, part


def _sin_near(r: Value, t: Value) -> Value:
    """Return sin(r + t)."""
    z = r * r
    cube = z * r
    tail = polynomial(z, SIN_64[1:])
    return r - ((z * (t * 0.5 - cube * tail) - t) - cube * SIN_64[0])


def _cos_near(r: Value, t: Value) -> Value:
    """Return cos(r + t)."""
    z = r * r
    half = z * 0.5
    rough = 1.0 - half
    return rough + (((1.0 - rough) - half) + (z * z * polynomial(z, COS_64) - r * t))


def _negated(value: Value, sign: Value) -> Value:
    """Return `value` with its sign changed where the highest bit of `sign` is set."""
    return (value.bits() ^ (sign & -(1 << 63))).bits()


def _finite(x: Value, value: Value) -> Value:
    """Return `value`, or not-a-number where `x` is infinite or not a number."""
    return choose(abs(x) < inf, value, x - x)
