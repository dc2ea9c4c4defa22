"""Writes operators that are others in disguise as those.

before -> after::

    nn.bias_add(%x, %b, axis=1)   ->   add(%x, expand_dims(%b, axis=1, num_newaxis=2))
"""

from typing import cast

from ..ir.module import Module
from ..ir.nodes import Call, Expr
from ..ir.types import TensorType
from ..ops.registry import call
from .functions import map_bodies, rewrite_calls

__all__ = ["canonicalise_ops"]


def canonicalise_ops(module: Module) -> Module:
    """Return `module` without `nn.bias_add`."""
    return map_bodies(module, lambda body: rewrite_calls(body, {"nn.bias_add": _bias_add}))


def _bias_add(node: Call) -> Expr | None:
    data, bias = node.args
    if not isinstance(data.type, TensorType):
        return None
    rank = len(data.type.shape)
    after = rank - 1 - cast(int, node.attrs["axis"]) % rank
    vector = call("expand_dims", bias, axis=1, num_newaxis=after) if after else bias
    return call("add", data, vector, span=node.span)
