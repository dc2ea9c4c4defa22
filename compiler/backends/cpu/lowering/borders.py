"""What stands around an image."""

from typing import cast

import numpy as np

from ....ops.pooling import lowest
from ..graph import Step, Tensor

__all__ = ["border_value"]


def border_value(step: Step) -> float:
    """Return what the padding of a convolution or maximum holds."""
    data = step.operands[0]
    assert isinstance(data, Tensor)
    if step.name == "nn.max_pool2d":
        return cast(float, lowest(np.dtype(data.dtype)))
    if not step.name.startswith("qnn."):
        return 0
    point = step.operands[2]
    assert isinstance(point, Tensor)
    return 0 if point.constant is None else cast(float, point.constant.item())
