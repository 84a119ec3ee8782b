"""Pieces of a table are the table: same assets, same cells, same refusals, in any size of pieces."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hansa.core.charter import Data, Label, Party
from hansa.core.errors import DataError
from hansa.data import pieces as module
from hansa.data.columns import fleet_from_table
from hansa.data.fleet import Fleet, joined
from hansa.data.labels import known_lives
from hansa.data.pieces import LargeTable, are_columnar, pieces
from hansa.data.tables import read_table
from tests.batteries import pumps

SCHEMA = pumps.charter().data
BIG = Party("big", "big.parquet")
CROSSING = replace(SCHEMA, label=Label("threshold", "temp", above=75.0))


def written(folder: Path, frame: pd.DataFrame, rows: int = 7, name: str = "big.parquet") -> Path:
    frame.to_parquet(folder / name, index=False, row_group_size=rows)
    return folder / name


def whole(path: Path, schema: Data = SCHEMA) -> Fleet:
    return fleet_from_table(read_table(path), replace(pumps.charter(), data=schema), BIG)


def large(path: Path, schema: Data = SCHEMA) -> LargeTable:
    return LargeTable(path, schema, BIG)


def assert_equal(one: Fleet, other: Fleet) -> None:
    assert one.asset_names == other.asset_names
    assert one.sensor_names == other.sensor_names
    assert one.setting_names == other.setting_names
    for name in ("asset", "time", "settings", "sensors", "remaining"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    cells=st.integers(1, 400),
    rows=st.integers(1, 30),
    schema=st.sampled_from([SCHEMA, CROSSING]),
)
def test_pieces_are_the_whole_table_whatever_their_size(
    tmp_path: Path, lengths: list[int], cells: int, rows: int, schema: Data
) -> None:
    path = written(tmp_path, pumps.table(lengths), rows)
    told: list[int] = []
    found = list(pieces(large(path, schema), cells=cells, told=told.append))
    assert_equal(joined(found), whole(path, schema))
    assert sum(told) == sum(lengths) == large(path).rows()


def test_pieces_are_no_larger_than_asked_where_assets_are_short(tmp_path: Path) -> None:
    path = written(tmp_path, pumps.table([4] * 50))
    columns = large(path).columns()
    assert columns == 7  # the note is not needed
    sizes = [piece.rows for piece in pieces(large(path), cells=20 * columns)]
    assert max(sizes) <= 20 + 4
    assert len(sizes) >= 10
    wide = replace(large(path), width=10 * columns)
    assert max(piece.rows for piece in pieces(wide, prepared=True, cells=200 * columns)) <= 20 + 4
    assert max(piece.rows for piece in pieces(wide, cells=200 * columns)) > 150


def test_assets_in_any_order_are_found_in_the_order_of_the_file(tmp_path: Path) -> None:
    frame = pumps.table([5] * 6)
    turned = pd.concat([own for _, own in list(frame.groupby("pump"))[::-1]])
    path = written(tmp_path, turned)
    names = [name for piece in pieces(large(path), cells=7) for name in piece.asset_names]
    assert names == [f"P-{number:03}" for number in range(6)][::-1]


@pytest.mark.parametrize("cells", [1, 60, 10_000])
def test_names_are_not_put_into_natural_order(tmp_path: Path, cells: int) -> None:
    frame = pumps.table([5] * 3)
    frame["pump"] = frame["pump"].map({"P-000": "P-10", "P-001": "P-2", "P-002": "P-9"})
    found = joined(list(pieces(large(written(tmp_path, frame)), cells=cells)))
    assert found.asset_names == ("P-10", "P-2", "P-9")


def test_an_asset_is_one_however_its_cells_are_written(tmp_path: Path) -> None:
    frame = pumps.table([6, 6])
    frame["pump"] = np.where(frame["pump"] == "P-000", np.where(frame.index % 2, " 7", "7.0"), "8")
    found = joined(list(pieces(large(written(tmp_path, frame)), cells=7)))
    assert found.asset_names == ("7", "8")


def test_the_files_of_a_folder_follow_one_another(tmp_path: Path) -> None:
    frame = pumps.table([5, 6, 7, 8])
    folder = tmp_path / "parts"
    folder.mkdir()
    for part, own in enumerate((["P-000", "P-001"], ["P-002", "P-003"])):
        written(folder, frame[frame["pump"].isin(own)], name=f"part-{part}.parquet")
    assert_equal(joined(list(pieces(large(folder), cells=50))), whole(folder))
    assert large(folder).rows() == 26


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cuts=st.sets(st.integers(1, 25), max_size=5), cells=st.integers(1, 200))
def test_an_asset_goes_on_in_the_next_file(tmp_path: Path, cuts: set[int], cells: int) -> None:
    folder = tmp_path / "parts"
    shutil.rmtree(folder, ignore_errors=True)
    parts(folder, pumps.table([5, 6, 7, 8]), *sorted(cuts))
    assert_equal(joined(list(pieces(large(folder), cells=cells))), whole(folder))


def test_a_table_in_memory_reads_the_columns_that_the_charter_needs(tmp_path: Path) -> None:
    frame = pumps.table([5, 6])
    path = written(tmp_path, frame)
    wanted = large(path).wanted
    assert set(read_table(path, wanted).columns) == set(frame.columns) - {"note"}
    frame.to_feather(tmp_path / "big.feather")
    pd.testing.assert_frame_equal(
        read_table(tmp_path / "big.feather", wanted).reset_index(drop=True),
        read_table(path, wanted).reset_index(drop=True),
    )
    charter = pumps.charter()
    assert_equal(fleet_from_table(read_table(path, wanted), charter, BIG), whole(path))


def test_in_a_folder_without_an_asset_column_the_file_is_the_asset(tmp_path: Path) -> None:
    frame = pumps.table([5, 6])
    folder = tmp_path / "parts"
    folder.mkdir()
    for name in ("P-000", "P-001"):
        written(folder, frame[frame["pump"] == name].drop(columns="pump"), name=f"{name}.parquet")
    assert_equal(joined(list(pieces(large(folder), cells=50))), whole(folder))


@pytest.mark.parametrize("schema", [SCHEMA, CROSSING], ids=["failed_at", "threshold"])
def test_the_outline_tells_the_same_lives_from_fewer_columns(tmp_path: Path, schema: Data) -> None:
    table = large(written(tmp_path, pumps.table([5, 6, 7, 8, 30])), schema)
    outline = table.outline()
    assert outline.columns() < table.columns()
    for one, other in zip(pieces(outline), pieces(table), strict=True):
        np.testing.assert_array_equal(known_lives(one), known_lives(other))
        np.testing.assert_array_equal(one.remaining, other.remaining)


# --- refusals --------------------------------------------------------------------------------------


def refused(frame: pd.DataFrame, folder: Path, cells: int = 7 * 8) -> str:
    path = written(folder, frame)
    with pytest.raises(DataError) as fault:
        list(pieces(large(path), cells=cells))
    return str(fault.value).replace(str(path), "FILE")


@pytest.mark.parametrize("cells", [1, 60, 10_000])
def test_an_asset_that_appears_again_is_refused_with_its_row(tmp_path: Path, cells: int) -> None:
    frame = pumps.table([5, 6, 7])
    again = pd.concat([frame, frame.iloc[[2]].assign(hour=99.0)])
    assert refused(again, tmp_path, cells) == (
        "FILE, row 19: its asset stands further up already, with other assets between, and a table of this "
        "size is read an asset at a time; sort the file by asset."
    )


def test_a_table_sorted_by_time_is_refused_at_its_first_piece(tmp_path: Path) -> None:
    told: list[int] = []
    path = written(tmp_path, pumps.table([20] * 5).sort_values("hour"))
    with pytest.raises(DataError, match="sort the file by asset"):
        list(pieces(large(path), cells=70, told=told.append))
    assert sum(told) <= 10


def parts(folder: Path, frame: pd.DataFrame, *cuts: int) -> Path:
    """Return a folder of files that hold the frame's rows, cut at these positions."""
    folder.mkdir(exist_ok=True)
    for number, (start, end) in enumerate(pairwise([0, *cuts, len(frame)])):
        written(folder, frame.iloc[start:end], name=f"part-{number}.parquet")
    return folder


@pytest.mark.parametrize("cells", [1, 60, 10_000])
def test_an_asset_that_appears_again_in_another_file_is_refused(tmp_path: Path, cells: int) -> None:
    frame = pumps.table([5, 5])
    folder = parts(tmp_path / "parts", pd.concat([frame, frame.iloc[[2]].assign(hour=99.0)]), 8, 10)
    with pytest.raises(DataError, match=r"part-2.parquet, row 1: its asset stands further up already"):
        list(pieces(large(folder), cells=cells))


@pytest.mark.parametrize(("row", "said"), [(7, "part-0.parquet, row 8"), (8, "part-1.parquet, row 1")])
def test_a_bad_cell_of_an_asset_in_two_files_is_refused_with_its_own_file(
    tmp_path: Path, row: int, said: str
) -> None:
    frame = pumps.table([5, 9, 4])
    frame.loc[row, "temp"] = 501.0
    folder = parts(tmp_path / "parts", frame, 8)
    for cells in (1, 30, 10_000):
        with pytest.raises(DataError, match=f'{said}: column "temp" holds 501'):
            list(pieces(large(folder), cells=cells))


def test_files_of_other_columns_are_refused_as_in_a_whole_folder(tmp_path: Path) -> None:
    frame = pumps.table([5, 6])
    folder = parts(tmp_path / "parts", frame, 5)
    written(folder, frame.iloc[5:].drop(columns="pump"), name="part-1.parquet")
    said = r'part-1.parquet: there is no column "pump", which part-0.parquet has'
    with pytest.raises(DataError, match=said):
        list(pieces(large(folder)))
    with pytest.raises(DataError, match=said):
        read_table(folder)


def test_an_asset_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASSET_CELLS", 7 * 25)
    assert refused(pumps.table([5, 26, 5]), tmp_path) == (
        "FILE, row 6: its asset has more than 25 rows, more than are read at once; "
        "split its history into several assets, or ignore columns."
    )
    table = large(written(tmp_path, pumps.table([5, 25, 5])))
    assert [piece.rows for piece in pieces(table, cells=70)] == [5, 25, 5]
    with pytest.raises(DataError, match="row 6: its asset has more than 21 rows"):
        list(pieces(replace(table, width=8)))


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("temp", 501.0, 'FILE, row 13: column "temp" holds 501, outside the charter\'s range -50 to 500;'),
        ("load", np.nan, None),
        ("hour", np.nan, 'FILE, row 13: column "hour" is empty;'),
        ("pump", None, 'FILE, row 13: column "pump" is empty;'),
        ("failed_at", 3.0, "states another time of failure than an earlier row"),
    ],
)
def test_a_bad_cell_is_refused_with_its_row_in_the_file(
    tmp_path: Path, column: str, value: object, said: str | None
) -> None:
    frame = pumps.table([5, 6, 7])
    frame.loc[12, column] = value
    if said is None:  # a setting is held
        list(pieces(large(written(tmp_path, frame))))
        return
    assert said in refused(frame, tmp_path)


def test_a_missing_column_is_refused_as_in_a_whole_table(tmp_path: Path) -> None:
    frame = pumps.table([5, 6]).rename(columns={"temp": "temperature"})
    with pytest.raises(DataError) as fault:
        whole(written(tmp_path, frame))
    assert refused(frame, tmp_path) == str(fault.value).replace(str(tmp_path / "big.parquet"), "FILE")


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, pumps.table([5, 6]))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="not a complete Parquet file"):
        list(pieces(large(path)))


def test_a_table_counts_the_columns_that_are_needed_and_the_sensors_they_become(tmp_path: Path) -> None:
    table = large(written(tmp_path, pumps.table([5, 6])))
    assert (table.rows(), table.columns(), table.sensors()) == (11, 7, 4)
    assert next(pieces(table)).sensor_names == ("temp", "flow", "seal=carbon", "seal=other")
    fewer = replace(table, party=replace(BIG, sensors=("temp",)))
    assert (fewer.columns(), fewer.sensors()) == (6, 3)


def test_csv_files_cannot_be_read_in_pieces(tmp_path: Path) -> None:
    assert are_columnar(written(tmp_path, pumps.table([5])))
    assert are_columnar(tmp_path)
    pumps.table([5]).to_csv(tmp_path / "big.csv")
    assert not are_columnar(tmp_path / "big.csv")
    assert not are_columnar(tmp_path)
    with pytest.raises(DataError, match="there is no such file or folder"):
        are_columnar(tmp_path / "none.parquet")
