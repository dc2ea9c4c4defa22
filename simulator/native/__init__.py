"""Functions in a small part of Python, compiled to native code: for what numpy cannot vectorise.

The part: typed functions over int, float, bool and records of them; assignments, `if`, `while`,
`for` over a range, arithmetic, comparisons, calls of each other. Names of constants (also members
of an IntEnum) are taken from the function's module. The same functions run as plain Python too,
which is how tests check the compiler; there, an int may grow beyond 64 bits, an index may count
from the end, and both are noticed when they are wrong. Here, nothing is.
"""

from .library import Library, compile_function
from .records import Instance

__all__ = ["Instance", "Library", "compile_function"]
