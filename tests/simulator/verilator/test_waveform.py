"""FST waveforms, written without any package of the system.

Source of the file's structure: GTKWave's fstapi.c: blocks of a type byte and a length of 8 bytes,
big endian, that counts itself; type 0 is the header, type 6 the hierarchy in LZ4.
"""

import ctypes
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest

import simulator.verilator
from isa.registers import Control
from simulator.verilator.toolchain import find_toolchain

pytestmark = pytest.mark.verilator

HEADER, HIERARCHY = 0, 6


def blocks(data):
    """Return the blocks of an FST file by type."""
    found, place = {}, 0
    while place < len(data):
        kind, size = struct.unpack_from(">BQ", data, place)
        found.setdefault(kind, data[place + 9 : place + 1 + size])
        place += 1 + size
    return found


def decompress(data):
    """Return the content of an LZ4 block. Source: LZ4 Block Format Description."""

    def length(nibble):
        """Return a length: 15 goes on in bytes of 255 and one of less."""
        nonlocal place
        total = nibble
        more = nibble == 15
        while more:
            total += data[place]
            more = data[place] == 255
            place += 1
        return total

    result, place = bytearray(), 0
    while place < len(data):
        token = data[place]
        place += 1
        count = length(token >> 4)
        result += data[place : place + count]
        place += count
        if place >= len(data):
            break
        (offset,) = struct.unpack_from("<H", data, place)
        place += 2
        count = length(token & 15) + 4
        for _ in range(count):
            result.append(result[-offset])
    return bytes(result)


def test_names_and_times(open_mini, set_register, tmp_path):
    path = tmp_path / "mini.fst"
    machine = open_mini(waveform=path)
    set_register(machine, "control", Control.START)
    machine.wait(1000)
    cycles = machine.cycles
    machine.close()
    found = blocks(path.read_bytes())
    start, end = struct.unpack_from(">QQ", found[HEADER])
    assert start == 0
    assert cycles <= end / 2 <= cycles + 8
    (size,) = struct.unpack_from(">Q", found[HIERARCHY])
    names = decompress(found[HIERARCHY][8:])
    assert len(names) == size
    for name in (b"harness", b"machine", b"s_axil_araddr", b"running", b"taken"):
        assert name in names


def test_compression_stand_ins(tmp_path):
    """Compress random data of every kind with the C++ stand-ins; unpack it here."""
    include = Path(simulator.verilator.__file__).parent / "include"
    source = tmp_path / "pack.cpp"
    source.write_text(
        '#include "lz4.h"\n#include "zlib.h"\nextern "C" int bound(int n) {'
        " return LZ4_compressBound(n); }\n"
        'extern "C" int lz4(const char* in, char* out, int n, int m) {'
        " return LZ4_compress_default(in, out, n, m); }\n"
        'extern "C" unsigned long deflate_(const Bytef* in, Bytef* out, uLong n) {'
        " uLongf m = compressBound(n); return compress2(out, &m, in, n, 4) == Z_OK ? m : 0; }\n"
    )
    library = tmp_path / "pack.so"
    command = [find_toolchain().compiler, "-std=c++17", "-Wall", "-Werror", "-shared", "-fPIC"]
    subprocess.run([*command, f"-I{include}", str(source), "-o", str(library)], check=True)
    pack = ctypes.CDLL(str(library))
    for seed in range(60):
        random = np.random.default_rng(seed)
        size = int(random.choice([0, 1, 12, 13, 40, 300, 5000, 70_000, 140_000]))
        data = random.integers(0, int(random.choice([1, 2, 256])), size, np.uint8)
        if seed % 3 == 0:
            data = np.tile(data[:37], -(-size // 37) + 1)[:size]
        data = data.tobytes()
        room = ctypes.create_string_buffer(pack.bound(len(data)) + 100)
        count = pack.lz4(data, room, len(data), len(room))
        assert count <= pack.bound(len(data)), f"seed {seed}"
        assert decompress(room.raw[:count]) == data, f"seed {seed}"
        room = ctypes.create_string_buffer(len(data) + 1000)
        count = pack.deflate_(data, room, ctypes.c_ulong(len(data)))
        assert zlib.decompress(room.raw[:count]) == data, f"seed {seed}"
