"""Files that commands write: checked before the work begins, written whole or not at all."""

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .errors import CommandError

__all__ = ["make_folder", "require_folder", "require_writable", "write_files", "write_json"]


def require_folder(path: str | os.PathLike[str] | None) -> None:
    """Check that the folder of the file `path` is there; None stands for no file.

    Raises
    ------
    CommandError
        It is not.
    """
    if path is not None and not Path(path).absolute().parent.is_dir():
        raise CommandError(f"{path}: cannot write: there is no folder {Path(path).parent}")


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder `path`, made if need be.

    Raises
    ------
    CommandError
        It cannot be made.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{path}: cannot make the folder: {error.strerror}") from None
    return folder


def write_json(path: str | os.PathLike[str], value: Mapping[str, Any]) -> None:
    """Write `value` to `path`.

    Raises
    ------
    CommandError
        The file cannot be written.
    """
    require_folder(path)
    target = Path(path)
    try:
        with tempfile.NamedTemporaryFile("w", dir=target.absolute().parent, delete=False) as file:
            json.dump(value, file, indent=1)
            file.write("\n")
        os.chmod(file.name, 0o644)
        os.replace(file.name, target)
    except OSError as error:
        raise CommandError(f"{path}: cannot write: {error.strerror}") from None


def require_writable(folder: Path, names: Iterable[str]) -> None:
    """Check that files `names` can be written into `folder`.

    Raises
    ------
    CommandError
        They cannot.
    """
    for name in names:
        if (folder / name).is_dir():
            raise CommandError(f"{folder / name}: cannot write: it is a folder")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CommandError(f"{folder}: cannot write into the folder: {error.strerror}") from None


def write_files(folder: Path, contents: Mapping[str, str | bytes]) -> None:
    """Write files of these names into `folder`: none of them before all of them are whole.

    Raises
    ------
    CommandError
        A file cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".") as drafts:
            for name, content in contents.items():
                data = content.encode() if isinstance(content, str) else content
                (Path(drafts) / name).write_bytes(data)
            for name in contents:
                os.replace(Path(drafts) / name, folder / name)
    except OSError as error:
        raise CommandError(f"{folder}: cannot write: {error.strerror}") from None
