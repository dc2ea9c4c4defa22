"""The check that a layer fits a memory."""

from isa.config import Config

from ...errors import TooLarge

__all__ = ["require_words"]


def require_words(layer: str, memory: str, needed: int, words: int, config: Config) -> None:
    """Check that the layer called `layer` finds the words of `memory` that it needs at least.

    Raises
    ------
    TooLarge
        It does not; the message says what it needs and what is there.
    """
    if needed > words:
        raise TooLarge(
            f"{layer}: needs {needed} words of {memory}, configuration {config.name} has {words}; "
            "use a larger configuration, or the CPU alone"
        )
