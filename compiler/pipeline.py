"""The passes that every network goes through, in their order: one list."""

from collections.abc import Callable

from .ir import Module
from .passes.functions import typed
from .passes.registry import find_pass

__all__ = ["NAMES", "PASSES", "Observer", "optimise"]

Observer = Callable[[str, Module], None]

NAMES = (
    "simplify",
    "fold_constants",
    "convert_layout",
    "simplify",
    "fold_constants",
    "eliminate_common",
    "eliminate_dead",
)

PASSES: tuple[Callable[[Module], Module], ...] = tuple(find_pass(name).function for name in NAMES)


def optimise(module: Module, observe: Observer | None = None) -> Module:
    """Return `module` after all of PASSES, each of which takes and gives a typed module.

    Parameters
    ----------
    observe : called with the name of each pass and the module after it, "import" before the first
    """
    module = typed(module)
    if observe is not None:
        observe("import", module)
    for apply in PASSES:
        module = apply(module)
        if observe is not None:
            observe(apply.__name__, module)
    return module
