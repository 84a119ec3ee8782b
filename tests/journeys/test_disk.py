"""A disk that is full or read-only is said in one sentence, breaks nothing, and the run goes on after it."""

import json
import os
import re
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.deployed_nodes import NAMES, Nodes, charter_text, digests, nodes, serve, started, trial
from hansa.protection.enrolment import COORDINATOR
from tests.journeys.founding import ROUNDS, logs

pytestmark = pytest.mark.slow
PATIENCE_S = 240.0
_SMALL = 50_000  # bytes: less than what a node keeps of a run


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the digests of the models of a run with room on every disk."""
    folder = tmp_path_factory.mktemp("room")
    trial(folder, charter_text("masked", ROUNDS))
    with nodes(folder) as running:
        assert running.finish(PATIENCE_S), logs(folder)
    return digests(folder)


@contextmanager
def disk(folder: Path, options: str) -> Iterator[None]:
    """Have a folder be a small disk of its own."""
    folder.mkdir(parents=True)
    if os.geteuid() or _mount("-t", "tmpfs", "-o", options, "none", str(folder)):
        pytest.skip("this user may not mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607 (wherever it is)


def changed(folder: Path, options: str) -> None:
    """Have a disk be another one from now on, whoever works on it."""
    assert _mount("-o", f"remount,{options}", str(folder)) == 0


def _mount(*words: str) -> int:
    command = ["mount", *words]
    return subprocess.run(command, check=False, capture_output=True).returncode


def _with_small_files(folder: str, name: str) -> None:
    """Be a node whose files cannot become large."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_SMALL, resource.RLIM_INFINITY))
    serve(folder, name)


def kept(folder: Path, name: str) -> Path:
    """Return where a node keeps what it remembers of the run."""
    run = json.loads((folder / COORDINATOR / "consortium.json").read_text(encoding="utf-8"))["run"]
    return folder / name / "runs" / str(run)


def _ends(running: Nodes, name: str) -> str:
    """Return the log of a node that ends with status 2."""
    ends = time.monotonic() + PATIENCE_S
    while name not in running.running or running.running[name].exitcode is None:
        assert time.monotonic() < ends, logs(running.folder)
        running.look()
        running.away.add(name)
        time.sleep(0.01)
    assert running.running[name].exitcode == 2
    return (running.folder / name / "log").read_text(encoding="utf-8")


def _goes_on(running: Nodes, models: dict[str, str]) -> None:
    running.away.clear()
    assert running.finish(PATIENCE_S), logs(running.folder)
    assert digests(running.folder) == models


def _is_said(log: str, folder: Path, why: str) -> None:
    """Pass if the coordinator hears that anna's disk refuses, and anna's own log alone says why."""
    assert re.search("anna: refuses .*its disk or its folder refuses", log), log
    assert why not in log
    assert why in (folder / "anna" / "log").read_text(encoding="utf-8")


def test_a_party_whose_files_cannot_grow_says_so_to_all(tmp_path: Path, models: dict[str, str]) -> None:
    trial(tmp_path, charter_text("masked", ROUNDS))
    with nodes(tmp_path) as running:
        running.running["anna"] = started(tmp_path, "anna", _with_small_files)
        log = _ends(running, COORDINATOR)
        _is_said(log, tmp_path, "free space on the disk")
        running.kill("anna")
        running.running["anna"].join()
        _goes_on(running, models)


def test_a_party_whose_disk_is_full_says_so_to_all(tmp_path: Path, models: dict[str, str]) -> None:
    trial(tmp_path, charter_text("masked", ROUNDS))
    place = kept(tmp_path, "anna")
    with disk(place, "size=100k"), nodes(tmp_path) as running:
        log = _ends(running, COORDINATOR)
        _is_said(log, tmp_path, "database or disk is full")
        changed(place, "size=50m")  # under the feet of the node, which has not even ended
        _goes_on(running, models)


def test_a_coordinator_whose_disk_is_full_says_so(tmp_path: Path, models: dict[str, str]) -> None:
    trial(tmp_path, charter_text("masked", ROUNDS))
    place = kept(tmp_path, COORDINATOR)
    with disk(place, "size=60k"), nodes(tmp_path) as running:
        log = _ends(running, COORDINATOR)
        assert "free space" in log
        assert "Traceback" not in log
        changed(place, "size=50m")
        _goes_on(running, models)


@pytest.mark.parametrize("name", [COORDINATOR, NAMES[0]])
def test_a_folder_that_is_read_only_is_said_at_once(
    tmp_path: Path, models: dict[str, str], name: str
) -> None:
    trial(tmp_path, charter_text("masked", ROUNDS))
    place = kept(tmp_path, name)
    with disk(place, "ro"), nodes(tmp_path) as running:
        assert "cannot be written to (Read-only file system)" in _ends(running, name)
        changed(place, "rw")
        _goes_on(running, models)
