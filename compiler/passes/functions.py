"""What passes share: they see a typed module, change function by function, and give a typed one."""

from collections.abc import Callable
from dataclasses import replace

from ..infer import infer
from ..ir.module import Module
from ..ir.nodes import Expr

__all__ = ["map_bodies", "typed"]


def typed(module: Module) -> Module:
    """Return `module` with types: itself if it has them."""
    if all(module[name].type is not None for name in module):
        return module
    return infer(module)


def map_bodies(module: Module, function: Callable[[Expr], Expr]) -> Module:
    """Return `module`, typed, with `function` applied to each function's typed body.

    The very same module is returned if nothing changes.
    """
    given = typed(module)
    bodies = {name: function(given[name].body) for name in given}
    if all(body is given[name].body for name, body in bodies.items()):
        return given
    functions = {name: replace(given[name], body=body, type=None) for name, body in bodies.items()}
    return infer(replace(given, functions=functions))
