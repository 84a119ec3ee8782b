"""New rows for a model: its own names, units and gaps, and what it cannot do without."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hansa.core.charter import Column, Party
from hansa.core.errors import DataError
from hansa.data.scoring_rows import Schema, fleet_to_score, read_rows

COLUMNS = (
    Column("pump", "asset"),
    Column("hour", "time"),
    Column("load", "setting"),
    Column("heat", "sensor", "degC"),
    Column("fuel", "category", values=("gas", "oil")),
)
FRAME = pd.DataFrame(
    {
        "pump": ["b", "a", "a"],
        "hour": [1, 2, 1],
        "load": 1.0,
        "heat": [20.0, 30.0, 40.0],
        "fuel": ["gas", "oil", "tar"],
    }
)


def schema(holds: bool = False, **own: object) -> Schema:
    sensors = ("heat", "fuel=gas", "fuel=oil", "fuel=other")
    return Schema(Party("north", **{"sensors": sensors, **own}), COLUMNS, "h", holds)


def test_rows_come_by_asset_and_time_with_no_life_known() -> None:
    fleet, _ = fleet_to_score(FRAME, schema(), "the frame")
    assert fleet.asset_names == ("a", "b")
    assert fleet.time.tolist() == [1, 2, 1]
    assert fleet.sensor_names == ("heat", "fuel=gas", "fuel=oil", "fuel=other")
    np.testing.assert_array_equal(fleet.sensors, [[40, 0, 0, 1], [30, 0, 1, 0], [20, 1, 0, 0]])
    assert np.isnan(fleet.remaining).all()


def test_the_owners_names_and_units_are_replayed() -> None:
    own = schema(columns=(("heat", "T2"),), units=(("heat", "degF"),))
    frame = FRAME.assign(T2=FRAME["heat"] * 1.8 + 32).drop(columns="heat")
    fleet, _ = fleet_to_score(frame, own, "the frame")
    np.testing.assert_allclose(fleet.sensors[:, 0], [40, 30, 20])


@pytest.mark.parametrize("column", [column.name for column in COLUMNS])
def test_a_missing_column_is_named_with_its_role_and_owner(column: str) -> None:
    role = next(one.role for one in COLUMNS if one.name == column)
    what = "an asset" if role == "asset" else f"a {role}"
    expected = f'the frame: there is no column "{column}", {what} that the model of north reads; '
    with pytest.raises(DataError) as refused:
        fleet_to_score(FRAME.drop(columns=column), schema(), "the frame")
    assert str(refused.value).startswith(expected)
    assert ("--party" in str(refused.value)) == (role in ("sensor", "category"))  # what a party may lack


def test_a_column_that_the_owner_does_not_read_may_be_missing() -> None:
    fleet, _ = fleet_to_score(FRAME.drop(columns="fuel"), schema(sensors=("heat",)), "the frame")
    assert fleet.sensor_names == ("heat",)


def test_an_empty_cell_is_held_only_by_a_model_that_learnt_to() -> None:
    frame = FRAME.assign(heat=[20.0, np.nan, 40.0])
    with pytest.raises(DataError, match=r'the frame, row 2: column "heat" is empty'):
        fleet_to_score(frame, schema(), "the frame")
    assert np.isnan(fleet_to_score(frame, schema(holds=True), "the frame")[0].sensors[1, 0])


@pytest.mark.parametrize("packed", [False, True])
def test_numbers_between_blanks_are_read_as_the_publishers_rows(tmp_path: Path, packed: bool) -> None:
    text = "".join(
        f"{engine} {cycle} " + " ".join(["1.5"] * 24) + "  \n" for engine, cycle in ((7, 31), (9, 2))
    )
    path = tmp_path / ("rows.txt.gz" if packed else "rows.txt")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    frame = read_rows(path)
    assert list(frame.columns[:6]) == ["asset", "time", "setting_1", "setting_2", "setting_3", "s1"]
    assert frame[["asset", "time"]].to_numpy().tolist() == [
        [7, 31],
        [9, 2],
    ]  # engines and cycles may have gaps


def test_a_short_line_of_the_publishers_form_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("1 1 " + "2 " * 24 + "\n1 2 3\n")
    with pytest.raises(DataError, match=r"rows\.txt, line 2: the line has 3 columns where 26 belong"):
        read_rows(tmp_path / "rows.txt")


def test_a_text_file_with_a_header_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("pump\thour\na\t1\n")
    assert list(read_rows(tmp_path / "rows.txt").columns) == ["pump", "hour"]
