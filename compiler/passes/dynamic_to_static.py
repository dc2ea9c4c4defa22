"""Makes operators static whose shapes turn out to be known.

before -> after (a constant operand becomes an attribute)::

    dyn.reshape(%x, meta[relay.Constant][0])   ->   reshape(%x, newshape=[2, 3])
    shape_of(%x)                               ->   a constant, if the shape of %x is known

Constants are folded in between, and types inferred again, until nothing changes: each shape that
becomes known may make another one known.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..ir.module import Module
from ..ir.nodes import Call, Constant, Expr
from ..ir.types import TensorType
from ..ops.registry import call, lookup
from .fold_constants import fold_constants
from .functions import map_bodies, rewrite_calls, typed

__all__ = ["dynamic_to_static"]


def dynamic_to_static(module: Module) -> Module:
    """Return `module` with a static operator for each dynamic one that has constant shapes."""
    now = typed(module)
    while True:
        after = map_bodies(fold_constants(now), lambda body: rewrite_calls(body, _RULES))
        if after is now:
            return now
        now = after


@dataclass(frozen=True)
class _Static:
    """How the operands of a dynamic operator become attributes.

    Attributes
    ----------
    name : of the static operator
    operands : the attribute that each operand from `first` on becomes, "" for an operand that stays
    scalars : whether these attributes are numbers, not tuples of them
    first : how many operands stay in any case
    """

    name: str
    operands: tuple[str, ...]
    scalars: bool = False
    first: int = 1

    def __call__(self, node: Call) -> Expr | None:
        kept, shape = list(node.args[: self.first]), node.args[self.first :]
        known = lookup(self.name).attributes
        attrs: dict[str, object] = {
            name: value for name, value in node.attrs.items() if name in known
        }
        for name, arg in zip(self.operands, shape, strict=True):
            if not name:
                kept.append(arg)
            elif isinstance(arg, Constant):
                attrs[name] = arg.value.item() if self.scalars else _plain(arg.value)
            else:
                return None
        return call(self.name, *kept, span=node.span, **attrs)


def _plain(value: npt.NDArray[np.generic]) -> tuple[object, ...]:
    """Return an array as nested tuples."""
    return tuple(_plain(part) if part.ndim else part.item() for part in value)


def _shape_of(node: Call) -> Expr | None:
    kind = node.args[0].type
    if not isinstance(kind, TensorType) or not isinstance(node.type, TensorType):
        return None
    if not all(isinstance(size, int) for size in kind.shape):
        return None
    return Constant(np.array(kind.shape, node.type.dtype), span=node.span)


_RULES: dict[str, Callable[[Call], Expr | None]] = {
    "shape_of": _shape_of,
    "dyn.broadcast_to": _Static("broadcast_to", ("shape",)),
    "dyn.expand_dims": _Static("expand_dims", ("axis",), scalars=True),
    "dyn.full": _Static("full", ("shape",)),
    "dyn.image.resize2d": _Static("image.resize2d", ("size", "roi")),
    "dyn.nn.pad": _Static("nn.pad", ("pad_width", "")),
    "dyn.nn.upsampling": _Static("nn.upsampling", ("scale_h", "scale_w"), scalars=True),
    "dyn.nn.upsampling3d": _Static(
        "nn.upsampling3d", ("scale_d", "scale_h", "scale_w"), scalars=True
    ),
    "dyn.one_hot": _Static("one_hot", ("depth",), scalars=True, first=3),
    "dyn.ones": _Static("ones", ("shape",), first=0),
    "dyn.reshape": _Static("reshape", ("newshape",)),
    "dyn.sparse_to_dense": _Static("sparse_to_dense", ("output_shape",), first=3),
    "dyn.squeeze": _Static("squeeze", ("axis",)),
    "dyn.strided_slice": _Static("strided_slice", ("begin", "end", "strides")),
    "dyn.tile": _Static("tile", ("reps",)),
    "dyn.topk": _Static("topk", ("k",), scalars=True),
    "dyn.zeros": _Static("zeros", ("shape",), first=0),
}
