"""Gives every value a name, in the order of evaluation: administrative normal form.

before -> after::

    %0 = exp(%x); add(%0, tanh(%0))

    let %t = exp(%x); let %t1 = tanh(%t); let %t2 = add(%t, %t1); %t2

Operands are variables, constants, globals or constructors; nothing but a `let` binds, and no `let`
stands in another one's value. A value that several branches need is computed before them if it
surely ends and has no effect; no other value leaves its branch.
"""

from ..ir.module import Module
from ..ir.nodes import Expr
from ..ir.purity import Purity
from .blocks import Blocks, home_blocks
from .functions import map_bodies

__all__ = ["to_a_normal_form"]


def to_a_normal_form(module: Module) -> Module:
    """Return `module` with every function in administrative normal form.

    Raises
    ------
    Unsupported
        An effect is shared by a branch and what comes after it.
    """
    purity = Purity(module)
    return map_bodies(module, lambda body: _convert(body, purity))


def _convert(body: Expr, purity: Purity) -> Expr:
    """Return the body of a function in administrative normal form, without types."""
    return Blocks(home_blocks(body), lambda node: True, purity.acting(body)).convert(body)
