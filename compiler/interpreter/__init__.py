"""The meaning of a program: any well-typed module evaluated in numpy."""

from .evaluate import evaluate
from .operators import evaluate_call
from .values import Data, Reference, Result, same_value

__all__ = ["Data", "Reference", "Result", "evaluate", "evaluate_call", "same_value"]
