"""Bit fields and the formats made of them; bit positions follow from the order of the fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from .errors import DecodeError, EncodeError

__all__ = ["Field", "Format"]


@dataclass(frozen=True)
class Field:
    """One field of a format.

    Attributes
    ----------
    name : str
    bits : int, width in the encoded word
    meaning : str, one sentence for the documentation
    signed : bool, two's complement
    minimum : int, smallest value; a count from 1 is encoded as count - 1
    maximum : int, largest value, or None where the width alone limits it
    default : int, value where a program names none
    choices : type of an IntEnum whose members are the legal values, or None
    mask : bool, a set of `choices`, one bit for each
    """

    name: str
    bits: int
    meaning: str
    signed: bool = False
    minimum: int = 0
    maximum: int | None = None
    default: int = 0
    choices: type[IntEnum] | None = None
    mask: bool = False

    @cached_property
    def low(self) -> int:
        """Smallest legal value."""
        return -(1 << (self.bits - 1)) if self.signed else self.minimum

    @cached_property
    def high(self) -> int:
        """Largest legal value."""
        if self.signed:
            return (1 << (self.bits - 1)) - 1
        if self.choices is not None and not self.mask:
            return max(self.choices)
        if self.maximum is not None:
            return self.maximum
        return self.minimum + (1 << self.bits) - 1

    def encode(self, value: int) -> int:
        """Return the bits of `value`, unsigned.

        Raises
        ------
        EncodeError
            The value is out of the field's range.
        """
        if not self.low <= value <= self.high:
            raise EncodeError(f"{self.name} must be in {self.low}..{self.high}, not {value}")
        return (value - self.minimum) & ((1 << self.bits) - 1)

    def decode(self, bits: int) -> int:
        """Return the value of `bits`, the inverse of `encode`."""
        if self.signed and bits >> (self.bits - 1):
            return bits - (1 << self.bits)
        return bits + self.minimum


@dataclass(frozen=True)
class Format:
    """A word made of fields, the first in the lowest bits; the bits above the last are zero.

    Attributes
    ----------
    name : str
    fields : tuple of Field
    word_bits : int, width of the whole word
    """

    name: str
    fields: tuple[Field, ...]
    word_bits: int

    @cached_property
    def bits(self) -> int:
        """Bits that the fields take."""
        return sum(field.bits for field in self.fields)

    def field(self, name: str) -> Field:
        """Return the field `name`.

        Raises
        ------
        EncodeError
            There is no such field.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise EncodeError(f"{self.name} has no field {name!r}")

    def offset(self, name: str) -> int:
        """Return the position of the lowest bit of the field `name`."""
        position = 0
        for field in self.fields:
            if field.name == name:
                return position
            position += field.bits
        raise EncodeError(f"{self.name} has no field {name!r}")

    def encode(self, values: Mapping[str, int]) -> int:
        """Return the word that holds `values`; fields left out take their defaults.

        Raises
        ------
        EncodeError
            A name is no field of this format, or a value is out of range.
        """
        unknown = values.keys() - {field.name for field in self.fields}
        if unknown:
            raise EncodeError(f"{self.name} has no field {min(unknown)!r}")
        word = position = 0
        for field in self.fields:
            try:
                bits = field.encode(int(values.get(field.name, field.default)))
            except EncodeError as error:
                raise EncodeError(f"{self.name}.{error}") from None
            word |= bits << position
            position += field.bits
        return word

    def decode(self, word: int) -> dict[str, int]:
        """Return the value of every field of `word`.

        Raises
        ------
        DecodeError
            A reserved bit is set, or a choice does not exist.
        """
        if word >> self.bits:
            raise DecodeError(f"{self.name}: bits from {self.bits} up must be zero")
        values = {}
        for field in self.fields:
            value = field.decode(word & ((1 << field.bits) - 1))
            if value > field.high:
                raise DecodeError(
                    f"{self.name}.{field.name} must be in {field.low}..{field.high}, not {value}"
                )
            values[field.name] = value
            word >>= field.bits
        return values
