"""Names of CPUs and what they can do."""

import pytest

from compiler.backends.cpu.machine import find_machine


@pytest.mark.parametrize(
    "cpu, vector_bytes, tile, has_half",
    [
        ("x86-64", 16, 12, False),
        ("x86-64-v2", 16, 12, False),
        ("x86-64-v3", 32, 12, True),
        ("x86-64-v4", 64, 24, True),
    ],
)
def test_levels(cpu, vector_bytes, tile, has_half):
    machine = find_machine(cpu)
    found = machine.vector_bytes, machine.tile, machine.has_half, machine.has_dot_product
    assert found == (vector_bytes, tile, has_half, False)


def test_host_names_only_what_changes_the_code():
    features = find_machine().features.split(",")
    assert all(feature.startswith("+") for feature in features)
    assert "+sgx" not in features and features == sorted(features)
