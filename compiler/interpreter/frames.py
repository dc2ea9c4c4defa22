"""Activations of functions, and what is still to be done in them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..ir.dims import Symbol
from ..ir.nodes import Constant, Expr
from .values import Value

__all__ = ["Frame", "Task"]


@dataclass(slots=True, eq=False)
class Frame:
    """One activation of a function.

    Attributes
    ----------
    parent : Frame or None
        Of the function around.
    sizes : dict of Symbol to int
        What the unknown sizes of the global function are in this activation.
    values : dict of int to Value
        By ``id`` of variable or node.
    """

    parent: Frame | None
    sizes: dict[Symbol, int]
    values: dict[int, Value] = field(default_factory=dict)

    def find(self, node: Expr) -> Value | None:
        """Return the value of a node or variable, None if it has none yet."""
        if isinstance(node, Constant):
            return node.value
        frame: Frame | None = self
        while frame is not None:
            value = frame.values.get(id(node))
            if value is not None:
                return value
            frame = frame.parent
        return None

    def get(self, node: Expr) -> Value:
        """Return the value of a node that has one."""
        value = self.find(node)
        assert value is not None, "values are asked for before they are used"
        return value


@dataclass(slots=True, eq=False)
class Task:
    """An expression whose value is wanted.

    Attributes
    ----------
    entry : bool
        The value is that of the whole activation: it goes to the call below on the stack.
    outer : Task or None
        A task of the same frame whose value is the same: of the `Let` around its body.
    """

    node: Expr
    frame: Frame
    entry: bool = False
    outer: Task | None = None

    def finish(self, value: Value) -> None:
        """Keep the value, for `outer`, too."""
        task: Task | None = self
        while task is not None:
            self.frame.values[id(task.node)] = value
            task = task.outer
