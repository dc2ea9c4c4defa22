"""A device as users see it: `device.run(image, inputs)` on a machine, or on the CPU alone."""

import ctypes
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.image import Image, Region, Tensor

from .errors import DeviceFault, ImageMismatch, InputMismatch
from .host import HostProgram
from .machine import Machine
from .placement import Placed, place_regions
from .profile import TracingMachine
from .registers import check_machine
from .submission import submit

__all__ = ["Device", "RegionRun", "Result", "check_inputs", "in_order"]

Array = npt.NDArray[np.generic]

# The longest instruction that is compiled, a block of a convolution, takes some 100,000 cycles.
_WATCHDOG_CYCLES = 1 << 22


@dataclass(frozen=True)
class RegionRun:
    """One region on a machine.

    Attributes
    ----------
    region : Region
    counters : the machine's counters by name
    trace : records (engine, index, start_cycle, end_cycle), None of a machine without time
    """

    region: Region
    counters: Mapping[str, int]
    trace: npt.NDArray[np.void] | None


@dataclass(frozen=True)
class Result:
    """What a run gave.

    Attributes
    ----------
    outputs : tuple of arrays, in the image's order; of a program that has an interface also of
        other values (`driver.values`)
    regions : what the machine did, for each region that ran
    """

    outputs: tuple[Any, ...]
    regions: tuple[RegionRun, ...]

    def __getitem__(self, index: int) -> Any:
        return self.outputs[index]


@dataclass
class Device:
    """A device by name; machines are made for the configuration of the image that they run.

    Any threads may run any images at once. An image with regions has the device to itself while it
    runs; those without run side by side, and stay loaded as long as they exist.

    Attributes
    ----------
    name : str
    open_machine : makes the machine of a configuration; None on the CPU
    checked : bool, whether the static checker looks at the programs of an image when it is loaded;
        without, what it would refuse may stop the machine, or give other results in every run
    threads : int, how many compute what the CPU does; the same results with any number
    """

    name: str
    open_machine: Callable[[Config], Machine] | None
    checked: bool = True
    threads: int = 1
    _machines: dict[Config, Machine] = field(default_factory=dict)
    _placed: tuple[Image, tuple[Placed, ...]] | None = None
    _hosts: dict[int, tuple[weakref.ref[Image], HostProgram]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __enter__(self) -> "Device":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every machine, and let go of the programs: their threads end."""
        with self._lock:
            for machine in self._machines.values():
                machine.close()
            self._machines.clear()
            for _, host in self._hosts.values():
                host.close()
            self._hosts.clear()
            self._placed = None

    def machine(self, config: Config) -> Machine:
        """Return the machine of `config`, made on first use.

        Raises
        ------
        ImageMismatch
            This device is the CPU, which has no machine.
        """
        if self.open_machine is None:
            raise ImageMismatch(
                f"the image has parts for the accelerator, the device {self.name} has none; "
                "compile with --target cpu"
            )
        if config not in self._machines:
            self._machines[config] = self.open_machine(config)
        return self._machines[config]

    def load(self, image: Image) -> None:
        """Place `image` on the device; `run` does so where it must.

        Raises
        ------
        ImageMismatch
            The image is for another configuration, version or CPU, or does not fit the DRAM.
        ProgramRefused
            A program of the image can deadlock, race, or leave a memory's or a window's bounds.
        Unavailable
            So many threads cannot be started.
        """
        with self._lock:
            self._load(image)

    def _load(self, image: Image) -> tuple[HostProgram, tuple[Placed, ...]]:
        """Return what `image` has become here; the caller has the lock."""
        if image.regions and (self._placed is None or self._placed[0] is not image):
            machine = self.machine(image.config)
            check_machine(machine, image.config)
            self._placed = None
            self._placed = image, place_regions(machine, image, checked=self.checked)
        known = self._hosts.get(id(image))
        if known is None or known[0]() is not image:
            hosts, key = self._hosts, id(image)
            reference = weakref.ref(image, lambda _: hosts.pop(key, None))
            program = HostProgram(image.host, *image.other_hosts, threads=self.threads)
            known = hosts[key] = reference, program
        return known[1], self._placed[1] if self._placed is not None else ()

    def run(self, image: Image, inputs: Sequence[Any] | Mapping[str, Any]) -> Result:
        """Return what the network of `image` makes of `inputs`.

        Parameters
        ----------
        inputs : arrays in the image's order, or by name; tuples and `driver.values.Data` for
            parameters that are no tensors

        Raises
        ------
        InputMismatch
            Inputs of a wrong count, name, shape or dtype.
        ImageMismatch
            The image cannot run here.
        ProgramRefused
            A program of the image can go wrong.
        DeviceFault
            The machine stopped with an error, or the process was forked since `load`.
        """
        if image.host.interface is None:
            values: list[Any] = list(check_inputs(image.inputs, inputs))
        else:
            values = in_order([tensor.name for tensor in image.inputs], inputs)
        with self._lock:
            host, placed = self._load(image)
            if image.regions:
                return self._run(image, values, host, placed)
        return self._run(image, values, host, placed)

    def _run(
        self, image: Image, values: list[Any], host: HostProgram, placed: tuple[Placed, ...]
    ) -> Result:
        """Return what the loaded `image` makes of inputs; tensors are checked."""
        runs: list[RegionRun] = []

        def run_region(number: int, sources: list[int], targets: list[int]) -> int:
            machine = self.machine(image.config)
            runs.append(_run_region(machine, placed[number], sources, targets))
            return 0

        if image.host.interface is not None:
            names = [tensor.name for tensor in image.inputs]
            found = host.evaluate(names, values, run_region)
            return Result(found if isinstance(found, tuple) else (found,), tuple(runs))
        outputs = [np.empty(tensor.shape, tensor.dtype) for tensor in image.outputs]
        status = host.run(values, outputs, run_region)
        if status:
            raise DeviceFault(f"{self.name}: the host program ended with status {status}")
        return Result(tuple(outputs), tuple(runs))


def in_order(names: Sequence[str], inputs: Sequence[Any] | Mapping[str, Any]) -> list[Any]:
    """Return `inputs`, which may be given by name, as a list.

    Raises
    ------
    InputMismatch
        The names are others.
    """
    if not isinstance(inputs, Mapping):
        return list(inputs)
    if set(inputs) != set(names):
        raise InputMismatch(
            f"inputs must be named {', '.join(names)}, not {', '.join(sorted(inputs))}"
        )
    return [inputs[name] for name in names]


def check_inputs(
    tensors: Sequence[Tensor], inputs: Sequence[Array] | Mapping[str, Array]
) -> list[Array]:
    """Return `inputs` in order, contiguous and aligned: copied where they are not.

    Raises
    ------
    InputMismatch
        Naming the input, what it must be and what it is.
    """
    names = [tensor.name for tensor in tensors]
    inputs = in_order(names, inputs)
    if len(inputs) != len(tensors):
        raise InputMismatch(
            f"the network takes {len(tensors)} input{'s' * (len(tensors) != 1)} "
            f"({', '.join(names)}), not {len(inputs)}"
        )
    arrays = []
    for tensor, value in zip(tensors, inputs, strict=True):
        array = np.asarray(value)
        if array.shape != tensor.shape or array.dtype != np.dtype(tensor.dtype):
            raise InputMismatch(
                f"input {tensor.name} must be {tensor.dtype}{list(tensor.shape)}, "
                f"not {array.dtype}{list(array.shape)}"
            )
        arrays.append(np.require(array, requirements=("C", "A")))
    return arrays


def _run_region(
    machine: Machine, placed: Placed, sources: list[int], targets: list[int]
) -> RegionRun:
    """Copy the operands in, run, copy the results out."""
    for slot, pointer in zip(placed.region.inputs, sources, strict=True):
        machine.write(placed.data + slot.offset, _view(pointer, slot.size))
    counters = submit(machine, placed, _WATCHDOG_CYCLES)
    for slot, pointer in zip(placed.region.outputs, targets, strict=True):
        _view(pointer, slot.size)[:] = np.frombuffer(
            machine.read(placed.data + slot.offset, slot.size), np.uint8
        )
    trace = machine.instruction_trace() if isinstance(machine, TracingMachine) else None
    return RegionRun(placed.region, counters, trace)


def _view(pointer: int, size: int) -> npt.NDArray[np.uint8]:
    """Return the host memory at `pointer` as bytes."""
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(pointer))
