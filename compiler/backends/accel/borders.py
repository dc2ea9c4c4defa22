"""Emits the padding around a tensor that stands in act."""

from isa.instructions import Destination, Engine, Operation

from .context import Context
from .layers import Tensor
from .levels import level_fields
from .placement import Border, Placement
from .ranges import Range

__all__ = ["fill_border"]


def fill_border(
    context: Context, tensor: Tensor, placement: Placement, border: Border, value: int
) -> None:
    """Write `value` to every border pixel: 0 times what stands there, plus a zero point."""
    height, width = tensor.height, tensor.width
    full = border.left + width + border.right
    for line, lines, pixel, pixels in (
        (-border.top, border.top, -border.left, full),
        (height, border.bottom, -border.left, full),
        (0, height, -border.left, border.left),
        (0, height, width, border.right),
    ):
        if lines * pixels == 0:
            continue
        unit = context.columns_per_word
        first = placement.word(line, pixel)
        fields = {
            "operation": Operation.MULTIPLY,
            "destination": Destination.ACT,
            "a": first * unit,
            "output": first * unit,
            "zero_point": value,
        } | level_fields(
            ("a", "output"),
            (lines, placement.pitch * unit, placement.pitch * unit),
            (pixels, placement.pixel * unit, placement.pixel * unit),
            (placement.pixel * unit, 1, 1),
        )
        last = placement.word(line + lines - 1, pixel + pixels)
        context.builder.emit(Engine.VECTOR, fields, writes=[Range("act", first, last)])
