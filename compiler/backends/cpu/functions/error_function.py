"""The error function.

Up to 1 a polynomial of x**2; beyond it 1 - erfc(x), where erfc is small and need not be exact.

Errors in units in the last place that tests allow: float32 1.5, float64 2.
"""

from .coefficients import ERF_32, ERF_64, ERF_TAIL_32, ERF_TAIL_64
from .exponential import flushed_exp
from .value import Value, choose, polynomial

__all__ = ["erf"]

# erf is 1 beyond, as rounded.
_LARGEST = {"float32": 4.0, "float64": 6.0}


def erf(x: Value) -> Value:
    """Return 2 / sqrt(pi) times the integral of exp(-t**2) from 0 to x."""
    size = abs(x)
    square = x * x
    near = polynomial(square, ERF_32 if x.dtype == "float32" else ERF_64).times_plus(x, x)
    largest = _LARGEST[x.dtype]
    bounded = choose(size > largest, largest, size)
    if x.dtype == "float32":
        rest = flushed_exp(bounded * polynomial(bounded, ERF_TAIL_32), negative=True)
    else:
        place = (bounded - 2.0) / (bounded + 2.0)
        rest = flushed_exp(-(bounded * bounded), negative=True) * polynomial(place, ERF_TAIL_64)
    return choose(size < 1.0, near, (1.0 - rest).sign_of(x))
