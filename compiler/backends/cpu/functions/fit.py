"""How the polynomials of `coefficients` were made.

``python -m compiler.backends.cpu.functions.fit`` prints them.

Each is the polynomial that equals its function in the Chebyshev points of an interval, computed
with 80 decimal digits and rounded once. Such a polynomial is within a small factor of the best one.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from types import MappingProxyType

import numpy as np

__all__ = ["FITS", "fit"]

_DIGITS = 80
_PI = Decimal(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803"
)

Function = Callable[[Decimal], Decimal]


def _series(term: Callable[[int], Decimal]) -> Function:
    """Return the function with the power series sum term(k) z**k."""

    def value(z: Decimal) -> Decimal:
        total, power, number = Decimal(0), Decimal(1), 0
        while number < 400 and (number < 4 or abs(power) > Decimal(10) ** (-_DIGITS)):
            total += term(number) * power
            power *= z
            number += 1
        return total

    return value


def _factorial(n: int) -> Decimal:
    return Decimal(np.prod(np.arange(1, n + 1).astype(object))) if n else Decimal(1)


def _arcsine_term(k: int) -> Decimal:
    """(asin x - x) / x**3 in powers of x**2."""
    n = k + 1
    return _factorial(2 * n) / (Decimal(4) ** n * _factorial(n) ** 2 * (2 * n + 1))


def _erf(x: Decimal) -> Decimal:
    """Return erf(x) by its Taylor series."""
    total, power, number = Decimal(0), x, 0
    while abs(power) > Decimal(10) ** (-_DIGITS):
        total += power / (2 * number + 1)
        number += 1
        power *= -x * x / number
    return 2 * total / _PI.sqrt()


def _erf_small(z: Decimal) -> Decimal:
    """erf(x) / x - 1 of z = x**2."""
    x = z.sqrt()
    return _erf(x) / x - 1


def _log_erfc(x: Decimal) -> Decimal:
    """log(erfc(x)) / x."""
    return (1 - _erf(x)).ln() / x


def _scaled_erfc(t: Decimal) -> Decimal:
    """exp(x**2) erfc(x) of t = (x - 2) / (x + 2)."""
    x = 2 * (1 + t) / (1 - t)
    return (x * x).exp() * (1 - _erf(x))


FITS: Mapping[str, tuple[Function, float, float, int, str]] = MappingProxyType(
    {
        # (exp(r) - 1 - r) / r**2, |r| <= ln(2) / 2
        "EXP_32": (_series(lambda k: 1 / _factorial(k + 2)), -0.347, 0.347, 4, "float32"),
        "EXP_64": (_series(lambda k: 1 / _factorial(k + 2)), -0.347, 0.347, 10, "float64"),
        # (2 atanh(s) - 2 s) / s**3 of s**2, s = (m - 1) / (m + 1), m in sqrt(1/2)..sqrt(2)
        "LOG_32": (_series(lambda k: Decimal(2) / (2 * k + 3)), 0, 0.0296, 3, "float32"),
        "LOG_64": (_series(lambda k: Decimal(2) / (2 * k + 3)), 0, 0.0296, 7, "float64"),
        # the same without its first term, divided by s**2
        "LOG_TAIL_64": (_series(lambda k: Decimal(2) / (2 * k + 5)), 0, 0.0296, 7, "float64"),
        # (sin(r) - r) / r**3 and (cos(r) - 1 + r**2 / 2) / r**4 of r**2, |r| <= pi / 4
        "SIN_64": (
            _series(lambda k: Decimal((-1) ** (k + 1)) / _factorial(2 * k + 3)),
            0, 0.617, 6, "float64",
        ),
        "COS_64": (
            _series(lambda k: Decimal((-1) ** k) / _factorial(2 * k + 4)), 0, 0.617, 6, "float64"
        ),
        # (asin(x) - x) / x**3 of x**2, |x| <= 1/2
        "ASIN_64": (_series(_arcsine_term), 0, 0.25, 13, "float64"),
        # (atan(x) - x) / x**3 of x**2, |x| <= tan(pi / 8)
        "ATAN_64": (
            _series(lambda k: Decimal((-1) ** (k + 1)) / (2 * k + 3)), 0, 0.1716, 10, "float64"
        ),
        # erf(x) / x - 1 of x**2, |x| <= 1
        "ERF_32": (_erf_small, 0, 1.0, 6, "float32"),
        "ERF_64": (_erf_small, 0, 1.0, 12, "float64"),
        # log(erfc(x)) / x, 1 <= x <= 4
        "ERF_TAIL_32": (_log_erfc, 1.0, 4.0, 7, "float32"),
        # exp(x**2) erfc(x) of (x - 2) / (x + 2), 1 <= x <= 6
        "ERF_TAIL_64": (_scaled_erfc, -0.3334, 0.5, 16, "float64"),
    }
)  # fmt: skip
"""From name to function, ends of the interval, degree, and the type that coefficients round to."""


def fit(name: str) -> tuple[float, ...]:
    """Return the coefficients of a row of `FITS`, the constant first."""
    function, low, high, degree, dtype = FITS[name]
    with localcontext() as context:
        context.prec = _DIGITS
        middle, half = (Decimal(high) + Decimal(low)) / 2, (Decimal(high) - Decimal(low)) / 2
        angles = (np.arange(degree + 1) + 0.5) * np.pi / (degree + 1)
        points = [middle + half * Decimal(float(point)) for point in np.cos(angles)]
        differences = [function(point) for point in points]
        for order in range(1, degree + 1):
            for place in range(degree, order - 1, -1):
                step = points[place] - points[place - order]
                differences[place] = (differences[place] - differences[place - 1]) / step
        # Newton's form multiplied out: p(x) = d + (x - point) p(x), from the last difference.
        result = [Decimal(0)] * (degree + 1)
        for difference, point in zip(reversed(differences), reversed(points), strict=True):
            moved = [Decimal(0), *result[:-1]]
            result = [up - point * same for up, same in zip(moved, result, strict=True)]
            result[0] += difference
        return tuple(float(np.dtype(dtype).type(float(value))) for value in result)


def main() -> None:
    """Print the table."""
    for name in FITS:
        print(f"{name} = (")
        for value in fit(name):
            print(f"    {value!r},")
        print(")")


if __name__ == "__main__":
    main()
