"""The static checker at work: what is compiled passes, what is broken comes back as one message."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import tilewright as tw
from isa.assembler import assemble
from isa.checker import check_region
from isa.image import load_image, save_image
from isa.program import Program
from tilewright.command import main

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "examples" / "digits" / "digits.onnx"
MODELS = ROOT.parent / "shared" / "models"
NETWORKS = (
    "pretrainedResnet_quant",
    "kws_ref_model",
    "vww_96_int8",
    "ad01_int8",
    "str_ww_ref_model",
)


@pytest.mark.models
@pytest.mark.skipif(not MODELS.is_dir(), reason="no networks in shared/models")
@pytest.mark.parametrize("config", ["tiny", "vta"])
@pytest.mark.parametrize("network", NETWORKS)
def test_compiled_networks_pass(network: str, config: str) -> None:
    image = tw.compile(MODELS / f"{network}.tflite", config)
    assert image.regions
    for region in image.regions:
        check_region(region)


@pytest.mark.parametrize("config", ["tiny", "ulx3s", "vta", "zu"])
def test_a_compiled_network_passes_on_every_preset(config: str) -> None:
    image = tw.compile(DIGITS, config)
    assert image.regions
    for region in image.regions:
        check_region(region)


@pytest.fixture(scope="module")
def image_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("image") / "digits.twi"
    save_image(tw.compile(DIGITS, "tiny"), path)
    return path


def run(path: Path) -> str:
    """Run the image of a file; return what is said when it fails."""
    result = CliRunner().invoke(main, ["run", str(path), "--device", "functional"])
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    return "\n".join(line for line in result.stderr.splitlines() if not line.endswith(" ..."))


def test_a_file_whose_program_races(image_file: Path, tmp_path: Path) -> None:
    """Take all waits of the vector engine away: one message, before anything runs."""
    image = load_image(image_file)
    (region,) = image.regions
    instructions = [
        replace(item, fields={**item.fields, "wait": 0}) if item.opcode.name == "VECTOR" else item
        for item in region.program.instructions()
    ]
    program = Program.encode(image.config, instructions)
    path = tmp_path / "races.twi"
    save_image(replace(image, regions=(replace(region, program=program),)), path)
    pattern = (
        r"Error: accel_0: instruction \d+ \(\w+, .+\) (reads|writes) and instruction \d+ "
        r"\(\w+, .+\) (reads|writes) .* in no fixed order; let instruction \d+ signal \w+, "
        r"and instruction \d+ wait for \w+ \(and .*more\)"
    )
    assert re.fullmatch(pattern, run(path)), run(path)


def test_a_file_whose_program_never_ends(image_file: Path, tmp_path: Path) -> None:
    image = load_image(image_file)
    (region,) = image.regions
    program = assemble("matrix wait=store\nend", image.config)
    broken = replace(region, program=program, instruction_layers=(0, 0))
    path = tmp_path / "stuck.twi"
    save_image(replace(image, regions=(broken,)), path)
    pattern = r"Error: accel_0: instruction 0 \(matrix, .+\) waits for a token of store that no .*"
    assert re.fullmatch(pattern, run(path)), run(path)
