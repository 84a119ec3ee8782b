"""Outcome cells: one kind says failed, one other good; a misspelt cell is refused and never a good asset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hansa.core.charter import Column, Data, Label, Party
from hansa.core.errors import DataError
from hansa.data.cells import Sheet
from hansa.data.columns import fleet_from_sheet
from hansa.data.fleet import Fleet, joined
from hansa.data.pieces import LargeTable, pieces
from hansa.data.tables import read_table

COLUMNS = (Column("part", "asset"), Column("heat", "sensor"), Column("outcome", "target"))


def schema_of(failed: str = "failed") -> Data:
    return Data(task="failure", source="table", columns=COLUMNS, label=Label(failed=failed))


def table(*outcomes: object) -> pd.DataFrame:
    parts = [f"P{number:02}" for number in range(len(outcomes))]
    return pd.DataFrame({"part": parts, "heat": 1.0, "outcome": list(outcomes)})


def whole(folder: Path, frame: pd.DataFrame, failed: str = "failed") -> Fleet:
    path = folder / "parts.csv"
    frame.to_csv(path, index=False)
    return fleet_from_sheet(Sheet(read_table(path), str(path), None), schema_of(failed))


def in_pieces(folder: Path, frame: pd.DataFrame, failed: str = "failed", party: Party | None = None) -> Fleet:
    path = folder / "parts.parquet"
    frame.to_parquet(path, index=False)
    return joined(list(pieces(LargeTable(path, schema_of(failed), party), cells=6)))  # two rows each


@pytest.mark.parametrize("third", ["Failed", "faild", "n/a", "GOOD"])
def test_a_third_kind_of_cell_is_refused_with_its_line(tmp_path: Path, third: str) -> None:
    frame = table("good", "failed", "good", "good", third, "failed")
    sentence = (
        f'parts.csv, line 6: column "outcome" holds "{third}", a third kind of cell beside "failed" and '
        '"good"; correct the cell, or write all assets that did not fail alike.'
    )
    with pytest.raises(DataError) as fault:
        whole(tmp_path, frame)
    assert str(fault.value).endswith(sentence)
    with pytest.raises(DataError) as fault:
        in_pieces(tmp_path, frame)
    assert str(fault.value).endswith(sentence.replace("parts.csv, line 6", "parts.parquet, row 5"))


def test_a_third_kind_that_stands_before_the_first_failure_is_refused_too(tmp_path: Path) -> None:
    frame = table("good", "good", "faild", "good", "good", "failed")
    for read, place in ((whole, "parts.csv, line 4"), (in_pieces, "parts.parquet, row 3")):
        with pytest.raises(DataError, match=f'{place}: column "outcome" holds "faild"'):
            read(tmp_path, frame)


def test_a_cell_that_says_failed_and_never_occurs_is_refused_with_the_cells_found(tmp_path: Path) -> None:
    frame = table("good", "failed", "good", "good")
    for read, file in ((whole, "parts.csv"), (in_pieces, "parts.parquet")):
        with pytest.raises(DataError) as fault:
            read(tmp_path, frame, "nonsense")
        assert str(fault.value) == (
            f'{tmp_path / file}: no cell of column "outcome" says "nonsense"; found: good, failed; '
            "write under [label] which cell says that an asset failed, or add assets that failed."
        )


def test_of_many_kinds_of_cells_the_first_are_found(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"found: 0, 1, 2, 3, 4, 5, 6, 7, \.\.\.; write"):
        whole(tmp_path, table(*range(20)))


def test_the_refusal_names_the_column_as_the_partys_file_does(tmp_path: Path) -> None:
    frame = table("good", "good").rename(columns={"outcome": "verdict"})
    with pytest.raises(DataError, match='no cell of column "verdict" says "failed"; found: good'):
        in_pieces(tmp_path, frame, party=Party("north", columns=(("outcome", "verdict"),)))


@pytest.mark.parametrize(
    ("cells", "failed"),
    [
        (["good", "failed", " good ", "failed"], "failed"),
        (["0", "1.0", "0.0", "1"], "1"),
        ([-1, 1, -1, 1], "1"),
        ([False, True, False, True], "True"),
    ],
)
def test_two_kinds_are_read_however_they_are_written(
    tmp_path: Path, cells: list[object], failed: str
) -> None:
    for read in (whole, in_pieces):
        np.testing.assert_array_equal(read(tmp_path, table(*cells), failed).remaining, [0, 1, 0, 1])


def test_a_piece_without_failures_is_read(tmp_path: Path) -> None:
    frame = table("good", "good", "good", "good", "good", "failed")
    np.testing.assert_array_equal(in_pieces(tmp_path, frame).remaining, [0, 0, 0, 0, 0, 1])
