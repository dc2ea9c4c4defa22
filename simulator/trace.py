"""What a device and the timing model tell of each instruction that ran."""

import numpy as np

__all__ = ["TRACE_DTYPE"]

# The Engine, the place in the program, and the first and last cycle, counted from START.
TRACE_DTYPE = np.dtype(
    [("engine", "u4"), ("index", "u4"), ("start_cycle", "u8"), ("end_cycle", "u8")]
)
