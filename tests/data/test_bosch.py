"""Bosch's file is cleaned by four rules in a stated order, in pieces, and written whole or not at all."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hansa.core.charter_reader import parse_charter
from hansa.core.errors import DataError, FolderError, HansaError
from hansa.data import bosch, bosch_file
from hansa.data.bosch_charters import own_columns
from hansa.data.bosch_file import numeric_file
from hansa.data.bosch_rules import MOST_MISSING_CELLS

FEATURES = 240  # of each of two line groups


def _silent(what: str, rows: int) -> None:
    del what, rows


def raw(rows: int = 80, seed: int = 0) -> pd.DataFrame:
    """Return a table on which every rule bites."""
    rng = np.random.default_rng(seed)
    names = [f"L{line}_S{line}_F{number}" for line in (0, 3) for number in range(FEATURES)]
    readings = rng.normal(0, 0.1, (rows, len(names))).round(3)
    readings[:, ::7] = np.where(rng.random((rows, len(names[::7]))) < 0.2, readings[:, ::7], np.nan)
    readings[:, 3::50] = 0.25  # never varies, but where it is missing
    readings[::9, 3:400] = np.nan  # parts that went nearly nowhere
    frame = pd.DataFrame(readings, columns=names)
    frame.insert(0, "Id", np.arange(rows) * 2 + 4)
    frame["Response"] = (np.arange(rows) % 8 == 5).astype(int)
    for repeated, of in ((20, 10), (21, 10), (70, 2)):
        frame.loc[repeated, frame.columns[1:]] = frame.loc[of, frame.columns[1:]]
    return frame.astype({"Response": int})


def expected(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table as pandas cleans it, in one piece."""
    frame = frame[~frame.drop(columns="Id").duplicated()]
    features = [name for name in frame.columns if name.startswith("L")]
    features = [name for name in features if frame[name].isna().mean() <= 0.7]
    features = [name for name in features if frame[name].nunique() > 1]
    full = frame[features].isna().sum(axis=1) <= MOST_MISSING_CELLS
    return frame.loc[full, ["Id", *features, "Response"]].reset_index(drop=True)


def packed(folder: Path, frame: pd.DataFrame, ending: str) -> Path:
    text = frame.to_csv(index=False)
    folder.mkdir(exist_ok=True)
    path = folder / f"train_numeric{ending}"
    if ending.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("train_numeric.csv", text)
    elif ending.endswith("gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return folder


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".csv.zip", ".zip"])
def test_the_rules_over_pieces_leave_what_they_leave_of_the_whole_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(bosch_file, "_BLOCK_BYTES", 1 << 14)  # a few rows
    frame = raw()
    place = packed(tmp_path / "raw", frame, ending)
    found = bosch.clean(place, tmp_path / "out", _silent)
    left = pd.read_parquet(tmp_path / "out" / bosch.TABLE)
    pd.testing.assert_frame_equal(left, expected(frame), check_dtype=False)
    counts = found.counts
    assert counts.repeated_rows == 3
    assert min(counts.sparse_columns, counts.constant_columns, counts.sparse_rows) > 0
    assert (counts.rows_left, counts.columns_left + 2) == left.shape
    assert counts.failures == left["Response"].sum()
    assert json.loads((tmp_path / "out" / "cleaning.json").read_text())["rows"] == len(frame)


def test_each_party_gets_every_fourth_part_and_one_line_group(tmp_path: Path) -> None:
    bosch.clean(packed(tmp_path / "raw", raw(), ".csv"), tmp_path / "out", _silent)
    whole = pd.read_parquet(tmp_path / "out" / bosch.TABLE)
    features = [name for name in whole.columns if name.startswith("L")]
    for party in range(4):
        own = pd.read_parquet(tmp_path / "out" / "parties" / f"party-{party + 1}.parquet")
        columns = ["Id", *own_columns(features, party), "Response"]
        assert {name[:2] for name in columns[1:-1]} == {"L0" if party < 2 else "L3"}
        pd.testing.assert_frame_equal(own, whole.loc[party::4, columns].reset_index(drop=True))


def test_the_charters_name_the_tables_beside_them_and_the_line_groups(tmp_path: Path) -> None:
    out = tmp_path / "out"
    bosch.clean(packed(tmp_path / "raw", raw(), ".csv"), out, _silent)
    for kind in ("horizontal", "vertical", "hybrid", "given"):
        charter = parse_charter((out / f"{kind}.toml").read_text(), kind)
        assert (charter.task, charter.parties, charter.partition.kind) == ("failure", 4, kind)
        assert (charter.preparation.features, charter.preparation.components) == ("pca", 22)
        assert ("isolated_mean" in charter.compare) == (kind != "given")
        assert {one.group for one in charter.data.columns if one.role == "sensor"} == {"L0-L2", "L3"}
        for name in [charter.data.file, *(party.data for party in charter.roster)]:
            assert not name or (out / name).is_file()
        owned = [name for party in charter.roster for name in party.sensors]
        assert len(set(owned)) == len(owned) or kind != "vertical"


def _cut(place: Path) -> None:
    path = next(place.glob("*.gz"))
    path.write_bytes(path.read_bytes()[:-4000])


def _bad(name: str, row: int, value: object) -> pd.DataFrame:
    frame = raw().astype(object)
    frame.loc[row, name] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (raw().drop(columns="Response"), "the header lacks Id, Response or features"),
        (raw().rename(columns={"L0_S0_F1": "date"}), "the header has a column 'date'"),
        (_bad("L0_S0_F2", 5, "x"), "cannot be read"),
        (_bad("Response", 5, 3), "a Response that is neither 0 nor 1"),
        (_bad("Id", 5, ""), "has no Id"),
        (raw().query("Response == 0 or Id < 20"), "too few to learn from"),
        (raw().drop(columns=[f"L0_S0_F{n}" for n in range(FEATURES)]), "0 columns of the lines L0-L2"),
    ],
    ids=["no response", "other column", "text", "other class", "no id", "few rows", "one line"],
)
def test_a_file_that_cannot_be_cleaned_is_refused_and_nothing_is_written(
    tmp_path: Path, frame: pd.DataFrame, words: str
) -> None:
    place = packed(tmp_path / "raw", frame, ".csv")
    with pytest.raises(DataError, match=words):
        bosch.clean(place, tmp_path / "out", _silent)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_a_file_that_is_cut_short_or_missing_is_refused(tmp_path: Path) -> None:
    place = packed(tmp_path / "raw", raw(), ".csv.gz")
    _cut(place)
    with pytest.raises(DataError, match=r"train_numeric.csv.gz: cannot be read"):
        bosch.clean(place, tmp_path / "out", _silent)
    packed(place, raw(), ".csv")
    with pytest.raises(DataError, match="there are 2 files of that kind"):
        numeric_file(place)
    with pytest.raises(DataError, match=r"there is no train_numeric.csv; name the file"):
        numeric_file(tmp_path)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_is_there_already_is_left_alone(tmp_path: Path, what: str) -> None:
    place, out = packed(tmp_path / "raw", raw(), ".csv"), tmp_path / "out"
    if what == "folder":
        out.mkdir()
        (out / "mine.txt").write_text("x")
    else:
        out.write_text("x")
    with pytest.raises(FolderError, match="holds something already"):
        bosch.clean(place, out, _silent)
    with pytest.raises(HansaError, match="is there already"):
        bosch.generate(place, 10, 7, _silent)


def test_a_made_up_file_reads_back_to_the_parts(tmp_path: Path) -> None:
    from hansa.data.simulated_line import simulate_line

    path = bosch.generate(tmp_path / "made", 300, 5, _silent)
    (made,) = simulate_line(300, 5)
    source = numeric_file(path)
    (batch,) = source.batches(source.features)
    np.testing.assert_array_equal(batch.number, made.number)
    np.testing.assert_array_equal(batch.readings, made.readings)
    np.testing.assert_array_equal(batch.failed, made.failed)
    assert [one.name for one in path.parent.iterdir()] == [path.name]
