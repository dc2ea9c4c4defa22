"""Names in scope while a text is read."""

from typing import Generic, TypeVar

__all__ = ["Names"]

T = TypeVar("T")


class Names(Generic[T]):
    """A table of names in nested scopes; looking one up does not depend on the nesting.

    Examples
    --------
    >>> names = Names()
    >>> names.bind("x", 1)
    >>> names.enter()
    >>> names.bind("x", 2)
    >>> names.find("x")
    2
    >>> names.leave()
    >>> names.find("x"), names.find("y")
    (1, None)
    """

    def __init__(self) -> None:
        self._now: dict[str, T] = {}
        self._before: list[tuple[str, T | None]] = []
        self._marks: list[int] = []

    def enter(self) -> None:
        """Open a scope."""
        self._marks.append(len(self._before))

    def leave(self) -> None:
        """Close the innermost scope: what it hid is seen again."""
        mark = self._marks.pop()
        while len(self._before) > mark:
            name, value = self._before.pop()
            if value is None:
                del self._now[name]
            else:
                self._now[name] = value

    def bind(self, name: str, value: T) -> None:
        """Let `name` stand for `value` until the innermost scope is closed."""
        self._before.append((name, self._now.get(name)))
        self._now[name] = value

    def find(self, name: str) -> T | None:
        """Return what `name` stands for, None if nothing."""
        return self._now.get(name)

    def all(self) -> list[str]:
        """Return every name in scope."""
        return list(self._now)
