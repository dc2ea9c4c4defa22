"""Links what the backends make of a partitioned module into one image."""

from collections.abc import Callable, Sequence
from pathlib import Path

from isa.config import Config
from isa.image import Image, Region, Tensor

from .backends.accel import CycleModel, compile_region, extract
from .backends.cpu import compile_host, order_cpus
from .ir import Module

__all__ = ["link"]


def link(
    name: str,
    module: Module,
    config: Config,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    progress: Callable[[str], None],
    cycles: CycleModel | None = None,
    cpus: Sequence[str] = (),
    triple: str | None = None,
    cache: Path | None = None,
) -> Image:
    """Return the image of `module`.

    Parameters
    ----------
    module : partitioned and inferred; functions whose attribute "Compiler" is "accel" are regions
    inputs, outputs : the network's tensors, in order
    progress : called with the name of each part before it is compiled
    cycles : returns about how many cycles a program takes
    cpus : names of CPUS to make host programs for; by default see `find_machine`
    triple : of the host programs, by default of this machine
    cache : folder of object files that were made before

    Raises
    ------
    TooLarge
        A region does not fit the machine.
    Unsupported
        The CPU has no code for an operator; or there is no such CPU or triple.
    """
    regions: list[Region] = []
    numbers: dict[str, int] = {}
    for function_name in module:
        function = module[function_name]
        if function.attrs.get("Compiler") == "accel":
            progress(function_name)
            numbers[function_name] = len(regions)
            graph = extract(function_name, function)
            regions.append(compile_region(graph, config, cycles))
    hosts = []
    names: Sequence[str | None] = order_cpus(cpus) or (None,)
    for cpu in names:
        progress(f"host program{f' for {cpu}' if cpu else ''}")
        hosts.append(compile_host(module, numbers, cpu=cpu, triple=triple, cache=cache))
    best, *others = hosts
    rows = tuple(inputs), tuple(outputs), tuple(regions)
    return Image(name, config, *rows, best, tuple(others))
