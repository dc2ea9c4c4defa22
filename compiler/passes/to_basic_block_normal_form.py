"""Gives a name to every value that more than one block uses: basic-block normal form.

before -> after::

    %0 = exp(%x);
    if (%c) { add(%0, 1f) } else { negative(%0) }

    let %t = exp(%x);
    if (%c) { add(%t, 1f) } else { negative(%t) }

A block is the body of a function, a branch or a clause. Afterwards nothing that binds is shared by
two blocks, and inside a block the program is still a graph. Values with effects get names too, in
the order of evaluation. A value that may not end is not computed before it is known to be needed:
blocks that exclude each other have a copy each.
"""

from ..ir.module import Module
from ..ir.nodes import Expr
from ..ir.purity import Purity
from .blocks import Blocks, crossing_nodes, home_blocks
from .functions import map_bodies

__all__ = ["to_basic_block_normal_form"]


def to_basic_block_normal_form(module: Module) -> Module:
    """Return `module` with every function in basic-block normal form.

    Raises
    ------
    Unsupported
        An effect is shared by a branch and what comes after it.
    """
    purity = Purity(module)
    return map_bodies(module, lambda body: _convert(body, purity))


def _convert(body: Expr, purity: Purity) -> Expr:
    """Return the body of a function in basic-block normal form."""
    named = crossing_nodes(body) | purity.effectful(body)
    if not named:
        return body
    acting = purity.acting(body)
    return Blocks(home_blocks(body), lambda node: id(node) in named, acting).convert(body)
