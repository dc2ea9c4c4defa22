"""What the compiler raises when its user asks for something that cannot be.

::

    CompileError                 base: one message, and the span where it is known
    |- ParseError                text that is not Relay 0.0.5, or not an image of it
    |- TypeInferenceError        expressions whose types do not fit
    |- InvalidModule             a module that is not well formed
    |- InvalidSchedule           a rewrite of a loop nest that would change what it computes
    |- InvalidInput              values that a network cannot be run on
    |- Unsupported               correct, but not (yet) taken; names the nearest that is
    |- ImportFailed              a file that is no network, or a damaged one
    |- LinkError                 no linker for a shared library, or it failed
    `- TooLarge                  a network that does not fit the machine
"""

from collections.abc import Sequence

from .ir.span import Span

__all__ = [
    "CompileError",
    "ImportFailed",
    "InvalidInput",
    "InvalidModule",
    "InvalidSchedule",
    "LinkError",
    "ParseError",
    "TooLarge",
    "TypeInferenceError",
    "Unsupported",
]


class CompileError(Exception):
    """Something that the user can mend.

    Parameters
    ----------
    problem : str
        What must hold, what was found, and how to mend it.
    span : Span, optional
        Where; the message begins with it.
    excerpt : str
        Lines of source to show below the message; those of `span` by default.
    notes : sequence of str
        Lines to show below that: what the problem follows from.

    Attributes
    ----------
    problem : str
    span : Span or None
    """

    def __init__(
        self,
        problem: str,
        span: Span | None = None,
        excerpt: str = "",
        notes: Sequence[str] = (),
    ) -> None:
        place = "" if span is None else f"{span}: "
        if span is not None and not excerpt:
            excerpt = span.excerpt()
        shown = [excerpt] if excerpt else []
        super().__init__("\n".join([f"{place}{problem}", *shown, *(f"  {note}" for note in notes)]))
        self.problem = problem
        self.span = span


class ParseError(CompileError):
    """The text is not a program of the text format."""


class TypeInferenceError(CompileError):
    """The types of a program do not fit, or cannot be found."""


class InvalidModule(CompileError):
    """The module is not well formed."""


class InvalidSchedule(CompileError):
    """A schedule asks for what its loop nest does not allow."""


class InvalidInput(CompileError):
    """The values given to a program do not have its parameters' types."""


class Unsupported(CompileError):
    """A correct program needs something that does not exist here."""


class ImportFailed(CompileError):
    """A file cannot be read as a network."""


class LinkError(CompileError):
    """There is no linker, or it cannot make a library."""


class TooLarge(CompileError):
    """A network does not fit the machine it is compiled for."""
