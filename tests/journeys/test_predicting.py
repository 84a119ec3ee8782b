"""A party's engineer scores new rows, on this machine or on another."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

import hansa as library

REPOSITORY = Path(__file__).resolve().parents[2]
HANSA = [sys.executable, "-c", "from hansa.cli.start import main; main()"]

Hansa = Callable[..., Result]


def scored(text: str) -> pd.DataFrame:
    """Return what the command wrote, every digit of it."""
    return pd.read_csv(io.StringIO(text))


def test_rows_are_scored_by_asset_and_time(hansa: Hansa, finished: Path, new_rows: Path) -> None:
    done = hansa("predict", finished / "out", new_rows)
    assert done.exit_code == 0, done.stderr
    found, rows = scored(done.stdout), pd.read_csv(new_rows)
    assert list(found.columns) == ["asset", "time", "remaining", "remaining_raw"]
    assert len(found) == len(rows)
    assert found[["asset", "time"]].to_numpy().tolist() == rows[["asset", "time"]].to_numpy().tolist()


def test_predictions_stand_beside_their_rows_whatever_the_order(finished: Path, new_rows: Path) -> None:
    model, rows = library.load(finished / "out"), pd.read_csv(new_rows)
    mixed = rows.sample(frac=1.0, random_state=1)
    found, straight = model.predict(mixed), model.predict(rows)
    pd.testing.assert_index_equal(found.index, mixed.index)
    assert found["time"].tolist() == mixed["time"].tolist()
    pd.testing.assert_frame_equal(found.sort_index(), straight)


def test_a_new_process_and_a_moved_folder_predict_the_same_bits(
    hansa: Hansa, finished: Path, new_rows: Path, tmp_path: Path
) -> None:
    own = finished / "out" / "models" / "labsync_mean" / "party-2"
    here = library.load(own).predict(pd.read_csv(new_rows))
    moved = shutil.copytree(own, tmp_path / "another machine" / "north")
    elsewhere = subprocess.run(
        [*HANSA, "predict", str(moved), str(new_rows)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    by_party = hansa("predict", finished / "out", new_rows, "--party", "party-2")
    assert by_party.stdout == elsewhere.stdout
    there = scored(elsewhere.stdout)
    for name in ("remaining", "remaining_raw"):
        np.testing.assert_array_equal(there[name].to_numpy(), here[name].to_numpy())


def test_the_whole_model_is_the_mean_of_its_parties(hansa: Hansa, finished: Path, new_rows: Path) -> None:
    whole = scored(hansa("predict", finished / "out", new_rows).stdout)
    parts = [
        scored(hansa("predict", finished / "out", new_rows, "--party", f"party-{n}").stdout) for n in (1, 2)
    ]
    mean = (parts[0]["remaining_raw"] + parts[1]["remaining_raw"]) / 2
    np.testing.assert_allclose(whole["remaining_raw"], mean, rtol=1e-6)


def test_the_statistics_of_the_new_file_do_not_matter(
    hansa: Hansa, finished: Path, new_rows: Path, tmp_path: Path
) -> None:
    rows = pd.read_csv(new_rows)
    alone = tmp_path / "alone.csv"
    rows[rows["asset"] == "test 2"].to_csv(alone, index=False)
    whole = scored(hansa("predict", finished / "out", new_rows).stdout)
    found = scored(hansa("predict", finished / "out", alone).stdout)
    same = whole[whole["asset"] == "test 2"].reset_index(drop=True)
    np.testing.assert_array_equal(found["time"], same["time"])
    for name in ("remaining", "remaining_raw"):  # another count of rows may change the order of a sum
        np.testing.assert_allclose(found[name], same[name], rtol=1e-4, atol=1e-3)


def test_files_of_cmapss_and_parquet_are_read_like_csv(
    hansa: Hansa, finished: Path, nasa: Path, tmp_path: Path
) -> None:
    text = hansa("predict", finished / "out", nasa / "test_FD001.txt")
    assert text.exit_code == 0, text.stderr
    numbers = pd.read_csv(nasa / "test_FD001.txt", sep=" ", header=None)
    names = ["asset", "time", *(f"setting_{n}" for n in (1, 2, 3)), *(f"s{n}" for n in range(1, 22))]
    numbers.set_axis(names, axis=1).to_parquet(tmp_path / "rows.parquet")
    table = hansa("predict", finished / "out", tmp_path / "rows.parquet")
    assert table.stdout == text.stdout


def test_a_file_is_written_at_once_and_json_says_which_model(
    hansa: Hansa, finished: Path, new_rows: Path, tmp_path: Path
) -> None:
    target = tmp_path / "life.json"
    done = hansa("predict", finished / "out", new_rows, "--json", "--out", target)
    assert done.stdout == ""
    assert str(target) in done.stderr
    value = json.loads(target.read_text())
    assert (value["model"], value["charter"], value["label_cap"]) == ("labsync_mean", "tiny", 120.0)
    csv = scored(hansa("predict", finished / "out", new_rows).stdout)
    assert [row["remaining"] for row in value["rows"]] == csv["remaining"].tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["life.json"]


def test_an_unknown_party_is_refused_with_those_at_hand(hansa: Hansa, finished: Path, new_rows: Path) -> None:
    done = hansa("predict", finished / "out", new_rows, "--party", "north")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "holds no party north; choose among party-1, party-2." in done.stderr


def test_a_missing_sensor_is_named_with_file_column_and_party(
    hansa: Hansa, finished: Path, new_rows: Path, tmp_path: Path
) -> None:
    path = tmp_path / "short.csv"
    pd.read_csv(new_rows).drop(columns=["s14"]).to_csv(path, index=False)
    owners = {
        n: "s14"
        in json.loads((finished / f"out/models/labsync_mean/party-{n}/model.json").read_text())["sensors"]
        for n in (1, 2)
    }
    assert any(owners.values())
    for n, owns in owners.items():
        done = hansa("predict", finished / "out", path, "--party", f"party-{n}")
        if owns:
            assert (done.exit_code, done.stdout) == (2, "")
            assert done.stderr.startswith(
                f'{path}: there is no column "s14", a sensor that the model of party-{n}'
            )
        else:
            assert done.exit_code == 0  # a party does without the sensors that it has not


def test_a_bad_cell_is_named_and_no_file_is_left(
    hansa: Hansa, finished: Path, new_rows: Path, tmp_path: Path
) -> None:
    rows = pd.read_csv(new_rows, dtype=str)
    rows.loc[4, "s2"] = "broken"
    rows.to_csv(tmp_path / "bad.csv", index=False)
    done = hansa("predict", finished / "out", tmp_path / "bad.csv", "--out", tmp_path / "life.csv")
    assert done.exit_code == 2
    assert f'{tmp_path / "bad.csv"}, line 6: column "s2" holds "broken", which is not a number' in done.stderr
    assert not (tmp_path / "life.csv").exists()


def test_a_folder_without_a_model_is_refused(hansa: Hansa, new_rows: Path, tmp_path: Path) -> None:
    done = hansa("predict", tmp_path, new_rows)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{tmp_path}: holds neither a run nor a model; ")


def test_a_damaged_model_is_refused(hansa: Hansa, finished: Path, new_rows: Path, tmp_path: Path) -> None:
    own = shutil.copytree(finished / "out" / "models" / "labsync_mean" / "party-1", tmp_path / "own")
    content = (own / "weights.npz").read_bytes()
    (own / "weights.npz").write_bytes(content[: len(content) // 2])
    done = hansa("predict", own, new_rows)
    assert done.exit_code == 2
    assert "weights.npz: cannot be read" in done.stderr
    (own / "model.json").write_text("{}")
    assert f"{own}: is not a whole model" in hansa("predict", own, new_rows).stderr


@pytest.mark.parametrize("scenario", ["isolated", "labsync_mean"])
def test_every_scenario_that_was_trained_can_be_asked(
    hansa: Hansa, finished: Path, new_rows: Path, scenario: str
) -> None:
    assert hansa("predict", finished / "out" / "models" / scenario, new_rows).exit_code == 0
