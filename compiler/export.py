"""From a network's file to what a C program links: an object file, a header, a shared library."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .backends.cpu import lower
from .backends.cpu.export import (
    export_flow,
    export_program,
    find_linker,
    link_library,
    write_header,
)
from .backends.cpu.flow import is_straight
from .backends.cpu.machine import find_machine
from .compile import prepare
from .pipeline import Observer

__all__ = ["KINDS", "Export", "export_network"]

KINDS = ("object", "library", "header")
"""What can be made."""


@dataclass(frozen=True, slots=True)
class Export:
    """A network for C programs.

    Attributes
    ----------
    name : str
        What its symbols begin with.
    object : bytes
        An ELF object file, weights included. It calls memcpy, memset and memmove, and with threads
        pthread_create, pthread_join and syscall.
    header : str
    library : bytes or None
        A shared library, if it was asked for.
    """

    name: str
    object: bytes
    header: str
    library: bytes | None


def export_network(
    path: str | os.PathLike[str],
    name: str,
    kinds: Iterable[str] = KINDS,
    *,
    cpu: str | None = None,
    triple: str | None = None,
    threads: bool = False,
    observe: Observer | None = None,
    progress: Callable[[str], None] | None = None,
) -> Export:
    """Return the network in `path` as a C program takes it; the CPU computes all of it.

    Parameters
    ----------
    path : a TFLite, ONNX or Relay text file
    name : what the symbols begin with; what is no letter, digit or underscore becomes one
    kinds : names of KINDS; only a library costs anything
    cpu, triple : see `find_machine`
    threads : offer functions that compute with several threads
    observe : called with each pass's name and the module after it
    progress : called with the name of each step before it begins

    Raises
    ------
    Unsupported
        CPU or triple are none that can be compiled for, or the network holds what the CPU has no
        code for, or @main takes or gives what is neither a tensor nor a tuple of them.
    LinkError
        There is no linker for the library, or it failed.
    CompileError
        The file is no network.
    """
    report = progress or (lambda step: None)
    machine = find_machine(cpu, triple)
    linker = find_linker(machine.triple) if "library" in kinds else None
    module, inputs, outputs = prepare(path, observe, report)
    report("host program")
    if is_straight(module, {}):
        program, _ = lower(module, {}, machine)
        interface, code = export_program(program, machine, name, inputs, outputs, threads=threads)
    else:
        interface, code = export_flow(module, machine, name, inputs, outputs, threads=threads)
    library = None
    if linker is not None:
        report("link")
        library = link_library(code, interface.name, linker)
    return Export(interface.name, code, write_header(interface), library)
