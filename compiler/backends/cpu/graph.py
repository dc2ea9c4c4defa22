"""Steps over tensors: what straight programs are, between their expressions and kernels."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from ...errors import Unsupported
from ...ir.dims import Any
from ...ir.nodes import AttributeValue
from ...ir.span import Span
from ...ir.types import TensorType, TupleType, Type
from ...ops import lookup
from .builder import element_bytes
from .sizes import as_known

__all__ = [
    "VIEWS",
    "Graph",
    "RegionStep",
    "Step",
    "Steps",
    "Tensor",
    "Value",
    "flatten",
    "tensors_of",
]

Array = npt.NDArray[np.generic]


@dataclass(eq=False, slots=True)
class Tensor:
    """An array that exists while the program runs, row-major.

    How it lies in memory is the compiler's choice (`layouts`): an image may have a border, pixels
    around it that hold one value, and int8 may be stored as uint8, 128 more, or bytes as int16.

    Attributes
    ----------
    shape : tuple of int
        A `Size` is among them where a size is known only at run time.
    dtype : str
    constant : array or None
        Its value if that is known now.
    base : Tensor or None
        The tensor whose memory it shares: it is that one reshaped, or a part of it.
    offset : int
        Elements of the base before its first.
    held : bool
        It is part of another tensor, for which it must be written even if nothing reads it.
    slack : int
        Bytes past its end that may be read.
    border : (int, int, int, int)
        Of an image [n, h, w, c]: lines above, pixels to the left, lines below, pixels to the right.
    fill : float
        What the border holds.
    stored : str
        Data type in memory, "" for `dtype`.
    make : callable or None
        Writes its value into an array of its shape and type: a constant that nobody looks at.
    """

    shape: tuple[int, ...]
    dtype: str
    constant: Array | None = None
    base: "Tensor | None" = None
    offset: int = 0
    held: bool = False
    slack: int = 0
    border: tuple[int, int, int, int] = (0, 0, 0, 0)
    fill: float = 0
    stored: str = ""
    make: Callable[[Array], None] | None = None

    @property
    def is_known(self) -> bool:
        """Whether its value is known before the program runs."""
        return self.constant is not None or self.make is not None

    @property
    def memory_dtype(self) -> str:
        """Data type of the elements in memory."""
        return self.root.stored or self.dtype

    @property
    def memory_offset(self) -> int:
        """How much more an element is in memory than it stands for."""
        return 128 if (self.dtype, self.memory_dtype) == ("int8", "uint8") else 0

    @property
    def memory_shape(self) -> tuple[int, ...]:
        """Shape, border included."""
        if not any(self.border):
            return self.shape
        top, left, bottom, right = self.border
        n, h, w, c = self.shape
        return n, top + h + bottom, left + w + right, c

    @property
    def strides(self) -> tuple[int, ...]:
        """Elements from one index to the next, by axis."""
        shape = self.memory_shape
        return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))

    @property
    def start_bytes(self) -> int:
        """Bytes of the root's memory before the first element that is no border."""
        if self.base is not None:
            return self.base.start_bytes + self.offset * element_bytes(self.memory_dtype)
        if not any(self.border):
            return 0
        top, left, _, _ = self.border
        _, line, pixel, _ = self.strides
        return (top * line + left * pixel) * element_bytes(self.memory_dtype)

    @property
    def is_part(self) -> bool:
        """Whether its root has other elements as well."""
        return prod(self.root.shape) != prod(self.shape)

    @property
    def root(self) -> "Tensor":
        """The tensor that owns the memory."""
        found = self
        while found.base is not None:
            found = found.base
        return found

    @property
    def viewed(self) -> "Tensor":
        """The tensor that it is all of, reshaped or not."""
        found = self
        while found.base is not None and prod(found.base.shape) == prod(found.shape):
            found = found.base
        return found

    @property
    def size_bytes(self) -> int:
        """Size of the memory, slack included."""
        return prod(self.memory_shape) * element_bytes(self.memory_dtype) + self.slack


Value = Tensor | tuple["Value", ...]


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """A call of an operator.

    Attributes
    ----------
    inner : tuple of Step
        Of one that stands for several: the steps themselves, in order.
    """

    name: str
    attrs: Mapping[str, AttributeValue]
    operands: tuple[Value, ...]
    result: Value
    span: Span | None
    inner: "tuple[Step, ...]" = ()

    @property
    def is_open(self) -> bool:
        """Whether a size of what it takes or gives is known only at run time."""
        values = *self.operands, self.result
        tensors = (tensor for value in values for tensor in flatten(value))
        return not all(isinstance(size, int) for tensor in tensors for size in tensor.shape)


@dataclass(frozen=True, eq=False, slots=True)
class RegionStep:
    """A call of an accelerator's region."""

    region: int
    operands: tuple[Tensor, ...]
    results: tuple[Tensor, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Graph:
    """What @main does, in an order in which it can be done."""

    inputs: tuple[Tensor, ...]
    steps: tuple[Step | RegionStep, ...]
    outputs: tuple[Tensor, ...]


# Operators whose result has the same bytes as their operand.
VIEWS = frozenset(
    {
        *("reshape", "squeeze", "expand_dims", "nn.batch_flatten", "copy", "reshape_like"),
        *("contrib_reverse_reshape", "device_copy", "on_device", "annotation.bitpack_end"),
        *("annotation.bitpack_start", "annotation.cast_hint", "annotation.checkpoint"),
        *("annotation.compiler_begin", "annotation.compiler_end", "annotation.stop_fusion"),
    }
)


class Steps:
    """Steps in the making.

    Attributes
    ----------
    steps : list of Step and RegionStep
    """

    def __init__(self) -> None:
        self.steps: list[Step | RegionStep] = []

    def region(
        self, region: int, arguments: tuple[Value, ...], kind: Type | None, span: Span | None
    ) -> Value:
        """Add the call of a region; return its result, of type `kind`."""
        result = tensors_of(kind, span)
        operands = tuple(tensor for argument in arguments for tensor in flatten(argument))
        self.steps.append(RegionStep(region, operands, tuple(flatten(result))))
        return result

    def operator(
        self,
        name: str,
        attrs: Mapping[str, AttributeValue],
        arguments: tuple[Value, ...],
        kind: Type | None,
        span: Span | None,
    ) -> Value:
        """Add the call of an operator, unless its value is known or is a view; return its result.

        `kind` is the result's type.
        """
        row = lookup(name, span)
        tensors = [tensor for argument in arguments for tensor in flatten(argument)]
        if all(tensor.constant is not None for tensor in tensors):
            with np.errstate(all="ignore"):
                return _known(row.meaning(attrs, *(_arrays(value) for value in arguments)))
        return self.add(name, attrs, arguments, kind, span)

    def add(
        self,
        name: str,
        attrs: Mapping[str, AttributeValue],
        arguments: tuple[Value, ...],
        kind: Type | None,
        span: Span | None,
    ) -> Value:
        """Do the same for a call whose value is not known."""
        result = tensors_of(kind, span)
        if name in VIEWS:
            assert isinstance(result, Tensor) and isinstance(arguments[0], Tensor)
            result.base = arguments[0]
            return result
        self.steps.append(Step(name, attrs, arguments, result, span))
        return result


def flatten(value: Value) -> Iterator[Tensor]:
    """Yield the tensors of a value, in order."""
    if isinstance(value, Tensor):
        yield value
    else:
        for field in value:
            yield from flatten(field)


def _arrays(value: Value) -> object:
    """Return the arrays of a value that is known."""
    return value.constant if isinstance(value, Tensor) else tuple(map(_arrays, value))


def _known(value: object) -> Value:
    """Return an array, or a tuple of them, as a value."""
    if isinstance(value, tuple):
        return tuple(map(_known, value))
    array = np.asarray(value)
    return Tensor(array.shape, str(array.dtype), constant=array)


def tensors_of(kind: Type | None, span: Span | None) -> Value:
    """Return new tensors for a value of type `kind`.

    Raises
    ------
    Unsupported
        The type is no tensor or tuple of them, or has an unknown size.
    """
    match kind:
        case TensorType(shape, dtype):
            if any(isinstance(size, Any) for size in shape):
                raise Unsupported(f"the sizes of {kind} do not follow from others here", span)
            return Tensor(as_known(shape), dtype)
        case TupleType(fields):
            return tuple(tensors_of(field, span) for field in fields)
        case None:
            raise AssertionError("a value has no type: run infer first")
        case _:
            raise Unsupported(
                f"a value of type {kind} cannot live on the CPU: make it a tensor", span
            )
