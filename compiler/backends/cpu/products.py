"""The instructions that multiply and add integers for contractions, and what they want of data."""

from dataclasses import dataclass

from .machine import Machine

__all__ = ["PLAIN", "Product", "find_product", "products_of"]


@dataclass(frozen=True, slots=True)
class Product:
    """How one step of a reduction is computed.

    Attributes
    ----------
    name : str
        Of the instruction; "" for a multiplication and an addition.
    group : int
        Products summed into one lane.
    weight_dtype : str
        Data type of the weights, "" for their own.
    storage : tuple of (str, str)
        From data types to those in which data had best lie in memory.
    is_unsigned : bool
        The instruction takes data as uint8, weights as int8.
    """

    name: str
    group: int
    weight_dtype: str
    storage: tuple[tuple[str, str], ...]
    is_unsigned: bool = False

    def stored(self, dtype: str) -> str:
        """Return the data type in memory for data of `dtype`."""
        return dict(self.storage).get(dtype, dtype)

    def takes(self, data: str, weight: str) -> bool:
        """Return whether it multiplies such data by such weights."""
        if self.group == 1:
            return True
        if self.group == 4:
            return data in dict(self.storage) and weight == "int8"
        narrow = ("int8", "uint8", "int16")
        return data in narrow and weight in narrow


PLAIN = Product("", 1, "", ())

_BYTES = Product("vpdpbusd", 4, "int8", (("int8", "uint8"), ("uint8", "uint8")), True)
_SIGNED_BYTES = Product("sdot", 4, "int8", (("int8", "int8"),))
_PAIRS = Product("pmaddwd", 2, "int16", (("int8", "int16"), ("uint8", "int16")))


def products_of(machine: Machine) -> tuple[Product, ...]:
    """Return the instructions of a machine, the best first."""
    found = []
    if machine.has_dot_product:
        found.append(_BYTES)
    if machine.has_signed_dot_product:
        found.append(_SIGNED_BYTES)
    if machine.has_pair_product:
        found.append(_PAIRS)
    return (*found, PLAIN)


def find_product(machine: Machine, data: str, weight: str, length: int = 0) -> Product:
    """Return the best instruction for data and weights of two types that are summed as int32.

    Parameters
    ----------
    length : int
        Of what is summed, if not more than that may be read: a multiple of the group; 0 for any.
    """
    return next(
        product
        for product in products_of(machine)
        if product.takes(data, weight) and length % product.group == 0
    )
