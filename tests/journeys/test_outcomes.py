"""A consortium learns failures, and another one prices: run, report, new rows."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from tests.batteries import outcomes

Hansa = Callable[..., Result]


@pytest.fixture(scope="module", params=["failure", "price"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, hansa: Hansa) -> Path:
    """Return the folder of a finished run; what it printed stands beside it."""
    folder = tmp_path_factory.mktemp(request.param)
    charter = outcomes.write(folder, request.param, rounds=2, compare='["isolated_mean"]')
    done = hansa("run", charter, "--out", folder / "out")
    assert done.exit_code == 0, done.stderr
    (folder / "stdout.txt").write_text(done.stdout, encoding="utf-8")
    return folder


def test_the_terminal_and_the_page_show_the_figures_of_the_task(run: Path) -> None:
    result = json.loads((run / "out" / "result.json").read_text())
    said, page = (run / "stdout.txt").read_text(), (run / "out" / "report.html").read_text()
    key, title = {"failure": ("auprc", "AUPRC"), "price": ("rmsle", "RMSLE")}[result["task"]]
    own = f"{result['scenarios']['labsync_mean']['test'][key]:.3f}"
    assert f"Federating brings the joined {title} to {own}; the mean of isolated models has" in said
    assert f"Federating brings the joined {title} to {own}" in page
    parties = result["scenarios"]["labsync_mean"]["parties"]
    lines = [one.split() for one in said.splitlines() if one.startswith("LabSync-Mean  ")]
    assert ["LabSync-Mean", *(f"{one['test'][key]:.3f}" for one in parties.values())] in lines


def test_a_result_has_no_keys_of_another_task(run: Path) -> None:
    result = json.loads((run / "out" / "result.json").read_text())
    assert {"label_cap", "time_unit", "filter"}.isdisjoint(result)
    assert ("price_unit" in result) == (result["task"] == "price")


def test_new_rows_are_scored_in_the_words_of_the_task(run: Path, hansa: Hansa) -> None:
    table = next(run.glob("*.csv"))
    rows = pd.read_csv(table).drop(columns=["outcome", "price"], errors="ignore")
    rows.head(20).to_csv(run / "new.csv", index=False)
    done = hansa("predict", run / "out", run / "new.csv")
    assert done.exit_code == 0, done.stderr
    found = pd.read_csv(io.StringIO(done.stdout))
    assert found["asset"].tolist() == rows["id"].head(20).tolist()
    value = json.loads(hansa("predict", run / "out", run / "new.csv", "--party", "party-2", "--json").stdout)
    if value["task"] == "failure":
        assert list(found.columns) == ["asset", "chance", "fails"]
        assert all(row["fails"] == (row["chance"] >= value["threshold"]) for row in value["rows"])
    else:
        assert list(found.columns) == ["asset", "price"]
        assert found["price"].between(1000, 500000).all()
        assert (value["unit"], value["range"]) == ("EUR", [1000, 500000])


def test_a_row_without_a_sensor_is_refused_in_a_sentence(run: Path, hansa: Hansa) -> None:
    (run / "bare.csv").write_text("id,load\nx,1\n", encoding="utf-8")
    done = hansa("predict", run / "out", run / "bare.csv")
    assert done.exit_code == 2
    assert "bare.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_failures_are_carried_to_the_parties_whatever_learns_from_them(hansa: Hansa, tmp_path: Path) -> None:
    charter = outcomes.write(tmp_path, "failure", "aligned", rounds=2, compare="[]")
    done = hansa("partition", charter, "--out", tmp_path / "parties")
    assert done.exit_code == 0, done.stderr
    told = hansa("charter", "check", tmp_path / "parties" / "charter.toml")
    assert told.exit_code == 0, told.stderr
