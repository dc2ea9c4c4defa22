"""Angles brought to within pi/4 of a multiple of pi/2, of float64 of any size.

Source
------
M. Payne, R. Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter 18(1), 1983.
"""

from ..builder import Index
from .exact import exact_product
from .value import Value, choose

__all__ = ["reduce_angle"]

_TWO_OVER_PI = 0.6366197723675814
_SHIFTER = 1.5 * 2.0**52

# pi/2 in three parts; the first two have 33 bits, so that their products with n are exact.
# Source: FreeBSD, e_rem_pio2.c.
_PARTS = (1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624879595063154e-21)
_LARGEST = 2.0**20 * 1.5

_HALF_PI = (1.57079632679489655800e00, 6.12323399573676603587e-17)
_EXACT = ("i1", "false")

# Fraction bits of 2/pi that are kept: at least 190 below the largest exponent, 971.
_FRACTION_BITS = 1216
# Loads begin at most 222 bits below the point and reach 256 bits on.
_TABLE_BITS = _FRACTION_BITS + 128
_TABLE = "tilewright.two_over_pi"


def reduce_angle(x: Value) -> tuple[Value, Value, Value]:
    """Return n, int64 and right modulo 4, and r and t: x = n pi/2 + r + t."""
    count = x.times_plus(_TWO_OVER_PI, _SHIFTER)
    n = count - _SHIFTER
    first, second = n.times_plus(-_PARTS[0], x), n * _PARTS[1]
    rest = first - second
    # What the subtraction lost (Knuth).
    moved = rest - first
    lost = (first - (rest - moved)) - (second + moved)
    error = n * _PARTS[2] - lost
    r = rest - error
    t = (rest - r) - error
    return _with_large(x, count.bits(), r, t)


def _with_large(x: Value, quadrant: Value, r: Value, t: Value) -> tuple[Value, Value, Value]:
    """Return the three with the lanes of large `x` replaced; costs nothing where there is none."""
    build = x.build
    large = abs(x) > _LARGEST
    stop: Index = build.value(f"select i1 {large.any()}, i64 {x.lanes}, i64 0")

    def lane(index: Index, carried: list[str]) -> list[str]:
        one = Value(build, "float64", 1, _extract(x, index))
        parts = _payne_hanek(one)
        kept = _extract(large, index)
        results = []
        for whole, name, part in zip((quadrant, r, t), carried, parts, strict=True):
            old = part.like(_extract(whole.like(name), index))
            new = choose(part.like(kept, "bool"), part, old)
            results.append(_insert(whole.like(name), new, index))
        return results

    carried = [(value.type, value.name) for value in (quadrant, r, t)]
    names = build.loop(0, stop, lane, carried)
    return quadrant.like(names[0]), r.like(names[1]), t.like(names[2])


def _extract(vector: Value, index: Index) -> str:
    """Return the name of one lane."""
    if vector.lanes == 1:
        return vector.name
    return vector.build.value(f"extractelement {vector.type} {vector.name}, i64 {index}")


def _insert(vector: Value, one: Value, index: Index) -> str:
    """Return the name of the vector with a lane replaced."""
    if vector.lanes == 1:
        return one.name
    return vector.build.value(
        f"insertelement {vector.type} {vector.name}, {one.type} {one.name}, i64 {index}"
    )


def _payne_hanek(x: Value) -> tuple[Value, Value, Value]:
    """Return n modulo 4, r and t of one large x: its product with 2/pi, modulo 4.

    With x = m 2**e, the bits of 2/pi that are worth 2**(2 - e) or more give multiples of 4 m; of
    the others the next 192 count. The product is a fixed-point number with 190 fraction bits.
    """
    build = x.build
    product = _product(x)
    rounded = build.value(f"add i192 {product}, {1 << 189}")
    number = build.value(f"lshr i192 {rounded}, 190")
    fraction = build.value(f"sub i192 {product}, {build.value(f'shl i192 {number}, 190')}")
    high, low = _as_doubles(x, build.call("i192", "llvm.abs.i192", ("i192", fraction), _EXACT))
    r, error = exact_product(high, high.number(_HALF_PI[0]))
    error = error + (high * _HALF_PI[1] + low * _HALF_PI[0])
    total = r + error
    rest = (r - total) + error
    below = Value(build, "bool", 1, build.value(f"icmp slt i192 {fraction}, 0"))
    quadrant = Value(build, "int64", 1, build.value(f"trunc i192 {number} to i64"))
    # All three change their signs with x.
    sign = choose(below, x.number(-1.0), 1.0) * x.number(1.0).sign_of(x)
    return choose(x < 0.0, 0 - quadrant, quadrant), total * sign, rest * sign


def _product(x: Value) -> str:
    """Return the name of x * 2 / pi modulo 4, an i192 with 190 fraction bits; x > 0."""
    build = x.build
    build.declarations.add(_table())
    pattern = x.bits()
    exponent = ((pattern & 0x7FF0000000000000) >> 52) - 1075
    # Infinity and not-a-number stay within the table.
    exponent = choose(exponent > 971, exponent.number(971), exponent)
    mantissa = (pattern & 0xFFFFFFFFFFFFF) | (1 << 52)
    skipped = exponent.number(_FRACTION_BITS - 190) - exponent
    address = build.value(f"getelementptr i8, ptr @{_TABLE}, i64 {(skipped >> 3).name}")
    loaded = build.value(f"load i256, ptr {address}, align 1")
    shift = build.value(f"zext i64 {(skipped & 7).name} to i256")
    window = build.value(f"trunc i256 {build.value(f'lshr i256 {loaded}, {shift}')} to i192")
    factor = build.value(f"zext i64 {mantissa.name} to i192")
    return build.value(f"mul i192 {window}, {factor}")


def _as_doubles(x: Value, size: str) -> tuple[Value, Value]:
    """Return a positive i192 with 190 fraction bits as the sum of two doubles."""
    build = x.build
    zeros = build.call("i192", "llvm.ctlz.i192", ("i192", size), _EXACT)
    leading = build.value(f"shl i192 {size}, {zeros}")
    count = Value(build, "int64", 1, build.value(f"trunc i192 {zeros} to i64"))
    # The highest of the 53 bits of the first part, bit 191, is worth 2**(1 - zeros).
    unit = ((count.number(1023 - 51) - count) << 52).bits()
    parts = []
    for place in (139, 86):
        cut = build.value(f"trunc i192 {build.value(f'lshr i192 {leading}, {place}')} to i64")
        word = Value(build, "int64", 1, cut) & ((1 << 53) - 1)
        parts.append(word.convert("sitofp", "float64"))
    return parts[0] * unit, parts[1] * unit * 2.0**-53


def _table() -> str:
    """Return the definition of the fraction bits of 2/pi, the last word first."""
    bits = _TABLE_BITS + 64
    # Machin's formula, in fixed point.
    pi = 4 * (4 * _inverse_tangent(5, bits) - _inverse_tangent(239, bits))
    value = (2 << (bits + _FRACTION_BITS)) // pi
    words = (value >> start & (1 << 64) - 1 for start in range(0, _TABLE_BITS, 64))
    text = ", ".join(f"i64 {word}" for word in words)
    return f"@{_TABLE} = internal constant [{_TABLE_BITS // 64} x i64] [{text}], align 8"


def _inverse_tangent(divisor: int, bits: int) -> int:
    """Return atan(1 / divisor) with so many fraction bits."""
    term, total, number = (1 << bits) // divisor, 0, 1
    while term:
        total += term // number if number % 4 == 1 else -(term // number)
        term //= divisor * divisor
        number += 2
    return total
