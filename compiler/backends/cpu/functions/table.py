"""Which function computes what, and in which type."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..site import Site
from .error_function import erf
from .exponential import cosh, exp, sigmoid, sinh, tanh
from .logarithm import acosh, asinh, atanh, log, log2, log10
from .power import power
from .trigonometry import acos, asin, atan, cos, sin, tan
from .value import Value

__all__ = ["FUNCTIONS", "emit_function"]

# What float32 is computed in itself, everything else of float32 in float64 and then rounded, which
# gives the nearest number but for one case in a million.
_SINGLE = frozenset({"erf", "exp", "log", "sigmoid", "tanh"})

FUNCTIONS: Mapping[str, Callable[..., Value]] = MappingProxyType(
    {
        "acos": acos,
        "acosh": acosh,
        "asin": asin,
        "asinh": asinh,
        "atan": atan,
        "atanh": atanh,
        "cos": cos,
        "cosh": cosh,
        "erf": erf,
        "exp": exp,
        "log": log,
        "log10": log10,
        "log2": log2,
        "power": power,
        "sigmoid": sigmoid,
        "sin": sin,
        "sinh": sinh,
        "tan": tan,
        "tanh": tanh,
    }
)
"""From an operator's name to what computes it, of float64, or of both."""


def emit_function(site: Site) -> str:
    """Return the result of the function that a site names.

    float16 goes through float32.
    """
    dtype, name = site.node.dtype, site.node.operation
    work = "float32" if name in _SINGLE and dtype != "float64" else "float64"
    operands = []
    for value in site.values:
        operand = Value(site.builder, dtype, site.lanes, value)
        if dtype == "float16":
            operand = operand.resize("float32")
        operands.append(operand.resize(work))
    result = FUNCTIONS[name](*operands)
    if dtype == "float16":
        result = result.resize("float32")
    return result.resize(dtype).name
