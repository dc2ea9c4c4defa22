"""Bit manipulation in the forms that simulate fast and synthesise the same."""

from amaranth.hdl import C, Cat, Mux

__all__ = ["add_or_subtract", "shift_left", "sign_extend"]


def sign_extend(value, bits):
    """Return `value`, whose top bit is its sign, with `bits` bits, signed.

    An assignment would do the same, but the Verilog would name the top bit once for each bit
    added, and the simulation would compute each of them by itself.
    """
    added = bits - len(value)
    return Cat(value, Mux(value[-1], C((1 << added) - 1, added), C(0, added))).as_signed()


def shift_left(value, amount):
    """Return `value`, at most 32 bits, shifted left by `amount`, at most six bits; as wide.

    Amaranth's own shift is as wide as its largest result: more than 64 bits simulate slowly.
    """
    shifted = (value << amount[:5])[: len(value)]
    return Mux(amount[5], 0, shifted) if len(amount) > 5 else shifted


def add_or_subtract(a, b, subtracts):
    """Return a + b, or a - b where `subtracts`, exactly: one carry chain for both.

    Parameters
    ----------
    a, b : signed values of equal width w
    subtracts : Value, one bit

    Returns
    -------
    Value, signed, w + 1 bits
    """
    width = len(a) + 1
    other = Cat(subtracts, sign_extend(b, width) ^ subtracts.replicate(width))
    return (Cat(subtracts, sign_extend(a, width)) + other)[1 : width + 1].as_signed()
