"""Gradients of operators: a table from an operator's name to the rule that builds its gradient."""

from .registry import differentiable, find_rule
from .site import Gradient, Rule, Site

__all__ = ["Gradient", "Rule", "Site", "differentiable", "find_rule"]
