"""A measured process gets the settings that are meant for it, and none that `import hansa` left behind."""

import json
import os
import sys
from pathlib import Path

import pytest

from benchmarks import bench, streaming
from benchmarks.benches import start_up
from benchmarks.children import HANSA_SETS, environment
from benchmarks.peers import processes
from benchmarks.peers.systems import PEERS

NAMES = (*HANSA_SETS, "HANSA_THREADS")
_PRINTS = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"


class CalledError(Exception):
    """A child would have been started."""


@pytest.fixture(autouse=True)
def _leaks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "leaked")


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Variables of the child that would have been started."""
    found: dict[str, str] = {}

    def start(*_: object, env: dict[str, str], **__: object) -> None:
        found.update(env)
        raise CalledError

    for name in ("run", "Popen"):
        monkeypatch.setattr(f"subprocess.{name}", start)
    return found


def test_what_hansa_set_is_taken_out_and_the_rest_is_kept() -> None:
    found = environment({"A": "1"})
    assert not set(NAMES) & set(found)
    assert found["A"] == "1"
    assert found["PATH"] == os.environ["PATH"]
    assert environment({"NPROC": "3"})["NPROC"] == "3"


@pytest.mark.parametrize("one_thread", [False, True])
def test_a_job_has_its_own_threads_and_nproc_is_free(given: dict[str, str], one_thread: bool) -> None:
    with pytest.raises(CalledError):
        bench.run(bench.Job("a:b", one_thread=one_thread))
    assert {name: given[name] for name in NAMES if name in given} == (
        {"HANSA_THREADS": "1"} if one_thread else {}
    )


def test_the_waits_and_the_table_larger_than_memory_inherit_nothing(
    given: dict[str, str], tmp_path: Path
) -> None:
    for call in (
        lambda: start_up._first_round(tmp_path / "work.npz", tmp_path),
        lambda: start_up._cli(tmp_path, "run"),
        lambda: streaming._run(tmp_path, 1.0),
    ):
        given.clear()
        with pytest.raises(CalledError):
            call()
        assert given
        assert not set(NAMES) & set(given)


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        ("fedjax", {}),
        ("fedjax-one-thread", {"NPROC": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}),
    ],
)
def test_a_peer_is_told_only_what_is_meant(peer: str, told: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "variables.json"
    command = [sys.executable, "-c", _PRINTS, str(out)]
    assert processes._wait(command, tmp_path / "log.txt", dict(PEERS[peer].settings)) == 0
    found = json.loads(out.read_text())
    assert {name: found[name] for name in NAMES if name in found} == told | {"OPENBLAS_NUM_THREADS": "1"}


def test_hansa_on_one_thread_has_xla_on_one_too(tmp_path: Path) -> None:
    out = tmp_path / "variables.json"
    command = [sys.executable, "-c", f"import hansa; {_PRINTS}", str(out)]
    assert processes._wait(command, tmp_path / "log.txt", {"HANSA_THREADS": "1"}) == 0
    assert json.loads(out.read_text())["NPROC"] == "1"


def test_the_command_line_is_measured_as_a_whole_process(tmp_path: Path) -> None:
    said, found = start_up._cli(tmp_path, "charter", "init", "--simulated")
    assert 'source = "simulated"' in said
    assert found["wall_ms"] > 0
    assert found["cpu_ms"] > 0
    assert found["peak_mb"] > 10


def test_a_command_line_that_ends_badly_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="cannot be read"):
        start_up._cli(tmp_path, "run", str(tmp_path / "none.toml"))


def test_the_run_that_compiles_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    took = iter([0.0, 900.0, 30.0, 20.0, 40.0])  # the charter, a run that compiles, and those that count

    def cli(_: Path, *words: str) -> tuple[str, dict[str, float]]:
        ms = next(took)
        return " ".join(words), {"wall_ms": ms, "cpu_ms": ms / 2, "peak_mb": 100.0}

    monkeypatch.setattr(start_up, "_cli", cli)
    monkeypatch.delenv("HANSA_THREADS")
    (case,) = start_up.whole_run()
    assert (case.wall_ms.median, case.cpu_ms.median, case.rounds) == (30.0, 15.0, 3)
    assert next(took, None) is None
