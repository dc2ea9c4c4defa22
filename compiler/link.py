"""Links what the backends make of a partitioned module into one image."""

from collections.abc import Callable, Sequence

from isa.config import Config
from isa.image import Image, Region, Tensor

from .backends.accel import CycleModel, compile_region, extract
from .backends.cpu import compile_host
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
) -> Image:
    """Return the image of `module`.

    Parameters
    ----------
    module : partitioned and inferred; functions whose attribute "Compiler" is "accel" are regions
    inputs, outputs : the network's tensors, in order
    progress : called with the name of each part before it is compiled
    cycles : returns about how many cycles a program takes

    Raises
    ------
    TooLarge
        A region does not fit the machine.
    Unsupported
        The CPU has no code for an operator.
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
    progress("host program")
    host = compile_host(module, numbers)
    return Image(name, config, tuple(inputs), tuple(outputs), tuple(regions), host)
