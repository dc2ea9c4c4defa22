"""Makes one matrix product of several of the same data.

before -> after (three branches at least)::

    nn.dense(%x, a)        %0 = nn.dense(%x, concatenate((a, b, c)));
    nn.dense(%x, b)   ->   strided_slice(%0, begin=[0], end=[64], axes=[1])
    nn.dense(%x, c)        ...

Queries, keys and values of attention become one product this way. See `parallel_branches` for what
may follow.
"""

from ..ir.module import Module
from ..ir.nodes import Call
from ..ir.types import TensorType
from .functions import map_functions
from .parallel_branches import LEAST_BRANCHES, Product, combine_branches

__all__ = ["combine_parallel_dense"]


def combine_parallel_dense(module: Module, least: int = LEAST_BRANCHES) -> Module:
    """Return `module` with at least `least` matrix products of the same data made one."""
    return map_functions(module, lambda function: combine_branches(function, _DENSE, least))


def _result_axis(node: Call) -> int:
    assert isinstance(node.type, TensorType)
    return len(node.type.shape) - 1


_DENSE = Product("nn.dense", lambda node: 0, _result_axis, ("units",))
