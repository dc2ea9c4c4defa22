"""Operators that have no useful gradient, and why."""

from types import MappingProxyType

__all__ = ["REASONS"]

_KEPT = "which boxes are kept, and where they are put, jumps"
_STEPS = "its result moves in steps, so that its slope is 0 almost everywhere"

REASONS = MappingProxyType(
    {
        "reinterpret": "the bits of a number are no smooth function of it",
        "vision.all_class_non_max_suppression": _KEPT,
        "vision.get_valid_counts": _KEPT,
        "vision.non_max_suppression": _KEPT,
        "qnn.simulated_quantize": _STEPS,
        **{
            f"qnn.{name}": "it computes with integers; differentiate before quantisation"
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
