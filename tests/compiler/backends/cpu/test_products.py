"""The instructions that multiply bytes: which are chosen, and what they compute elsewhere."""

import os
import shutil
import subprocess

import numpy as np
import pytest

import tilewright as tw
from compiler.backends.cpu.machine import find_machine
from compiler.backends.cpu.products import find_product
from compiler.export import export_network

MAIN = """
#include <stdio.h>
#include "keywords.h"
_Alignas(64) static unsigned char workspace[KEYWORDS_WORKSPACE_BYTES];
static int8_t image[490], scores[12];
int main(void)
{
    int32_t status;
    if (fread(image, 1, 490, stdin) != 490)
        return 100;
    status = keywords_run(image, scores, workspace);
    fwrite(scores, 1, 12, stdout);
    return status;
}
"""


@pytest.mark.parametrize(
    "cpu, data, weight, length, name, stored",
    [
        ("x86-64", "int8", "int8", 0, "pmaddwd", "int16"),
        ("x86-64-v3", "uint8", "int8", 0, "pmaddwd", "int16"),
        ("x86-64-v3-vnni", "int8", "int8", 0, "vpdpbusd", "uint8"),
        ("x86-64-v4-vnni", "int8", "int8", 0, "vpdpbusd", "uint8"),
        ("x86-64-v4-vnni", "uint8", "int8", 8, "vpdpbusd", "uint8"),
        ("x86-64-v4-vnni", "int8", "int8", 6, "pmaddwd", "int16"),
        ("x86-64-v4-vnni", "int8", "int8", 7, "", "int8"),
        ("x86-64-v4-vnni", "int8", "int16", 0, "pmaddwd", "int16"),
        ("x86-64-v4-vnni", "int32", "int8", 0, "", "int32"),
        ("armv8-a", "int8", "int8", 0, "", "int8"),
        ("armv8.2-a-dotprod", "int8", "int8", 0, "sdot", "int8"),
        ("armv8.2-a-dotprod", "uint8", "int8", 0, "", "uint8"),
        ("rv64gcv", "int8", "int8", 0, "", "int8"),
    ],
)
def test_choice(cpu, data, weight, length, name, stored):
    triple = {"x": "x86_64", "a": "aarch64", "r": "riscv64"}[cpu[0]] + "-linux-gnu"
    product = find_product(find_machine(cpu, triple), data, weight, length)
    assert (product.name, product.stored(data)) == (name, stored)


def find(program):
    """Return the path of a program; skip without it."""
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/bin")
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


@pytest.mark.parametrize(
    "cpu, architecture",
    [("armv8-a", "aarch64"), ("armv8.2-a-dotprod", "aarch64"), ("rv64gc", "riscv64")],
)
def test_keywords_elsewhere(cpu, architecture, models, tmp_path):
    """Convolutions, depthwise ones and products of int8 give the same bytes on every CPU."""
    network = models / "kws_ref_model.tflite"
    triple = f"{architecture}-linux-gnu"
    compiler, emulator = find(f"{triple}-gcc"), find(f"qemu-{architecture}-static")
    export = export_network(network, "keywords", ("object",), triple=triple, cpu=cpu)
    (tmp_path / "main.c").write_text(MAIN)
    (tmp_path / "keywords.h").write_text(export.header)
    (tmp_path / "keywords.o").write_bytes(export.object)
    command = [compiler, "-std=c11", "-static", "-o", "main", "main.c", "keywords.o"]
    subprocess.run(command, check=True, cwd=tmp_path)
    image = np.random.default_rng(3).integers(-128, 128, (1, 49, 10, 1)).astype(np.int8)
    run = [emulator, "-cpu", "max", "./main"] if architecture == "aarch64" else [emulator, "./main"]
    found = subprocess.run(
        run, input=image.tobytes(), stdout=subprocess.PIPE, check=True, cwd=tmp_path
    ).stdout
    with tw.open_device("cpu", threads=1) as device:
        (wanted,) = device.run(tw.compile(network, targets=("cpu",)), [image]).outputs
    np.testing.assert_array_equal(np.frombuffer(found, np.int8), wanted.ravel(), err_msg="seed 3")
