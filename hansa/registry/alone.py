"""One process at a time in a node's folder: two would answer the same step twice."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hansa.core.errors import FolderError

_FILE = "lock"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder until the block ends, or this process does, however it ends.

    Raises FolderError where another one is in it.
    """
    path = folder / _FILE
    try:
        file = path.open("ab")
    except OSError as fault:
        raise FolderError(
            f"cannot be written to ({fault.strerror})",
            do="free space or give it to this user",
            where=str(folder),
        ) from fault
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            raise FolderError(
                "another process works in this folder", do="stop that one first", where=str(folder)
            ) from fault
        yield
