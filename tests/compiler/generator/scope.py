"""What an expression under construction can use."""

from dataclasses import dataclass, field


@dataclass
class Scope:
    """Variables in scope, and expressions made here that may be shared.

    Attributes
    ----------
    parent : Scope or None
    values : list of (Var, Type)
    shared : list of (Expr, Type), pure: they may be computed at any time, once or often
    """

    parent: "Scope | None" = None
    values: list = field(default_factory=list)
    shared: list = field(default_factory=list)

    def visible(self):
        """Return all (Var, Type), the innermost last."""
        outer = self.parent.visible() if self.parent else []
        return outer + self.values

    def of_type(self, wanted):
        """Return the variables of one type."""
        return [var for var, found in self.visible() if found == wanted]

    def shareable(self, wanted):
        """Return the expressions of one type that may be used again."""
        outer = self.parent.shareable(wanted) if self.parent else []
        return outer + [expr for expr, found in self.shared if found == wanted]
