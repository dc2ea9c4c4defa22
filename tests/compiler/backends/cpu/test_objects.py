"""Object files are made once, whatever happens to those that are kept."""

import os
import threading

import pytest

from compiler.backends.cpu import compile_host, find_machine, machine
from compiler.backends.cpu.machine import Machine, assemble
from compiler.backends.cpu.objects import assemble_cached
from compiler.ops import call

TEXT = "define i32 @f() {\n  ret i32 1\n}\n"


@pytest.fixture
def made(monkeypatch):
    """Return the list of the texts that LLVM has made code of."""
    texts = []

    def counting(text, *others):
        texts.append(text)
        return assemble(text, *others)

    monkeypatch.setattr("compiler.backends.cpu.objects.assemble", counting)
    return texts


def entries(cache):
    return sorted(path.name for path in (cache / "objects").iterdir() if path.suffix == "")


def test_is_made_once(tmp_path, made):
    host = find_machine()
    codes = [assemble_cached(TEXT, host, ["f"], tmp_path) for _ in range(3)]
    assert codes == [assemble(TEXT, host, ["f"])] * 3
    assert len(made) == 1


def test_whatever_counts_is_part_of_the_name(tmp_path, made, monkeypatch):
    host = find_machine()
    assemble_cached(TEXT, host, ["f"], tmp_path)
    assemble_cached(TEXT + "\n", host, ["f"], tmp_path)
    assemble_cached(TEXT, Machine(host.triple, host.cpu, ""), ["f"], tmp_path)
    assemble_cached(TEXT, host, ["f", "g"], tmp_path)
    monkeypatch.setattr("llvmlite.__version__", "0.0.0")
    assemble_cached(TEXT, host, ["f"], tmp_path)
    assert len(made) == len(entries(tmp_path)) == 5
    assert machine.assemble is assemble


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "gone"])
def test_damaged_entry_is_made_again(tmp_path, made, damage):
    host = find_machine()
    wanted = assemble_cached(TEXT, host, ["f"], tmp_path)
    (name,) = entries(tmp_path)
    path = tmp_path / "objects" / name / "code.o"
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": data[:-9], "changed": data[:-1] + b"?", "empty": b""}[damage])
    for _ in range(2):
        assert assemble_cached(TEXT, host, ["f"], tmp_path) == wanted
    assert len(made) == 2


def test_several_at_once_make_one(tmp_path, made):
    found, host = [], find_machine()

    def work():
        found.append(assemble_cached(TEXT, host, ["f"], tmp_path))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == len(made) == 1


def test_folder_that_cannot_be_written(tmp_path, made):
    taken = tmp_path / "file"
    taken.write_text("")
    host = find_machine()
    assert assemble_cached(TEXT, host, ["f"], taken) == assemble(TEXT, host, ["f"])


def test_compiling_uses_it(tmp_path, variable, main, made):
    data = variable("x", (4,))
    module = main([data], call("exp", data))
    first = compile_host(module, {}, cache=tmp_path)
    assert compile_host(module, {}, cache=tmp_path) == first
    assert len(made) == 1 and len(entries(tmp_path)) == 1
    assert compile_host(module, {}) == first
    assert len(made) == 2
    assert os.listdir(tmp_path) == ["objects"]
