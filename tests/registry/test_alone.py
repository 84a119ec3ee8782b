"""One process at a time works in a node's folder, and one that is killed keeps nobody out."""

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from hansa.core.errors import FolderError
from hansa.registry.alone import alone_in


def _stay(folder: str, told: Connection) -> None:
    with alone_in(Path(folder)):
        told.send("in")
        told.recv()


def test_a_second_process_stays_out_until_the_first_is_killed(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    other = spawn.Process(target=_stay, args=(str(tmp_path), theirs))
    other.start()
    assert ours.recv() == "in"
    with pytest.raises(FolderError, match="another process works in this folder"), alone_in(tmp_path):
        pass
    assert other.pid is not None
    os.kill(other.pid, signal.SIGKILL)
    other.join()
    with alone_in(tmp_path):
        pass
    ours.close()
    theirs.close()


def test_who_is_done_keeps_nobody_out(tmp_path: Path) -> None:
    for _ in range(2):
        with alone_in(tmp_path):
            pass


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="cannot be written to"), alone_in(tmp_path / "none"):
        pass
