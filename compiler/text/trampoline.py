"""Recursive descent without recursion: generators that ask for sub-results with ``yield``.

A rule is a generator; ``result = yield other_rule()`` runs the other rule and continues with what
it returns. The rules under way stand on a list, so nesting is limited by memory only.
"""

from collections.abc import Generator
from typing import Any, TypeVar

__all__ = ["Rule", "run"]

T = TypeVar("T")

Rule = Generator["Rule[Any]", Any, T]


def run(rule: Rule[T]) -> T:
    """Return what `rule` returns, running the rules it asks for.

    Examples
    --------
    >>> def depth(n):
    ...     return 0 if n == 0 else 1 + (yield depth(n - 1))
    >>> run(depth(100_000))
    100000
    """
    stack: list[Rule[Any]] = [rule]
    value: Any = None
    while stack:
        try:
            wanted = stack[-1].send(value)
        except StopIteration as finished:
            stack.pop()
            value = finished.value
        else:
            stack.append(wanted)
            value = None
    result: T = value
    return result
