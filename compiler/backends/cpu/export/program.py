"""From a host program to an object file that C calls."""

from collections.abc import Sequence

from isa.host import ALIGNMENT
from isa.image import Tensor

from ....ir.module import Module
from ..compile import lower_flow
from ..entry import is_threaded, lay_out_memory, write_module
from ..machine import Machine, assemble
from ..program import Program
from .elf import fill_section
from .interface import Interface, Objects, make_interface
from .objects import declarations
from .signature import Leaf, read_signature
from .wrapper import SECTION, exported, write_wrapper

__all__ = ["export_flow", "export_program"]


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
    threaded = threads and is_threaded(program, machine.triple)
    interface = make_interface(
        name,
        [Leaf(tensor, tensor.shape) for tensor in inputs],
        [Leaf(tensor, tensor.shape) for tensor in outputs],
        workspace_bytes=layout.arena_bytes,
        threaded=threaded,
        target=_describe(machine),
    )
    text = write_module(program, layout, machine.triple, threads=threaded)
    return interface, _assemble(text, bytes(layout.constants.collect()), interface, machine)


def export_flow(
    module: Module,
    machine: Machine,
    name: str,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    *,
    threads: bool,
) -> tuple[Interface, bytes]:
    """Return the same of a program with control flow, data, or open sizes.

    Parameters
    ----------
    module : Module
        Typed.
    machine, name, inputs, outputs, threads : as of `export_program`

    Raises
    ------
    Unsupported
        @main takes or gives what is no tensor, or the CPU has no code for an operator.
    """
    params, result = read_signature(module, inputs, outputs)
    flow = lower_flow(module, {}, machine, embedded=True, threads=threads)
    state_bytes = -(-flow.state_bytes // ALIGNMENT) * ALIGNMENT
    interface = make_interface(
        name,
        params,
        [result],
        workspace_bytes=state_bytes + flow.arena_bytes,
        threaded=flow.threaded,
        target=_describe(machine),
        objects=Objects(params, result, state_bytes, flow.recursive, flow.failures),
    )
    text = f"{declarations(flow.text)}\n{flow.text}"
    return interface, _assemble(text, flow.constants, interface, machine)


def _assemble(text: str, constants: bytes, interface: Interface, machine: Machine) -> bytes:
    """Return the object file of a program and its C functions."""
    data = constants or bytes(1)
    wrapper = write_wrapper(interface, len(data))
    code = assemble(f"{text}\n{wrapper}", machine, exported(interface))
    return fill_section(code, SECTION, data)


def _describe(machine: Machine) -> str:
    """Return what the code runs on, in words."""
    features = machine.features.replace("+", "").replace(",", ", ")
    return f"{machine.triple}{f' with {features}' if features else ''}"
