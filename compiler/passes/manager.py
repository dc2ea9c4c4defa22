"""Runs passes by name: which of them, at which level, watched by which instruments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import Unsupported
from ..ir.module import Module
from .functions import typed
from .registry import LEVELS, find_pass

__all__ = ["Instrument", "PassContext", "run_passes", "selected"]


class Instrument(Protocol):
    """What watches passes; it sees modules and changes none."""

    def before(self, name: str, module: Module) -> None:
        """See the module that the pass `name` will get."""

    def after(self, name: str, module: Module) -> None:
        """See the module that the pass `name` gave."""


@dataclass(frozen=True, slots=True)
class PassContext:
    """How passes are run.

    Attributes
    ----------
    level : int, in 0..4
        Passes of a higher level are left out.
    required : tuple of str
        Passes that run whatever their level.
    disabled : tuple of str
        Passes that never run.
    instruments : tuple of Instrument
        Told before each pass in this order, after it in the reverse: the last sees least of
        what others do.

    Raises
    ------
    Unsupported
        A level or a pass that does not exist, or a pass both required and disabled.
    """

    level: int = 2
    required: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    instruments: tuple[Instrument, ...] = ()

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise Unsupported(f"level must be in 0..{LEVELS[-1]}, not {self.level}")
        for name in (*self.required, *self.disabled):
            find_pass(name)
        for name in self.required:
            if name in self.disabled:
                raise Unsupported(f"pass {name} is both required and disabled; choose one")


def selected(names: Sequence[str], context: PassContext) -> tuple[str, ...]:
    """Return which passes run, in order, if `names` are asked for: with what they require.

    A requirement that ran as the very last pass is not run again.

    Raises
    ------
    Unsupported
        A pass does not exist, or one that runs requires one that is disabled.
    """
    chosen: list[str] = []
    for name in names:
        row = find_pass(name)
        if name in context.disabled or (row.level > context.level and name not in context.required):
            continue
        for other in row.requires:
            if other in context.disabled:
                raise Unsupported(f"pass {name} requires {other}, which is disabled")
            if chosen[-1:] != [other]:
                chosen.append(other)
        chosen.append(name)
    return tuple(chosen)


def run_passes(module: Module, names: Sequence[str], context: PassContext | None = None) -> Module:
    """Return `module`, typed, after the passes `names` that `context` lets run.

    Raises
    ------
    Unsupported
        A pass does not exist, or requires one that is disabled.
    """
    settings = PassContext() if context is None else context
    order = selected(names, settings)
    module = typed(module)
    for name in order:
        for instrument in settings.instruments:
            instrument.before(name, module)
        module = find_pass(name).function(module)
        for instrument in reversed(settings.instruments):
            instrument.after(name, module)
    return module
