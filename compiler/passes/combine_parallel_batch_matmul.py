"""Makes one batched matrix product of several of the same data.

before -> after (three branches at least)::

    nn.batch_matmul(%x, a)        %0 = nn.batch_matmul(%x, concatenate((a, b, c), axis=1));
    nn.batch_matmul(%x, b)   ->   strided_slice(%0, begin=[0], end=[64], axes=[2])
    nn.batch_matmul(%x, c)        ...

See `parallel_branches` for what may follow.
"""

from ..ir.module import Module
from ..ir.nodes import Call
from .functions import map_functions
from .parallel_branches import LEAST_BRANCHES, Product, combine_branches

__all__ = ["combine_parallel_batch_matmul"]


def combine_parallel_batch_matmul(module: Module, least: int = LEAST_BRANCHES) -> Module:
    """Return `module` with at least `least` batched products of the same data made one."""
    return map_functions(module, lambda function: combine_branches(function, _MATMUL, least))


def _weight_axis(node: Call) -> int:
    return 1 if node.attrs["transpose_b"] else 2


_MATMUL = Product("nn.batch_matmul", _weight_axis, lambda node: 2)
