"""All operators, by name."""

from difflib import get_close_matches
from functools import cache
from types import MappingProxyType

from ..errors import Unsupported
from ..ir.nodes import Call, Expr, Op
from ..ir.span import Span
from . import (
    annotation,
    blocks,
    convolution,
    convolution_nd,
    deformable,
    dynamic,
    elementwise,
    fast_math,
    gathering,
    images,
    integer,
    likeness,
    linear,
    losses,
    nn,
    normalization,
    pooling,
    pooling_nd,
    quantized,
    quantized_elementwise,
    quantized_linear,
    quantized_nn,
    quantized_unary,
    random,
    ranges,
    rearrangement,
    reduction,
    regions,
    repetition,
    resampling,
    shape,
    slicing,
    sorting,
    suppression,
    vision,
)
from .attributes import complete_attributes
from .catalog import ABSENT
from .operator import Attribute, Kind, Mismatch, Missing, Operator

__all__ = [
    "Attribute",
    "Kind",
    "Mismatch",
    "Missing",
    "Operator",
    "call",
    "find",
    "lookup",
    "operators",
]


@cache
def operators() -> MappingProxyType[str, Operator]:
    """Return every operator by name, sorted."""
    rows = (
        *annotation.ROWS,
        *blocks.ROWS,
        *convolution.ROWS,
        *convolution_nd.ROWS,
        *deformable.ROWS,
        *dynamic.ROWS,
        *elementwise.ROWS,
        *fast_math.ROWS,
        *gathering.ROWS,
        *images.ROWS,
        *integer.ROWS,
        *likeness.ROWS,
        *linear.ROWS,
        *losses.ROWS,
        *nn.ROWS,
        *normalization.ROWS,
        *pooling.ROWS,
        *pooling_nd.ROWS,
        *quantized.ROWS,
        *quantized_elementwise.ROWS,
        *quantized_linear.ROWS,
        *quantized_nn.ROWS,
        *quantized_unary.ROWS,
        *random.ROWS,
        *ranges.ROWS,
        *rearrangement.ROWS,
        *reduction.ROWS,
        *regions.ROWS,
        *repetition.ROWS,
        *resampling.ROWS,
        *shape.ROWS,
        *slicing.ROWS,
        *sorting.ROWS,
        *suppression.ROWS,
        *vision.ROWS,
    )
    table = {row.name: row for row in sorted(rows, key=lambda row: row.name)}
    assert len(table) == len(rows), "two rows bear one name"
    return MappingProxyType(table)


def find(name: str) -> Operator | None:
    """Return the operator called `name`, None if there is none."""
    return operators().get(name)


def lookup(name: str, span: Span | None = None) -> Operator:
    """Return the operator called `name`.

    Raises
    ------
    Unsupported
        There is none, or Relay has it but it is not taken here; the message names the nearest.
    """
    found = operators().get(name)
    if found is None:
        near = get_close_matches(name, operators(), 3, 0.5)
        if any(name in names for names in ABSENT.values()):
            hint = f"near ones are {', '.join(near)}; " if near else ""
            problem = f"operator {name} of Relay is not taken here; {hint}see docs/operators.md"
            raise Unsupported(problem, span)
        hint = f"did you mean {' or '.join(near)}?" if near else "see docs/operators.md for all"
        raise Unsupported(f"operator {name} not found; {hint}", span)
    return found


def call(name: str, *args: Expr, span: Span | None = None, **attrs: object) -> Call:
    """Return a call of the operator `name` with checked and completed attributes.

    Raises
    ------
    Unsupported
        There is no such operator.
    TypeInferenceError
        An attribute is unknown, missing, or of a wrong kind.
    """
    row = lookup(name, span)
    return Call(Op(name), args, complete_attributes(row, attrs, span), span=span)
