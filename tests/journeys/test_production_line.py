"""A quality engineer takes a production line from the publisher's file to a federation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from hansa.runtime.world import STREAM_VARIABLE
from hansa.simulation.charter_file import CharterFile, read_charter_file
from hansa.simulation.launch import train_in_memory

Hansa = Callable[..., Result]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, hansa: Hansa) -> Path:
    """Return a folder with a cleaned line of 3,000 parts."""
    folder = tmp_path_factory.mktemp("line")
    done = hansa("data", "bosch", folder / "made", "--generate", 3000, "--out", folder / "clean")
    assert done.exit_code == 0, done.stderr
    *said, left, place = done.stdout.splitlines()
    assert said[0] == "Read: 3,000 rows, 968 features."
    assert [one[:3] for one in said[1:]] == ["1. ", "2. ", "3. ", "4. "]
    assert left.startswith("Left: ")
    assert Path(place) == folder / "clean"
    assert "horizontal.toml" in done.stderr
    return folder


def short(path: Path) -> CharterFile:
    """Return the charter with two rounds and no baselines, for the test's sake."""
    file = read_charter_file(path)
    return replace(file, charter=replace(file.charter, rounds=2, compare=()))


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("horizontal", marks=pytest.mark.slow),
        pytest.param("vertical", marks=pytest.mark.slow),
        pytest.param("hybrid", marks=pytest.mark.slow),  # as given, but for where the rows come from
        "given",
    ],
)
def test_every_partition_trains_and_its_model_scores_the_table(
    line: Path, hansa: Hansa, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv(STREAM_VARIABLE, "0")  # parties with files of their own are read in pieces
    charter = line / "clean" / f"{kind}.toml"
    assert hansa("charter", "check", charter).exit_code == 0
    result = train_in_memory(short(charter), None, lambda _: None)
    assert ("streamed" in result.about) == (kind == "given")
    name = result.about["algorithm"]
    figures = result.scenarios[name].scores["test"].figures
    assert {"auprc", "mcc", "macro_f", "f_failed", "f_good", "accuracy"} <= set(figures)
    wide = {party: len(one["sensors"]) for party, one in result.parties.items()}
    whole = len(short(charter).charter.data.columns) - 2
    assert (sum(wide.values()) == whole) == (kind == "vertical")
    rows = pd.read_parquet(line / "clean" / "bosch.parquet").head(40)
    scored = result.models[name].predict(rows)
    assert scored["asset"].tolist() == rows["Id"].astype(str).tolist()
    assert scored["chance"].between(0, 1).all()


def test_what_lies_there_already_is_refused_in_one_sentence(line: Path, hansa: Hansa) -> None:
    again = hansa("data", "bosch", line / "made", "--out", line / "clean")
    assert again.exit_code == 2
    assert again.stderr.endswith("holds something already; choose another folder with --out.\n")
    made = hansa("data", "bosch", line / "made", "--generate", 10, "--out", line / "other")
    assert made.exit_code == 2
    assert "is there already" in made.stderr
    nothing = hansa("data", "bosch", line, "--out", line / "other")
    assert nothing.exit_code == 2
    assert "there is no train_numeric.csv" in nothing.stderr
    assert not (line / "other").exists()
