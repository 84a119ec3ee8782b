"""Columns: one table, however it is written, named and measured, is one fleet; bad cells are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hansa.core.charter import Charter, Column, Data, Label, Party
from hansa.core.charter_reader import parse_charter
from hansa.core.errors import CharterError, DataError
from hansa.data.cells import Sheet
from hansa.data.columns import fleet_from_sheet, fleet_from_table
from hansa.data.fleet import Fleet
from hansa.data.tables import read_table

COLUMNS = (
    Column("engine", "asset"),
    Column("hours", "time", unit="h"),
    Column("load", "setting", low=0.0, high=100.0),
    Column("temp", "sensor", unit="degC", low=-273.15, high=500.0),
    Column("fuel", "category", values=("gas", "oil")),
    Column("p30", "sensor", unit="kPa"),
    Column("note", "ignore"),
    Column("rul", "target", unit="h"),
)
SCHEMA = Data(source="table", columns=COLUMNS)
TABLE = """engine,hours,load,temp,fuel,p30,note,rul
10,1,50,20.5,gas,100,x,2
10,2,50,21.5,oil,101,,1
10,3,80,22.5,wood,102,x,0
9,1.5,80,19,gas,103,x,7
"""


def fleet_of(frame: pd.DataFrame, schema: Data = SCHEMA, party: Party | None = None) -> Fleet:
    return fleet_from_sheet(Sheet(frame, "the frame", party), schema)


def written(folder: Path, content: str, name: str = "t.csv") -> pd.DataFrame:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return read_table(path)


@pytest.fixture
def owned(frame: pd.DataFrame) -> tuple[pd.DataFrame, Charter]:
    """Return the rows with a column that tells whose they are, and a charter that deals by it."""
    text = ('name = "t"\nconsortium = "c"\nparties = 2\n[data]\nsource = "table"\nfile = "t.csv"\n'
            '[protection]\nsecrecy = "open"\n'
            '[partition]\ndeal = "column"\nby = "owner"\n[columns]\n'
            'engine = { role = "asset" }\nhours = { role = "time" }\ntemp = { role = "sensor" }\n'
            'rul = { role = "target" }\n')  # fmt: skip
    return frame.assign(owner=["b", "b", "b", "a"]), parse_charter(text)


def test_the_column_that_deals_is_a_trait_of_each_asset(owned: tuple[pd.DataFrame, Charter]) -> None:
    found, charter = owned
    fleet = fleet_from_table(found, charter)
    assert dict(zip(fleet.asset_names, fleet.traits["owner"], strict=True)) == {"9": "a", "10": "b"}
    assert not fleet_from_table(found.drop(columns="owner"), charter).traits


@pytest.mark.parametrize(
    ("cells", "words"),
    [(["b", "c", "b", "a"], "differs from an earlier row"), (["b", "b", "", "a"], "owner")],
)
def test_an_asset_of_two_owners_or_none_is_refused_with_its_line(
    owned: tuple[pd.DataFrame, Charter], cells: list[str], words: str
) -> None:
    found, charter = owned
    with pytest.raises(DataError, match=words) as caught:
        fleet_from_table(found.assign(owner=cells), charter)
    assert "line " in str(caught.value)


@pytest.fixture
def frame(tmp_path: Path) -> pd.DataFrame:
    return written(tmp_path, TABLE)


def assert_equal(one: Fleet, other: Fleet, rtol: float = 0.0) -> None:
    assert one.asset_names == other.asset_names
    assert one.sensor_names == other.sensor_names
    assert one.setting_names == other.setting_names
    np.testing.assert_array_equal(one.asset, other.asset)
    for name in ("time", "settings", "sensors", "remaining"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, atol=rtol)


def with_label(label: Label, *columns: Column, missing: str = "refuse") -> Data:
    base = (Column("engine", "asset"), Column("hours", "time"), Column("temp", "sensor"))
    return Data(source="table", columns=base + columns, label=label, missing=missing)


def test_a_table_becomes_a_fleet_in_the_charters_order(frame: pd.DataFrame) -> None:
    fleet = fleet_of(frame)
    assert fleet.asset_names == ("9", "10")
    np.testing.assert_array_equal(fleet.asset, [0, 1, 1, 1])
    np.testing.assert_array_equal(fleet.time, [1.5, 1, 2, 3])
    np.testing.assert_array_equal(fleet.remaining, [7, 2, 1, 0])
    np.testing.assert_array_equal(fleet.settings, [[80], [50], [50], [80]])
    assert fleet.sensor_names == ("temp", "fuel=gas", "fuel=oil", "fuel=other", "p30")
    np.testing.assert_array_equal(
        fleet.sensors,
        [[19, 1, 0, 0, 103], [20.5, 1, 0, 0, 100], [21.5, 0, 1, 0, 101], [22.5, 0, 0, 1, 102]],
    )


def test_the_charter_door_reads_the_same_as_the_schema_door(frame: pd.DataFrame) -> None:
    charter: Charter = replace(
        parse_charter('name = "x"\nconsortium = "y"\n[data]\nsource = "simulated"\n'), data=SCHEMA
    )
    assert_equal(fleet_from_table(frame, charter), fleet_of(frame))
    assert np.isnan(fleet_from_table(frame.drop(columns="rul"), charter, labelled=False).remaining).all()


@given(st.permutations(range(4)))
def test_the_order_of_the_files_rows_does_not_matter(order: list[int]) -> None:
    frame = pd.DataFrame([line.split(",") for line in TABLE.split()[1:]], columns=TABLE.split()[0].split(","))
    assert_equal(fleet_of(frame.iloc[order]), fleet_of(frame))


numbers = st.floats(-1e6, 1e6)
tables = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 50), numbers, st.booleans()),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row[:2],
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(tables)
def test_every_format_gives_the_same_fleet(tmp_path: Path, rows: list[tuple[int, int, float, bool]]) -> None:
    frame = pd.DataFrame(rows, columns=["engine", "hours", "temp", "running"])
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "b.csv", index=False, sep=";", decimal=",", encoding="utf-8-sig")
    frame.to_csv(tmp_path / "c.csv.gz", index=False)
    frame.to_parquet(tmp_path / "d.parquet")
    frame.astype({"engine": float}).to_parquet(tmp_path / "e.parquet")
    schema = with_label(Label("target"), Column("running", "sensor"))
    fleets = [
        fleet_from_sheet(Sheet(read_table(tmp_path / name), "", None), schema, labelled=False)
        for name in ("a.csv", "b.csv", "c.csv.gz", "d.parquet", "e.parquet")
    ]
    own = fleet_from_sheet(Sheet(frame, "", None), schema, labelled=False)
    for fleet in fleets:
        assert_equal(fleet, own)


@settings(max_examples=30)
@given(st.permutations(["engine", "hours", "load", "temp", "fuel", "p30", "note", "rul"]))
def test_renamed_columns_give_the_same_fleet(names: list[str]) -> None:
    frame = pd.DataFrame([line.split(",") for line in TABLE.split()[1:]], columns=TABLE.split()[0].split(","))
    pairs = tuple(zip(frame.columns, names, strict=True))
    party = Party("north", columns=pairs)
    assert_equal(fleet_of(frame.set_axis(names, axis=1), party=party), fleet_of(frame))


def test_other_units_give_the_same_fleet(frame: pd.DataFrame) -> None:
    party = Party("north", units=(("temp", "degF"), ("p30", "psi"), ("hours", "min"), ("rul", "day")))
    numbers = {name: frame[name].astype(float) for name in ("temp", "p30", "hours", "rul")}
    foreign = frame.assign(
        temp=numbers["temp"] * 1.8 + 32,
        p30=numbers["p30"] / 6.894757293168361,
        hours=numbers["hours"] * 60,
        rul=numbers["rul"] / 24,
    )
    assert_equal(fleet_of(foreign, party=party), fleet_of(frame), rtol=1e-9)


def test_a_target_in_another_unit_than_time_is_expressed_in_the_unit_of_time(frame: pd.DataFrame) -> None:
    schema = replace(SCHEMA, columns=(*COLUMNS[:-1], Column("rul", "target", unit="day")))
    np.testing.assert_allclose(fleet_of(frame, schema).remaining, [7 * 24, 48, 24, 0])


def test_a_party_reads_the_sensors_it_says_it_has_and_every_category(frame: pd.DataFrame) -> None:
    fleet = fleet_of(frame.drop(columns=["temp"]), party=Party("north", sensors=("p30",)))
    assert [name for name in fleet.sensor_names if not name.startswith("fuel=")] == ["p30"]
    assert any(name.startswith("fuel=") for name in fleet.sensor_names)


def test_a_folder_without_asset_column_takes_the_file_names(tmp_path: Path) -> None:
    written(tmp_path, "hours,temp\n1,5\n2,6\n", "pump-10.csv")
    written(tmp_path, "hours,temp\n1,7\n", "pump-9.csv")
    fleet = fleet_from_sheet(Sheet(read_table(tmp_path), "", None), with_label(Label()), labelled=False)
    assert fleet.asset_names == ("pump-9", "pump-10")
    np.testing.assert_array_equal(fleet.sensors[:, 0], [7, 5, 6])


@pytest.mark.parametrize(("unit", "expected"), [("", 1.5), ("h", 36.0), ("day", 1.5)])
def test_dates_are_counted_in_the_unit_of_time_and_zones_are_heeded(unit: str, expected: float) -> None:
    times = ["2024-03-01T12:00:00+02:00", "2024-03-02T22:00:00Z"]
    schema = replace(
        with_label(Label()),
        columns=(Column("engine", "asset"), Column("hours", "time", unit=unit), Column("temp", "sensor")),
    )
    texts = pd.DataFrame({"engine": ["a", "a"], "hours": times, "temp": [1, 2]})
    stored = texts.assign(hours=pd.to_datetime(times, utc=True))
    naive = texts.assign(hours=pd.to_datetime(["2024-03-01 10:00", "2024-03-02 22:00"]))
    for frame in (texts, stored, naive):
        fleet = fleet_from_sheet(Sheet(frame, "", None), schema, labelled=False)
        assert np.diff(fleet.time)[0] == pytest.approx(expected)


def test_dates_of_failure_count_on_the_clock_of_the_rows() -> None:
    frame = pd.DataFrame(
        {
            "engine": ["a", "a", "b"],
            "hours": ["2024-03-01", "2024-03-02", "2024-03-01"],
            "temp": [1, 2, 3],
            "failed": ["", "2024-03-04T12:00", ""],
        }
    )
    fleet = fleet_of(frame, with_label(Label("failed_at", "failed")))
    np.testing.assert_allclose(fleet.remaining, [3.5, 2.5, np.nan])


def test_times_of_failure_follow_the_partys_unit_of_time() -> None:
    frame = pd.DataFrame({"engine": ["a"], "hours": [24], "temp": [1], "failed": [72]})
    columns = (Column("engine", "asset"), Column("hours", "time", unit="day"), Column("temp", "sensor"))
    schema = Data(source="table", columns=columns, label=Label("failed_at", "failed"))
    np.testing.assert_allclose(
        fleet_of(frame, schema, Party("north", units=(("hours", "h"),))).remaining, [2]
    )


def test_an_asset_without_time_of_failure_is_censored_not_failed_at_its_last_row() -> None:
    frame = pd.DataFrame({"engine": [1, 1, 2], "hours": [1, 2, 1], "temp": [1, 2, 3], "failed": [None] * 3})
    assert np.isnan(fleet_of(frame, with_label(Label("failed_at", "failed"))).remaining).all()


def test_rows_after_the_threshold_are_dropped_and_the_others_count_down_to_it() -> None:
    frame = pd.DataFrame({"engine": [1, 1, 1, 1, 2], "hours": [4, 3, 2, 1, 1], "temp": [9, 2, 8, 1, 1]})
    fleet = fleet_of(frame, with_label(Label("threshold", "temp", above=5.0)))
    np.testing.assert_array_equal(fleet.time, [1, 2, 1])
    np.testing.assert_array_equal(fleet.remaining, [1, 0, np.nan])


def test_the_watched_column_may_be_one_that_is_otherwise_ignored() -> None:
    frame = pd.DataFrame({"engine": [1, 1], "hours": [1, 2], "temp": [1, 2], "health": [0.9, 0.1]})
    schema = with_label(Label("threshold", "health", below=0.5), Column("health", "ignore"))
    fleet = fleet_of(frame, schema)
    assert fleet.sensor_names == ("temp",)
    np.testing.assert_array_equal(fleet.remaining, [1, 0])


# --- missing cells ---------------------------------------------------------------------------------

GAPS = TABLE.replace("20.5,gas", ",").replace("102,x", "NA,x")


def test_missing_cells_stay_missing_where_the_charter_holds_them(tmp_path: Path) -> None:
    fleet = fleet_of(written(tmp_path, GAPS), replace(SCHEMA, missing="hold"))
    nan = np.nan
    np.testing.assert_array_equal(
        fleet.sensors,
        [[19, 1, 0, 0, 103], [nan, nan, nan, nan, 100], [21.5, 0, 1, 0, 101], [22.5, 0, 0, 1, nan]],
    )


def test_a_missing_setting_is_held_and_refused_where_nothing_precedes_it(tmp_path: Path) -> None:
    schema = replace(SCHEMA, missing="hold")
    fleet = fleet_of(written(tmp_path, TABLE.replace("2,50,", "2,,")), schema)
    np.testing.assert_array_equal(fleet.settings[:, 0], [80, 50, 50, 80])
    with pytest.raises(DataError, match=r't.csv, line 2: column "load" is empty; .*no earlier value'):
        fleet_of(written(tmp_path, TABLE.replace("10,1,50,", "10,1,,")), schema)


# --- refusals: file, line and column are named -----------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("21.5", "", 3, 'column "temp" is empty; fill the cell, or write missing = "hold"'),
        ("21.5", "NaN", 3, 'column "temp" is empty'),
        ("oil", " ", 3, 'column "fuel" is empty'),
        ("2,50", "2,", 3, 'column "load" is empty'),
        ("21.5", "warm", 3, 'column "temp" holds "warm", which is not a number'),
        ("21.5", "1_0", 3, 'column "temp" holds "1_0", which is not a number'),
        ("21.5", '"1,5"', 3, 'column "temp" holds "1,5", which is not a number'),
        ("21.5", "inf", 3, 'column "temp" holds an infinite number'),
        ("21.5", "1e400", 3, 'column "temp" holds an infinite number'),
        ("21.5", "501", 3, 'column "temp" holds 501 degC, outside the charter\'s range -273.15 to 500'),
        ("2,50", "2,-1", 3, 'column "load" holds -1, outside the charter\'s range 0 to 100'),
        ("10,2,", ",2,", 3, 'column "engine" is empty; fill the cell, or remove the row'),
        ("10,2,", "10,,", 3, 'column "hours" is empty; fill the cell, or remove the row'),
        ("x,7", "x,", 5, 'column "rul" is empty; fill the cell, or remove the row'),
        ("x,7", "x,-7", 5, 'column "rul" holds a remaining life below zero'),
        ("10,2,", "10,soon,", 3, 'column "hours" holds "soon", which is not a number'),
        ("10,3,", "10,1,", 4, 'the row has the same "engine" and "hours" as'),
    ],
)
def test_a_bad_cell_is_refused_with_file_line_and_column(
    tmp_path: Path, old: str, new: str, line: int, sentence: str
) -> None:
    frame = written(tmp_path, TABLE.replace(old, new, 1))
    with pytest.raises(DataError) as refusal:
        fleet_of(frame)
    assert str(refusal.value).startswith(f"{tmp_path / 't.csv'}, line {line}: {sentence}")


@pytest.mark.parametrize("column", ["engine", "hours", "rul"])
def test_asset_time_and_target_are_refused_empty_even_where_cells_are_held(
    tmp_path: Path, column: str
) -> None:
    frame = written(tmp_path, TABLE)
    frame.loc[frame.index[2], column] = ""
    with pytest.raises(DataError, match=f'line 4: column "{column}" is empty; fill the cell, or remove'):
        fleet_of(frame, replace(SCHEMA, missing="hold"))


def test_a_repeated_row_names_both_lines(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 4: .* as .*line 2; remove one of the two rows"):
        fleet_of(written(tmp_path, TABLE.replace("10,3,", "10,1,")))


def test_a_date_that_is_none_is_refused(tmp_path: Path) -> None:
    content = "engine,hours,temp\na,2024-01-01,1\na,01.02.2024,2\n"
    with pytest.raises(DataError, match=r'line 3: column "hours" holds "01.02.2024", which is not an ISO'):
        fleet_from_sheet(Sheet(written(tmp_path, content), "", None), with_label(Label()), labelled=False)


def test_dates_are_refused_where_the_charter_counts_cycles(tmp_path: Path) -> None:
    columns = (Column("engine", "asset"), Column("hours", "time", unit="cycle"), Column("temp", "sensor"))
    frame = written(tmp_path, "engine,hours,temp\na,2024-01-01,1\n")
    with pytest.raises(
        DataError, match=r'"hours" holds dates, which the charter\'s unit "cycle" cannot count'
    ):
        fleet_of(frame, Data(source="table", columns=columns))


def test_failures_on_another_kind_of_clock_are_refused() -> None:
    frame = pd.DataFrame({"engine": ["a"], "hours": [1], "temp": [1], "failed": ["2024-01-01"]})
    with pytest.raises(DataError, match='column "hours" holds numbers and column "failed" holds dates'):
        fleet_of(frame, with_label(Label("failed_at", "failed")))


def test_a_missing_column_is_refused_with_the_nearest_and_the_remedy(frame: pd.DataFrame) -> None:
    renamed = frame.rename(columns={"temp": "Temp_1"})
    with pytest.raises(DataError) as refusal:
        fleet_of(renamed, party=Party("north sea"))
    sentence = str(refusal.value)
    assert 't.csv: there is no column "temp"; the nearest is "Temp_1"' in sentence
    assert 'write temp = "Temp_1" under [party."north sea".columns]' in sentence
    with pytest.raises(DataError, match="write in the charter the name that it has there") as alone:
        fleet_of(renamed)
    assert "[party" not in str(alone.value)  # the file is nobody's own


def test_a_mapping_to_a_column_that_is_not_there_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r'no column "zzz", the charter\'s "temp"; it has engine, hours'):
        fleet_of(frame, party=Party("north", columns=(("temp", "zzz"),)))


@pytest.mark.parametrize(
    ("column", "unit", "sentence"),
    [
        ("temp", "warmth", 'party north, column "temp": the unit "warmth" is not known, .*"degC"'),
        ("temp", "bar", 'party north, column "temp": values in "bar" cannot be expressed in "degC"'),
        ("load", "kW", 'party north, column "load": no unit is stated, .*"kW"'),
    ],
)
def test_a_unit_that_cannot_be_converted_names_party_column_and_both_units(
    frame: pd.DataFrame, column: str, unit: str, sentence: str
) -> None:
    with pytest.raises(CharterError, match=sentence):
        fleet_of(frame, party=Party("north", units=((column, unit),)))


def test_a_range_is_held_against_the_converted_value(frame: pd.DataFrame) -> None:
    party = Party("north", units=(("temp", "K"),))
    with pytest.raises(DataError, match=r'line 2: column "temp" holds -500.15 degC'):
        fleet_of(frame.assign(temp="-227"), party=party)


@pytest.mark.parametrize(
    ("cell", "shown"), [("9999999", "9999999"), (1234567.5, "1234567.5"), ("6e2", "6e2")]
)
def test_a_cell_outside_the_range_is_shown_as_it_is_written(
    frame: pd.DataFrame, cell: object, shown: str
) -> None:
    columns = tuple(replace(c, high=500.0) if c.name == "p30" else c for c in COLUMNS)
    with pytest.raises(DataError, match=f'"p30" holds {shown} kPa, outside the .* range -inf to 500;'):
        fleet_of(frame.assign(p30=cell), replace(SCHEMA, columns=columns))
    wide = tuple(replace(c, low=0.0, high=2e6) if c.name == "p30" else c for c in COLUMNS)
    with pytest.raises(DataError, match="range 0 to 2000000;"):
        fleet_of(frame.assign(p30="-1"), replace(SCHEMA, columns=wide))


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(DataError, match="the frame: the table has no rows"):
        fleet_of(pd.DataFrame({"engine": []}))


def test_an_unknown_unit_of_the_charter_is_refused_only_where_a_party_has_another(
    frame: pd.DataFrame,
) -> None:
    schema = replace(
        SCHEMA, columns=tuple(replace(c, unit="blorp") if c.name == "p30" else c for c in COLUMNS)
    )
    assert fleet_of(frame, schema).sensor_names == fleet_of(frame).sensor_names
    with pytest.raises(CharterError, match='party north, column "p30": the unit "blorp" is not known'):
        fleet_of(frame, schema, Party("north", units=(("p30", "psi"),)))


def test_a_target_that_cannot_be_told_in_the_unit_of_time_is_refused(frame: pd.DataFrame) -> None:
    schema = replace(SCHEMA, columns=(*COLUMNS[:-1], Column("rul", "target", unit="km")))
    with pytest.raises(CharterError, match='the target "rul" and the time column: values in "km"'):
        fleet_of(frame, schema)
