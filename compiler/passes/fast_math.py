"""Takes faster, less exact forms of transcendental functions.

before -> after::

    exp(%x), tanh(%x), erf(%x)   ->   fast_exp(%x), fast_tanh(%x), fast_erf(%x)
    nn.softmax(%x, axis=-1)      ->   nn.fast_softmax(%x, axis=-1)

This changes results, so it is done only at the highest level. The operators say by how much.
"""

from ..ir.module import Module
from ..ir.nodes import Call, Expr, Op
from ..ir.types import TensorType
from ..ops.registry import call
from .functions import map_bodies, rewrite_calls

__all__ = ["fast_math"]

_FAST = {
    "exp": "fast_exp",
    "tanh": "fast_tanh",
    "erf": "fast_erf",
    "nn.softmax": "nn.fast_softmax",
}


def fast_math(module: Module) -> Module:
    """Return `module` with the fast forms of functions of float32."""
    return map_bodies(module, lambda body: rewrite_calls(body, dict.fromkeys(_FAST, _fast)))


def _fast(node: Call) -> Expr | None:
    kind = node.type
    if not isinstance(kind, TensorType) or kind.dtype != "float32":
        return None
    assert isinstance(node.op, Op)
    return call(_FAST[node.op.name], *node.args, span=node.span, **node.attrs)
