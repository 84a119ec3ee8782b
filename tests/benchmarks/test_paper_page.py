"""The page on the paper names code that exists and figures that were measured, and none other."""

import json
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.measure import RESULTS
from benchmarks.paper_lines import LINES
from benchmarks.paper_page import NOT_MEASURED, PAGE, page
from tests.simulation.tiny_study import made_book


def test_the_page_is_the_one_that_the_stored_studies_make() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(RESULTS)


@pytest.mark.parametrize("place", sorted({one for line in LINES for one in line.where}))
def test_every_place_that_a_line_names_exists(place: str) -> None:
    module, name = place.split(":")
    assert hasattr(import_module(module), name)


@pytest.mark.parametrize("number", ["1", "2", "3", "4"])
def test_every_algorithm_is_listed(number: str) -> None:
    assert [line for line in LINES if (line.kind, line.name) == ("Algorithms", number)]


def test_every_table_of_the_paper_is_listed() -> None:
    tables = {line.name for line in LINES if line.kind == "Tables"}
    assert tables == {str(number) for number in range(1, 11)}


def test_without_a_study_there_is_no_figure_of_ours(tmp_path: Path) -> None:
    found = page(tmp_path)
    measured = [line for line in LINES if line.measured]
    assert found.count(f"| {NOT_MEASURED} | {NOT_MEASURED} |") == len(measured)
    assert "hansa study fd004 --parties 2,4,8 --seeds 5 --as-printed --out runs/paper-as-printed" in found


def test_the_figures_of_a_study_stand_in_its_own_column(tmp_path: Path) -> None:
    figures = {
        (0, "centralised"): [14.6, 14.8],
        (8, "isolated_mean"): [15.0, 15.2],
        (8, "labsync"): [14.9, 15.3],
    }
    book = made_book(figures)
    (tmp_path / "paper-improved.json").write_text(json.dumps(book.value()))

    found = page(tmp_path)

    line = next(one for one in found.splitlines() if "C-MAPSS, FedLabSync" in one)
    assert f"| {NOT_MEASURED} | J = 8: RMSE 15.10 ± 0.28, MAE 10.57 ± 0.20 |" in line
    line = next(one for one in found.splitlines() if "C-MAPSS, centralised" in one)
    assert f"| {NOT_MEASURED} | RMSE 14.70 ± 0.14, MAE 10.29 ± 0.10 |" in line
    assert "| 8 | FedLabSync | 15.10 ± 0.28 |" in found
    assert "| 0.00 | [−1.27, +1.27] | 1.00 |" in found
    fedavg = next(one for one in found.splitlines() if "C-MAPSS, FedAvg" in one)
    assert f"| {NOT_MEASURED} | {NOT_MEASURED} |" in fedavg


def test_a_collapsed_seed_is_named_with_its_reason(tmp_path: Path) -> None:
    book = made_book({(4, "labsync"): [14.9, 60.0]}, stuck=2)
    (tmp_path / "paper-as-printed.json").write_text(json.dumps(book.value()))
    found = page(tmp_path)
    assert "- Collapsed: FedLabSync at J = 4 seed 2, RMSE 60.00: 2 of 4 parties predict 0" in found
    assert "(1 of 2 seeds without a stuck output: RMSE 14.90, MAE 10.43)" in found
    assert "| 4 | FedLabSync, 1 of 2 seeds without a stuck output | 14.90 | 10.43 |" in found
