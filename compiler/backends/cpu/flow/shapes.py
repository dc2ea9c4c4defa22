"""Sizes of a graph's tensors where they are not numbers: symbols, and what must hold of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from ....errors import Unsupported
from ....ir.dims import Any, Dim, Size, Symbol, symbol, symbols_in
from ....ir.nodes import AttributeValue
from ....ir.span import Span
from ....ir.types import TensorType, TupleType, Type
from ....ops import Mismatch, lookup
from ....ops.operator import Kind
from ....ops.shapes import product
from ..graph import VIEWS, Steps, Tensor, Value, flatten
from ..lowering import ELEMENTWISE
from ..sizes import as_known, joined
from .code import Measure, Operate, Require, Variable
from .dynamic import OPEN, expand_dynamic
from .items import ITEMWISE

__all__ = ["Shapes", "add_operator"]


@dataclass(slots=True)
class Shapes:
    """What is known of the sizes of one graph.

    Attributes
    ----------
    is_open : bool
        Sizes of tensors that are read must be looked at.
    measures : dict of Symbol to Measure
    requires : list of Require
    """

    is_open: bool
    measures: dict[Symbol, Measure] = field(default_factory=dict)
    requires: list[Require] = field(default_factory=list)

    def read(self, variable: Variable, place: int) -> Tensor:
        """Return the tensor of a variable that is read, which is number `place`."""
        kind = variable.type
        assert isinstance(kind, TensorType), "operators take tensors"
        if not self.is_open:
            return Tensor(as_known(kind.shape), kind.dtype)
        message = f"%{variable.name} must be {kind}, but has other sizes"
        shape = tuple(
            self._size(size, place, axis, message) for axis, size in enumerate(kind.shape)
        )
        return Tensor(as_known(shape), kind.dtype)

    def _size(self, size: Dim, place: int, axis: int, message: str) -> Dim:
        """Return the size of an axis of a tensor that is read."""
        own = Symbol(f"{place}.{axis}")
        self.measures[own] = Measure(own, place, axis)
        there = symbol(own.name)
        if isinstance(size, Any):
            return there
        if isinstance(size, Size):
            factor, alone = _multiple(size)
            if alone is not None and alone not in self.measures:
                self.measures[alone] = Measure(alone, place, axis, factor)
                if factor == 1:
                    return size
            elif not all(one in self.measures for one in symbols_in(size)):
                return there
        self.requires.append(Require(size, there, message))
        return size

    def content(self, place: int, element: int, dtype: str) -> Size:
        """Return the value of an element of a tensor that is read, as a size."""
        own = Symbol(f"{place}[{element}]")
        self.measures[own] = Measure(own, place, None, 1, element, dtype)
        return symbol(own.name)


def add_operator(
    steps: Steps,
    shapes: Shapes,
    operator: Operate,
    arguments: tuple[Value, ...],
    reads: dict[Tensor, int],
) -> Value:
    """Add the call of an operator; return its result.

    Parameters
    ----------
    reads : places of the tensors that are read
    """
    name, attrs, kind, span = operator.name, operator.attrs, operator.kind, operator.span
    assert isinstance(name, str)
    tensors = [tensor for argument in arguments for tensor in flatten(argument)]
    if all(tensor.constant is not None for tensor in tensors):
        return steps.operator(name, attrs, arguments, kind, span)
    if name.startswith("dyn."):
        name, attrs, arguments, kind = expand_dynamic(shapes, operator, arguments, reads)
        tensors = [tensor for argument in arguments for tensor in flatten(argument)]
    elif all(_is_known(tensor) for tensor in tensors) and kind is not None and _is_closed(kind):
        return steps.operator(name, attrs, arguments, kind, span)
    else:
        if name in _NORMS:
            arguments = _same_channels(shapes, name, attrs, arguments, span)
        kind = _result_type(name, operator, arguments)
    if name not in OPEN:
        if all(_is_known(tensor) for tensor in tensors):
            raise Unsupported(
                f"the sizes of what {name} gives must follow from other sizes, but these follow "
                f"from values: {kind}",
                span,
            )
        if name not in ITEMWISE:
            raise Unsupported(
                f"{name} needs sizes that are known when the program is compiled; annotate them",
                span,
            )
    kind = _with_broadcast(shapes, name, tensors, kind, span)
    shapes.requires += _fitting(name, attrs, tensors, kind, span)
    return steps.add(name, attrs, arguments, kind, span)


# Operators of data, and of a factor and a summand for each index of one axis.
_NORMS = frozenset({"nn.group_norm", "nn.instance_norm", "nn.layer_norm"})


def _same_channels(
    shapes: Shapes,
    name: str,
    attrs: Mapping[str, AttributeValue],
    arguments: tuple[Value, ...],
    span: Span | None,
) -> tuple[Value, ...]:
    """Return the operands of a normalisation, one size of their common axis in all of them."""
    tensors = [argument for argument in arguments if isinstance(argument, Tensor)]
    axis = cast(int, attrs["axis"]) % len(tensors[0].shape)
    axes = [axis, 0, 0]
    sizes: list[Dim] = [tensor.shape[at] for tensor, at in zip(tensors, axes, strict=True)]
    common = next((size for size in sizes if isinstance(size, int)), sizes[0])
    place = "" if span is None else f"{span}: "
    made: list[Value] = []
    for tensor, at, size in zip(tensors, axes, sizes, strict=True):
        if size == common:
            made.append(tensor)
            continue
        message = (
            f"{place}{name}: factors and summands must be as many as the data's axis {axis} has"
        )
        shapes.requires.append(Require(size, common, message))
        shape = (*tensor.shape[:at], common, *tensor.shape[at + 1 :])
        made.append(Tensor(as_known(shape), tensor.dtype, tensor.constant, base=tensor))
    return tuple(made)


def _result_type(name: str, operator: Operate, arguments: tuple[Value, ...]) -> Type:
    """Return the type of a result from the sizes that are known by now."""
    row = lookup(name, operator.span)
    try:
        found = row.relation(tuple(map(_type_of, arguments)), operator.attrs)
    except Mismatch as error:
        raise Unsupported(f"{name}: {error.problem}; {error.remedy}", operator.span) from None
    assert found is not None and operator.kind is not None
    return found.ret


def _with_broadcast(
    shapes: Shapes, name: str, tensors: list[Tensor], kind: Type, span: Span | None
) -> Type:
    """Return the type of a result, sizes that operands broadcast to included."""
    broadcasts = name in ELEMENTWISE and lookup(name).kind in (Kind.BROADCAST, Kind.ELEMENTWISE)
    if broadcasts and isinstance(kind, TensorType):
        rank = len(kind.shape)
        sizes: list[Dim] = [1] * rank
        place = "" if span is None else f"{span}: "
        message = f"{place}{name}: sizes must be equal, or one of them 1"
        fixed: list[Dim] = list(kind.shape)
        for tensor in tensors:
            for axis, size in enumerate(tensor.shape, rank - len(tensor.shape)):
                sizes[axis] = _join(shapes, sizes[axis], size, message)
        if name in _SHAPED:
            for have, wanted in zip(sizes, fixed, strict=True):
                if have not in (wanted, 1):
                    shapes.requires.append(Require(have, wanted, message, stretches=True))
            sizes = fixed
        kind = TensorType(tuple(sizes), kind.dtype)
    if not _is_said(kind):
        raise Unsupported(f"the sizes of what {name} gives are not known here: {kind}", span)
    return kind


def _fitting(
    name: str,
    attrs: Mapping[str, AttributeValue],
    tensors: list[Tensor],
    kind: Type,
    span: Span | None,
) -> Iterator[Require]:
    """Yield what must hold of sizes that an operator does not broadcast."""
    if not isinstance(kind, TensorType):
        return
    place = "" if span is None else f"{span}: "
    if name in VIEWS:
        count, made = product(tensors[0].shape), product(kind.shape)
        if count != made:
            yield Require(count, made, f"{place}{name}: the number of elements must stay the same")
    elif name in ("concatenate", "stack"):
        axis = cast(int, attrs["axis"]) % len(kind.shape)
        for tensor in tensors:
            shape: list[Dim] = list(tensor.shape)
            if name == "stack":
                shape.insert(axis, 1)
            for number, (size, wanted) in enumerate(zip(shape, kind.shape, strict=True)):
                if number != axis and size != wanted:
                    yield Require(size, wanted, f"{place}{name}: other sizes must be equal")


# Element-wise operators whose result has sizes that do not follow from their operands.
_SHAPED = frozenset({"broadcast_to", "full"})


def _join(shapes: Shapes, left: Dim, right: Dim, message: str) -> Dim:
    """Return the size that two broadcast to."""
    if left == right or right == 1:
        return left
    if left == 1:
        return right
    both = isinstance(left, Size) and isinstance(right, Size)
    if isinstance(left, int):
        left, right = right, left
    shapes.requires.append(Require(left, right, message, stretches=True, both=both))
    return joined(left, right) if both else right


def _type_of(value: Value) -> Type:
    """Return the type of a value."""
    if isinstance(value, Tensor):
        return TensorType(value.shape, value.dtype)
    return TupleType(tuple(map(_type_of, value)))


def _is_known(tensor: Tensor) -> bool:
    """Return whether all sizes of a tensor are numbers."""
    return all(isinstance(size, int) for size in tensor.shape)


def _is_closed(kind: Type) -> bool:
    """Return whether all sizes of a type are numbers."""
    if isinstance(kind, TupleType):
        return all(map(_is_closed, kind.fields))
    return isinstance(kind, TensorType) and all(isinstance(size, int) for size in kind.shape)


def _is_said(kind: Type) -> bool:
    """Return whether no size of a type is unknown."""
    if isinstance(kind, TupleType):
        return all(map(_is_said, kind.fields))
    return isinstance(kind, TensorType) and not any(isinstance(size, Any) for size in kind.shape)


def _multiple(size: Size) -> tuple[int, Symbol | None]:
    """Return factor and symbol of a size that is a multiple of a symbol, else None for it."""
    if len(size.terms) == 1:
        ((monomial, factor),) = size.terms
        if len(monomial) == 1 and isinstance(monomial[0], Symbol) and factor > 0:
            return factor, monomial[0]
    return 1, None
