"""The prelude: data types and functions that programs share, written as Relay text."""

from .imports import import_prelude, parse_with_prelude, prelude
from .static_tensor_array import static_tensor_array
from .tensor_array import tensor_array

__all__ = [
    "import_prelude",
    "parse_with_prelude",
    "prelude",
    "static_tensor_array",
    "tensor_array",
]
