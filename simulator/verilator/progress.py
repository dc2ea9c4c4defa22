"""How a build tells what it is doing."""

from collections.abc import Callable

__all__ = ["Progress"]

# Called with what is being done and the share of it that is done, 0 to 1.
Progress = Callable[[str, float], None]
