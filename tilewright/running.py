"""What `tilewright run` does once it has an image: inputs, the run, outputs, the report."""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console

from driver.device import Array, Device, Result, check_inputs
from driver.devices import open_device
from isa.image import Image, Tensor

from .errors import CommandError
from .files import require_folder, write_json
from .profiling import profile_folder, write_profile
from .progress import Reporter
from .report import layer_rows, print_layers, run_report

__all__ = ["RunOptions", "random_inputs", "run_network"]

# Rows wider than this are cut on a terminal; files get them whole.
_WIDTH = 120


_MOST_ROWS = 8


@dataclass(frozen=True)
class RunOptions:
    """Options of `tilewright run`; paths are of files to read or write."""

    inputs: Sequence[str] = ()
    seed: int = 0
    outputs: Sequence[str] = ()
    json_path: str | None = None
    profile: str | None = None
    waveform: str | None = None
    latency: int | None = None
    threads: int | None = None


def run_network(image: Image, name: str, options: RunOptions, reporter: Reporter) -> str:
    """Run `image` on the device `name`; return the report for the terminal.

    Raises
    ------
    CommandError
        A file cannot be read or written, or an option does not fit the device.
    DriverError, SimulatorError
        The device cannot be opened, or the run fails.
    """
    arrays = _inputs(image, options)
    if options.outputs and len(options.outputs) != len(image.outputs):
        raise CommandError(
            f"--output must be given {len(image.outputs)} times, once an output, "
            f"not {len(options.outputs)}"
        )
    for path in (*options.outputs, options.json_path, options.waveform):
        require_folder(path)
    profile = None if options.profile is None else profile_folder(options.profile, name, image)
    settings = _settings(name, options, reporter)
    with open_device(name, threads=options.threads, **settings) as device:
        device.load(image)
        reporter.step("run")
        begin = time.perf_counter()
        result = device.run(image, arrays)
        seconds = time.perf_counter() - begin
        settings = _machine_settings(device, image)
        settings |= {"device": name, "config": image.config.name, "model": image.name}
        if not options.inputs:
            settings["input_seed"] = options.seed
    _write(image, result, options, settings, seconds)
    if profile is not None:
        write_profile(profile, image, result, settings)
    return _text(image, result, settings, seconds)


def random_inputs(tensors: Sequence[Tensor], seed: int) -> list[Array]:
    """Return inputs drawn from the seed: integers over their whole range, floats in -1..1.

    Sizes that each run has its own of are all one number, in 1..`_MOST_ROWS`.

    Raises
    ------
    CommandError
        An input is no tensor.
    """
    generator = np.random.default_rng(seed)
    rows = 0
    arrays: list[Array] = []
    for tensor in tensors:
        if not tensor.dtype:
            raise CommandError(
                f"input {tensor.name} is no tensor: it cannot be drawn, nor read from a file; run "
                "the image from Python"
            )
        if -1 in tensor.shape and not rows:
            rows = int(generator.integers(1, _MOST_ROWS + 1))
        shape = tuple(rows if size == -1 else size for size in tensor.shape)
        dtype = np.dtype(tensor.dtype)
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            array = generator.integers(limits.min, limits.max + 1, shape, dtype)
        else:
            array = generator.uniform(-1, 1, shape).astype(dtype)
        arrays.append(array)
    return arrays


def _inputs(image: Image, options: RunOptions) -> list[Array]:
    if not options.inputs:
        return random_inputs(image.inputs, options.seed)
    arrays = []
    for path in options.inputs:
        try:
            arrays.append(np.load(path, allow_pickle=False))
        except OSError as error:
            raise CommandError(f"{path}: cannot read: {error.strerror or error}") from None
        except (ValueError, EOFError) as error:
            raise CommandError(f"{path}: not an array of numpy (.npy): {error}") from None
    if image.host.interface is not None:
        return arrays
    return check_inputs(image.inputs, arrays)


def _settings(name: str, options: RunOptions, reporter: Reporter) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if options.waveform is not None:
        settings["waveform"] = options.waveform
    if options.latency is not None:
        settings["latency_cycles"] = options.latency
    if settings and name != "verilator":
        raise CommandError(f"--waveform and --latency are of device verilator, not of {name}")
    if name == "verilator":
        settings["progress"] = reporter.build
    return settings


def _machine_settings(device: Device, image: Image) -> dict[str, Any]:
    if not image.regions:
        return {}
    return dict(getattr(device.machine(image.config), "settings", {}))


def _write(
    image: Image, result: Result, options: RunOptions, settings: dict[str, Any], seconds: float
) -> None:
    for path, array in zip(options.outputs, result.outputs, strict=False):
        try:
            with open(path, "wb") as file:
                np.save(file, array)
        except OSError as error:
            raise CommandError(f"{path}: cannot write: {error.strerror}") from None
    if options.json_path is not None:
        write_json(options.json_path, run_report(image, result, settings, seconds))


def _text(image: Image, result: Result, settings: dict[str, Any], seconds: float) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=_WIDTH)
    timed = [run for run in result.regions if run.trace is not None]
    if timed:
        print_layers(console, layer_rows(image, result), image.config)
        cycles = sum(run.counters["cycles"] for run in timed)
        stream.write(f"{cycles:,} cycles\n")
    for tensor, array in zip(image.outputs, result.outputs, strict=True):
        values = np.array2string(array.reshape(-1), threshold=16, max_line_width=_WIDTH - 20)
        stream.write(f"{tensor.name} {array.dtype}{list(array.shape)}: {values}\n")
    named = ", ".join(f"{name} {value}" for name, value in settings.items())
    stream.write(f"{seconds:.3f} s ({named})\n")
    return stream.getvalue()
