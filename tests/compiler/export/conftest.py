"""Fixtures: networks as files, exports as libraries and C programs, and ELF symbols."""

import ctypes
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from compiler.export import Export, export_network
from isa.host import POOL_BYTES

Array = npt.NDArray[Any]

_RELAY = """#[version = "0.0.5"]
def @main(%image: Tensor[(2, 40), float32], %int: Tensor[(2, 40), int8]) {
  %0 = add(exp(%image), tanh(%image));
  %1 = nn.softmax(add(%0, add(sigmoid(%image), erf(%image))), axis=-1);
  %2 = power(abs(%image), sin(multiply(%image, 100f)));
  (%1, floor(%2), sum(log(abs(%image)), axis=[1]), add(%int, %int), greater(%image, %2))
}
"""

_MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include "math.net.h"
_Alignas(64) static unsigned char workspace[MATH_NET_WORKSPACE_BYTES];
static float image[80], y0[80], y1[80], y2[2];
static int8_t ints[80], y3[80];
static uint8_t y4[80];
int main(void)
{
    int32_t status;
    if (fread(image, 4, 80, stdin) != 80 || fread(ints, 1, 80, stdin) != 80)
        return 100;
    status = math_net_run(image, ints, y0, y1, y2, y3, y4, workspace);
    fwrite(y0, 4, 80, stdout);
    fwrite(y1, 4, 80, stdout);
    fwrite(y2, 4, 2, stdout);
    fwrite(y3, 1, 80, stdout);
    fwrite(y4, 1, 80, stdout);
    return status;
}
"""

_POOL_MAIN = """
#include <stdio.h>
#include "big.h"
_Alignas(64) static unsigned char workspace[BIG_WORKSPACE_BYTES], pool[BIG_POOL_BYTES];
static float x[BIG_X_ELEMENTS], alone[BIG_X_ELEMENTS], helped[BIG_X_ELEMENTS];
int main(void)
{
    int turn, element;
    for (element = 0; element < BIG_X_ELEMENTS; ++element)
        x[element] = (float)(element % 1021) - 500;
    if (big_open_pool(pool, 3) != BIG_DONE || big_run(x, alone, workspace) != BIG_DONE)
        return 1;
    for (turn = 0; turn < 20; ++turn) {
        if (big_run_pool(x, helped, workspace, pool) != BIG_DONE)
            return 2;
        for (element = 0; element < BIG_X_ELEMENTS; ++element)
            if (alone[element] != helped[element])
                return 3;
    }
    big_close_pool(pool);
    return big_open_pool(pool, 0) == BIG_THREADS ? 0 : 4;
}
"""

_NUMPY = {"float": "float32", "double": "float64"}
_PARAMETER = re.compile(r"(const )?(\w+) (\*?)(\w+)")

_SYMBOL = struct.Struct("<IBBHQQ")


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of float functions, with names that C does not take."""
    path = tmp_path_factory.mktemp("network") / "math.net.relay"
    path.write_text(_RELAY)
    return path


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Path]:
    """Return the function that links an export of a network with its C program, statically."""

    def link(export: Export, compiler: str, pooled: bool = False) -> Path:
        (tmp_path / "main.c").write_text(_POOL_MAIN if pooled else _MAIN)
        (tmp_path / ("big.h" if pooled else "math.net.h")).write_text(export.header)
        (tmp_path / "net.o").write_bytes(export.object)
        command = [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-static"]
        subprocess.run([*command, "-o", "main", "main.c", "net.o"], check=True, cwd=tmp_path)
        return tmp_path / "main"

    return link


@pytest.fixture
def need() -> Callable[[str], str]:
    """Return the function that gives the path of a program, and skips where there is none."""

    def find(program: str) -> str:
        path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/bin")
        if path is None:
            pytest.skip(f"{program} is not installed")
        return path

    return find


@pytest.fixture
def feed() -> Callable[[list[str]], tuple[Array, ...]]:
    """Return the function that runs the C program on `inputs`, and gives its outputs."""

    def run(command: list[str], inputs: list[Array]) -> tuple[Array, ...]:
        given = b"".join(array.tobytes() for array in inputs)
        out = subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout
        shapes = [("f4", (2, 40)), ("f4", (2, 40)), ("f4", (2,)), ("i1", (2, 40)), ("?", (2, 40))]
        outputs, place = [], 0
        for dtype, shape in shapes:
            count = int(np.prod(shape))
            outputs.append(np.frombuffer(out, dtype, count, place).reshape(shape))
            place += outputs[-1].nbytes
        assert place == len(out)
        return tuple(outputs)

    return run


@pytest.fixture
def symbols() -> Callable[[bytes], tuple[set[str], set[str]]]:
    """Return the function that gives the global symbols of an object: defined and undefined."""

    def read(code: bytes) -> tuple[set[str], set[str]]:
        (table,) = struct.unpack_from("<Q", code, 40)
        size, count, _ = struct.unpack_from("<HHH", code, 58)
        rows = [struct.unpack_from("<IIQQQQIIQQ", code, table + n * size) for n in range(count)]
        defined, undefined = set(), set()
        for row in rows:
            if row[1] != 2:
                continue
            for place in range(row[4], row[4] + row[5], _SYMBOL.size):
                name, info, visibility, section, *_ = _SYMBOL.unpack_from(code, place)
                if info >> 4 == 0 or visibility == 2:
                    continue
                start = rows[row[6]][4] + name
                text = code[start : code.index(b"\0", start)].decode()
                (defined if section else undefined).add(text)
        return defined, undefined

    return read


@pytest.fixture
def arrays() -> list[Array]:
    """Inputs of the network."""
    random = np.random.default_rng(5)
    image = random.normal(size=(2, 40)).astype(np.float32)
    return [image, random.integers(-128, 128, (2, 40)).astype(np.int8)]


def _aligned(size_bytes: int) -> Array:
    """Return bytes that begin at a multiple of 64."""
    memory = np.full(size_bytes + 64, 0x5A, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size_bytes]


@dataclass
class Library:
    """A loaded library of a program with control flow, called as its header says.

    Attributes
    ----------
    outputs : list of arrays of one axis, as they were after the last call
    sizes : list of int64[rank], of the outputs that are open
    """

    name: str
    header: str
    loaded: ctypes.CDLL
    workspace: Array
    pool: Array | None = None
    room: int = 1000
    stack_bytes: int = 1 << 22
    outputs: list[Array] = field(default_factory=list)
    sizes: list[Array] = field(default_factory=list)

    def call(self, *inputs: Array) -> int:
        """Call the function with tensors, and sizes as the header names them; the status."""
        words = self.header.replace("\n", " ")
        function = f"{self.name}_run{'' if self.pool is None else '_pool'}"
        declared = re.search(rf"int32_t {function}\((.*?)\);", words)
        assert declared is not None
        self.outputs, self.sizes = [], []
        arrays = [np.asarray(one) for one in inputs]
        tensors, arguments = iter(arrays), []
        given = np.empty(0)
        for parameter in declared[1].split(", "):
            constant, kind, pointer, name = _PARAMETER.fullmatch(parameter).groups()
            if constant:
                given = next(tensors)
                arguments.append(given.ctypes.data_as(ctypes.c_void_p))
            elif name == "workspace":
                arguments.append(self.workspace.ctypes.data_as(ctypes.c_void_p))
            elif name == "pool":
                arguments.append(self.pool.ctypes.data_as(ctypes.c_void_p))
            elif name.endswith("_sizes"):
                self.sizes.append(np.full(self.number(f"{name[:-6]}_RANK"), -1, np.int64))
                arguments.append(self.sizes[-1].ctypes.data_as(ctypes.c_void_p))
            elif pointer:
                count = self.number(f"{name}_ELEMENTS", self.room)
                dtype = _NUMPY.get(kind, kind.removesuffix("_t"))
                self.outputs.append(np.full(count, 99, dtype))
                arguments.append(self.outputs[-1].ctypes.data_as(ctypes.c_void_p))
            else:
                arguments.append(ctypes.c_int64(self._value(name, given)))
        assert next(tensors, None) is None
        return int(getattr(self.loaded, function)(*arguments))

    def beside(self) -> "Library":
        """Return the same library, to be called in a workspace of its own."""
        workspace = _aligned(len(self.workspace))
        return replace(self, workspace=workspace, outputs=[], sizes=[])

    def number(self, name: str, other: int | None = None) -> int:
        """Return what the header defines."""
        text = f"{self.name}_{name}".upper()
        found = re.search(rf"#define {text} \(?(-?\d+)\)?", self.header)
        assert found is not None or other is not None, text
        return int(found[1]) if found is not None else other

    def used(self) -> int:
        """Return how much of the workspace the last call took."""
        function = getattr(self.loaded, f"{self.name}_workspace_used")
        function.restype = ctypes.c_uint64
        return int(function(self.workspace.ctypes.data_as(ctypes.c_void_p)))

    def _value(self, name: str, given: Array) -> int:
        """Return a number that the function takes."""
        match name:
            case "workspace_bytes":
                return len(self.workspace)
            case "stack_bytes":
                return self.stack_bytes
            case _ if name.endswith("_room"):
                return self.room
            case _:
                return given.shape[int(name.rsplit("_", 1)[1])]


@pytest.fixture
def exported(tmp_path: Path) -> Callable[..., Library]:
    """Return the function that loads what a program's text is exported to."""

    def load(text: str, workspace_bytes: int = 1 << 20, threads: int = 0) -> Library:
        path = tmp_path / "net.relay"
        path.write_text(f'#[version = "0.0.5"]\n{text}\n')
        export = export_network(path, "net", threads=threads > 0)
        (tmp_path / "net.so").write_bytes(export.library)
        loaded = ctypes.CDLL(str(tmp_path / "net.so"))
        made = Library("net", export.header, loaded, _aligned(workspace_bytes))
        if threads:
            made.pool = _aligned(POOL_BYTES)
            pool = made.pool.ctypes.data_as(ctypes.c_void_p)
            assert loaded.net_open_pool(pool, threads) == 0
        return made

    return load
