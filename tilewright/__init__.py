"""Tilewright: compile int8 networks for the accelerator and the CPU, and run them.

>>> import tilewright as tw
>>> image = tw.compile("network.tflite", config="vta")        # doctest: +SKIP
>>> with tw.open_device("functional") as device:              # doctest: +SKIP
...     (output,) = device.run(image, [pixels]).outputs
"""

from compiler.export import export_network as export
from driver.device import Device, Result
from driver.devices import open_device
from isa.config import Config, preset
from isa.image import Image
from isa.image import load_image as load
from isa.image import save_image as save

from .face import compile

__all__ = [
    "Config",
    "Device",
    "Image",
    "Result",
    "compile",
    "export",
    "load",
    "open_device",
    "preset",
    "save",
]
