"""Finds a linker for an architecture and makes shared libraries with it."""

import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from ....errors import LinkError, Unsupported

__all__ = ["find_linker", "link_library"]


def find_linker(triple: str) -> tuple[str, ...]:
    """Return the command that links code of `triple`.

    Raises
    ------
    Unsupported
        The system of the triple has no shared libraries.
    LinkError
        No linker is installed.
    """
    architecture = triple.split("-")[0]
    if "linux" not in triple:
        raise Unsupported(
            f"a shared library must be for Linux, not {triple}: emit an object instead"
        )
    names = [f"{architecture}-linux-gnu-ld", "ld.lld"]
    if architecture == platform.machine():
        names.insert(0, "ld")
    for name in names:
        if shutil.which(name):
            return (name,)
    if find_spec("ziglang"):
        return (sys.executable, "-m", "ziglang", "ld.lld")
    raise LinkError(
        f"no linker for {architecture}: install one of {', '.join(names)}, or the extra `export`: "
        "pip install 'tilewright[export]'"
    )


def link_library(code: bytes, name: str, linker: tuple[str, ...]) -> bytes:
    """Return the shared library `name` of one object file.

    Raises
    ------
    LinkError
        The linker failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / f"{name}.o", Path(folder) / f"{name}.so"
        source.write_bytes(code)
        options = ("-shared", "-soname", target.name, "-z", "noexecstack", "-z", "now")
        ended = subprocess.run(
            [*linker, *options, "-o", str(target), str(source)],
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise LinkError(f"{' '.join(linker)} failed for {name}: {ended.stderr.strip()}")
        return target.read_bytes()
