"""Doubtful cells: the first cell that is not what its column seems to hold, and no doubt where none is."""

from __future__ import annotations

import pandas as pd
import pytest

from hansa.data.cells import Sheet
from hansa.data.doubtful_cells import doubtful_cells
from hansa.data.profile import profile


def doubt(cells: list[object]) -> str:
    """Return what is said of a column with these cells, empty for nothing."""
    frame = pd.DataFrame({"a": cells})
    return doubtful_cells(Sheet(frame, "t", None), [profile("a", frame["a"])]).get("a", "")


@pytest.mark.parametrize(
    ("cells", "row", "cell", "remedy"),
    [
        (["1", "2", "hot", "4"], 3, "hot", "correct such cells"),
        (["1", "2", "inf", "4"], 3, "inf", "correct such cells"),
        ([*map(str, range(30)), *["hot"] * 5], 31, "hot", "correct such cells"),
        (["999.00", "5,123.00", "1,000.50", "7,000,000"], 2, "5,123.00", "without marks between thousands"),
        (["5.123,00", "6.123,25", "7.000,5"], 1, "5.123,00", "without marks between thousands"),
        (["31/12/2024", "01/01/2025"], 1, "31/12/2024", "write dates like 2024-01-31"),
        (["31.12.24 10:00", "01.01.25 11:00"], 1, "31.12.24 10:00", "write dates like 2024-01-31"),
        (["2024-01-31", "31.01.2024"], 2, "31.01.2024", "write dates like 2024-01-31"),
    ],
)
def test_the_first_cell_at_fault_is_named_with_its_row_and_remedy(
    cells: list[object], row: int, cell: str, remedy: str
) -> None:
    sentence = doubt(cells)
    assert sentence.startswith(f'column "a" holds "{cell}" (t, row {row}), which is not ')
    assert remedy in sentence


@pytest.mark.parametrize(
    "cells",
    [
        ["1", "2.5", "3"],
        ["gas", "oil", "gas"],
        ["1", "2", "X", "Y"] * 9,  # codes of a category
        ["1.2.3", "1.2.4", "2.0.0"],  # versions
        [f"remark {i}" for i in range(40)],
        ["2024-01-31", "2024-02-01"],
        ["", "", ""],
        [1.5, 2.5, None],
    ],
)
def test_a_column_that_is_what_it_seems_raises_no_doubt(cells: list[object]) -> None:
    assert doubt(cells) == ""
