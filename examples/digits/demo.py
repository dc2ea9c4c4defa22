"""Runs the digit network everywhere and compares: `make demo`.

It compiles digits.onnx for the `vta` machine, classifies the held-out images on the CPU, on the
functional simulator and on the Verilated RTL, and shows where the cycles of one image went.
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console

import tilewright as tw
from tilewright.progress import Reporter
from tilewright.report import layer_rows, print_layers, print_table

__all__ = ["main"]

_FOLDER = Path(__file__).parent
_DEVICES = ("cpu", "functional", "verilator")


def main() -> int:
    """Return 0 if all devices agree, 1 if not."""
    held_out = np.load(_FOLDER / "heldout.npz")
    images, labels = held_out["image"], held_out["label"]
    console = Console(width=110)
    with Reporter() as reporter:
        results = {name: _classify(name, images, reporter) for name in _DEVICES}
    logits = {name: result[0] for name, result in results.items()}
    lines = [
        (name, f"{len(labels)}", f"{(values.argmax(axis=1) == labels).mean():.2%}")
        for name, values in logits.items()
    ]
    print_table(console, ("device", "held-out images", "accuracy"), lines)
    agree = all(np.array_equal(values, logits["cpu"]) for values in logits.values())
    console.print(f"\nThe three devices agree bit for bit: {'yes' if agree else 'NO'}\n")
    image, run, settings = results["verilator"][1:]
    print_layers(console, layer_rows(image, run), image.config)
    console.print(f"\none image on the RTL; {settings}", highlight=False)
    return 0 if agree else 1


def _classify(
    name: str, images: npt.NDArray[np.float32], reporter: Reporter
) -> tuple[npt.NDArray[np.float32], tw.Image, tw.Result, dict[str, object]]:
    """Return the logits of all images, the image, the last run and the machine's settings."""
    targets = ("cpu",) if name == "cpu" else ("accel", "cpu")
    image = tw.compile(_FOLDER / "digits.onnx", "vta", targets, progress=reporter.step)
    settings = {"progress": reporter.build} if name == "verilator" else {}
    logits = np.empty((len(images), 10), np.float32)
    with tw.open_device(name, **settings) as device:
        device.load(image)
        for index, pixels in enumerate(images):
            reporter.build(f"classify on {name}", index / len(images))
            result = device.run(image, [pixels[None]])
            logits[index] = result.outputs[0].reshape(-1)
        machine = device.machine(image.config) if image.regions else None
        return logits, image, result, dict(getattr(machine, "settings", {}))


if __name__ == "__main__":
    sys.exit(main())
