"""The rows on SECOM: their charters hold, parties share no column, and differences are read the right way."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import accuracy_failure, kept_runs, secom
from benchmarks.failure_search import BASELINES, DRAWS, RECIPES, RESULT, SHARED, SPLITS, chosen
from hansa.core.charter_rules import check_charter


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Return a folder with units of the same form, of which every tenth failed."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(120, 8)), columns=[f"V{n}" for n in (1, 2, 3, 5, 8, 9, 40, 590)])
    frame.iloc[3, 2] = np.nan
    frame.insert(0, "row", np.arange(1, 121))
    frame.to_csv(tmp_path / "secom_431cols.csv.gz", index=False)
    outcome = pd.Series(np.where(np.arange(120) % 10, -1, 1))
    pd.DataFrame({0: outcome, 1: "19/07/2008"}).to_csv(
        tmp_path / "secom_labels.data.gz", sep=" ", header=False, index=False
    )
    return tmp_path


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("algorithm", ["vertical", "labsync_mean"])
def test_every_charter_of_the_search_holds(made: Path, recipe: str, algorithm: str) -> None:
    check_charter(secom.charter(made, 1, algorithm, ("centralised",), RECIPES[recipe]))


def test_parties_share_all_columns_out_and_validation_rows_are_none_of_the_test(made: Path) -> None:
    charter = secom.charter(made, 1, "vertical", BASELINES, RECIPES["default"])
    owned = [name for party in charter.roster for name in party.sensors]
    assert sorted(owned) == sorted(column.name for column in charter.data.columns if column.role == "sensor")
    whole = secom.world(charter, made)
    assert whole.test is not None
    drawn = []
    for draw in range(DRAWS):
        inner = secom.validation_world(charter, made, draw)
        assert inner.train is not None
        assert inner.test is not None
        seen = {*inner.train.asset_names, *inner.test.asset_names}
        assert not seen & set(whole.test.asset_names)
        assert (inner.test.remaining > 0).sum() == round(0.3 * round(0.7 * 12))
        drawn.append(inner.test.asset_names)
    assert len(set(drawn)) == DRAWS


def test_each_split_has_the_recipe_that_did_best_on_its_own_draws() -> None:
    rows = json.loads(RESULT.read_text(encoding="utf-8"))
    for split in SPLITS:
        for algorithm, name in product(SHARED, ("", *BASELINES)):
            scenario = name or algorithm
            told = [row for row in rows if row["split"] == split]
            own = [row for row in told if row["scenario"] == f"{algorithm}: {scenario}"]
            scores = {row["recipe"]: row["auprc"] for row in own}
            assert set(scores) == set(RECIPES)
            assert scores[chosen(split, algorithm, scenario)] == max(scores.values())


@pytest.mark.slow
def test_a_split_is_measured_once_and_then_read(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_runs, "KEPT", made / "kept")
    charter = secom.charter(made, 1, "vertical", BASELINES, RECIPES["default"] | {"rounds": 2})
    first = accuracy_failure.found(charter, made)
    assert set(first) == {"vertical", *BASELINES}
    (path,) = (made / "kept").iterdir()
    path.write_text(path.read_text().replace("auprc", "read"))
    assert "read" in accuracy_failure.found(charter, made)["vertical"]


def test_rows_say_who_is_above_whom() -> None:
    names = ("centralised", "vertical", "isolated_mean", "isolated")
    runs = [
        {
            name: {"auprc": 0.2 - 0.02 * place + 0.001 * run * place, "mcc": 0.1}
            for place, name in enumerate(names)
        }
        for run in range(4)
    ]
    rows = {row.measure.split("splits: ")[1]: row for row in accuracy_failure.vertical_rows(runs)}
    below = rows["AUPRC, centralised minus joined"]
    assert (below.value, below.holds) == (pytest.approx(0.0185), False)
    above = rows["AUPRC, joined minus the mean of single groups"]
    assert above.holds
    low, high = (
        rows[f"AUPRC, joined minus the mean of single groups, paired 95 % interval, {end} end"].value
        for end in ("low", "high")
    )
    assert low < above.value < high
