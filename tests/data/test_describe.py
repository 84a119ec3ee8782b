"""Describe: the proposal reads the table it was made from, and says what it could not find."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.charter import Data, Label
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_templates import table_template
from hansa.core.errors import DataError
from hansa.data.columns import fleet_from_table
from hansa.data.describe import Description, describe
from hansa.data.fleet import Fleet
from hansa.data.tables import read_table


def history(assets: int = 6, rows: int = 40, seed: int = 0) -> pd.DataFrame:
    """Return pumps that run to failure, with regimes in load, a mode, a constant and a gap-free sensor."""
    rng = np.random.default_rng(seed)
    pump = np.repeat(np.arange(assets), rows)
    hour = np.tile(np.arange(rows), assets)
    return pd.DataFrame(
        {
            "pump_id": [f"P{i}" for i in pump],
            "hour": hour,
            "load": rng.choice([20.0, 50.0, 80.0], assets * rows) + rng.normal(0, 0.1, assets * rows),
            "temp_c": 60 + hour + rng.normal(size=assets * rows),
            "speed_rpm": 1500 + rng.normal(size=assets * rows),
            "fuel": rng.choice(["gas", "oil"], assets * rows),
            "site": 7,
            "rul": rows - 1 - hour,
        }
    )


def roles(description: Description) -> dict[str, str]:
    return {column.name: column.role for column in description.columns}


def read_back(description: Description, frame: pd.DataFrame) -> Fleet:
    """Return the fleet that the written charter reads from the table it was proposed for."""
    found = Data(
        source="table",
        file="pumps.csv",
        columns=description.columns,
        label=description.label,
        regimes=description.regimes,
        missing=description.missing,
    )
    return fleet_from_table(frame, parse_charter(table_template(found)))


def test_roles_units_and_regimes_are_proposed() -> None:
    found = describe(history(), "the frame")
    assert roles(found) == {
        "pump_id": "asset",
        "hour": "time",
        "load": "setting",
        "temp_c": "sensor",
        "speed_rpm": "sensor",
        "fuel": "category",
        "site": "ignore",
        "rul": "target",
    }
    units = {column.name: column.unit for column in found.columns if column.unit}
    assert units == {"hour": "h", "temp_c": "degC", "speed_rpm": "rpm"}
    assert {column.name: column.low for column in found.columns}["temp_c"] == -273.15
    assert {column.name: column.values for column in found.columns}["fuel"] == ("gas", "oil")
    assert found.label == Label("target", "rul")
    assert [round(centre[0]) for centre in found.regimes.centres] == [20, 50, 80]
    assert (found.rows, found.assets, found.missing, found.notes) == (240, 6, "refuse", ())


def test_the_proposal_reads_the_table_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "pumps.csv"
    history().to_csv(path, sep=";", decimal=",", index=False)
    frame = read_table(path)
    fleet = read_back(describe(frame, "pumps"), frame)
    assert fleet.asset_names == ("P0", "P1", "P2", "P3", "P4", "P5")
    assert fleet.sensor_names == ("temp_c", "speed_rpm", "fuel=gas", "fuel=oil", "fuel=other")
    np.testing.assert_array_equal(fleet.remaining, np.tile(np.arange(39.0, -1, -1), 6))


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(8)), st.integers(0, 3))
def test_the_order_of_the_columns_does_not_matter(order: list[int], seed: int) -> None:
    frame = history(seed=seed)
    shuffled = frame.iloc[:, order]
    one, other = describe(frame, "one"), describe(shuffled, "other")
    assert roles(one) == roles(other)
    assert (one.label, one.regimes, one.label_cap) == (other.label, other.regimes, other.label_cap)


def test_times_of_failure_are_the_label_and_empty_cells_are_censored() -> None:
    frame = history().drop(columns="rul")
    frame["failed_at"] = np.where(frame["pump_id"] == "P0", np.nan, 45.0)
    found = describe(frame, "the frame")
    assert found.label == Label("failed_at", "failed_at")
    assert roles(found)["failed_at"] == "target"
    assert found.label_bin > 6  # no row has fewer than 6 hours left, and label 0 must have rows
    fleet = read_back(found, frame)
    assert np.isnan(fleet.remaining[fleet.asset == 0]).all()
    np.testing.assert_array_equal(fleet.remaining[fleet.asset == 1], 45.0 - np.arange(40))


def test_dates_are_a_time_in_days() -> None:
    frame = history()
    frame["timestamp"] = (pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.pop("hour"), "D")).astype(str)
    found = describe(frame, "the frame")
    assert {column.role: column.unit for column in found.columns}["time"] == "day"
    np.testing.assert_allclose(np.diff(read_back(found, frame).time[:40]), 1.0)


def test_without_a_label_the_last_row_is_not_taken_for_the_failure() -> None:
    found = describe(history().drop(columns="rul"), "the frame")
    assert found.label == Label("failed_at", "failed_at")
    assert "failed_at" not in roles(found)
    assert any("last row of an asset is not taken for its failure" in note for note in found.notes)
    with pytest.raises(DataError, match='no column "failed_at"'):
        read_back(found, history().drop(columns="rul"))


def test_a_flag_of_failure_is_watched_and_never_a_sensor() -> None:
    frame = history().drop(columns="rul")
    frame["failed"] = (frame["hour"] >= 38).astype(int)
    found = describe(frame, "the frame")
    assert found.label == Label("threshold", "failed", above=0.5)
    assert roles(found)["failed"] == "ignore"
    assert any('first row where "failed" is 1: confirm' in note for note in found.notes)
    assert read_back(found, frame).time.max() == 38


def test_a_second_column_about_the_failure_is_never_a_sensor() -> None:
    frame = history().assign(ttf=lambda f: f["rul"] / 24, failure_mode="wear", failed_at=39)
    frame.loc[::2, "failure_mode"] = "crack"
    found = roles(describe(frame, "the frame"))
    assert [found[name] for name in ("rul", "ttf", "failure_mode", "failed_at")] == [
        "target",
        *["ignore"] * 3,
    ]


def test_empty_sensor_cells_are_proposed_to_be_held_and_said_so() -> None:
    frame = history()
    frame.loc[3, "temp_c"] = np.nan
    found = describe(frame, "the frame")
    assert found.missing == "hold"
    assert any("temp_c" in note and "held" in note for note in found.notes)
    assert np.isnan(read_back(found, frame).sensors).sum() == 1


@pytest.mark.parametrize(
    ("drop", "sentence"),
    [("pump_id", 'give one role = "asset"'), ("hour", 'give one role = "time"')],
)
def test_what_is_not_found_is_left_to_be_written_by_hand(drop: str, sentence: str) -> None:
    frame = history().drop(columns=drop)
    found = describe(frame.sample(frac=1.0, random_state=1), "the frame")
    assert any(sentence in note for note in found.notes)


def test_a_folder_without_asset_column_has_one_asset_a_file(tmp_path: Path) -> None:
    for name, part in history().groupby("pump_id"):
        part.drop(columns="pump_id").to_csv(tmp_path / f"{name}.csv", index=False)
    frame = read_table(tmp_path)
    found = describe(frame, "folder")
    assert roles(found)["file"] == "asset"
    assert read_back(found, frame).asset_names == ("P0", "P1", "P2", "P3", "P4", "P5")


def test_columns_without_telling_names_are_found_by_how_they_run() -> None:
    frame = history().set_axis(["a", "b", "c", "d", "e", "f", "g", "rul"], axis=1)
    found = roles(describe(frame, "the frame"))
    assert (found["a"], found["b"], found["c"], found["d"]) == ("asset", "time", "setting", "sensor")


def test_texts_mixed_cells_and_second_clocks_are_left_out_with_a_note() -> None:
    frame = history()
    frame["remark"] = [f"remark {i}" for i in range(len(frame))]
    frame["flow"] = ["3.5"] * 239 + ["n.a."]
    frame["day"] = frame["hour"] // 24
    frame["record_id"] = range(len(frame))
    found = describe(frame, "the frame")
    assert {roles(found)[name] for name in ("remark", "flow", "day", "record_id")} == {"ignore"}
    for word in ("remark", "flow", "day", "record_id"):
        assert any(f'column "{word}"' in note for note in found.notes)


def test_a_setting_without_regimes_stays_a_sensor() -> None:
    frame = history().assign(load=np.linspace(0, 1, 240))
    found = describe(frame, "the frame")
    assert (roles(found)["load"], found.regimes.kind) == ("sensor", "none")
    assert any('column "load" is named like a setting' in note for note in found.notes)


def test_a_unit_that_the_values_contradict_is_not_proposed() -> None:
    frame = history().assign(temp_c=lambda f: f["temp_c"] - 1000)
    column = {c.name: c for c in describe(frame, "the frame").columns}["temp_c"]
    assert (column.unit, column.low) == ("", None)


def test_a_person_is_told_what_each_column_holds() -> None:
    frame = history()
    frame.loc[:23, "fuel"] = None
    lines = dict(describe(frame, "the frame").lines)
    assert lines["hour"] == "time: 0.0% missing, 40 distinct, min 0, mean 19.5, max 39"
    assert lines["fuel"] == "category: 10.0% missing, 2 distinct, text"


def test_names_that_toml_must_quote_survive_the_way_through_the_charter() -> None:
    frame = history().rename(columns={"temp_c": 'Öl "Temp" [°C]', "rul": "RUL (h)"})
    fleet = read_back(describe(frame, "the frame"), frame)
    assert fleet.sensor_names[0] == 'Öl "Temp" [°C]'


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(DataError, match="the frame: the table has no rows"):
        describe(pd.DataFrame({"a": []}), "the frame")


def test_the_cmapss_format_with_its_own_names_gives_six_regimes() -> None:
    rng = np.random.default_rng(1)
    points = np.array(
        [[0, 0, 100], [10, 0.25, 100], [20, 0.7, 100], [25, 0.62, 60], [35, 0.84, 100], [42, 0.84, 100]]
    )
    frame = history(assets=8, rows=60).drop(columns="load")
    settings = points[rng.integers(0, 6, len(frame))] + rng.normal(0, 0.001, (len(frame), 3))
    frame[["setting_1", "setting_2", "setting_3"]] = settings
    found = describe(frame, "the frame")
    assert len(found.regimes.centres) == 6
    np.testing.assert_allclose(found.regimes.centres, points, atol=0.01)


def test_the_proposal_is_independent_of_the_name_of_its_origin() -> None:
    assert replace(describe(history(), "one")) == describe(history(), "two")


def test_a_file_whose_first_line_is_a_row_is_refused(tmp_path: Path) -> None:
    history().drop(columns="site").to_csv(tmp_path / "pumps.csv", index=False, header=False)
    frame = read_table(tmp_path / "pumps.csv")
    with pytest.raises(DataError, match=r"pumps\.csv: the first line holds no column names; add a header"):
        describe(frame, "pumps")


@pytest.mark.parametrize("second", [{"temp_c": 3.0}, {"temp_c": 3.0, "rul": 99}, {}])
def test_two_rows_of_one_asset_at_one_time_are_refused_with_both_lines(
    tmp_path: Path, second: dict[str, float]
) -> None:
    frame = history()
    pd.concat([frame, frame.iloc[[5]].assign(**second)]).to_csv(tmp_path / "pumps.csv", index=False)
    with pytest.raises(DataError, match=r"line 242: the row has the same .*\"hour\" as .*line 7; remove"):
        describe(read_table(tmp_path / "pumps.csv"), "pumps")


def test_a_coarse_clock_is_refused_only_where_no_other_column_is_the_time() -> None:
    coarse = history().assign(hour=lambda f: f["hour"] // 4)
    with pytest.raises(DataError, match='the same "pump_id" and "hour"'):
        describe(coarse, "the frame")
    assert roles(describe(coarse.assign(count=np.arange(240)), "the frame"))["count"] == "time"


def test_what_must_be_done_first_is_told_apart_from_what_to_confirm() -> None:
    found = describe(history().drop(columns="rul").assign(load=np.linspace(0, 1, 240)), "the frame")
    assert 'source = "target" and column = "NAME"' in found.faults[0]
    assert found.notes[: len(found.faults)] == found.faults
    assert not any('"load"' in fault for fault in found.faults)
    assert describe(history(), "the frame").faults == ()


def test_a_column_with_a_doubtful_cell_is_no_category_and_no_sensor() -> None:
    frame = history(assets=2, rows=5).astype({"temp_c": str, "hour": str}).head(9)
    frame.loc[4, "temp_c"] = "hot"
    frame["hour"] = [f"{day:02d}.01.2024" for day in (1, 2, 3, 4, 5, 1, 2, 3, 4)]
    found = describe(frame, "the frame")
    assert (roles(found)["temp_c"], roles(found)["hour"]) == ("ignore", "ignore")
    assert any('"temp_c" holds "hot" (the frame, row 5)' in fault for fault in found.faults)
    assert any('"hour" holds "01.01.2024" (the frame, row 1), which is not an ISO' in f for f in found.faults)
