"""From a network's file to an image: import, passes, partition, backends, link."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from isa.config import Config
from isa.image import Image, Tensor

from .backends.accel import CycleModel
from .backends.cpu import find_machine
from .errors import Unsupported
from .frontends.common import TensorInfo
from .frontends.model import import_model, import_network
from .ir.module import Module
from .link import link
from .passes.partition import Decision, explain_partition, partition
from .pipeline import Observer, optimise
from .targets import AccelTarget

__all__ = ["TARGETS", "compile_network", "explain", "prepare"]

TARGETS = ("accel", "cpu")


def compile_network(
    path: str | os.PathLike[str],
    config: Config,
    targets: Sequence[str] = TARGETS,
    observe: Observer | None = None,
    progress: Callable[[str], None] | None = None,
    cycles: CycleModel | None = None,
    *,
    cpus: Sequence[str] = (),
    triple: str | None = None,
    cache: Path | None = None,
) -> Image:
    """Return the image of the network in `path`.

    Parameters
    ----------
    path : a TFLite, ONNX or Relay text file
    config : Config, the machine
    targets : who may compute; the CPU is always among them
    observe : called with each pass's name and the module after it
    progress : called with the name of each step before it begins
    cycles : returns about how many cycles a program takes; the compiler ranks its tilings by it
    cpus : names of CPUS; the image gets a host program for each, by default one for this machine
        with all it can do
    triple : system of the host programs, as LLVM names it; by default this one
    cache : folder of object files that were made before

    Raises
    ------
    CompileError
        The file is no network, holds what is not supported, or does not fit the machine; or there
        is no such CPU or triple.
    """
    unknown = [target for target in targets if target not in TARGETS]
    if unknown:
        raise Unsupported(f"target must be one of {', '.join(TARGETS)}, not {unknown[0]!r}")
    find_machine(None, triple)
    for cpu in cpus:
        find_machine(cpu, triple)
    report = progress or (lambda step: None)
    module, inputs, outputs = prepare(path, observe, report)
    if "accel" in targets:
        report("partition")
        module = partition(module, AccelTarget(config))
        if observe is not None:
            observe("partition", module)
    others = report, cycles, cpus, triple, cache
    return link(Path(path).stem, module, config, inputs, outputs, *others)


def prepare(
    path: str | os.PathLike[str],
    observe: Observer | None,
    report: Callable[[str], None],
) -> tuple[Module, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Return the module of the network in `path` after the passes, its inputs and its outputs.

    Raises
    ------
    CompileError
        As of `compile_network`.
    """
    report("import")
    network = import_network(path, mapped=True)
    report("passes")
    module = optimise(network.module, observe)
    return module, _tensors(network.inputs), _tensors(network.outputs)


def explain(path: str | os.PathLike[str], config: Config) -> tuple[Decision, ...]:
    """Return which regions of the network in `path` the accelerator could take, and which it gets.

    Raises
    ------
    CompileError
        The file is no network, or holds what is not supported.
    """
    return explain_partition(optimise(import_model(path)), AccelTarget(config))


def _tensors(rows: Sequence[TensorInfo]) -> tuple[Tensor, ...]:
    return tuple(Tensor(row.name, row.shape, row.dtype, row.scale, row.zero_point) for row in rows)
