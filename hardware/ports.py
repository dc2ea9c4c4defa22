"""Signatures of the scratchpads' ports, as the engine that uses them sees them."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = [
    "ArbitratedReadPort",
    "ArbitratedWritePort",
    "MaskedWritePort",
    "ReadPort",
    "WritePort",
]


class ReadPort(wiring.Signature):
    """A read port that is never refused.

    Parameters
    ----------
    address_bits, data_bits : int

    Members
    -------
    enable, address : Out, a read in this cycle
    data : In, the word, from the next cycle until the next read
    """

    def __init__(self, address_bits, data_bits):
        self.address_bits = address_bits
        self.data_bits = data_bits
        super().__init__(
            {"enable": Out(1), "address": Out(address_bits), "data": In(data_bits)},
        )


class ArbitratedReadPort(wiring.Signature):
    """A read port that may be refused.

    Parameters
    ----------
    address_bits, data_bits : int

    Members
    -------
    valid, address : Out, a read is wanted; may be withdrawn or changed while it is not granted
    ready : In, the read is granted in this cycle; does not depend on `valid`
    data : In, the word, from the cycle after the grant until the next grant
    """

    def __init__(self, address_bits, data_bits):
        self.address_bits = address_bits
        self.data_bits = data_bits
        super().__init__(
            {
                "valid": Out(1),
                "ready": In(1),
                "address": Out(address_bits),
                "data": In(data_bits),
            }
        )


class WritePort(wiring.Signature):
    """A write port that is never refused; a read issued in the next cycle sees the word.

    Parameters
    ----------
    address_bits, data_bits : int

    Members
    -------
    enable, address, data : Out
    """

    def __init__(self, address_bits, data_bits):
        self.address_bits = address_bits
        self.data_bits = data_bits
        super().__init__(
            {"enable": Out(1), "address": Out(address_bits), "data": Out(data_bits)},
        )


class MaskedWritePort(wiring.Signature):
    """A write port that is never refused and writes parts of a word.

    Parameters
    ----------
    address_bits, data_bits : int
    mask_bits : int, equal parts of the word

    Members
    -------
    enable, address, data : Out
    mask : Out, the parts that are written
    """

    def __init__(self, address_bits, data_bits, mask_bits):
        self.address_bits = address_bits
        self.data_bits = data_bits
        self.mask_bits = mask_bits
        super().__init__(
            {
                "enable": Out(1),
                "address": Out(address_bits),
                "data": Out(data_bits),
                "mask": Out(mask_bits),
            }
        )


class ArbitratedWritePort(wiring.Signature):
    """A write port that may be refused.

    Parameters
    ----------
    address_bits, data_bits : int

    Members
    -------
    valid, address, data : Out, a write is wanted
    ready : In, the write is taken in this cycle; does not depend on `valid`
    """

    def __init__(self, address_bits, data_bits):
        self.address_bits = address_bits
        self.data_bits = data_bits
        super().__init__(
            {
                "valid": Out(1),
                "ready": In(1),
                "address": Out(address_bits),
                "data": Out(data_bits),
            }
        )
