"""Bit manipulation in the forms that simulate fast and synthesise the same."""

from amaranth.hdl import C, Cat, Mux

__all__ = ["shift_left", "sign_extend"]


def sign_extend(value, bits):
    """Return `value`, whose top bit is its sign, with `bits` bits, signed.

    An assignment would do the same, but the Verilog would name the top bit once for each bit
    added, and the simulation would compute each of them by itself.
    """
    added = bits - len(value)
    return Cat(value, Mux(value[-1], C(-1, added), C(0, added))).as_signed()


def shift_left(value, amount):
    """Return `value` shifted left by `amount`, as wide as `value`.

    Amaranth's own shift is as wide as its largest result.
    """
    for position, bit in enumerate(amount):
        distance = 1 << position
        if distance < len(value):
            shifted = Cat(C(0, distance), value[:-distance])
        else:
            shifted = C(0, len(value))
        value = Mux(bit, shifted, value)
    return value
