"""The command line as a user types it, and every kind of bad input with its message."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from isa.image import Host, load_image
from tilewright.command import main

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits.onnx"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def fails(message: str, *arguments: object) -> None:
    """Check that the command ends with status 1, one message that matches, and no traceback."""
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    lines = [line for line in result.stderr.splitlines() if not line.endswith(" ...")]
    assert re.search(f"^Error: {message}$", "\n".join(lines), re.MULTILINE), result.stderr
    assert "Traceback" not in result.output


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("image") / "digits.twi"
    result = run("compile", DIGITS, "-o", path, "--config", "tiny")
    assert result.exit_code == 0, result.output
    assert "configuration tiny, 1 region(s)" in result.output
    return path


def test_run_gives_the_same_outputs_on_cpu_and_functional(image: Path, tmp_path: Path) -> None:
    pixels = np.load(DIGITS.parent / "heldout.npz")["image"][:1]
    np.save(tmp_path / "x.npy", pixels)
    for device, model in (("cpu", DIGITS), ("functional", image)):
        output = tmp_path / f"{device}.npy"
        result = run(
            "run", model, "--device", device, "--input", tmp_path / "x.npy", "--output", output
        )
        assert result.exit_code == 0, result.output
    cpu, functional = np.load(tmp_path / "cpu.npy"), np.load(tmp_path / "functional.npy")
    assert cpu.shape == (1, 10)
    np.testing.assert_array_equal(cpu, functional)


def test_json_holds_settings_layers_and_digests(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    result = run("run", image, "--device", "functional", "--seed", 3, "--json", path)
    assert result.exit_code == 0, result.output
    report = json.loads(path.read_text())
    assert set(report) == {"settings", "rows", "totals"}
    assert report["settings"]["input_seed"] == 3
    assert [row["macs"] for row in report["rows"]] == [9216, 9216, 16384, 0, 0, 73728, 0, 320]
    assert re.fullmatch("[0-9a-f]{64}", report["totals"]["outputs"][0]["sha256"])
    assert report["totals"]["counters"]["instructions"] > 10


def test_dump_writes_the_module_after_each_pass(tmp_path: Path) -> None:
    folder = tmp_path / "dump"
    result = run("compile", DIGITS, "-o", tmp_path / "x.twi", "--dump", folder)
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in folder.iterdir())
    assert names[0] == "00_import.relay"
    assert names[-1].endswith("_partition.relay")
    assert 'Compiler="accel"' in (folder / names[-1]).read_text()


def test_inspect_names_tensors_and_layers(image: Path) -> None:
    result = run("inspect", image)
    assert result.exit_code == 0, result.output
    assert re.search(r"^input +image +float32 +\[1, 1, 8, 8\]", result.output, re.MULTILINE)
    assert "depthwise_conv2d" in result.output


def test_inspect_of_a_network_explains_the_partition() -> None:
    result = run("inspect", DIGITS)
    assert re.fullmatch(
        r"accel_0: \d+ calls, \d+ \+ \d+ cycles on the accelerator, \d+ on a CPU: taken\n",
        result.output,
    )


def test_disassemble_is_the_program(image: Path) -> None:
    result = run("disassemble", image)
    lines = result.output.splitlines()
    assert lines[0] == "; accel_0"
    assert lines[-1] == "end"
    assert any(line.startswith("matrix ") for line in lines)


def test_devices_and_passes() -> None:
    assert [line.split()[0] for line in run("devices").output.splitlines()] == [
        "cpu",
        "functional",
        "verilator",
    ]
    assert "fold_constants" in run("passes").output


def test_wrong_usage_has_status_2() -> None:
    assert run("run").exit_code == 2
    assert run("frobnicate").exit_code == 2


def test_debug_shows_the_error_itself() -> None:
    result = CliRunner().invoke(main, ["--debug", "disassemble", "nothing.twi"])
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "ImageError"


def test_missing_file(tmp_path: Path) -> None:
    missing = tmp_path / "none.onnx"
    fails(f"{missing}: there is no such file", "compile", missing, "-o", tmp_path / "x.twi")
    assert not (tmp_path / "x.twi").exists()


def test_truncated_network(tmp_path: Path) -> None:
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(DIGITS.read_bytes()[:5000])
    fails(f"{cut}: .+", "compile", cut, "-o", tmp_path / "x.twi")
    assert not (tmp_path / "x.twi").exists()


def test_unknown_configuration(tmp_path: Path) -> None:
    message = "configuration must be one of tiny, ulx3s, vta, zu, not 'huge'"
    fails(message, "compile", DIGITS, "-o", tmp_path / "x.twi", "--config", "huge")


def test_unknown_target(tmp_path: Path) -> None:
    message = "target must be one of accel, cpu, not 'npu'"
    fails(message, "compile", DIGITS, "-o", tmp_path / "x.twi", "--target", "npu")


def test_no_target(tmp_path: Path) -> None:
    message = "target must be one of accel, cpu, not ''"
    fails(message, "compile", DIGITS, "-o", tmp_path / "x.twi", "--target", "")


def test_unknown_device(image: Path) -> None:
    message = "device must be one of cpu, functional, verilator, not 'gpu'"
    fails(message, "run", image, "--device", "gpu")


def test_unwritable_output() -> None:
    message = "/nowhere/x.twi: cannot write: there is no folder /nowhere"
    fails(message, "compile", DIGITS, "-o", "/nowhere/x.twi")


def test_damaged_image(image: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.twi"
    damaged.write_bytes(image.read_bytes()[:-100])
    fails(
        f"{damaged}: the image is damaged or cut short; compile the network again",
        "run",
        damaged,
        "--device",
        "functional",
    )


def test_not_an_image(tmp_path: Path) -> None:
    other = tmp_path / "other.twi"
    other.write_bytes(b"nothing of the kind, but long enough to hold the prefix of an image")
    fails(f"{other}: not a Tilewright image", "disassemble", other)


def test_image_of_another_configuration(image: Path) -> None:
    fails(
        "the image is for configuration tiny, --config vta has vta: rows must be 16, not 4; "
        "compile with --config vta",
        *("run", image, "--device", "functional", "--config", "vta"),
    )


def test_image_with_regions_on_the_cpu(image: Path) -> None:
    fails(
        "the image has parts for the accelerator, the device cpu has none; "
        "compile with --target cpu",
        "run",
        image,
        "--device",
        "cpu",
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((1, 1, 8, 9), np.float32), r"float32\[1, 1, 8, 8\], not float32\[1, 1, 8, 9\]"),
        (np.zeros((1, 1, 8, 8), np.int8), r"float32\[1, 1, 8, 8\], not int8\[1, 1, 8, 8\]"),
    ],
    ids=["shape", "dtype"],
)
def test_wrong_input(image: Path, tmp_path: Path, value: np.ndarray, message: str) -> None:
    np.save(tmp_path / "x.npy", value)
    fails(
        f"input image must be {message}",
        *("run", image, "--device", "functional", "--input", tmp_path / "x.npy"),
    )


def test_too_many_inputs(image: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 1, 8, 8), np.float32))
    given = ("--input", tmp_path / "x.npy") * 2
    message = r"the network takes 1 input \(image\), not 2"
    fails(message, "run", image, "--device", "functional", *given)


def test_input_that_is_no_array(image: Path, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_text("hello")
    fails(
        rf"{tmp_path / 'x.npy'}: not an array of numpy \(.npy\): .+",
        *("run", image, "--device", "functional", "--input", tmp_path / "x.npy"),
    )


def test_options_of_another_device(image: Path, tmp_path: Path) -> None:
    fails(
        "--waveform and --latency are of device verilator, not of functional",
        *("run", image, "--device", "functional", "--latency", 3),
    )
    fails(
        "--profile needs a device with time: verilator, not functional",
        *("run", image, "--device", "functional", "--profile", tmp_path),
    )


def test_verilator_without_a_compiler(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    fails(
        r"device verilator needs g\+\+: apt-get install g\+\+",
        *("run", image, "--device", "verilator"),
    )


@pytest.mark.parametrize("option", ["--output", "--json", "--waveform"])
def test_results_that_cannot_be_written(image: Path, option: str) -> None:
    fails(
        "/nowhere/x: cannot write: there is no folder /nowhere",
        *("run", image, "--device", "verilator", option, "/nowhere/x"),
    )


def test_folder_that_cannot_be_made(image: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.touch()
    fails(
        f"{taken}: cannot make the folder: File exists",
        *("run", image, "--device", "verilator", "--profile", taken),
    )
    fails(
        f"{taken}: cannot make the folder: File exists",
        *("compile", DIGITS, "-o", tmp_path / "x.twi", "--dump", taken),
    )


def test_verilog_that_cannot_be_written() -> None:
    fails(
        "/nowhere/x.v: cannot write: there is no folder /nowhere",
        *("verilog", "--config", "tiny", "-o", "/nowhere/x.v"),
    )


def test_network_too_large_for_the_machine(tmp_path: Path) -> None:
    text = tmp_path / "wide.relay"
    text.write_text(
        '#[version = "0.0.5"]\n'
        "def @main(%x: Tensor[(1, 300, 4096, 16), int8], %y: Tensor[(1, 300, 4096, 16), int8]) {\n"
        "  qnn.add(%x, %y, 0.5f, 0, 0.25f, 0, 0.5f, 0)\n"
        "}\n"
    )
    fails(
        r".*: one line needs \d+ bytes of act, configuration tiny has 65536; "
        "use a larger configuration, or the CPU alone",
        *("compile", text, "-o", tmp_path / "wide.twi", "--config", "tiny"),
    )
    assert not (tmp_path / "wide.twi").exists()


def test_image_for_several_cpus(tmp_path: Path) -> None:
    """Where one of them can run, it computes what this machine's own code does."""
    path, seed = tmp_path / "x.twi", ("--device", "cpu", "--seed", 1)
    names = "x86-64,x86-64-v4-vnni,x86-64-v2"
    result = run("compile", DIGITS, "-o", path, "--target", "cpu", "--cpu", names)
    assert result.exit_code == 0, result.output
    assert [host.features.count(",") > 4 for host in load_hosts(path)] == [True, True, False]
    results = [run("run", model, *seed, "--threads", 2).stdout for model in (path, DIGITS)]
    assert results[0].splitlines()[:-1] == results[1].splitlines()[:-1] != []


def load_hosts(path: Path) -> list[Host]:
    image = load_image(path)
    return [image.host, *image.other_hosts]


def test_image_for_another_system(tmp_path: Path) -> None:
    path = tmp_path / "x.twi"
    result = run("compile", DIGITS, "-o", path, "--target", "cpu", "--triple", "riscv64-linux-gnu")
    assert result.exit_code == 0, result.output
    message = (
        r"the host program of the image must be for \S+, not riscv64-linux-gnu; "
        "compile the network on this machine"
    )
    fails(message, "run", path, "--device", "cpu")


def test_files_for_c(tmp_path: Path) -> None:
    emit = ("--emit", "object,header,library", "--cpu", "x86-64-v2", "--triple", "x86_64-linux-gnu")
    result = run("compile", DIGITS, "-o", tmp_path / "net", *emit, "--pool")
    assert result.exit_code == 0, result.output
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["net.h", "net.o", "net.so"]
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [
        str(tmp_path / name) for name in ("net.o", "net.h", "net.so")
    ]
    assert (
        "int32_t net_run(const float *image, float *logits_real, void *workspace);"
        in (tmp_path / "net.h").read_text()
    )


@pytest.mark.parametrize(
    "options, message",
    [
        (("--emit", "object,exe"), "--emit must be of object, library, header, not 'exe'"),
        (("--emit", "object", "--cpu", "z80"), r"cpu must be one of .*, not 'z80': is it .*\?"),
        (("--cpu", "x86-64,z80"), r"cpu must be one of .*, not 'z80': is it .*\?"),
        (
            ("--emit", "object", "--triple", "vax-dec-vms"),
            "triple must be one that LLVM knows, .*, not 'vax-dec-vms'",
        ),
        (("--triple", "armv7-linux-gnueabihf"), "triple must be of x86_64, .*"),
        (
            ("--emit", "library", "--triple", "riscv64-none-elf"),
            "a shared library must be for Linux, not riscv64-none-elf: emit an object instead",
        ),
        (("--pool",), "--pool is of --emit: images always can use threads"),
    ],
)
def test_nothing_is_written_for_unknown_targets(
    options: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    fails(message, "compile", DIGITS, "-o", tmp_path / "net", *options)
    assert list(tmp_path.iterdir()) == []


def test_threads_out_of_range() -> None:
    message = "threads must be in 1..64, not 0"
    fails(message, "run", DIGITS, "--device", "cpu", "--threads", 0)
