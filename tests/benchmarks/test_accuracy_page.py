"""The page on accuracy shows every measured row once, marks the missed ones, and makes nothing up."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.accuracy_page import NOT_MEASURED, PAGE, _beside, page
from benchmarks.measure import RESULTS, at_least, at_most, not_measured, shown

COMMAND = "make measure TOPIC=accuracy"
ROWS = (
    at_most("FD004 centralised, last-cycle, cap 125: RMSE", 13.254, 13.3, "cycles", COMMAND),
    at_most("the same, solo parties, last-cycle, cap 125: mean RMSE", 14.9, 14.6, "cycles", COMMAND),
    shown("FD004 J = 4, fedavg, all-cycle, cap 120: RMSE", 11.02, "cycles", COMMAND),
    at_most("FD004 J = 4 dealt by regime, all-cycle: worst party, A | B", -0.31, 0.0, "cycles", COMMAND),
    at_least("SECOM, vertical: mean AUPRC over centralised", -0.004, -0.01, "", COMMAND),
    at_most("bulldozers: RMSLE over pooled", 1.013, 1.02, "times", COMMAND),
    not_measured("bulldozers: trees", "<= 1.02", "times", "no library", COMMAND),
    shown("something new", 5.5, "s", "make other"),
)


def write(folder: Path, **searches: object) -> str:
    (folder / "accuracy.json").write_text(json.dumps([asdict(row) for row in ROWS]))
    for name, rows in searches.items():
        (folder / f"{name}-search.json").write_text(json.dumps(rows))
    return page(folder)


def test_the_page_is_the_one_that_the_stored_files_make() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(RESULTS)


def test_every_row_stands_once_in_the_group_of_its_data(tmp_path: Path) -> None:
    found = write(tmp_path)
    for row in ROWS:
        assert found.count(f"| {row.measure.replace('|', chr(92) + '|')} |") == 1
    sections = {part.partition("\n")[0]: part for part in found.split("\n## ")[1:]}
    assert list(sections) == [
        "Remaining life of turbofans",
        "Fleets that differ",
        "Failures",
        "Prices",
        "Other rows",
    ]
    assert "| 13.254 | cycles | yes |" in sections["Remaining life of turbofans"]
    assert "solo parties" in sections["Remaining life of turbofans"]
    assert "dealt by regime" in sections["Fleets that differ"]
    assert "SECOM" in sections["Failures"]
    assert "`make other`" in sections["Other rows"]


def test_missed_goals_are_marked_and_counted_and_what_is_only_shown_has_no_mark(tmp_path: Path) -> None:
    found = write(tmp_path)
    assert "4 of 6 goals hold." in found
    assert "| 14.9 | cycles | **no** |" in found
    assert "| shown | 11.02 | cycles |  |" in found
    assert "| bulldozers: trees (not measured: no library) | <= 1.02 | – | times | **no** |" in found


def test_a_search_shows_each_setting_with_the_mean_of_its_scores(tmp_path: Path) -> None:
    rows = [
        {"recipe": "a", "draw": draw, "scenario": "fedavg", "last_cycle_rmse": 12.0 + draw, "seconds": 2.0}
        for draw in (1, 2)
    ]
    rows.append({"recipe": "b", "draw": 1, "scenario": "fedavg", "last_cycle_rmse": 9.5, "seconds": 3.0})
    found = write(tmp_path, turbofan=rows)
    assert "### Turbofan" in found
    assert "| recipe | scenario | runs | last cycle rmse | seconds |" in found
    assert "| a | fedavg | 2 | 13.5 | 2 |" in found
    assert "| b | fedavg | 1 | 9.5 | 3 |" in found


@pytest.mark.parametrize("odd", [[], {"about": "x"}, [{"setting": 1}], [3]])
def test_a_search_of_another_form_is_linked_and_not_guessed_at(odd: object, tmp_path: Path) -> None:
    assert "Each score stands in [benchmarks/results/odd-search.json]" in write(tmp_path, odd=odd)


def test_rows_in_a_table_of_their_own_are_found(tmp_path: Path) -> None:
    found = write(tmp_path, secom={"goal": "x", "rows": [{"hidden": 16, "seed": 1, "auprc": 0.163}]})
    assert "| hidden | runs | auprc |" in found
    assert "| 16 | 1 | 0.163 |" in found


def test_without_a_measurement_the_page_says_so_and_shows_no_figure(tmp_path: Path) -> None:
    assert NOT_MEASURED in page(tmp_path)
    assert "| goal |" not in page(tmp_path)


def test_rows_that_differ_by_a_name_stand_in_one_table() -> None:
    rows = [
        {"measure": f"Fleet, 60 rounds, {name}: {figure}", "goal": "shown", "value": value, "unit": unit}
        for name, figure, value, unit in (
            ("One", "error", 1.5, "cycles"),
            ("One", "time", 3.0, ""),
            ("Other", "error", 2.0, "cycles"),
        )
    ]
    goal = {"measure": "Fleet, 60 rounds, One: error", "goal": "<= 1", "value": 1.5, "unit": "cycles"}
    ((title, text),), others = _beside([*rows, goal])
    assert title == "Fleet, 60 rounds"
    assert "| One | 1.5 | 3 |" in text
    assert "| Other | 2 | – |" in text
    assert others == [goal]
