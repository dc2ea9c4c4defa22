"""Places the regions of an image in a machine's DRAM."""

from collections.abc import Mapping
from dataclasses import dataclass

from isa.checker import check_region
from isa.image import Image, Region

from .errors import ImageMismatch
from .machine import Machine

__all__ = ["Placed", "place_regions"]

_ALIGNMENT = 4096


@dataclass(frozen=True)
class Placed:
    """A region in DRAM: the addresses of its program, constants and data."""

    region: Region
    program: int
    constants: int
    data: int

    @property
    def bases(self) -> Mapping[str, int]:
        """Addresses of the segments that the program names."""
        return {"constants": self.constants, "data": self.data}


def place_regions(machine: Machine, image: Image, *, checked: bool = True) -> tuple[Placed, ...]:
    """Write programs and constants of every region; regions share the room for data.

    Parameters
    ----------
    checked : bool, whether the static checker looks at every program before anything is written

    Raises
    ------
    ImageMismatch
        The DRAM is too small.
    ProgramRefused
        A program can deadlock, race, or leave a memory's or a window's bounds.
    """
    position = 0
    starts: list[tuple[Region, int, int]] = []
    for region in image.regions:
        program, position = position, _aligned(position + len(region.program.words))
        constants, position = position, _aligned(position + len(region.constants))
        starts.append((region, program, constants))
    data = position
    needed = data + max((region.data_bytes for region in image.regions), default=0)
    if needed > machine.memory_bytes:
        raise ImageMismatch(
            f"the image needs {needed} bytes of DRAM, the device {machine.name} has "
            f"{machine.memory_bytes}"
        )
    placed = tuple(
        Placed(region, program, constants, data) for region, program, constants in starts
    )
    if checked:
        for item in placed:
            check_region(item.region, item.bases)
    for item in placed:
        machine.write(item.program, item.region.program.relocate(item.bases))
        machine.write(item.constants, item.region.constants)
    return placed


def _aligned(address: int) -> int:
    return -(-address // _ALIGNMENT) * _ALIGNMENT
