"""The one function that is more than a name handed on."""

import os
from collections.abc import Callable, Sequence

from compiler.compile import TARGETS, compile_network
from compiler.pipeline import Observer
from isa.cache import cache_folder
from isa.config import Config, preset
from isa.image import Image
from simulator.timing import cycles

__all__ = ["compile"]


def compile(
    path: str | os.PathLike[str],
    config: str | Config = "vta",
    targets: Sequence[str] = TARGETS,
    progress: Callable[[str], None] | None = None,
    observe: Observer | None = None,
    *,
    cpu: str | None = None,
    triple: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Image:
    """Return the image of the network in `path`.

    Parameters
    ----------
    path : a TFLite, ONNX or Relay text file
    config : a configuration, or the name of a preset
    targets : who may compute: "accel", "cpu"; the CPU takes what nobody else does
    progress : called with the name of each step before it begins
    observe : called with each pass's name and the module after it
    cpu : of the CPU's part, one of those in docs/cpu.md, or several by comma: the image gets code
        for each, and the best one that a machine has runs there; by default this machine
    triple : system of the CPU's part, as LLVM names it; by default this one
    cache_dir : folder of what was built before, by default $TILEWRIGHT_CACHE or
        ~/.cache/tilewright

    Raises
    ------
    compiler.errors.CompileError
        The file is no network, holds what is not supported, or does not fit the machine.
    isa.errors.ConfigError
        There is no such preset.
    """
    machine = preset(config) if isinstance(config, str) else config
    cpus = [name.strip() for name in cpu.split(",")] if cpu is not None else []
    cache = cache_folder(cache_dir)
    steps = observe, progress, cycles
    return compile_network(path, machine, targets, *steps, cpus=cpus, triple=triple, cache=cache)
