"""Runs the host program of an image: native code, one call an inference.

The code is an object file that defines::

    int32 tilewright_main(arguments *)
    arguments = { ptr *inputs; ptr *outputs; ptr arena; ptr constants;
                  int32 (*run)(ptr context, int32 region, ptr *inputs, ptr *outputs); ptr context }

All members are pointers. `run` starts a region of the accelerator; its lists end with a null
pointer, its result is 0 or ends the program, which returns it.
"""

import ctypes
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

from isa.image import Host

from .errors import ImageMismatch, InputMismatch

__all__ = ["Binding", "HostProgram", "RunRegion"]

Array = npt.NDArray[Any]

RunRegion = Callable[[int, list[int], list[int]], int]
"""``run(region, input addresses, output addresses)`` returns 0 if all went well."""

_ALIGNMENT = 64
# What `run` returns to the native code after a Python exception. Any number but 0 would do.
_RAISED = -1

_RUN = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_size_t,
    ctypes.c_int32,
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.POINTER(ctypes.c_size_t),
)
# The argument block: six members, all of the size of a pointer.
_Block = ctypes.c_size_t * 6
# Unlike a PYFUNCTYPE, this lets go of the interpreter lock during the call; `_RUN` takes it back.
_MAIN = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)


@dataclass(slots=True)
class _Call:
    """One inference under way."""

    region: RunRegion | None
    error: BaseException | None = None


class HostProgram:
    """A loaded host program; any number of threads may run it at once.

    Parameters
    ----------
    host : Host

    Raises
    ------
    ImageMismatch
        The code is for another kind of processor, or needs a feature that this one lacks, or is
        no object file.
    """

    def __init__(self, host: Host) -> None:
        _check_machine(host)
        self._host = host
        self._constants = _Memory(len(host.constants))
        self._constants.array[:] = np.frombuffer(host.constants, np.uint8)
        self._library = _load(host)
        self._main = _MAIN(self._library[host.symbol])
        self._arenas: list[_Memory] = []
        self._calls: dict[int, _Call] = {}
        self._numbers = itertools.count(1)
        self._run = _RUN(self._run_region)
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
            An array is not contiguous, cannot be written, or shares memory; or the program has
            regions and `region` is None.

        What `region` raises comes out of here, once the native code has returned.
        """
        arena = self._arena()
        try:
            return self._bind(inputs, outputs, arena, region)()
        finally:
            self._arenas.append(arena)

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
        return self._bind(inputs, outputs, _Memory(self._host.arena_bytes), region)

    def _bind(
        self,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
        arena: "_Memory",
        region: RunRegion | None,
    ) -> "Binding":
        _check_arrays(inputs, outputs)
        number, call = next(self._numbers), _Call(region)
        given, written = _addresses(inputs), _addresses(outputs)
        block = _Block(
            ctypes.addressof(given),
            ctypes.addressof(written),
            arena.address,
            self._constants.address,
            self._run_address,
            number,
        )
        kept = (self, tuple(inputs), tuple(outputs), given, written, arena)
        return Binding(self._main, block, call, self._calls, kept)

    def _arena(self) -> "_Memory":
        """Return an arena that no other call uses."""
        try:
            return self._arenas.pop()
        except IndexError:
            return _Memory(self._host.arena_bytes)

    def _run_region(self, number: int, region: int, inputs: Any, outputs: Any) -> int:
        """Pass a call of native code on to Python, and keep what it raises."""
        call = self._calls[number]
        try:
            if call.region is None:
                raise InputMismatch(
                    f"the program runs region {region} on an accelerator: pass region=..."
                )
            return call.region(region, _until_null(inputs), _until_null(outputs))
        except BaseException as error:  # Even KeyboardInterrupt: ctypes would swallow it.
            call.error = error
            return _RAISED


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
        """Compute the outputs; return 0, or what ended the program."""
        number, call = self._block[-1], self._call
        self._calls[number] = call
        try:
            status = self._main(self._address)
        finally:
            del self._calls[number]
        if call.error is not None:
            error, call.error = call.error, None
            raise error
        return status


class _Library:
    """Object code in memory, unloaded when nothing refers to it any more."""

    def __init__(self, code: bytes, symbol: str) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self._compiler = llvm.create_lljit_compiler(suppress_errors=True)
        builder = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
        self._tracker = builder.export_symbol(symbol).link(self._compiler, "tilewright")

    def __getitem__(self, symbol: str) -> int:
        """Return the address of a symbol."""
        return int(self._tracker[symbol])


def _load(host: Host) -> _Library:
    """Return the loaded code of `host`."""
    try:
        return _Library(host.code, host.symbol)
    except RuntimeError as error:
        raise ImageMismatch(
            f"the host program of the image cannot be loaded: {error}; compile the network again"
        ) from None


def _check_machine(host: Host) -> None:
    """Raise ImageMismatch unless this processor can run the code of `host`."""
    ours = llvm.get_process_triple()
    if _kind(host.triple) != _kind(ours):
        raise ImageMismatch(
            f"the host program of the image must be for {ours}, not {host.triple}; "
            "compile the network on this machine"
        )
    present = llvm.get_host_cpu_features()
    needed = (name[1:] for name in host.features.split(",") if name.startswith("+"))
    missing = [name for name in needed if not present.get(name, False)]
    if missing:
        raise ImageMismatch(
            f"the host program of the image needs a processor with {', '.join(missing)}, which "
            "this one does not have; compile the network on this machine, or for cpu x86-64"
        )


def _kind(triple: str) -> tuple[str, str, str]:
    """Return what of a triple decides whether code runs: architecture, system, object format."""
    parts = llvm.get_triple_parts(triple)
    return parts.Arch, parts.OS, parts.ObjectFormat


def _check_arrays(inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
    """Raise InputMismatch unless native code may use these arrays."""
    for kind, arrays in (("input", inputs), ("output", outputs)):
        for number, array in enumerate(arrays):
            if not array.flags.c_contiguous:
                raise InputMismatch(
                    f"{kind} {number} must be contiguous in memory; "
                    "pass numpy.ascontiguousarray(...)"
                )
    for number, array in enumerate(outputs):
        if not array.flags.writeable:
            raise InputMismatch(f"output {number} must be writeable; pass a new array")
        others = [*inputs, *outputs[:number]]
        if any(np.may_share_memory(array, other) for other in others):
            raise InputMismatch(
                f"output {number} must not share memory with another array; pass a new one"
            )


class _Memory:
    """Uninitialised bytes that begin at a multiple of 64.

    Attributes
    ----------
    array : uint8[size_bytes]
    address : int
    """

    def __init__(self, size_bytes: int) -> None:
        memory = np.empty(size_bytes + _ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % _ALIGNMENT
        self.array: Array = memory[start : start + size_bytes]
        self.address: int = memory.ctypes.data + start


def _addresses(arrays: Sequence[Array]) -> "ctypes.Array[ctypes.c_size_t]":
    """Return the addresses of arrays, as native code takes them."""
    return (ctypes.c_size_t * len(arrays))(*[array.ctypes.data for array in arrays])


def _until_null(pointers: "ctypes._Pointer[ctypes.c_size_t]") -> list[int]:
    """Return the addresses of a list that ends with a null pointer."""
    return list(itertools.takewhile(bool, (pointers[n] for n in itertools.count())))
