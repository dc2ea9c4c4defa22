"""Native code in this process: memory for it, its threads, and whether this processor runs it."""

import ctypes
import os
import weakref
from collections.abc import Sequence

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

from isa.host import ALIGNMENT, CLOSE_POOL, OPEN_POOL, POOL_BYTES, RELEASE
from isa.image import Host

from .errors import DeviceFault, ImageMismatch, Unavailable

__all__ = ["Library", "Memory", "Pool", "choose_host", "load"]

_OPEN = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32)
_CLOSE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Library:
    """Object code in memory, unloaded when nothing refers to it any more."""

    def __init__(self, code: bytes, *symbols: str) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self._compiler = llvm.create_lljit_compiler(suppress_errors=True)
        builder = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
        for symbol in symbols:
            builder.export_symbol(symbol)
        self._tracker = builder.link(self._compiler, "tilewright")

    def __getitem__(self, symbol: str) -> int:
        """Return the address of a symbol."""
        return int(self._tracker[symbol])


class Memory:
    """Uninitialised bytes that begin at a multiple of `ALIGNMENT`.

    Attributes
    ----------
    array : uint8[size_bytes]
    address : int

    Raises
    ------
    DeviceFault
        There is not that much memory.
    """

    def __init__(self, size_bytes: int) -> None:
        try:
            memory = np.empty(size_bytes + ALIGNMENT, np.uint8)
        except MemoryError:
            raise DeviceFault(
                f"the host program needs {size_bytes} bytes of memory, which this system does not "
                "give; run it where there are more"
            ) from None
        start = -memory.ctypes.data % ALIGNMENT
        self.array: npt.NDArray[np.uint8] = memory[start : start + size_bytes]
        self.address: int = memory.ctypes.data + start

    @classmethod
    def holding(cls, data: bytes | memoryview) -> "Memory":
        """Return memory with `data` in it: where it lies already, if that is aligned."""
        given = np.frombuffer(data, np.uint8)
        if len(given) and given.ctypes.data % ALIGNMENT == 0:
            there = cls(0)
            there.array, there.address = given, given.ctypes.data
            return there
        copy = cls(len(given))
        copy.array[:] = given
        return copy


class Pool:
    """Threads that help a program, ended when nothing refers to this any more.

    Attributes
    ----------
    address : int
    close : ends them, once
    """

    def __init__(self, library: Library, threads: int) -> None:
        memory = Memory(POOL_BYTES)
        self.address = memory.address
        opener = _OPEN(library[OPEN_POOL])
        error = opener(self.address, threads)
        if error:
            raise Unavailable(
                f"{threads} threads cannot be started: {os.strerror(error)}; open the device with "
                "fewer threads"
            )
        # The arguments keep code and memory until the threads have ended, also when Python ends.
        self.close = weakref.finalize(self, _close_pool, library, memory)
        # A caller that is under way when the threads end still needs it.
        self._memory = memory


def load(host: Host) -> Library:
    """Return the loaded code of `host`."""
    pool = (OPEN_POOL, CLOSE_POOL) if host.threaded else ()
    release = () if host.interface is None else (RELEASE,)
    try:
        return Library(host.code, host.symbol, *pool, *release)
    except RuntimeError as error:
        raise ImageMismatch(
            f"the host program of the image cannot be loaded: {error}; compile the network again"
        ) from None


def choose_host(hosts: Sequence[Host]) -> Host:
    """Return the first of `hosts` that this processor can run.

    Raises
    ------
    ImageMismatch
        It can run none of them.
    """
    ours = llvm.get_process_triple()
    present = llvm.get_host_cpu_features()
    fewest: list[str] = []
    for host in hosts:
        if _kind(host.triple) != _kind(ours):
            raise ImageMismatch(
                f"the host program of the image must be for {ours}, not {host.triple}; "
                "compile the network on this machine"
            )
        needed = (name[1:] for name in host.features.split(",") if name.startswith("+"))
        missing = [name for name in needed if not present.get(name, False)]
        if not missing:
            return host
        fewest = missing if not fewest or len(missing) < len(fewest) else fewest
    raise ImageMismatch(
        f"the host program of the image needs a processor with {', '.join(fewest)}, which "
        "this one does not have; compile the network on this machine, or for cpu x86-64"
    )


def _close_pool(library: Library, memory: Memory) -> None:
    """End the threads of a pool and wait for them."""
    _CLOSE(library[CLOSE_POOL])(memory.address)


def _kind(triple: str) -> tuple[str, str, str]:
    """Return what of a triple decides whether code runs: architecture, system, object format."""
    parts = llvm.get_triple_parts(triple)
    return parts.Arch, parts.OS, parts.ObjectFormat
