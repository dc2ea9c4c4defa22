"""Type inference: the type of every expression of a module."""

from .inference import infer

__all__ = ["infer"]
