"""What a gradient rule gets and gives, and the small expressions that rules are made of.

A rule answers, for one call of an operator and the gradient of its result, with the gradient of
each argument: an expression of the argument's type, None for zero, and for a tuple a tuple of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from ..errors import Unsupported
from ..ir.nodes import Constant, Expr
from ..ir.span import Span
from ..ir.types import TensorType, TupleType, Type
from ..ops.operator import Attributes
from ..ops.registry import call

__all__ = [
    "Gradient",
    "Rule",
    "Site",
    "add",
    "indices",
    "multiply",
    "number",
    "reduce_to",
    "reshape",
    "scatter_flat",
    "sum_over",
    "transpose",
    "zeros",
]

Gradient = Expr | None | tuple["Gradient", ...]


@dataclass(frozen=True, slots=True)
class Site:
    """One call of an operator.

    Attributes
    ----------
    name : str
    attrs : Mapping, complete
    args : tuple of Expr
    types : tuple of Type, of the arguments
    output : Expr
        The result, not to be computed again.
    result : Type
    """

    name: str
    attrs: Attributes
    args: tuple[Expr, ...]
    types: tuple[Type, ...]
    output: Expr
    result: Type
    span: Span | None = None

    def tensor(self, place: int = 0) -> TensorType:
        """Return the type of an argument that is a tensor."""
        kind = self.types[place]
        assert isinstance(kind, TensorType), f"argument {place} of {self.name} is a tensor"
        return kind

    def shape(self, place: int = 0) -> tuple[int, ...]:
        """Return the shape of an argument."""
        return self.known(self.types[place])

    @property
    def result_shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return self.known(self.result)

    @property
    def result_dtype(self) -> str:
        """The data type of the result, a tensor."""
        assert isinstance(self.result, TensorType), f"the result of {self.name} is a tensor"
        return self.result.dtype

    def known(self, kind: Type) -> tuple[int, ...]:
        """Return the shape of a tensor, all of whose sizes must be numbers.

        Raises
        ------
        Unsupported
            A size is not known before the program runs.
        """
        assert isinstance(kind, TensorType), f"{self.name} is of tensors here"
        sizes = tuple(size for size in kind.shape if isinstance(size, int))
        if len(sizes) != len(kind.shape):
            raise Unsupported(
                f"the gradient of {self.name} needs known sizes, not {kind}; annotate the inputs",
                self.span,
            )
        return sizes

    def constant(self, value: float, place: int = 0) -> Constant:
        """Return a scalar of the data type of an argument."""
        return number(value, self.tensor(place).dtype)

    def is_float(self, place: int = 0) -> bool:
        """Return whether an argument is a floating-point tensor."""
        kind = self.types[place]
        return isinstance(kind, TensorType) and kind.dtype.startswith("float")


Rule = Callable[[Site, Expr], tuple[Gradient, ...]]
"""Of operators with one result; of others the second argument is a tuple of gradients."""


def number(value: float, dtype: str) -> Constant:
    """Return a scalar."""
    return Constant(np.asarray(value, dtype))


def indices(values: np.ndarray | Sequence[int] | int) -> Constant:
    """Return places in a tensor."""
    return Constant(np.asarray(values, np.int64))


def add(left: Expr, right: Expr) -> Expr:
    """Return a sum."""
    return call("add", left, right)


def multiply(left: Expr, right: Expr) -> Expr:
    """Return a product."""
    return call("multiply", left, right)


def reshape(expr: Expr, shape: tuple[int, ...]) -> Expr:
    """Return `expr` with another shape."""
    return call("reshape", expr, newshape=shape, allowzero=0 in shape)


def transpose(expr: Expr, axes: Sequence[int]) -> Expr:
    """Return `expr` with its axes permuted."""
    ordered = tuple(axes) == tuple(range(len(axes)))
    return expr if ordered else call("transpose", expr, axes=tuple(axes))


def sum_over(expr: Expr, axes: Sequence[int], keepdims: bool = False) -> Expr:
    """Return the sum over some axes, `expr` itself over none."""
    return call("sum", expr, axis=tuple(axes), keepdims=keepdims) if axes else expr


def zeros(kind: Type, like: Expr) -> Expr:
    """Return zeros of a type; `like` is an expression of it, for sizes that are not known."""
    if isinstance(kind, TensorType) and all(isinstance(size, int) for size in kind.shape):
        return call("zeros", shape=kind.shape, dtype=kind.dtype)
    assert not isinstance(kind, TupleType), "zeros are made tensor by tensor"
    return call("zeros_like", like)


def reduce_to(grad: Expr, site: Site, place: int) -> Expr:
    """Return a gradient of the result's shape, summed over the axes that broadcast an argument."""
    kind, result = site.tensor(place), site.result
    assert isinstance(result, TensorType)
    if kind.shape == result.shape:
        return grad
    target, shape = site.shape(place), site.result_shape
    lead = len(shape) - len(target)
    axes = [
        axis
        for axis, size in enumerate(shape)
        if axis < lead or (target[axis - lead] == 1 and size != 1)
    ]
    return reshape(sum_over(grad, axes, keepdims=True), target)


def scatter_flat(grad: Expr, places: Expr, count: int, shape: tuple[int, ...], dtype: str) -> Expr:
    """Return zeros of `shape` with `grad` added in at flat places.

    Parameters
    ----------
    grad, places : tensors of `count` elements
    """
    whole = call("zeros", shape=(prod(shape),), dtype=dtype)
    flat, where = reshape(grad, (count,)), reshape(places, (count,))
    summed = call("scatter_elements", whole, where, flat, axis=0, reduction="add")
    return reshape(summed, shape)
