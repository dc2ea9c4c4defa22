"""The image: one compiled network in one file, for any device of its configuration.

A file is the magic, the length of the header, the header (JSON, UTF-8) and the sections (raw bytes,
each aligned to 64 bytes). The header describes everything; a digest covers its length, it and the
sections.
"""

import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .config import Config
from .errors import ConfigError, ImageError
from .interface import Interface, read_interface
from .program import Program, Relocation
from .registers import VERSION

__all__ = [
    "Host",
    "Image",
    "Layer",
    "Region",
    "Slot",
    "Tensor",
    "load_image",
    "save_image",
]

MAGIC = b"TWIMAGE\0"
_PREFIX = struct.Struct("<8sQ32s")
_ALIGNMENT = 64
# Of the header, below; 1 said nothing.
_FORMAT = 3


@dataclass(frozen=True)
class Tensor:
    """An input or output of the network.

    Attributes
    ----------
    name : str
    shape : tuple of int; -1 for a size that each run has its own of: see the host's interface
    dtype : str, numpy's name; "" of what is no tensor
    scale, zero_point : the value of q is scale * (q - zero_point); None where not quantised
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True)
class Slot:
    """A tensor that a region reads or writes in DRAM, plain row-major order.

    Attributes
    ----------
    offset : int, from the start of the segment `data`
    size : int, bytes
    """

    offset: int
    size: int


@dataclass(frozen=True)
class Layer:
    """One operator of a region, for reports.

    Attributes
    ----------
    name, operator : str
    macs : int, multiply-accumulates of the operator by its definition
    """

    name: str
    operator: str
    macs: int


@dataclass(frozen=True)
class Region:
    """A part of the network that the accelerator runs in one go.

    Attributes
    ----------
    name : str
    program : Program, its segments are `constants` and `data`
    constants : bytes, weights and parameters
    data_bytes : int, size of the segment `data`: inputs, outputs and spilled tensors
    inputs, outputs : tuple of Slot
    layers : tuple of Layer
    instruction_layers : tuple of int, for each instruction the index of its layer
    """

    name: str
    program: Program
    constants: bytes
    data_bytes: int
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    layers: tuple[Layer, ...]
    instruction_layers: tuple[int, ...]


@dataclass(frozen=True)
class Host:
    """The native program that runs operators on the CPU and starts the regions.

    Attributes
    ----------
    code : bytes, an object file that defines `symbol`
    symbol : str, int32 symbol(arguments *): see isa/host.py
    triple, cpu, features : str, what the code was made for
    arena_bytes : int, scratch memory for tensors between operators
    constants : bytes, or a read-only view of such
    threaded : bool, whether the code has a pool of threads: see isa/host.py
    interface : None of a program that takes and gives tensors of known sizes only
    """

    code: bytes
    symbol: str
    triple: str
    cpu: str
    features: str
    arena_bytes: int
    constants: bytes | memoryview
    threaded: bool
    interface: Interface | None = None


@dataclass(frozen=True)
class Image:
    """One compiled network.

    Attributes
    ----------
    name : str
    config : Config
    inputs, outputs : tuple of Tensor
    regions : tuple of Region
    host : Host
    other_hosts : tuple of Host, the same program for less able CPUs, the most able first
    """

    name: str
    config: Config
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    regions: tuple[Region, ...]
    host: Host
    other_hosts: tuple[Host, ...] = ()


def save_image(image: Image, path: str | os.PathLike[str]) -> None:
    """Write `image` to `path`, whole or not at all.

    Raises
    ------
    ImageError
        The file cannot be written.
    """
    header, sections = _to_header(image)
    text = json.dumps(header).encode()
    body = text + b"".join(sections)
    data = _PREFIX.pack(MAGIC, len(text), _digest(len(text), body)) + body
    target = Path(path)
    try:
        _replace(target, data)
    except OSError as error:
        raise ImageError(f"{target}: cannot write the image: {error.strerror}") from None


def load_image(path: str | os.PathLike[str]) -> Image:
    """Return the image in `path`.

    Raises
    ------
    ImageError
        The file cannot be read, is no image, is damaged, or has another version.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: cannot read the image: {error.strerror}") from None
    if len(data) < _PREFIX.size or data[: len(MAGIC)] != MAGIC:
        raise ImageError(f"{path}: not a Tilewright image")
    _, size, digest = _PREFIX.unpack_from(data)
    body = data[_PREFIX.size :]
    if _digest(size, body) != digest:
        raise ImageError(f"{path}: the image is damaged or cut short; compile the network again")
    header = json.loads(body[:size])
    if header.get("format") != _FORMAT:
        raise ImageError(
            f"{path}: the file must have format {_FORMAT}, not {header.get('format', 1)}; compile "
            "the network again"
        )
    if header["version"] != VERSION:
        found, ours = header["version"], VERSION
        raise ImageError(
            f"{path}: version must be {ours >> 16}.{ours & 0xFFFF}, not "
            f"{found >> 16}.{found & 0xFFFF}; compile the network again"
        )
    try:
        return _from_header(header, body[size:])
    except ConfigError as error:
        raise ImageError(f"{path}: {error}") from None


def _digest(header_bytes: int, body: bytes) -> bytes:
    return hashlib.sha256(header_bytes.to_bytes(8, "little") + body).digest()


def _replace(target: Path, data: bytes) -> None:
    """Give the file `target` the content `data` in one step; leave nothing behind on failure."""
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        try:
            file.write(data)
            file.close()
            os.chmod(file.name, 0o644)
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise


class _Sections:
    """Collects byte strings and hands out their places."""

    def __init__(self) -> None:
        self.parts: list[bytes | memoryview] = []
        self.size = 0
        self._places: dict[bytes, list[int]] = {}

    def add(self, data: bytes | memoryview) -> list[int]:
        """Return start and size of `data`, which is kept once however often it is added."""
        digest = hashlib.sha256(data).digest()
        if digest in self._places:
            return self._places[digest]
        place = self._places[digest] = [self.size, len(data)]
        padding = -len(data) % _ALIGNMENT
        self.parts += [data, bytes(padding)]
        self.size += len(data) + padding
        return place


def _to_header(image: Image) -> tuple[dict[str, Any], list[bytes | memoryview]]:
    sections = _Sections()
    regions = [
        {
            "name": region.name,
            "program": sections.add(region.program.words),
            "relocations": [[item.index, item.segment] for item in region.program.relocations],
            "constants": sections.add(region.constants),
            "data_bytes": region.data_bytes,
            "inputs": [asdict(slot) for slot in region.inputs],
            "outputs": [asdict(slot) for slot in region.outputs],
            "layers": [asdict(layer) for layer in region.layers],
            "instruction_layers": region.instruction_layers,
        }
        for region in image.regions
    ]
    header = {
        "format": _FORMAT,
        "version": VERSION,
        "name": image.name,
        "config": asdict(image.config),
        "inputs": [asdict(tensor) for tensor in image.inputs],
        "outputs": [asdict(tensor) for tensor in image.outputs],
        "regions": regions,
        "hosts": [_host_header(host, sections) for host in (image.host, *image.other_hosts)],
    }
    return header, sections.parts


def _host_header(host: Host, sections: _Sections) -> dict[str, Any]:
    # asdict copies what it finds, and cannot copy a view.
    row = asdict(replace(host, code=b"", constants=b""))
    return row | {"code": sections.add(host.code), "constants": sections.add(host.constants)}


def _from_header(header: Mapping[str, Any], body: bytes) -> Image:
    def section(place: list[int]) -> bytes:
        return body[place[0] : place[0] + place[1]]

    config = Config(**header["config"])
    regions = tuple(
        Region(
            name=item["name"],
            program=Program(
                config,
                section(item["program"]),
                tuple(Relocation(index, segment) for index, segment in item["relocations"]),
            ),
            constants=section(item["constants"]),
            data_bytes=item["data_bytes"],
            inputs=tuple(Slot(**slot) for slot in item["inputs"]),
            outputs=tuple(Slot(**slot) for slot in item["outputs"]),
            layers=tuple(Layer(**layer) for layer in item["layers"]),
            instruction_layers=tuple(item["instruction_layers"]),
        )
        for item in header["regions"]
    )
    hosts = [_host(row, section) for row in header["hosts"]]
    return Image(
        header["name"],
        config,
        _tensors(header["inputs"]),
        _tensors(header["outputs"]),
        regions,
        hosts[0],
        tuple(hosts[1:]),
    )


def _tensors(rows: list[dict[str, Any]]) -> tuple[Tensor, ...]:
    return tuple(Tensor(**{**row, "shape": tuple(row["shape"])}) for row in rows)


def _host(row: Mapping[str, Any], section: Callable[[list[int]], bytes]) -> Host:
    host = dict(row) | {name: section(row[name]) for name in ("code", "constants")}
    if host["interface"] is not None:
        host["interface"] = read_interface(host["interface"])
    return Host(**host)
