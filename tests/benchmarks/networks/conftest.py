"""Small versions of the networks, each written once."""

import pytest

from benchmarks.networks import write_network


@pytest.fixture(scope="session")
def small_network(tmp_path_factory):
    """`small_network(name, size)` returns the file of a network of that size, seed 1."""
    folder = tmp_path_factory.mktemp("networks")

    def path(name, size):
        file = folder / f"{name}-{size}.onnx"
        if not file.exists():
            write_network(name, file, 1, size)
        return file

    return path
