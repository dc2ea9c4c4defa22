"""Programs whose batch or number of tokens is known only at run time, beside those of one size."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.backends.cpu import compile_host
from compiler.frontends import import_model
from compiler.ir import Module, TensorType
from compiler.pipeline import optimise
from driver.host import HostProgram
from isa.image import Host

from .opened import resized
from .peers import Array, Runner
from .timing import interleaved

__all__ = ["OPEN_AXES", "compare_open"]

OPEN_AXES: Mapping[str, tuple[int, tuple[int, ...]]] = MappingProxyType(
    {
        "resnet18-fp32": (0, (1, 4)),
        "mobilenetv2": (0, (1, 4)),
        "bert-mini-fp32": (1, (128, 200)),
        "bert-mini-int8": (1, (128,)),
    }
)
"""By network: the axis of the inputs that is left open, and the sizes that are measured."""

_KNOWN, _OPEN = "known", "open"


def compare_open(
    name: str, path: Path, threads: int, rounds: int, clock: Callable[[], float]
) -> list[dict[str, Any]]:
    """Return a row for each size: times of the program for it, and of the one for all sizes.

    The time of the latter includes what passes values with sizes of their own.
    """
    axis, sizes = OPEN_AXES[name]
    module = import_model(path)
    general, host = _compiled(resized(module, axis, None))
    program = HostProgram(host, threads=threads)
    names = [param.name for param in general["main"].params]
    rows = []
    for size in sizes:
        network, known = _compiled(resized(module, axis, size))
        inputs = _inputs(network)
        runners = [
            _known_runner(network, known, inputs, threads),
            _open_runner(program, names, inputs),
        ]
        seconds = interleaved(runners, rounds, clock)
        left, right = (runner.outputs()[0].astype(np.float64) for runner in runners)
        rows.append(
            {
                "model": name,
                "axis": axis,
                "size": size,
                "threads": threads,
                "known_ms": seconds[_KNOWN] * 1e3,
                "open_ms": seconds[_OPEN] * 1e3,
                "ratio": seconds[_OPEN] / seconds[_KNOWN],
                "largest_difference": float(np.max(np.abs(left - right))),
            }
        )
    return rows


def _compiled(module: Module) -> tuple[Module, Host]:
    """Return a network after the passes, and its program."""
    ready = optimise(module)
    return ready, compile_host(ready, {})


def _kind(kind: object) -> tuple[tuple[int, ...], str]:
    """Return shape and type of a tensor of known sizes."""
    assert isinstance(kind, TensorType)
    return tuple(size for size in kind.shape if isinstance(size, int)), kind.dtype


def _inputs(module: Module) -> list[Array]:
    """Return inputs of a network, from a seed."""
    random = np.random.default_rng(0)
    kinds = [_kind(param.type) for param in module["main"].params]
    return [random.normal(size=shape).astype(dtype) for shape, dtype in kinds]


def _open_runner(program: HostProgram, names: list[str], inputs: list[Array]) -> Runner:
    """Return a program of open sizes, whose result is one tensor."""
    results: list[Array] = []

    def run() -> None:
        results[:] = [np.asarray(program.evaluate(names, inputs))]

    return Runner(_OPEN, run, lambda: results)


def _known_runner(module: Module, host: Host, inputs: list[Array], threads: int) -> Runner:
    """Return a program of known sizes."""
    shape, dtype = _kind(module["main"].body.type)
    output: Array = np.empty(shape, dtype)
    binding = HostProgram(host, threads=threads).bind(inputs, [output])
    return Runner(_KNOWN, binding, lambda: [output])
