"""Places the regions of an image in a machine's DRAM."""

from dataclasses import dataclass

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


def place_regions(machine: Machine, image: Image) -> tuple[Placed, ...]:
    """Write programs and constants of every region; regions share the room for data.

    Raises
    ------
    ImageMismatch
        The DRAM is too small.
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
    for item in placed:
        bases = {"constants": item.constants, "data": item.data}
        machine.write(item.program, item.region.program.relocate(bases))
        machine.write(item.constants, item.region.constants)
    return placed


def _aligned(address: int) -> int:
    return -(-address // _ALIGNMENT) * _ALIGNMENT
