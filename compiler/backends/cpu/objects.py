"""Object files that were made before: kept by what they are made of."""

import hashlib
import inspect
import shutil
from collections.abc import Sequence
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

from isa.cache import cached

from . import machine as _machine
from .machine import Machine, assemble

__all__ = ["assemble_cached"]

_FILE = "code.o"
_DIGEST_BYTES = 32


def assemble_cached(
    text: str, machine: Machine, exported: Sequence[str], cache: Path | None
) -> bytes:
    """Return what `assemble` gives; from the folder `cache`, if it was there before.

    An entry is found by the digest of the text, the machine, the symbols, LLVM's version and how
    LLVM is used, so it never grows old. One that is damaged is made again, and where nothing can be
    written, nothing is kept. None keeps nothing either.
    """
    if cache is None:
        return assemble(text, machine, exported)
    parts = (
        *(llvmlite.__version__, ".".join(map(str, llvm.llvm_version_info))),
        *(inspect.getsource(_machine), repr(machine), repr(tuple(exported)), text),
    )
    entry = cache / "objects" / hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]

    def make(folder: Path) -> None:
        code = assemble(text, machine, exported)
        (folder / _FILE).write_bytes(hashlib.sha256(code).digest() + code)

    try:
        for _ in range(2):
            found = _read(cached(entry, make) / _FILE)
            if found is not None:
                return found
            shutil.rmtree(entry)
    except OSError:
        # Nothing can be kept there, or someone else removed it just now.
        pass
    return assemble(text, machine, exported)


def _read(path: Path) -> bytes | None:
    """Return the code in a file, None if it is damaged or not there."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, code = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    return code if hashlib.sha256(code).digest() == digest else None
