"""Lowering: every operator becomes calls of kernels.

Three tables say which function does it: `ELEMENTWISE` operators are written into the formula of
whatever they follow, `ANCHORS` compute something that element-wise operators may follow, and
`OTHERS` stand alone.
"""

from types import MappingProxyType

from . import contraction, pooling, reduction, shape, softmax
from .context import AnchorTable, Context, Finish, Table
from .elementwise import ELEMENTWISE, follow

__all__ = ["ANCHORS", "ELEMENTWISE", "OTHERS", "Context", "Finish", "follow"]

ANCHORS: AnchorTable = MappingProxyType(
    {**contraction.ANCHORS, **pooling.ANCHORS, **reduction.ANCHORS}
)
OTHERS: Table = MappingProxyType({**reduction.OTHERS, **shape.OTHERS, **softmax.OTHERS})
