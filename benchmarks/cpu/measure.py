"""Measures one network in all runtimes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import tilewright as tw
from compiler.backends.cpu.machine import Machine
from compiler.frontends import import_model
from compiler.ir import Module
from compiler.pipeline import optimise
from tilewright.running import random_inputs

from .errors import find_reference
from .kernels import KernelTime, kernel_times
from .peak import Peak
from .peers import OURS, PEERS, Runner, is_installed, open_ours, open_peer
from .timing import interleaved
from .work import module_macs

__all__ = ["Case", "check", "compare", "open_case", "profile"]

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Case:
    """A network, compiled, with inputs to run it on.

    Attributes
    ----------
    name : str
    path : Path
    module : Module, as imported
    image : Image
    inputs : list of arrays
    macs : dict of str to int, by data type
    """

    name: str
    path: Path
    module: Module
    image: tw.Image
    inputs: list[Array]
    macs: dict[str, int]

    def least_seconds(self, peak: Peak) -> float:
        """Return the time of its multiplications on one core that does nothing else."""
        seconds = 0.0
        for dtype, macs in self.macs.items():
            is_int8 = dtype in ("int8", "uint8") and peak.int8 is not None
            seconds += 2 * macs / ((peak.int8 or peak.float32) if is_int8 else peak.float32)
        return seconds


def open_case(name: str, path: Path) -> Case:
    """Return the network in `path`, compiled for the CPU alone, with inputs from a seed."""
    module = import_model(path)
    image = tw.compile(path, targets=("cpu",))
    inputs = random_inputs(image.inputs, seed=0)
    return Case(name, path, module, image, inputs, module_macs(module))


def compare(
    case: Case, threads: int, rounds: int, clock: Callable[[], float], peak: Peak
) -> list[dict[str, Any]]:
    """Return a row for each peer that reads this file and is installed."""
    runners = [open_ours(case.image, case.inputs, threads), *_peers(case, threads)]
    seconds = interleaved(runners, rounds, clock)
    ours = seconds.pop(OURS)
    least = case.least_seconds(peak) / threads
    row = {"model": case.name, "threads": threads, "ours_ms": ours * 1e3}
    share = {"peak_share": least / ours}
    if not seconds:
        return [{**row, "peer": None, "peer_ms": None, "ratio": None, **share}]
    return [
        {**row, "peer": peer, "peer_ms": taken * 1e3, "ratio": taken / ours, **share}
        for peer, taken in seconds.items()
    ]


def _peers(case: Case, threads: int) -> list[Runner]:
    names = [tensor.name for tensor in case.image.inputs]
    return [
        open_peer(peer, case.path, names, case.inputs, threads)
        for peer, (_, suffixes) in PEERS.items()
        if case.path.suffix in suffixes and is_installed(peer)
    ]


def check(case: Case) -> dict[str, Any]:
    """Return how far our results and the peers' are off.

    `exact` says that ours must equal the interpreter's; otherwise the errors are to float64, and
    `error_ratio` is ours in ONNX Runtime's, where that is installed.
    """
    reference = find_reference(case.module, case.inputs)
    errors: dict[str, float] = {}
    for runner in (open_ours(case.image, case.inputs, 1), *_peers(case, 1)):
        runner.run()
        errors[runner.name] = reference.error(runner.outputs())
    least = None if reference.exact else errors.get("onnxruntime")
    largest = max(float(np.max(np.abs(output))) for output in reference.outputs)
    return {
        "model": case.name,
        "exact": reference.exact,
        "largest_output": largest,
        "errors": errors,
        "error_ratio": errors[OURS] / least if least else None,
    }


def profile(case: Case, machine: Machine, peak: Peak, rounds: int) -> Sequence[KernelTime]:
    """Return the time of each kernel of our program."""
    module = optimise(case.module)
    return kernel_times(module, case.image.outputs, case.inputs, machine, peak, rounds)
