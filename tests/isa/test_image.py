"""Images: what is saved is loaded, and what is damaged, old or of another machine is refused."""

import json
import re
from dataclasses import replace

import pytest

import isa.image
from isa.config import Config, preset
from isa.errors import ImageError
from isa.image import (
    Host,
    Image,
    Layer,
    Region,
    Slot,
    Tensor,
    load_image,
    save_image,
)
from isa.instructions import Opcode
from isa.interface import Constructor, Form, Interface
from isa.program import Instruction, Program
from isa.registers import VERSION

PREFIX = 48


def make(config, instructions=()):
    program = Program.encode(
        config,
        [
            *instructions,
            Instruction(Opcode.LOAD, {"address": 64}, "constants"),
            Instruction(Opcode.STORE, {"address": 8}, "data"),
            Instruction(Opcode.END),
        ],
    )
    region = Region(
        "accel_0",
        program,
        constants=bytes(range(100)),
        data_bytes=4096,
        inputs=(Slot(0, 48),),
        outputs=(Slot(64, 10), Slot(128, 7)),
        layers=(Layer("conv1", "conv2d", 1728), Layer("é", "add", 0)),
        instruction_layers=(0,) * (len(program) - 2) + (1, 1),
    )
    empty = replace(region, name="accel_1", constants=b"", layers=(), inputs=())
    host = Host(
        b"\x7fELF code", "run", "x86_64-unknown-linux-gnu", "zen4", "+avx2", 4096, b"\0\1", True
    )
    forms = (
        Form("tensor", "float32", (None, 3)),
        Form("data", "List", constructors=(Constructor("Cons", (0, 1)), Constructor("Nil", ()))),
        Form("tuple", fields=(0, 1)),
    )
    flow = replace(host, interface=Interface(forms, (1, 0), 2, ("sizes must be equal",)))
    return Image(
        "net",
        config,
        inputs=(Tensor("x", (1, 4, 4, 3), "int8", 0.1, -128), Tensor("scalar", (), "float32")),
        outputs=(Tensor("y", (1, 10), "int8", 1 / 256, 0),),
        regions=(region, empty),
        host=host,
        other_hosts=(replace(host, features="", code=b"\x7fELF other"), flow),
    )


@pytest.fixture
def image():
    return make(preset("tiny"))


@pytest.fixture
def path(image, tmp_path):
    """A file that holds the image."""
    save_image(image, tmp_path / "net.twi")
    return tmp_path / "net.twi"


def refused(path, message):
    with pytest.raises(ImageError, match=f"^{re.escape(f'{path}: {message}')}$"):
        load_image(path)


def test_round_trip(config, instructions, tmp_path):
    """Every machine, with random instructions."""
    saved = make(config, instructions(config, 1, 5))
    save_image(saved, tmp_path / "net.twi")
    assert load_image(tmp_path / "net.twi") == saved
    assert load_image(str(tmp_path / "net.twi")) == saved


def test_same_image_same_bytes(image, path, tmp_path):
    save_image(image, tmp_path / "again.twi")
    assert (tmp_path / "again.twi").read_bytes() == path.read_bytes()


def test_equal_sections_are_kept_once(image, path):
    """The constants of host programs for several CPUs are mostly the same."""
    constants = bytes(range(256)) * 40
    hosts = [replace(image.host, constants=constants, code=bytes([n])) for n in range(3)]
    save_image(replace(image, host=hosts[0], other_hosts=tuple(hosts[1:])), path)
    assert path.read_bytes().count(constants) == 1
    assert [load_image(path).host, *load_image(path).other_hosts] == hosts


def test_constants_may_be_a_view(image, path):
    """The compiler keeps weights once, where a program computes with them."""
    constants = memoryview(bytearray(range(100))).toreadonly()
    save_image(replace(image, host=replace(image.host, constants=constants)), path)
    assert load_image(path).host == replace(image.host, constants=bytes(range(100)))


def test_saving_replaces(path):
    other = make(preset("vta"))
    save_image(other, path)
    assert load_image(path) == other
    assert [item.name for item in path.parent.iterdir()] == ["net.twi"]


def test_cut_short(path):
    """At every length: no image, or one that says it is damaged."""
    data = path.read_bytes()
    for size in range(0, len(data), 97):
        path.write_bytes(data[:size])
        if size < PREFIX:
            refused(path, "not a Tilewright image")
        else:
            refused(path, "the image is damaged or cut short; compile the network again")


def test_damaged(path):
    """One bit anywhere after the magic: in the length, the digest, the header, the sections."""
    data = path.read_bytes()
    for place in [*range(8, PREFIX), *range(PREFIX, len(data), 61), len(data) - 1]:
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        refused(path, "the image is damaged or cut short; compile the network again")


def test_longer(path):
    path.write_bytes(path.read_bytes() + b"\0")
    refused(path, "the image is damaged or cut short; compile the network again")


def test_wrong_magic(path):
    path.write_bytes(b"GGUFv3  " + path.read_bytes()[8:])
    refused(path, "not a Tilewright image")


def test_missing_file(tmp_path):
    refused(tmp_path / "no.twi", "cannot read the image: No such file or directory")


def test_folder(tmp_path):
    refused(tmp_path, "cannot read the image: Is a directory")


def test_other_version(image, path, monkeypatch):
    """An image of another version, whatever else its header holds."""
    with monkeypatch.context() as patch:
        patch.setattr(isa.image, "VERSION", (7 << 16) | 3)
        save_image(image, path)
    ours = f"{VERSION >> 16}.{VERSION & 0xFFFF}"
    refused(path, f"version must be {ours}, not 7.3; compile the network again")


def test_other_format(image, path, monkeypatch):
    """A file of before or after this version of the format."""
    with monkeypatch.context() as patch:
        patch.setattr(isa.image, "_FORMAT", 99)
        save_image(image, path)
    refused(path, "the file must have format 3, not 99; compile the network again")


def test_invalid_config(image, path, monkeypatch):
    """A machine that this version does not build."""
    monkeypatch.setattr(Config, "__post_init__", lambda self: None)
    wrong = replace(image, config=replace(image.config, rows=200))
    save_image(wrong, path)
    monkeypatch.undo()
    refused(path, "tiny.rows must be in 1..128, not 200")


@pytest.mark.parametrize("name", ["missing/net.twi", "folder"])
def test_unwritable(image, tmp_path, name):
    """A folder that does not exist, and a folder where the file should be: nothing is left."""
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    reason = "Is a directory" if name == "folder" else "No such file or directory"
    message = f"{tmp_path / name}: cannot write the image: {reason}"
    with pytest.raises(ImageError, match=f"^{re.escape(message)}$"):
        save_image(image, tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


def test_interrupted_while_writing(path, monkeypatch):
    """The old file stays as it was."""
    before = path.read_bytes()

    def fail(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(isa.image.os, "replace", fail)
    with pytest.raises(ImageError, match=r"^.*: cannot write the image: No space left on device$"):
        save_image(make(preset("vta")), path)
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == ["net.twi"]


def test_header_is_readable_json(path):
    """Anything can describe an image: the header is plain JSON with its length before it."""
    data = path.read_bytes()
    size = int.from_bytes(data[8:16], "little")
    header = json.loads(data[PREFIX : PREFIX + size])
    assert header["name"] == "net" and header["config"]["rows"] == 4
