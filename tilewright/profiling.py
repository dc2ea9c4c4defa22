"""`tilewright run --profile DIR`: a trace for Perfetto and a page for people."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from driver.analysis import analyse
from driver.device import Result
from isa.image import Image

from .errors import CommandError
from .files import make_folder, require_writable, write_files
from .page import profile_page
from .trace import trace_text

__all__ = ["profile_folder", "write_profile"]

_TRACE, _PAGE = "trace.json", "report.html"
# Devices that know when each instruction ran.
_TIMED = ("verilator",)


def profile_folder(path: str | os.PathLike[str], device: str, image: Image) -> Path:
    """Return the folder `path`, made if need be, once it is sure that a profile can be written.

    Raises
    ------
    CommandError
        The device has no cycles, nothing of the network runs on a machine, or the folder cannot be
        made or written.
    """
    if device not in _TIMED:
        raise CommandError(f"--profile needs a device with time: {', '.join(_TIMED)}, not {device}")
    if not image.regions:
        raise CommandError(
            f"--profile shows the accelerator's cycles, but all of {image.name} runs on the CPU; "
            "compile with --target accel,cpu"
        )
    folder = make_folder(path)
    require_writable(folder, (_TRACE, _PAGE))
    return folder


def write_profile(folder: Path, image: Image, result: Result, settings: Mapping[str, Any]) -> None:
    """Write the trace and the page of a run into `folder`, both or none.

    Parameters
    ----------
    settings : what cycle counts depend on

    Raises
    ------
    CommandError
        A file cannot be written.
    """
    analyses = [
        analyse(run.region, run.trace, run.counters)
        for run in result.regions
        if run.trace is not None
    ]
    texts = {
        _TRACE: trace_text(analyses, settings),
        _PAGE: profile_page(image.name, analyses, image.config, settings),
    }
    write_files(folder, texts)
