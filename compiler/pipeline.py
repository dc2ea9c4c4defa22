"""The passes that every network goes through, in their order: one list."""

from collections.abc import Callable

from .ir import Module
from .passes.convert_layout import convert_layout
from .passes.eliminate_common import eliminate_common
from .passes.eliminate_dead import eliminate_dead
from .passes.fold_constants import fold_constants
from .passes.functions import typed
from .passes.simplify import simplify

__all__ = ["PASSES", "Observer", "optimise"]

Observer = Callable[[str, Module], None]

PASSES: tuple[Callable[[Module], Module], ...] = (
    simplify,
    fold_constants,
    convert_layout,
    simplify,
    fold_constants,
    eliminate_common,
    eliminate_dead,
)


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
