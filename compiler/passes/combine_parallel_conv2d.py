"""Makes one convolution of several of the same data.

before -> after (three branches at least; windows, strides and so on equal)::

    nn.relu(nn.conv2d(%x, a))        %0 = nn.relu(nn.conv2d(%x, concatenate((a, b, c))));
    nn.relu(nn.conv2d(%x, b))   ->   strided_slice(%0, begin=[0], end=[16], axes=[1])
    nn.relu(nn.conv2d(%x, c))        ...

See `parallel_branches` for what may follow.
"""

from ..ir.module import Module
from ..ir.nodes import Call
from .functions import map_functions
from .parallel_branches import LEAST_BRANCHES, Product, combine_branches

__all__ = ["combine_parallel_conv2d"]


def combine_parallel_conv2d(module: Module, least: int = LEAST_BRANCHES) -> Module:
    """Return `module` with at least `least` convolutions of the same data made one."""
    return map_functions(module, lambda function: combine_branches(function, _CONV2D, least))


def _weight_axis(node: Call) -> int | None:
    if node.attrs["groups"] != 1:
        return None
    axis = str(node.attrs["kernel_layout"]).find("O")
    return axis if axis >= 0 else None


def _result_axis(node: Call) -> int:
    return str(node.attrs["out_layout"] or node.attrs["data_layout"]).index("C")


_CONV2D = Product("nn.conv2d", _weight_axis, _result_axis, ("channels",))
