"""What a definition writes to: a writer that knows the values of constant operands."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...ops.operator import Missing
from ..expressions import Buffer, Symbol
from ..writer import Writer

__all__ = ["Definition"]

Array = npt.NDArray[Any]


class Definition(Writer):
    """The nest of one call while it is being written.

    Parameters
    ----------
    name : str
        Of the operator.
    inputs, outputs : sequence of Buffer
    values : sequence of arrays or None
        Of the inputs whose values are known.
    symbols : sequence of Symbol
    """

    def __init__(
        self,
        name: str,
        inputs: Sequence[Buffer],
        outputs: Sequence[Buffer],
        values: Sequence[Array | None],
        symbols: Sequence[Symbol] = (),
    ) -> None:
        super().__init__(name, inputs, outputs, symbols)
        self._values = tuple(values)

    def value(self, number: int) -> Array | None:
        """Return the value of an input if it is known."""
        return self._values[number]

    def known(self, number: int, name: str) -> Array:
        """Return the value of an input.

        Raises
        ------
        Missing
            It is computed while the program runs.
        """
        value = self._values[number]
        if value is None:
            raise Missing(f"{name} must be a constant on the CPU", "fold it before")
        return np.asarray(value)
