"""Operators that have no useful gradient, and why.

Those whose results are integers are never asked for one: integers carry no gradient. The reasons
are for who looks an operator up.
"""

from types import MappingProxyType

__all__ = ["REASONS"]

_INTEGERS = "its result is integers, which carry no gradient; differentiate before quantisation"

REASONS = MappingProxyType(
    {
        "reinterpret": "the bits of a number are no smooth function of it",
        "qnn.simulated_quantize": (
            "it rounds, so that its slope is 0 almost everywhere, and the slope of what it stands "
            "for is no limit of differences; clip the data instead"
        ),
        **{
            f"qnn.{name}": _INTEGERS
            for name in (
                *("abs", "add", "avg_pool2d", "batch_matmul", "concatenate", "conv2d"),
                *("conv2d_transpose", "dense", "erf", "exp", "hardswish", "leaky_relu", "log"),
                *("mul", "quantize", "requantize", "rsqrt", "sigmoid", "softmax", "sqrt"),
                *("subtract", "tanh"),
            )
        },
    }
)
"""From the name of an operator to the reason."""
