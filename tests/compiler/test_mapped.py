"""Files that are read where they lie."""

import re
from pathlib import Path

import numpy as np
import pytest

from compiler.mapped import let_go, map_file

SIZE = 1 << 20


def resident_bytes():
    """Return the bytes of mapped files that count as memory of this process."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"RssFile:\s*(\d+) kB", status)[1])


@pytest.fixture
def path(tmp_path):
    """Return a file of 4 MiB of float32 that count up."""
    found = tmp_path / "numbers"
    np.arange(SIZE, dtype=np.float32).tofile(found)
    return found


def test_memory_is_let_go_and_read_again(path):
    values = np.frombuffer(map_file(path), np.float32)
    expected = np.arange(SIZE, dtype=np.float32)
    np.testing.assert_array_equal(values, expected)
    full = resident_bytes()
    let_go(values.reshape(1024, 1024).T)
    assert full - resident_bytes() > 3 * SIZE
    np.testing.assert_array_equal(values, expected)


def test_part_is_let_go(path):
    view = map_file(path)
    values = np.frombuffer(view[5000:-4], np.uint8)[1000:].view(np.uint8)
    total = int(values.sum())
    let_go(values[70:9000])
    assert int(values.sum()) == total


def test_other_memory_stays():
    values = np.arange(10000)
    let_go(values[10:])
    let_go(np.frombuffer(bytes(100), np.uint8))
    np.testing.assert_array_equal(values, np.arange(10000))


def test_missing_and_empty_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^\[Errno 2\] No such file or directory: "):
        map_file(tmp_path / "missing")
    (tmp_path / "empty").touch()
    with pytest.raises(ValueError, match=r"^cannot mmap an empty file$"):
        map_file(tmp_path / "empty")
