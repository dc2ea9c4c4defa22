"""Identities that say something to passes, and copies between devices.

Each gives its operand. ``on_device`` and ``device_copy`` name devices by text, where Relay has
objects: one text stands for one device.
"""

import numpy as np

from ..ir.types import FuncType, Type
from .operator import Attribute, Attributes, Kind, Operator, Value

__all__ = ["ROWS"]


def _identity(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    return FuncType(types, types[0])


def _same(attrs: Attributes, data: Value) -> Value:
    return data if isinstance(data, tuple) else np.asarray(data)


_COMPILER = {"compiler": Attribute("str", required=True)}
_DEVICE = Attribute("str", "")

_IDENTITIES: tuple[tuple[str, str, dict[str, Attribute]], ...] = (
    ("annotation.stop_fusion", "data", {}),
    ("annotation.checkpoint", "data", {}),
    ("annotation.bitpack_start", "data", {}),
    ("annotation.bitpack_end", "data", {}),
    ("annotation.cast_hint", "data", {"dtype": Attribute("dtype", required=True)}),
    ("annotation.compiler_begin", "data", _COMPILER),
    ("annotation.compiler_end", "data", _COMPILER),
    (
        "on_device",
        "body",
        {
            "virtual_device": _DEVICE,
            "constrain_result": Attribute("bool", False),
            "constrain_body": Attribute("bool", True),
        },
    ),
    ("device_copy", "data", {"src_virtual_device": _DEVICE, "dst_virtual_device": _DEVICE}),
)

ROWS = tuple(
    Operator(name, (argument,), _identity, _same, Kind.OPAQUE, attributes)
    for name, argument, attributes in _IDENTITIES
)
