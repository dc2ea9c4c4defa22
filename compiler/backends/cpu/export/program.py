"""From a host program to an object file that C calls."""

from collections.abc import Sequence

from isa.image import Tensor

from ..entry import is_threaded, lay_out_memory, write_module
from ..machine import Machine, assemble
from ..program import Program
from .elf import fill_section
from .interface import Interface, make_interface
from .wrapper import SECTION, exported, write_wrapper

__all__ = ["export_program"]


def export_program(
    program: Program,
    machine: Machine,
    name: str,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    *,
    threads: bool,
) -> tuple[Interface, bytes]:
    """Return what C calls, and the object file.

    Parameters
    ----------
    program : Program
        Without regions.
    machine : Machine
    name : str
    inputs, outputs : sequences of Tensor
        As the network's.
    threads : bool
        Offer a pool of threads, where the program has use for one.
    """
    layout = lay_out_memory(program)
    interface = make_interface(
        name,
        inputs,
        outputs,
        workspace_bytes=layout.arena_bytes,
        threaded=threads and is_threaded(program, machine.triple),
        target=_describe(machine),
    )
    constants = bytes(layout.constants.collect()) or bytes(1)
    text = write_module(program, layout, machine.triple, threads=interface.threaded)
    wrapper = write_wrapper(interface, len(constants))
    code = assemble(f"{text}\n{wrapper}", machine, exported(interface))
    return interface, fill_section(code, SECTION, constants)


def _describe(machine: Machine) -> str:
    """Return what the code runs on, in words."""
    features = machine.features.replace("+", "").replace(",", ", ")
    return f"{machine.triple}{f' with {features}' if features else ''}"
