"""Runs the host program of an image: native code, one call an inference.

`isa/host.py` says how it is called.
"""

import ctypes
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from isa.host import MEMBERS, RELEASE, Status
from isa.image import Host

from .errors import DeviceFault, InputMismatch
from .native import Memory, Pool, choose_host, load
from .threads import check_threads
from .values import Objects, Value, failure, most_heap_bytes, read_object

__all__ = ["Binding", "HostProgram", "RunRegion"]

Array = npt.NDArray[Any]

RunRegion = Callable[[int, list[int], list[int]], int]
"""``run(region, input addresses, output addresses)`` returns 0 if all went well."""

_RUN = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_size_t,
    ctypes.c_int32,
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.POINTER(ctypes.c_size_t),
)
_Block = ctypes.c_size_t * len(MEMBERS)
_CONTEXT = MEMBERS.index("context")
# Unlike a PYFUNCTYPE, this lets go of the interpreter lock during the call; `_RUN` takes it back.
_MAIN = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)
_FREE = ctypes.CFUNCTYPE(None, ctypes.c_size_t)


@dataclass(slots=True)
class _Call:
    """One inference under way."""

    region: RunRegion | None
    error: BaseException | None = None


class HostProgram:
    """A loaded host program; any number of threads may run it at once.

    Parameters
    ----------
    hosts : Host
        The same program for CPUs, of which the first that this one can run is loaded.
    threads : int
        How many compute, the caller among them. They are this program's own, and sleep between
        calls. Of several calls at the same time one has them; the others compute alone. Results
        do not depend on it.

    Raises
    ------
    ImageMismatch
        The code is for another kind of processor, or needs a feature that this one lacks, or is
        no object file.
    Unavailable
        So many threads cannot be started.
    """

    def __init__(self, *hosts: Host, threads: int = 1) -> None:
        check_threads(threads)
        host = choose_host(hosts)
        self._host = host
        self._constants = Memory.holding(host.constants)
        self._library = load(host)
        self._main = _MAIN(self._library[host.symbol])
        if host.interface is not None:
            self._release = _FREE(self._library[RELEASE])
        self._pool = Pool(self._library, threads) if host.threaded and threads > 1 else None
        self._arenas: list[Memory] = []
        self._calls: dict[int, _Call] = {}
        self._numbers = itertools.count(1)
        self._run = _RUN(partial(_run_region, self._calls))
        self._run_address = ctypes.cast(self._run, ctypes.c_void_p).value or 0

    def run(
        self,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
        region: RunRegion | None = None,
    ) -> int:
        """Compute `outputs` from `inputs`.

        Parameters
        ----------
        inputs, outputs : sequences of arrays
            As the network's, C-contiguous, of its shapes and types (which are not checked here);
            the outputs are written, and share no memory with anything else given.
        region : callable, optional
            Runs a region of the accelerator; needed if the program has any.

        Returns
        -------
        int
            0, or the first other number that `region` returned, which ended the program.

        Raises
        ------
        InputMismatch
            An array is not contiguous, not aligned, cannot be written, or shares memory; or the
            program has regions and `region` is None.
        DeviceFault
            The process was forked after the program was loaded with threads.

        What `region` raises comes out of here, once the native code has returned.
        """
        arena = self._arena()
        try:
            return self._bind(inputs, outputs, arena, region)()
        finally:
            self._arenas.append(arena)

    def evaluate(
        self,
        names: Sequence[str],
        inputs: Sequence[object],
        region: RunRegion | None = None,
        heap_bytes: int | None = None,
    ) -> Value:
        """Return what a program that has an interface makes of `inputs`.

        Parameters
        ----------
        names : of the inputs, for errors
        inputs : arrays, tuples for tuple parameters, `driver.values.Data` for data types
        heap_bytes : int, optional
            The most memory that values of the program may take; three quarters of this machine's
            by default.

        Raises
        ------
        InputMismatch
            An input does not have its parameter's form.
        DeviceFault
            The program ended with an error: a match without a clause, sizes that do not fit, or no
            memory or stack left. What `region` raises comes out of here, too.
        """
        interface = self._host.interface
        assert interface is not None, "programs of known tensors are run"
        if len(inputs) != len(interface.params):
            count = len(interface.params)
            raise InputMismatch(
                f"the program takes {count} input{'s' * (count != 1)} ({', '.join(names)}), "
                f"not {len(inputs)}"
            )
        objects = Objects()
        for name, value, form in zip(names, inputs, interface.params, strict=True):
            objects.add(name, value, form, interface)
        given = (ctypes.c_size_t * len(inputs))(*objects.addresses)
        limit = most_heap_bytes() if heap_bytes is None else heap_bytes
        written = (ctypes.c_size_t * 3)(0, 0, limit)
        arena = self._arena()
        try:
            status = self._binding(given, written, arena, region, objects)()
        finally:
            self._arenas.append(arena)
        if status:
            raise DeviceFault(failure(status, interface, limit))
        result, state, _ = written
        try:
            return read_object(result, interface.result, interface)
        finally:
            self._release(state)

    def bind(
        self,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
        region: RunRegion | None = None,
    ) -> "Binding":
        """Return a function of no parameters that does what `run` does with these arrays.

        It reads what `inputs` hold when it is called. The arrays are checked once, here, and it
        has memory of its own for what lies in between: a call costs little more than the native
        code. One thread at a time may call it.

        Raises
        ------
        InputMismatch
            As of `run`, for the arrays.
        """
        return self._bind(inputs, outputs, Memory(self._host.arena_bytes), region)

    def _bind(
        self,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
        arena: Memory,
        region: RunRegion | None,
    ) -> "Binding":
        _check_arrays(inputs, outputs)
        kept = tuple(inputs), tuple(outputs)
        return self._binding(_addresses(inputs), _addresses(outputs), arena, region, kept)

    def _binding(
        self,
        given: "ctypes.Array[ctypes.c_size_t]",
        written: "ctypes.Array[ctypes.c_size_t]",
        arena: Memory,
        region: RunRegion | None,
        kept: object,
    ) -> "Binding":
        """Return the call of the entry with lists of addresses of what `kept` holds."""
        number, call = next(self._numbers), _Call(region)
        block = _Block(
            ctypes.addressof(given),
            ctypes.addressof(written),
            arena.address,
            self._constants.address,
            self._run_address,
            number,
            self._pool.address if self._pool is not None else 0,
        )
        return Binding(self._main, block, call, self._calls, (self, kept, given, written, arena))

    def _arena(self) -> Memory:
        """Return an arena that no other call uses."""
        try:
            return self._arenas.pop()
        except IndexError:
            return Memory(self._host.arena_bytes)

    def close(self) -> None:
        """End the threads; calls under way and later ones compute alone."""
        if self._pool is not None:
            self._pool.close()


def _run_region(
    calls: Mapping[int, _Call], number: int, region: int, inputs: Any, outputs: Any
) -> int:
    """Pass a call of native code on to Python, and keep what it raises."""
    call = calls[number]
    try:
        if call.region is None:
            raise InputMismatch(
                f"the program runs region {region} on an accelerator: pass region=..."
            )
        return call.region(region, _until_null(inputs), _until_null(outputs))
    except BaseException as error:  # Even KeyboardInterrupt: ctypes would swallow it.
        call.error = error
        return Status.RAISED


class Binding:
    """A host program with its arrays: `binding()` computes the outputs and returns as `run` does.

    Made by `HostProgram.bind`.
    """

    __slots__ = ("_address", "_block", "_call", "_calls", "_kept", "_main")

    def __init__(
        self,
        main: Callable[[int], int],
        block: "ctypes.Array[ctypes.c_size_t]",
        call: _Call,
        calls: dict[int, _Call],
        kept: tuple[object, ...],
    ) -> None:
        self._main, self._block, self._call, self._calls = main, block, call, calls
        self._address = ctypes.addressof(block)
        # What the block points to must live as long as it.
        self._kept = kept

    def __call__(self) -> int:
        """Compute the outputs; return 0, or what ended the program.

        Raises what `HostProgram.run` does.
        """
        number, call = self._block[_CONTEXT], self._call
        self._calls[number] = call
        try:
            status = self._main(self._address)
        finally:
            del self._calls[number]
        if call.error is not None:
            error, call.error = call.error, None
            raise error
        if status == Status.FORKED:
            raise DeviceFault(
                f"process {os.getpid()} was forked from the one that opened the device, and has "
                "none of its threads; open a device in each process, or one with threads=1"
            )
        return status


def _check_arrays(inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
    """Raise InputMismatch unless native code may use these arrays."""
    for kind, arrays in (("input", inputs), ("output", outputs)):
        for number, array in enumerate(arrays):
            if not array.flags.c_contiguous:
                raise InputMismatch(
                    f"{kind} {number} must be contiguous in memory; "
                    "pass numpy.ascontiguousarray(...)"
                )
            if not array.flags.aligned:
                raise InputMismatch(
                    f"{kind} {number} must begin at a multiple of its elements' size; pass "
                    "numpy.require(..., requirements='A')"
                )
    for number, array in enumerate(outputs):
        if not array.flags.writeable:
            raise InputMismatch(f"output {number} must be writeable; pass a new array")
        others = [*inputs, *outputs[:number]]
        if any(np.may_share_memory(array, other) for other in others):
            raise InputMismatch(
                f"output {number} must not share memory with another array; pass a new one"
            )


def _addresses(arrays: Sequence[Array]) -> "ctypes.Array[ctypes.c_size_t]":
    """Return the addresses of arrays, as native code takes them."""
    return (ctypes.c_size_t * len(arrays))(*[array.ctypes.data for array in arrays])


def _until_null(pointers: "ctypes._Pointer[ctypes.c_size_t]") -> list[int]:
    """Return the addresses of a list that ends with a null pointer."""
    return list(itertools.takewhile(bool, (pointers[n] for n in itertools.count())))
