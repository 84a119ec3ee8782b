"""A run that may begin has read its records and owns its folder; one that may not has left no trace."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hansa.core.charter import Charter
from hansa.core.charter_reader import generated_roster, parse_charter
from hansa.core.errors import DataError, FolderError
from hansa.runtime.result import RunResult
from hansa.simulation.charter_file import charter_file_of
from hansa.simulation.launch import is_complete, launch, relaunch

CHARTER = parse_charter("""
name = "tiny"
consortium = "Two makers"
parties = 2
rounds = 2
[data]
source = "simulated"
engines = 6
test_engines = 2
[partition]
kind = "horizontal"
[algorithm]
name = "isolated"
""")


def begin(charter: Charter, out: Path) -> RunResult:
    return launch(charter_file_of(charter), None, out).go(lambda _: "", lambda _: None, lambda: False)


def test_a_launched_run_owns_its_folder_before_it_trains(tmp_path: Path) -> None:
    started = launch(charter_file_of(CHARTER), None, tmp_path / "out")
    assert started.fresh
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "charter.toml",
        "charter.digest",
        "run.json",
    }
    assert not is_complete(tmp_path / "out")


def test_records_that_are_missing_are_refused_before_the_folder_is_made(tmp_path: Path) -> None:
    other = replace(CHARTER, data=replace(CHARTER.data, source="cmapss", subset="FD001"))
    with pytest.raises(DataError):
        launch(charter_file_of(other), tmp_path, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_complete_run_brings_its_models_and_is_known_as_complete(tmp_path: Path) -> None:
    result = begin(CHARTER, tmp_path / "out")
    assert result.complete
    assert set(result.models) == {"isolated"}
    assert is_complete(tmp_path / "out")


def test_a_fault_in_training_leaves_a_fresh_folder_as_it_was(tmp_path: Path) -> None:
    steep = replace(
        CHARTER,
        network=replace(CHARTER.network, activation="relu"),
        training=replace(CHARTER.training, optimizer="sgd", learning_rate=1e30),
    )
    with pytest.raises(Exception, match="left the finite numbers"):
        begin(steep, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_report_that_cannot_be_rendered_is_our_fault_and_keeps_what_was_trained(tmp_path: Path) -> None:
    started = launch(charter_file_of(CHARTER), None, tmp_path / "out")
    with pytest.raises(ZeroDivisionError):
        started.go(lambda _: str(1 / 0), lambda _: None, lambda: False)
    assert (tmp_path / "out" / "models" / "isolated" / "model.json").is_file()


def test_a_run_that_is_taken_up_refuses_another_roster(tmp_path: Path) -> None:
    launch(charter_file_of(CHARTER), None, tmp_path)
    identity = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(identity | {"roster_digest": "0" * 64}))
    with pytest.raises(FolderError, match="the roster of parties is not the one that this run began with"):
        relaunch(tmp_path, None)


def test_another_roster_of_the_same_charter_gets_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    three = replace(CHARTER, roster=generated_roster(3))
    folders = [launch(charter_file_of(one), None, None).folder.path for one in (CHARTER, three, CHARTER)]
    assert folders[0] == folders[2] != folders[1]
    assert folders[1].name.startswith(f"{folders[0].name}-")
