"""The order in which functions are inferred: callees first, and which of them are recursive."""

from ..ir.module import Module
from ..ir.types import TensorType, Type
from ..ir.visitor import global_vars

__all__ = ["callees_first"]


def callees_first(module: Module) -> list[tuple[str, bool]]:
    """Return the name of every function, after those it uses, and whether it may call itself.

    Of functions that call each other any may come first: they are all recursive.

    Source
    ------
    R. Tarjan, Depth-first search and linear graph algorithms (1972): strong components.
    """
    if len(module) == 1:
        # Only a function of unknown sizes asks whether it is recursive: see `Scopes`.
        ((name, function),) = module.functions.items()
        sized = all(_is_sized(param.annotation) for param in function.params)
        return [(name, not sized and name in global_vars(function))]
    uses = {name: [used for used in global_vars(module[name]) if used in module] for name in module}
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_names: list[str] = []
    order: list[tuple[str, bool]] = []
    for root in module:
        if root in number:
            continue
        path = [(root, iter(uses[root]))]
        number[root] = low[root] = len(number)
        open_names.append(root)
        while path:
            name, rest = path[-1]
            for used in rest:
                if used not in number:
                    number[used] = low[used] = len(number)
                    open_names.append(used)
                    path.append((used, iter(uses[used])))
                    break
                if low[used] >= 0:
                    low[name] = min(low[name], number[used])
            else:
                path.pop()
                if path:
                    caller = path[-1][0]
                    low[caller] = min(low[caller], low[name])
                if low[name] == number[name]:
                    order += _close(name, open_names, low, uses)
    return order


def _is_sized(annotation: Type | None) -> bool:
    """Return whether an annotation is that of a tensor of known sizes, or there is none."""
    if annotation is None:
        return True
    return isinstance(annotation, TensorType) and all(
        isinstance(size, int) for size in annotation.shape
    )


def _close(
    name: str, open_names: list[str], low: dict[str, int], uses: dict[str, list[str]]
) -> list[tuple[str, bool]]:
    """Return the component that `name` was entered by, and take it off the open ones."""
    start = open_names.index(name)
    component = open_names[start:]
    del open_names[start:]
    for member in component:
        low[member] = -1
    recursive = len(component) > 1 or name in uses[name]
    return [(member, recursive) for member in component]
