"""What the lanes of the vector engine do, as numpy's functions."""

from collections.abc import Mapping

import numpy as np

from isa.instructions import Operation, Reduction

__all__ = ["CHUNK_VALUES", "OPERATIONS", "REDUCTIONS", "SLOTS", "SLOT_BITS"]

# Values of an operand that are held at once.
CHUNK_VALUES = 1 << 18
# A param word as taps has 16 slot addresses, of which 9 exist: it is 9 bytes a column.
SLOT_BITS, SLOTS = 4, 9

OPERATIONS: Mapping[Operation, np.ufunc] = {
    Operation.ADD: np.add,
    Operation.SUBTRACT: np.subtract,
    Operation.MULTIPLY: np.multiply,
    Operation.MAXIMUM: np.maximum,
    Operation.MINIMUM: np.minimum,
}
REDUCTIONS: Mapping[Reduction, np.ufunc] = {
    Reduction.ADD: np.add,
    Reduction.MAXIMUM: np.maximum,
    Reduction.MINIMUM: np.minimum,
}
