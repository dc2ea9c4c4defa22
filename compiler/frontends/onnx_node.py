"""What a converter sees of an ONNX operator, and the checks that converters share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ImportFailed, Unsupported
from ..ir import Constant, Expr, Span
from ..ops import call
from .common import Array
from .normal_form import Quantization
from .onnx_file import OnnxTensor

__all__ = [
    "PLAIN",
    "OnnxContext",
    "OnnxConverter",
    "OnnxSplitter",
    "Source",
    "Value",
    "constant_value",
]

FLOATS = ("float32", "float64", "float16")
PLAIN = (
    *FLOATS,
    *("int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
    "bool",
)
"""What an input may be of."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The integers that a float32 value was dequantised from, held as int8.

    Attributes
    ----------
    expr : Expr
    array : array or None
        Of a constant.
    quantization : Quantization
    axis : int
        Along which the scales run, if there are several.
    """

    expr: Expr
    array: Array | None
    quantization: Quantization
    axis: int


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A value of the network.

    Attributes
    ----------
    expr : Expr
    shape : tuple of int
    dtype : str
        In the file, numpy's name.
    array : array or None
        Of a constant.
    shifted : bool
        A uint8 value held as int8, less 128: then equal integers stand for equal numbers if the
        zero point is 128 less as well.
    source : Source or None
        What it was dequantised from.
    """

    expr: Expr
    shape: tuple[int, ...]
    dtype: str
    array: Array | None = None
    shifted: bool = False
    source: Source | None = None

    def plain(self, span: Span) -> "Value":
        """Return the value as the file has it: uint8 as uint8."""
        if not self.shifted:
            return self
        wide = call("cast", self.expr, span=span, dtype="int32")
        moved = call("add", wide, Constant(np.array(128, np.int32), span=span), span=span)
        return Value(call("cast", moved, span=span, dtype="uint8"), self.shape, "uint8")

    def signed(self, span: Span) -> "Value":
        """Return the value with uint8 held as int8, less 128."""
        if self.shifted or self.dtype != "uint8":
            return self
        if self.array is not None:
            array = (self.array.astype(np.int16) - 128).astype(np.int8)
            return Value(Constant(array, span=span), self.shape, "uint8", array, True)
        wide = call("cast", self.expr, span=span, dtype="int32")
        moved = call("subtract", wide, Constant(np.array(128, np.int32), span=span), span=span)
        return Value(call("cast", moved, span=span, dtype="int8"), self.shape, "uint8", None, True)


def constant_value(array: Array, span: Span) -> Value:
    """Return a constant of the file."""
    return Value(Constant(array, span=span), array.shape, str(array.dtype), array)


@dataclass(frozen=True, slots=True, eq=False)
class OnnxContext:
    """An operator with the values it reads.

    Attributes
    ----------
    kind : str
    inputs : tuple of Value or None
        None for an optional input left out.
    attributes : Mapping
    results : tuple of OnnxTensor
    version : int
        Of the operator set.
    span : Span
    """

    kind: str
    inputs: tuple[Value | None, ...]
    attributes: Mapping[str, Any]
    results: tuple[OnnxTensor, ...]
    version: int
    span: Span

    @property
    def result(self) -> OnnxTensor:
        """The first result."""
        return self.results[0]

    def has(self, number: int) -> bool:
        """Return whether optional input `number` is there."""
        return number < len(self.inputs) and self.inputs[number] is not None

    def value(self, number: int) -> Value:
        """Return input `number`, which must be there."""
        value = self.inputs[number] if number < len(self.inputs) else None
        if value is None:
            raise ImportFailed(f"input {number} is missing; export the network again", self.span)
        return value

    def constant(self, number: int, what: str) -> Array:
        """Return the value of input `number`, which must be a constant."""
        array = self.value(number).array
        if array is None:
            raise Unsupported(
                f"{what} must be a constant, not computed; fold constants before (onnxsim)",
                self.span,
            )
        return array

    def floats(self, *numbers: int) -> tuple[Expr, ...]:
        """Return the expressions of these inputs, which must be floats."""
        for number in numbers:
            value = self.value(number)
            if value.dtype not in FLOATS:
                raise Unsupported(
                    f"input {number} of data type {value.dtype} is not supported; the nearest "
                    f"supported forms are {', '.join(FLOATS)}, and int8 between DequantizeLinear "
                    "and QuantizeLinear",
                    self.span,
                )
        return self.numbers(*numbers)

    def numbers(self, *numbers: int) -> tuple[Expr, ...]:
        """Return the expressions of these inputs, of whatever type."""
        return tuple(self.value(number).expr for number in numbers)

    def is_float(self, number: int) -> bool:
        """Return whether input `number` is of floats."""
        return self.value(number).dtype in FLOATS

    def scalar(self, value: float, number: int = 0) -> Expr:
        """Return a constant of the data type of input `number`."""
        return Constant(np.array(value, self.value(number).dtype), span=self.span)

    def cast(self, expr: Expr, source: str, target: str) -> Expr:
        """Return `expr` of data type `source` as `target`."""
        if source == target:
            return expr
        return call("cast", expr, span=self.span, dtype=target)

    def attribute(self, name: str, default: Any) -> Any:
        """Return an attribute, text decoded."""
        value = self.attributes.get(name, default)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def require(self, name: str, default: Any, needed: Any) -> None:
        """Raise Unsupported unless an attribute has the one value that is taken."""
        given = self.attribute(name, default)
        if given != needed:
            raise Unsupported(
                f"attribute {name} = {given} is not supported; "
                f"the nearest supported value is {needed}",
                self.span,
            )

    def image(self, number: int) -> tuple[int, int, int, int]:
        """Return the shape [n, c, h, w] of input `number`."""
        shape = self.value(number).shape
        if len(shape) != 4:
            raise Unsupported(
                f"input {number} must have 4 axes (NCHW), not {len(shape)}; "
                "the nearest supported form is two-dimensional",
                self.span,
            )
        n, c, h, w = shape
        return n, c, h, w

    def window(self, size: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Return strides, dilation and padding (first all before, then all after) of windows.

        Source
        ------
        ONNX operator specification, Conv and MaxPool, attributes auto_pad and pads.
        """
        count = len(size)
        strides = tuple(self.attribute("strides", (1,) * count))
        dilation = tuple(self.attribute("dilations", (1,) * count))
        padding = tuple(self.attribute("pads", (0,) * 2 * count))
        if (len(strides), len(dilation), len(padding)) != (count, count, 2 * count):
            raise ImportFailed(
                f"strides, dilations and pads must have {count}, {count} and {2 * count} elements, "
                f"not {len(strides)}, {len(dilation)} and {len(padding)}; export the network again",
                self.span,
            )
        kind = self.attribute("auto_pad", "NOTSET")
        if kind in ("SAME_UPPER", "SAME_LOWER"):
            rests = [
                max((-(-extent // stride) - 1) * stride + (taps - 1) * step + 1 - extent, 0)
                for extent, stride, taps, step in zip(
                    self.value(0).shape[2:], strides, size, dilation, strict=True
                )
            ]
            small, large = [rest // 2 for rest in rests], [rest - rest // 2 for rest in rests]
            first, last = (small, large) if kind == "SAME_UPPER" else (large, small)
            padding = (*first, *last)
        elif kind == "VALID":
            padding = (0,) * 2 * count
        return {"strides": strides, "dilation": dilation, "padding": padding}


OnnxConverter = Callable[[OnnxContext], Expr]
"""Returns the one result of an operator."""

OnnxSplitter = Callable[[OnnxContext], tuple[Expr, ...]]
"""Returns all results of an operator."""
