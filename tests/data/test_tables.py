"""Tables: encodings, separators and folders give the same cells; broken files are refused by line."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hansa.core.errors import DataError
from hansa.data import tables
from hansa.data.tables import FILE_COLUMN, locate, origin, read_table, refuse_too_large, stem

PLAIN = "engine,cycle,temp\na,1,20.5\na,2,21\n"

awkward_cells = st.text(st.sampled_from('abc ,;"\n\tü'), max_size=4)


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def places(frame: pd.DataFrame) -> list[str]:
    return [locate(frame, position, "nowhere") for position in range(len(frame))]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", PLAIN),
        ("windows.csv", PLAIN.replace("\n", "\r\n")),
        ("old.txt", PLAIN.replace("\n", "\r")),
        ("mark.csv", b"\xef\xbb\xbf" + PLAIN.encode()),
        ("wide.csv", PLAIN.encode("utf-16")),
        ("packed.csv.gz", gzip.compress(PLAIN.encode(), mtime=0)),
        ("packed_unnamed.csv", gzip.compress(PLAIN.encode(), mtime=0)),
        ("semicolon.csv", PLAIN.replace(",", ";").replace(".", ",")),
        ("semicolon_point.csv", PLAIN.replace(",", ";")),
        ("tab.tsv", PLAIN.replace(",", "\t").replace(".", ",")),
        ("quoted.csv", PLAIN.replace("a", '"a"')),
        ("spaced.csv", PLAIN.replace("engine,cycle", " engine , cycle ")),
        ("no_last_line_end.csv", PLAIN.rstrip()),
    ],
)
def test_every_way_to_write_a_table_gives_the_same_cells(tmp_path: Path, name: str, content: str) -> None:
    frame = read_table(written(tmp_path, name, content))
    assert list(frame.columns) == ["engine", "cycle", "temp"]
    assert frame.to_numpy().tolist() == [["a", "1", "20.5"], ["a", "2", "21"]]
    assert places(frame) == [f"{tmp_path / name}, line 2", f"{tmp_path / name}, line 3"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(awkward_cells, awkward_cells), min_size=1, max_size=5), st.sampled_from(",;\t"))
def test_cells_and_lines_are_those_that_pythons_own_writer_wrote(
    tmp_path: Path, rows: list[tuple[str, str]], separator: str
) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["one", "two"])
    starts = []
    for row in rows:
        starts.append(buffer.getvalue().count("\n") + 1)
        writer.writerow(row)
    kept = [(row, start) for row, start in zip(rows, starts, strict=True) if any(c.strip() for c in row)]
    path = written(tmp_path, "written.csv", buffer.getvalue())
    if not kept:
        with pytest.raises(DataError, match="the table has no rows"):
            read_table(path)
        return
    frame = read_table(path)
    assert [tuple(row) for row in frame.to_numpy().tolist()] == [row for row, _ in kept]
    assert places(frame) == [f"{path}, line {start}" for _, start in kept]


def test_blank_and_empty_rows_are_left_out_and_lines_still_count(tmp_path: Path) -> None:
    frame = read_table(written(tmp_path, "gaps.csv", "\na;b\n\n1;2\n;\n \n3;4\n"))
    assert frame.to_numpy().tolist() == [["1", "2"], ["3", "4"]]
    assert [place.rsplit(" ", 1)[1] for place in places(frame)] == ["4", "7"]


def test_a_comma_stays_a_comma_where_the_file_writes_points_too(tmp_path: Path) -> None:
    frame = read_table(written(tmp_path, "mixed.csv", "a;b\n1.5;1,234\n"))
    assert frame.to_numpy().tolist() == [["1.5", "1,234"]]


def test_a_column_without_name_is_left_out(tmp_path: Path) -> None:
    assert list(read_table(written(tmp_path, "index.csv", ",a,self\n0,5,6\n")).columns) == ["a", "self"]


def test_parquet_keeps_its_types_and_counts_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": [1, 2], "t": pd.to_datetime(["2024-01-01", "2024-01-02"])}).to_parquet(path)
    frame = read_table(path)
    assert frame["a"].tolist() == [1, 2]
    assert places(frame) == [f"{path}, row 1", f"{path}, row 2"]


def test_an_index_saved_in_parquet_is_a_column_if_it_has_a_name(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": [1], "b": [2]}).set_index("a").to_parquet(path)
    assert sorted(read_table(path).columns) == ["a", "b"]
    pd.DataFrame({"b": [2]}, index=[9]).to_parquet(path)
    assert list(read_table(path).columns) == ["b"]


def test_a_folder_is_its_tables_one_below_the_other_with_their_stems(tmp_path: Path) -> None:
    written(tmp_path, "pump-2.csv", "t\n5\n")
    written(tmp_path, "pump-1.csv.gz", gzip.compress(b"t\n3\n4\n", mtime=0))
    pd.DataFrame({"t": [6]}).to_parquet(tmp_path / "pump-3.parquet")
    written(tmp_path, "README.md", "no table")
    written(tmp_path, ".hidden.csv", "no,table")
    frame = read_table(tmp_path)
    assert frame[FILE_COLUMN].tolist() == ["pump-1", "pump-1", "pump-2", "pump-3"]
    assert [str(cell) for cell in frame["t"]] == ["3", "4", "5", "6"]
    assert places(frame)[1:3] == [
        f"{tmp_path / 'pump-1.csv.gz'}, line 3",
        f"{tmp_path / 'pump-2.csv'}, line 2",
    ]


def test_a_frame_of_other_origin_is_placed_by_its_row() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=[10, 20])
    assert locate(frame, 1, "the frame") == "the frame, row 2"
    assert origin(frame, "the frame") == "the frame"


def test_a_stem_loses_the_whole_ending() -> None:
    assert [stem(Path(name)) for name in ("x/a.b.CSV.GZ", "a.parquet", "a")] == ["a.b", "a", "a"]


@pytest.mark.parametrize(
    ("content", "line", "sentence"),
    [
        ("", "", "the file is empty"),
        (" \n\n", "", "the file is empty"),
        ("a,b\n", "", "the table has no rows"),
        ("a,b\n1,2\n3\n", ", line 3", "there are 1 cells where the header has 2"),
        ("a,b\n\n1,2,3\n", ", line 3", "there are 3 cells where the header has 2"),
        ('a,b\n"x\ny",2\n3\n', ", line 4", "there are 1 cells where the header has 2"),
        ("a,a\n1,2\n", ", line 1", 'two columns are named "a"'),
        ("1,2.5\n1,2\n", ", line 1", "the first line holds no column names"),
        (",\n1,2\n", ", line 1", "the first line holds no column names; add a header line"),
        ("P1,0,0,2.5\nP1,1,0,2\n", ", line 1", "the first line holds no column names; add a header line"),
        ("1 2.5\n1 2\n", ", line 1", "the first line holds no column names; put commas between the cells"),
        (b"a,b\n1,\xb0C\n", ", line 2", "the file is not UTF-8 text"),
        (b"a,b\n1,\x00\n", "", "the file is not text"),
        (gzip.compress(PLAIN.encode() * 50, mtime=0)[:40], "", "the file cannot be read to its end"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(
    tmp_path: Path, content: str | bytes, line: str, sentence: str
) -> None:
    path = written(tmp_path, "broken.csv", content)
    with pytest.raises(DataError) as refusal:
        read_table(path)
    assert str(refusal.value).startswith(f"{path}{line}: {sentence}")


@pytest.mark.parametrize("name", ["rows.txt", "RUL_FD001.txt"])
def test_a_file_of_cmapss_is_no_table_and_the_charter_that_reads_it_is_named(
    tmp_path: Path, name: str
) -> None:
    row = "112 \n" if name.startswith("RUL") else "1 1" + " 2.5" * 24 + "  \n"
    with pytest.raises(
        DataError, match=r'no column names; .* C-MAPSS with a charter that says source = "cmapss"'
    ):
        read_table(written(tmp_path, name, row * 2))


def test_a_quote_without_end_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "open.csv", 'a,b\n1,2\n"3,4\n5,6\n')
    with pytest.raises(DataError, match=r"open\.csv"):
        read_table(path)


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": range(1000)}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match="not a complete Parquet file"):
        read_table(path)


def test_a_missing_path_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="the folder holds no table"):
        read_table(tmp_path)


@pytest.mark.parametrize("content", ["t,x\n1,2\n", "x\n1\n"])
def test_files_of_a_folder_with_other_columns_are_refused(tmp_path: Path, content: str) -> None:
    written(tmp_path, "a.csv", "t\n1\n")
    written(tmp_path, "b.csv", content)
    with pytest.raises(DataError, match=r'there is no column "."'):
        read_table(tmp_path)


def test_a_table_that_memory_cannot_hold_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": np.zeros(1000), "b": np.zeros(1000)}).to_parquet(path)
    csv_path = written(tmp_path, "t.csv", PLAIN * 2000)
    refuse_too_large(path)
    refuse_too_large(tmp_path)
    monkeypatch.setattr(tables.os, "sysconf", {"SC_PAGE_SIZE": 1000, "SC_PHYS_PAGES": 70}.__getitem__)
    for large in (path, csv_path, tmp_path):
        with pytest.raises(DataError, match=r"there are 0 GB; give each party a Parquet file of its own"):
            refuse_too_large(large)
