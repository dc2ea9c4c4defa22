"""The C example: built by its Makefile, run here and under qemu-user."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tilewright as tw
from compiler.frontends.model import import_model
from compiler.interpreter import evaluate

FOLDER = Path(__file__).parents[2] / "examples" / "embedded"
DIGITS = FOLDER.parent / "digits" / "digits.onnx"


@pytest.fixture(scope="module")
def logits():
    """Return what the network gives for each picture."""
    image = tw.compile(DIGITS, targets=("cpu",))
    found = {}
    with tw.open_device("cpu", threads=1) as device:
        for path in sorted((FOLDER / "pictures").glob("*.pgm")):
            pixels = np.array(path.read_text().split()[4:], np.float32).reshape(1, 1, 8, 8) / 16
            found[path.stem] = device.run(image, [pixels])[0].reshape(-1)
    return found


@pytest.fixture(
    params=[("x86_64", ""), ("aarch64", ""), ("riscv64", ""), ("riscv64", "rv64gcv")],
    ids=lambda param: "-".join(filter(None, param)),
)
def make(request, tmp_path):
    """`make(target)` is what the Makefile prints for an architecture."""
    architecture, cpu = request.param
    native = architecture == os.uname().machine
    tools = ["cc"] if native else [f"{architecture}-linux-gnu-gcc", f"qemu-{architecture}-static"]
    missing = [tool for tool in ["make", *tools] if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)}: not installed")
    command = f"{sys.executable} -c 'from tilewright.command import main; main()'"
    settings = [f"TRIPLE={architecture}-linux-gnu", f"BUILD={tmp_path}", f"TILEWRIGHT={command}"]
    if cpu:
        settings += [f"CPU={cpu}", f"RUN={tools[-1]} -cpu rv64,v=true,vext_spec=v1.0"]
    environment = os.environ | {"PYTHONPATH": str(FOLDER.parents[1])}

    def run(target):
        ended = subprocess.run(
            ["make", "--no-print-directory", target, *settings],
            cwd=FOLDER,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


def test_prints_the_same_logits(make, logits):
    lines = re.findall(r"^pictures/(\d)\.pgm: (\d) \((.*)\)$", make("run"), re.MULTILINE)
    assert [name for name, _, _ in lines] == list(logits)
    for name, digit, numbers in lines:
        assert int(digit) == logits[name].argmax() == int(name)
        assert numbers == " ".join(f"{value:.6g}" for value in logits[name])


def test_recalls_a_letter(make):
    """As the interpreter does; the damaged picture is an x."""
    letters = {path.stem: path.read_text() for path in sorted(FOLDER.glob("letters/*.txt"))}
    pixels = {
        name: np.array([1 if sign == "#" else -1 for sign in text if sign != "\n"], np.float32)
        for name, text in letters.items()
    }
    damaged = pixels.pop("damaged")
    memories = np.stack(list(pixels.values()))
    module = import_model(FOLDER / "recall.relay")
    repaired, rounds = evaluate(module, memories, damaged, np.int32(100))
    np.testing.assert_array_equal(repaired, pixels["x"])
    assert make("run-recall").endswith(f"\n{letters['x']}after {rounds} rounds\n")
