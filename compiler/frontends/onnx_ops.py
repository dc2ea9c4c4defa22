"""ONNX operators as Relay's: the tables of all converters."""

from collections.abc import Mapping

from .onnx_arithmetic import ARITHMETIC
from .onnx_linear import LINEAR
from .onnx_node import OnnxConverter, OnnxSplitter
from .onnx_normalization import MOMENTS, NORMALIZATION
from .onnx_pooling import POOLING, RESIZING
from .onnx_recurrent import RECURRENT
from .onnx_reduction import REDUCTION
from .onnx_shape import MOVEMENT, SHAPE
from .onnx_shape import SEVERAL as PARTS

__all__ = ["MOVEMENT", "ONE", "SEVERAL"]

ONE: Mapping[str, OnnxConverter] = {
    **ARITHMETIC,
    **LINEAR,
    **NORMALIZATION,
    **POOLING,
    **REDUCTION,
    **RESIZING,
    **SHAPE,
}
"""Operators with one result, `MOVEMENT` apart."""

SEVERAL: Mapping[str, OnnxSplitter] = {**MOMENTS, **PARTS, **RECURRENT}
"""Operators with several results."""
