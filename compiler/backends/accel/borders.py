"""Emits the padding around a tensor that stands in act."""

from collections.abc import Iterator

from isa.instructions import Destination, Engine, Memory, Operation

from .context import Context
from .layers import Tensor
from .levels import level_fields
from .placement import Border, Placement
from .ranges import Range

__all__ = ["fill_border"]


def fill_border(
    context: Context,
    engine: Engine,
    tensor: Tensor,
    placement: Placement,
    border: Border,
    value: int,
) -> None:
    """Write `value` to every border pixel, with the load or the vector engine."""
    for first, words, count in _runs(tensor, placement, border):
        if engine is Engine.LOAD:
            fields = _load(context, first, words, count, placement.pitch, value)
        else:
            fields = _vector(context, first, words, count, placement.pitch, value)
        last = first + (count - 1) * placement.pitch + words
        context.builder.emit(engine, fields, writes=[Range("act", first, last)])


def _runs(tensor: Tensor, placement: Placement, border: Border) -> Iterator[tuple[int, int, int]]:
    """Yield (first word, words, count) of the runs of border, which stand a pitch apart.

    The end of a line and the begin of the next one are one run.
    """
    first, last = placement.word(0, 0), placement.word(tensor.height - 1, tensor.width)
    if first > placement.base:
        yield placement.base, first - placement.base, 1
    if border.left + border.right and tensor.height > 1:
        between = placement.pitch - tensor.width * placement.pixel
        yield placement.word(0, tensor.width), between, tensor.height - 1
    after = border.right * placement.pixel + border.bottom * placement.pitch
    if after:
        yield last, after, 1


def _load(
    context: Context, first: int, words: int, count: int, pitch: int, value: int
) -> dict[str, int]:
    """Return the fields of a load of lines that do not exist: it reads nothing."""
    return {
        "memory": Memory.ACT,
        "destination": first,
        "x_bytes": words * context.config.act_word_bytes,
        "y_count": count,
        "y_step": pitch if count > 1 else 0,
        "line_count": 0,
        "fill": value,
    }


def _vector(
    context: Context, first: int, words: int, count: int, pitch: int, value: int
) -> dict[str, int]:
    """Return the fields of a product: 0 times what stands there, plus a zero point."""
    unit = context.columns_per_word
    return {
        "operation": Operation.MULTIPLY,
        "destination": Destination.ACT,
        "a": first * unit,
        "output": first * unit,
        "zero_point": value,
    } | level_fields(("a", "output"), (count, pitch * unit, pitch * unit), (words * unit, 1, 1))
