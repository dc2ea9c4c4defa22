"""What an FPGA has, and what a design uses of it."""

from dataclasses import dataclass, fields

from .errors import DoesNotFit

__all__ = ["Device", "Resources", "require_fit"]


@dataclass(frozen=True)
class Resources:
    """An amount of each resource.

    Attributes
    ----------
    lut : int, look-up tables of four inputs; a bit of a carry chain takes one
    ff : int, flip-flops
    dsp : int, multipliers of 18 x 18 bits
    bram : int, block memories of 18 kbit
    """

    lut: int
    ff: int
    dsp: int
    bram: int


@dataclass(frozen=True)
class Device:
    """An FPGA as the tools name it.

    Attributes
    ----------
    name : str
    die : str, nextpnr's option for the die
    package : str
    speed : int, speed grade
    resources : Resources, all there are
    """

    name: str
    die: str
    package: str
    speed: int
    resources: Resources


_WORDS = {
    "lut": "look-up tables",
    "ff": "flip-flops",
    "dsp": "multipliers of 18 x 18 bits",
    "bram": "block memories of 18 kbit",
}


def require_fit(design: str, needed: Resources, device: Device) -> None:
    """Check that `design` fits.

    Raises
    ------
    DoesNotFit
        It needs more than there is of a resource.
    """
    short = []
    for field in fields(Resources):
        need, have = getattr(needed, field.name), getattr(device.resources, field.name)
        if need > have:
            short.append(f"{need} {_WORDS[field.name]} ({field.name}), it has {have}")
    if short:
        raise DoesNotFit(
            f"{design} does not fit {device.name}: it needs at least {'; '.join(short)}. "
            "Take a smaller configuration, or a larger board"
        )
