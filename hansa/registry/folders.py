"""Files that are whole or not there: every write goes to a neighbour first and is then renamed."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core.errors import FolderError

MISSING = FileNotFoundError | NotADirectoryError
"""What the system says of a file that is not there."""

_RUN_FOLDER = "name the folder that hansa run wrote"
_BROKEN = 4  # depth down to which JSON has a line for each entry: a scenario's parties


def make_folder(folder: Path) -> None:
    """Make a folder that can be written to. Raises FolderError where that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / f".write-{os.getpid()}"
        trial.write_bytes(b"")
        trial.unlink()
    except OSError as fault:
        raise FolderError(
            f"cannot be written to ({fault.strerror})",
            do="choose another folder with --out",
            where=str(folder),
        ) from fault


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file at once. Raises FolderError when the disk refuses; the old file then stays."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as fault:
        with contextlib.suppress(OSError):  # where there is no folder there is no file either
            new.unlink()
        raise FolderError(
            f"cannot be written ({fault.strerror})", do="free space or choose another --out", where=str(path)
        ) from fault


def flush_folder(folder: Path) -> None:
    """Return once the names in a folder are on the disk; raises OSError where that is not possible."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, content: str) -> None:
    """Write a text file at once, in UTF-8."""
    write_bytes(path, content.encode())


def write_json(path: Path, value: Any) -> None:
    """Write a plain value at once; numbers that are not finite are our bug and stay loud."""
    write_text(path, json_text(value) + "\n")


def json_text(value: Any, depth: int = _BROKEN) -> str:
    """Return JSON with a line for each entry down to a depth, and what is below in that line.

    Thousands of parties with a hundred labels each would otherwise be a million lines, and slow to write.
    """
    if not depth or not isinstance(value, dict) or not value:
        return json.dumps(value, allow_nan=False)
    pad = " " * (_BROKEN + 1 - depth)
    entries = (f"{pad}{json.dumps(str(name))}: {json_text(one, depth - 1)}" for name, one in value.items())
    return "{\n" + ",\n".join(entries) + "\n" + pad[1:] + "}"


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays at once (.npz, without pickle)."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{name.replace("/", "|"): array for name, array in arrays.items()})
    write_bytes(path, buffer.getvalue())


def read_bytes(path: Path) -> bytes:
    """Return a file's content. Raises FolderError when it is missing or cannot be read."""
    try:
        return path.read_bytes()
    except OSError as fault:
        raise _unreadable(path, fault) from fault


def read_json(path: Path, do: str = _RUN_FOLDER) -> Any:
    """Return a plain value. Raises FolderError when the file is missing or not JSON.

    do: what to do then.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        raise _unreadable(path, fault, do) from fault


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return named arrays. Raises FolderError when the file is missing, cut short or holds objects."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            found = {name.replace("|", "/"): stored[name] for name in stored.files}
    except Exception as fault:  # of a damaged file, zipfile, zlib and numpy raise what comes first
        raise _unreadable(path, fault) from fault
    if not all(isinstance(array, np.ndarray) for array in found.values()):
        raise _unreadable(path)
    return found


def _unreadable(path: Path, fault: Exception | None = None, do: str = _RUN_FOLDER) -> FolderError:
    what = "is missing" if isinstance(fault, MISSING) else "cannot be read"
    return FolderError(what, do=do, where=str(path))
