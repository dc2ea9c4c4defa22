"""Device.run and what it refuses, on both simulators: one driver serves them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tilewright as tw
from driver.errors import DeviceFault, ImageMismatch, InputMismatch, Unavailable
from isa.assembler import assemble
from isa.errors import ProgramRefused
from isa.image import Image
from isa.program import Program

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"


@pytest.fixture(scope="module")
def image() -> Image:
    return tw.compile(DIGITS / "digits.onnx", "tiny")


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.load(DIGITS / "heldout.npz")["image"][:1]


@pytest.fixture(
    scope="module", params=["functional", pytest.param("verilator", marks=pytest.mark.verilator)]
)
def device(request: pytest.FixtureRequest) -> Iterator[tw.Device]:
    with tw.open_device(request.param) as opened:
        yield opened


def broken(image: Image, text: str) -> Image:
    """Return `image` with the program of its region replaced."""
    return with_program(image, assemble(text, image.config))


def with_program(image: Image, program: Program) -> Image:
    region = replace(image.regions[0], program=program, instruction_layers=(0,) * len(program))
    return replace(image, regions=(region,))


def test_inputs_by_position_and_by_name(
    device: tw.Device, image: Image, pixels: np.ndarray
) -> None:
    first = device.run(image, [pixels])[0]
    second = device.run(image, {"image": pixels})[0]
    assert first.shape == (1, 10)
    np.testing.assert_array_equal(first, second)


def test_only_machines_with_time_have_a_trace(
    device: tw.Device, image: Image, pixels: np.ndarray
) -> None:
    (run,) = device.run(image, [pixels]).regions
    if device.name == "functional":
        assert run.trace is None
    else:
        assert run.trace is not None
        program = len(image.regions[0].program)
        assert sorted(run.trace["index"]) == list(range(program - 1)), "all but END"
        assert run.counters["cycles"] >= run.trace["end_cycle"].max()


FAULTS = {
    "an illegal instruction": (
        None,
        "illegal instruction",
        0,
        "0xf (opcode must be in 0..5, not 15)",
    ),
    "a load outside the windows": (
        "load address=0x1000000\nend",
        "window fault in engine load",
        0,
        "load address=0x1000000",
    ),
    "a store to constants": (
        "store address=constants+0x0 x_bytes=4\nend",
        "window fault in engine store",
        0,
        "store address=constants+0x0 x_bytes=4",
    ),
    "no end": ("sync engine=matrix", "program cut short", 1, "no instruction"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_names_the_instruction_and_the_device_works_again(
    device: tw.Device,
    image: Image,
    pixels: np.ndarray,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = device.run(image, [pixels])[0]
    monkeypatch.setattr(device, "checked", False)
    text, cause, index, shown = FAULTS[fault]
    bad = (
        broken(image, text)
        if text is not None
        else with_program(image, Program(image.config, (0xF).to_bytes(64, "little")))
    )
    with pytest.raises(DeviceFault) as caught:
        device.run(bad, [pixels])
    begin = f"{device.name}: {cause} at instruction {index} of accel_0"
    assert str(caught.value).startswith(begin), str(caught.value)
    assert f": {shown}" in str(caught.value)
    np.testing.assert_array_equal(device.run(image, [pixels])[0], expected)


def test_a_token_that_nobody_gives_ends_in_the_watchdog(image: Image, pixels: np.ndarray) -> None:
    with tw.open_device("functional") as device:
        device.checked = False
        bad = broken(image, "matrix wait=load\nend")
        with pytest.raises(DeviceFault, match="^functional: watchdog in engine matrix at instr"):
            device.run(bad, [pixels])


REFUSED = {
    "a load outside the windows": (
        "load address=0x1000000\nend",
        r"instruction 0 \(load, [^)]+\) reads DRAM 0x1000000\.\.0x1000000, but no window opens "
        "that for reading; open a window, move its address or make its counts smaller",
    ),
    "a store to constants": (
        "store address=constants+0x0 x_bytes=4\nend",
        r"instruction 0 \(store, [^)]+\) writes DRAM 0x1000\.\.0x1003, but no window .*",
    ),
    "no end": (
        "sync engine=matrix",
        "a program must have an end, but instruction 0 is the last .*",
    ),
    "a token that nobody gives": (
        "matrix wait=load\nend",
        r"instruction 0 \(matrix, [^)]+\) waits for a token of load that no instruction gives; .*",
    ),
    "a race": (
        "load address=data+0x0 x_bytes=8\nstore address=data+0x0 x_bytes=4 source=3\nend",
        r"instruction 0 \(load, [^)]+\) reads and instruction 1 \(store, [^)]+\) writes DRAM "
        r"0x\w+000\.\.0x\w+003 in no fixed order; let instruction 0 signal store, and "
        "instruction 1 wait for load",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_program_that_can_go_wrong_is_refused_before_it_runs(
    image: Image, pixels: np.ndarray, case: str
) -> None:
    text, message = REFUSED[case]
    with tw.open_device("functional") as device:
        expected = device.run(image, [pixels])[0]
        with pytest.raises(ProgramRefused, match=f"^accel_0: {message}$"):
            device.run(broken(image, text), [pixels])
        np.testing.assert_array_equal(device.run(image, [pixels])[0], expected)


def test_an_image_of_another_configuration(image: Image, pixels: np.ndarray) -> None:
    with tw.open_device("functional") as device:
        machine = device.machine(tw.preset("vta"))
        device.open_machine = lambda config: machine
        with pytest.raises(
            ImageMismatch,
            match="^the image is for configuration tiny, the device functional has vta: "
            "rows must be 16, not 4; compile with --config vta$",
        ):
            device.run(image, [pixels])


def test_too_little_memory(image: Image, pixels: np.ndarray) -> None:
    with (
        tw.open_device("functional", memory_bytes=4096) as device,
        pytest.raises(
            ImageMismatch,
            match=r"^the image needs \d+ bytes of DRAM, the device functional has 4096$",
        ),
    ):
        device.run(image, [pixels])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: [], r"^the network takes 1 input \(image\), not 0$"),
        (lambda x: {"picture": x}, "^inputs must be named image, not picture$"),
        (
            lambda x: [x[0]],
            r"^input image must be float32\[1, 1, 8, 8\], not float32\[1, 8, 8\]$",
        ),
        (
            lambda x: [x.astype(np.float64)],
            r"^input image must be float32\[1, 1, 8, 8\], not float64\[1, 1, 8, 8\]$",
        ),
    ],
    ids=["count", "name", "shape", "dtype"],
)
def test_wrong_inputs(
    image: Image, pixels: np.ndarray, make: Callable[[np.ndarray], object], message: str
) -> None:
    with (
        tw.open_device("functional") as device,
        pytest.raises(InputMismatch, match=message),
    ):
        device.run(image, make(pixels))


def test_inputs_that_are_not_contiguous_are_copied(image: Image, pixels: np.ndarray) -> None:
    wide = np.zeros((1, 1, 8, 16), np.float32)
    wide[..., ::2] = pixels
    with tw.open_device("functional") as device:
        np.testing.assert_array_equal(
            device.run(image, [wide[..., ::2]])[0], device.run(image, [pixels])[0]
        )


def test_unknown_device() -> None:
    with pytest.raises(
        Unavailable, match="^device must be one of cpu, functional, verilator, not 'npu'$"
    ):
        tw.open_device("npu")
