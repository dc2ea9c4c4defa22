"""Errors of the driver.

DriverError
├── InputMismatch    inputs of a wrong count, name, shape or dtype
├── ImageMismatch    an image for another configuration, version or processor
├── DeviceFault      the device stopped with an error, or a host program failed
└── Unavailable      a device, or what it needs, is not installed or does not exist
"""

__all__ = ["DeviceFault", "DriverError", "ImageMismatch", "InputMismatch", "Unavailable"]


class DriverError(Exception):
    """Base of every error that driver/ raises for a user's mistake or a failing device."""


class InputMismatch(DriverError):
    """The inputs are not what the network takes."""


class ImageMismatch(DriverError):
    """The image cannot run on this device."""


class DeviceFault(DriverError):
    """The device stopped with an error."""


class Unavailable(DriverError):
    """A device cannot be opened here."""
