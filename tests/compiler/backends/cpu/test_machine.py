"""Names of CPUs and triples, and what they stand for."""

import re
import struct

import llvmlite.binding as llvm
import pytest

from compiler.backends.cpu import find_machine, order_cpus
from compiler.backends.cpu.cpus import CPUS
from compiler.backends.cpu.machine import assemble
from compiler.errors import Unsupported

OURS = re.escape(llvm.get_process_triple())
EXAMPLES = "x86_64-linux-gnu, aarch64-linux-gnu, riscv64-linux-gnu"
NAMES = ", ".join(cpu.name for cpu in CPUS)
X86 = "x86_64-linux-gnu"
# Source: System V ABI, chapter 4, e_machine.
MACHINES = {"x86_64": 62, "aarch64": 183, "riscv64": 243}


@pytest.mark.parametrize(
    "cpu, vector_bytes, registers, has_half, has_dot_product",
    [
        ("x86-64", 16, 16, False, False),
        ("x86-64-v2", 16, 16, False, False),
        ("x86-64-v3", 32, 16, True, False),
        ("x86-64-v4", 64, 32, True, False),
        ("x86-64-v4-vnni", 64, 32, True, True),
    ],
)
def test_levels(cpu, vector_bytes, registers, has_half, has_dot_product):
    machine = find_machine(cpu, X86)
    found = machine.vector_bytes, machine.registers, machine.has_half, machine.has_dot_product
    assert found == (vector_bytes, registers, has_half, has_dot_product)


def test_host_names_only_what_changes_the_code():
    features = find_machine().features.split(",")
    assert all(feature.startswith("+") for feature in features)
    assert "+sgx" not in features and features == sorted(features)


@pytest.mark.parametrize("row", CPUS, ids=lambda row: row.name)
def test_llvm_knows_every_cpu(row, capfd):
    """Code for it is of its architecture, and LLVM complains of no feature."""
    machine = find_machine(row.name, f"{row.architecture}-linux-gnu")
    code = assemble("define void @f() { ret void }", machine)
    assert code[:4] == b"\x7fELF"
    assert struct.unpack_from("<H", code, 18) == (MACHINES[row.architecture],)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("architecture", MACHINES)
def test_triple_alone_means_the_least_able_cpu(architecture):
    triple = f"{architecture}-linux-gnu"
    least = next(row.name for row in CPUS if row.architecture == architecture)
    assert find_machine(None, triple) == find_machine(least, triple)


def test_cpus_are_ordered_best_first():
    names = ["x86-64", "x86-64-v4", "x86-64-v3", "x86-64-v4"]
    assert order_cpus(names) == ["x86-64-v4", "x86-64-v3", "x86-64"]


@pytest.mark.parametrize(
    "cpu, triple, message",
    [
        ("x86_64-v3", None, f"cpu must be one of {NAMES}, not 'x86_64-v3': is it x86-64-v3?"),
        (
            "armv8-a",
            X86,
            f"cpu armv8-a is of aarch64, but the code is for {X86}: give a triple such as "
            "aarch64-linux-gnu, or a cpu of x86_64 (x86-64, x86-64-v2, x86-64-v3, x86-64-v3-vnni, "
            "x86-64-v4, x86-64-v4-vnni)",
        ),
        (
            None,
            "nonsense",
            f"triple must be one that LLVM knows, such as {EXAMPLES}, not 'nonsense'",
        ),
        *(
            (
                None,
                triple,
                "triple must be of x86_64, aarch64, riscv64, 64 bits, little-endian and ELF, such "
                f"as {EXAMPLES}, not '{triple}'",
            )
            for triple in (
                "armv7-linux-gnueabihf",
                "aarch64_be-linux-gnu",
                "powerpc64-linux-gnu",
                "riscv32-linux-gnu",
                "x86_64-linux-gnux32",
                "x86_64-pc-windows-msvc",
                "aarch64-apple-darwin",
            )
        ),
    ],
)
def test_unknown_names_are_refused(cpu, triple, message):
    with pytest.raises(Unsupported, match=f"^{re.escape(message)}$"):
        find_machine(cpu, triple)
