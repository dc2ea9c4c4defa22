"""Where the time of a network goes: cycles of each kernel call, stamped by the program itself.

The program is compiled with a small kernel between all others, which writes the processor's time
stamp into an output of its own.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from compiler.backends.cpu.builder import Builder, Index
from compiler.backends.cpu.compile import Origin, lower, write_host
from compiler.backends.cpu.fusion import Group
from compiler.backends.cpu.graph import Step, Tensor, flatten
from compiler.backends.cpu.machine import Machine
from compiler.backends.cpu.program import KernelCall, Program
from compiler.ir import Module
from driver.host import HostProgram
from isa.image import Tensor as ImageTensor

from .peak import Peak
from .work import operator_macs

__all__ = ["KernelTime", "kernel_times"]

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class KernelTime:
    """One call of a kernel.

    Attributes
    ----------
    number : int, in the program's order
    kernel : str, its class
    steps : str, the operators that it computes
    shape, dtype : of what it writes
    macs : int
    microseconds : float
    share : float, of the whole program's time
    peak_share : float, of what the core can do; 0 without multiplications
    """

    number: int
    kernel: str
    steps: str
    shape: tuple[int, ...]
    dtype: str
    macs: int
    microseconds: float
    share: float
    peak_share: float


@dataclass(frozen=True, slots=True)
class _Stamp:
    """Writes the time stamp as element `number` of its target."""

    number: int

    @property
    def chunks(self) -> int:
        """How many parts it has."""
        return 1

    @property
    def in_place(self) -> tuple[int, ...]:
        """None: it reads nothing."""
        return ()

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the body."""
        stamp = build.call("i64", "llvm.readcyclecounter")
        build.store("int64", stamp, build.address(pointers[0], self.number, 8))


def kernel_times(
    module: Module,
    outputs: tuple[ImageTensor, ...],
    inputs: list[Array],
    machine: Machine,
    peak: Peak,
    rounds: int,
) -> list[KernelTime]:
    """Return the time of each kernel call of @main, the median of `rounds` runs.

    Parameters
    ----------
    module : optimised and typed, for the CPU alone
    outputs : of the network
    """
    program, origins = lower(module, {}, machine)
    stamped, stamps = _with_stamps(program)
    results: list[Array] = [np.empty(tensor.shape, tensor.dtype) for tensor in outputs]
    written = np.zeros(stamps.shape, np.int64)
    binding = HostProgram(write_host(stamped, machine)).bind(inputs, [*results, written])
    binding()
    seen = []
    begin, first = time.perf_counter(), int(written[0])
    for _ in range(rounds):
        binding()
        seen.append(np.diff(written))
    last = int(written[-1])
    seconds_per_cycle = (time.perf_counter() - begin) / max(last - first, 1)
    cycles = np.median(np.array(seen), axis=0)
    rows = []
    for number, (operation, origin) in enumerate(zip(program.operations, origins, strict=True)):
        assert isinstance(operation, KernelCall)
        seconds = float(cycles[number]) * seconds_per_cycle
        share = float(cycles[number] / max(cycles.sum(), 1))
        # Of several kernels of one group, the last multiplies.
        is_last = number + 1 == len(origins) or origins[number + 1] is not origin
        rows.append(_row(number, operation, origin, seconds, share, peak, multiplies=is_last))
    return rows


def _with_stamps(program: Program) -> tuple[Program, Tensor]:
    """Return the program with a stamp before, between and after its operations."""
    stamps = Tensor((len(program.operations) + 1,), "int64")
    operations: list[Any] = [KernelCall(_Stamp(0), stamps, ())]
    for number, operation in enumerate(program.operations, 1):
        operations += [operation, KernelCall(_Stamp(number), stamps, ())]
    outputs = (*program.outputs, stamps)
    return replace(program, outputs=outputs, operations=tuple(operations)), stamps


def _row(
    number: int,
    call: KernelCall,
    origin: Origin,
    seconds: float,
    share: float,
    peak: Peak,
    *,
    multiplies: bool,
) -> KernelTime:
    steps: tuple[Step, ...] = ()
    if isinstance(origin, Group):
        steps = (*([origin.anchor] if origin.anchor else []), *origin.steps)
    macs, dtype = 0, ""
    if isinstance(origin, Group) and origin.anchor and multiplies:
        tensors = [tensor for value in origin.anchor.operands[:2] for tensor in flatten(value)]
        shapes = [tensor.shape for tensor in tensors]
        result = origin.anchor.result
        assert isinstance(result, Tensor)
        macs = operator_macs(origin.anchor.name, origin.anchor.attrs, shapes, result.shape)
        dtype = tensors[0].dtype
    most = peak.int8 if dtype in ("int8", "uint8") and peak.int8 else peak.float32
    return KernelTime(
        number,
        type(call.kernel).__name__,
        " ".join(step.name for step in steps),
        call.target.shape,
        call.target.dtype,
        macs,
        seconds * 1e6,
        share,
        2 * macs / (max(seconds, 1e-12) * most),
    )
