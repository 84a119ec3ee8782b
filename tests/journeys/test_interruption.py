"""A run that was stopped goes on to the same models and metrics, wherever it was stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from hansa.cli.report import report_of
from hansa.simulation.charter_file import read_charter_file
from hansa.simulation.launch import launch, relaunch

REPOSITORY = Path(__file__).resolve().parents[2]
HANSA = [sys.executable, "-c", "from hansa.cli.start import main; main()"]

Hansa = Callable[..., Result]
Tiny = Callable[..., str]


def found_in(folder: Path) -> tuple[Any, dict[str, Any]]:
    """Return the result without timings, and every array of every model."""
    models = {}
    for path in sorted((folder / "models").rglob("weights.npz")):
        with np.load(path) as stored:
            models |= {f"{path.relative_to(folder)} {n}": stored[n].tobytes() for n in stored.files}
    return untimed(json.loads((folder / "result.json").read_text())), models


def untimed(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if k not in {"seconds", "peak_memory_mb"}}
    return [untimed(one) for one in value] if isinstance(value, list) else value


def train(started: Any, rounds: int | None = None) -> Any:
    """Return the result of a run that is asked to stop after so many rounds; none: never."""
    seen = []
    return started.go(report_of("charter"), seen.append, lambda: rounds is not None and len(seen) >= rounds)


@pytest.fixture(scope="module")
def charter(tmp_path_factory: pytest.TempPathFactory, tiny: Tiny) -> Path:
    path = tmp_path_factory.mktemp("charter") / "three.toml"
    path.write_text(tiny(rounds=3, compare='["isolated", "isolated_mean", "fedavg"]'))
    return path


@pytest.fixture(scope="module")
def uninterrupted(charter: Path) -> tuple[Any, dict[str, Any]]:
    folder = charter.parent / "uninterrupted"
    train(launch(read_charter_file(charter), None, folder))
    return found_in(folder)


@pytest.mark.parametrize("stops", [(1,), (4,), (3, 1, 2), (9,)], ids=str)
def test_a_run_stopped_after_any_round_goes_on_to_the_same_bits(
    charter: Path, uninterrupted: tuple[Any, dict[str, Any]], tmp_path: Path, stops: tuple[int, ...]
) -> None:
    out = tmp_path / "out"
    first, *later = stops
    result = train(launch(read_charter_file(charter), None, out), first)
    for rounds in later:
        assert not result.complete
        result = train(relaunch(out, None), rounds)
    assert not result.complete
    assert json.loads((out / "result.json").read_text())["complete"] is False
    assert (out / "report.html").is_file()
    assert (out / "checkpoint.npz").is_file()

    result = train(relaunch(out, None))

    assert result.complete
    assert not (out / "checkpoint.npz").exists()
    assert found_in(out) == uninterrupted


def test_ctrl_c_leaves_a_partial_result_and_says_how_to_go_on(
    hansa: Hansa, tiny: Tiny, tmp_path: Path
) -> None:
    (tmp_path / "long.toml").write_text(tiny(rounds=150))
    status, shown, said = interrupted(tmp_path, "long.toml", signal.SIGINT)
    assert status == 130, said
    assert "Go on with: hansa run --resume out" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert shown.splitlines()[-1] == "out"
    assert "Partial: stopped after" in shown
    partial = json.loads((tmp_path / "out" / "result.json").read_text())
    assert not partial["complete"]
    assert 0 < partial["rounds_done"] < 150

    resumed = hansa("run", "--resume", tmp_path / "out")
    assert resumed.exit_code == 0, resumed.stderr
    hansa("run", tmp_path / "long.toml", "--out", tmp_path / "whole")
    assert found_in(tmp_path / "out") == found_in(tmp_path / "whole")


def interrupted(folder: Path, charter: str, number: int) -> tuple[int, str, str]:
    """Return exit status, stdout and stderr of a run that gets a signal in its first round."""
    run = subprocess.Popen(
        [*HANSA, "run", charter, "--out", "out"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stderr is not None
    first = run.stderr.readline()
    run.send_signal(number)
    shown, said = run.communicate(timeout=60)
    return run.returncode, shown, first + said


def test_a_resumed_run_refuses_other_data(hansa: Hansa, tiny: Tiny, nasa: Path, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(tiny('[data]\nsource = "cmapss"\nsubset = "FD001"'))
    out = tmp_path / "out"
    train(launch(read_charter_file(tmp_path / "c.toml"), nasa, out), 1)
    file = nasa / "train_FD001.txt"
    file.write_text(file.read_text().replace("1 1 ", "1 1 9", 1))
    done = hansa("run", "--resume", out)  # finds the folder of the records by itself
    assert done.exit_code == 2
    assert f"{out}: the data is not the one that this run began with" in done.stderr


def test_a_resumed_run_refuses_an_edited_charter(hansa: Hansa, charter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    train(launch(read_charter_file(charter), None, out), 1)
    text = (out / "charter.toml").read_text()
    (out / "charter.toml").write_text(text.replace("rounds = 3", "rounds = 4"))
    done = hansa("run", "--resume", out)
    assert done.exit_code == 2
    assert "the charter is not the one that this run began with" in done.stderr


def test_resume_names_the_folder_alone(hansa: Hansa, charter: Path, tmp_path: Path) -> None:
    assert hansa("run", charter, "--resume", tmp_path).exit_code == 2
    done = hansa("run", "--resume", tmp_path)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{tmp_path}: holds no run")
