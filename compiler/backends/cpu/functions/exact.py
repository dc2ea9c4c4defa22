"""Sums and products of floats without any error, as two floats.

Source
------
T. J. Dekker, "A floating-point technique for extending the available precision", Numerische
Mathematik 18, 1971.
"""

from .value import Value

__all__ = ["exact_product", "exact_sum", "product"]

# Half of the 53 bits.
_TAIL_BITS = 27


def exact_sum(left: Value, right: Value) -> tuple[Value, Value]:
    """Return left + right and what rounding lost, where |left| >= |right| or left is 0."""
    total = left + right
    return total, right - (total - left)


def exact_product(left: Value, right: Value) -> tuple[Value, Value]:
    """Return left * right of float64 and what rounding lost."""
    total = left * right
    a, b = left.without_tail(_TAIL_BITS), right.without_tail(_TAIL_BITS)
    x, y = left - a, right - b
    return total, ((a * b - total) + a * y + x * b) + x * y


def product(left: tuple[Value, Value], right: tuple[Value, Value]) -> tuple[Value, Value]:
    """Return the product of two sums of two float64, as such a sum."""
    high, low = exact_product(left[0], right[0])
    return exact_sum(high, low + (left[0] * right[1] + left[1] * right[0]))
