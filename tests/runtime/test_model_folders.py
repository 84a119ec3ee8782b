"""Which model a folder stands for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hansa.core.charter_templates import template
from hansa.core.errors import FolderError
from hansa.runtime.model_folders import locate_model


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run's folder with a joined model of two parties, and one common model."""
    folder = tmp_path / "run"
    joined, common = folder / "models" / "aligned", folder / "models" / "fedavg"
    for place, value in (
        (joined, {"name": "aligned", "parts": ["north", "south"]}),
        (joined / "north", {"name": "north"}),
        (common, {"name": "fedavg"}),
    ):
        place.mkdir(parents=True)
        (place / "model.json").write_text(json.dumps(value))
    (folder / "charter.toml").write_text(template("simulated"))
    return folder


def test_a_run_stands_for_the_model_that_its_charter_trains(run: Path) -> None:
    assert locate_model(run) == run / "models" / "aligned"
    assert locate_model(run, "north") == run / "models" / "aligned" / "north"


def test_a_model_stands_for_itself_wherever_it_lies(run: Path) -> None:
    own = run / "models" / "aligned" / "north"
    assert locate_model(own) == own
    assert locate_model(own, "north") == own
    assert locate_model(run / "models" / "fedavg") == run / "models" / "fedavg"


def test_a_party_that_is_not_there_is_refused_with_those_at_hand(run: Path) -> None:
    with pytest.raises(FolderError, match="holds no party east; choose among north, south"):
        locate_model(run, "east")
    with pytest.raises(FolderError, match="holds one model, of fedavg, and no part of north"):
        locate_model(run / "models" / "fedavg", "north")


def test_a_run_that_has_not_come_to_its_model_says_how_to_go_on(run: Path) -> None:
    (run / "models" / "aligned" / "model.json").unlink()
    with pytest.raises(FolderError, match=f"no model of aligned yet; go on with hansa run --resume {run}"):
        locate_model(run)


def test_any_other_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="holds neither a run nor a model"):
        locate_model(tmp_path)
