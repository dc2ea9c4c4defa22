"""Which function lowers which operator.

`ELEMENTWISE` operators are written into the formula of whatever they follow, `ANCHORS` compute
something that element-wise operators may follow, and `OTHERS` stand alone.
"""

from types import MappingProxyType

from . import attention, contraction, normalization, pooling, reduction, shape, softmax
from .batch import lower_batch_matmul
from .context import AnchorTable, Table
from .elementwise import ELEMENTWISE

__all__ = ["ANCHORS", "ELEMENTWISE", "OTHERS"]

ANCHORS: AnchorTable = MappingProxyType(
    {
        **dict.fromkeys(("nn.batch_matmul", "qnn.batch_matmul"), lower_batch_matmul),
        **attention.ANCHORS,
        **contraction.ANCHORS,
        **normalization.ANCHORS,
        **pooling.ANCHORS,
        **reduction.ANCHORS,
    }
)
OTHERS: Table = MappingProxyType({**reduction.OTHERS, **shape.OTHERS, **softmax.OTHERS})
