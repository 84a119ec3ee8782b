"""Raw tables: a CSV, Parquet or Arrow file, or a folder of them, as text cells that know where they stood.

Nothing is interpreted here but the file's own form: encoding, separator and decimal sign. Every row
keeps its file and line in the index, so that a later refusal can name them.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hansa.core.errors import DataError
from hansa.data.columnar import ENDINGS, is_columnar, read_stored, stored_names, stored_rows

FILE_COLUMN = "file"
"""Column that a folder's table has besides its own: the stem of the file that the row came from."""

Wanted = Callable[[Path], Mapping[str, str]]
"""The columns of a columnar file that are read, as stored, by their names."""

_CMAPSS_COLUMNS = 26  # numbers between blanks
_TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_NUMBER = r"[+-]?[\d.,]+([eE][+-]?\d+)?"
_DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?"
_COPIES = 5  # of a table's numbers, or a file's text, while it is read
_PACKED = 4  # how far a table of numbers is compressed
_SEPARATORS = (",", ";", "\t")
_DECIMAL_COMMA = r"^\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*$"
_DECIMAL_POINT = r"^\s*[+-]?\d*\.\d+([eE][+-]?\d+)?\s*$"


def read_table(path: Path, wanted: Wanted | None = None) -> pd.DataFrame:
    """Return the rows of a file, or of all tables of a folder one below the other.

    Index: levels `file` and `line`; a CSV's header is line 1, a columnar file's first row is row 1.
    CSV cells are text, columnar cells as stored. A folder's table has the column `file` besides.
    wanted: the columns to read, where all files are columnar; by default every one.
    Separators are comma, semicolon and tabulator; with the last two, a decimal comma is turned into a
    point, unless the file writes decimal points too. Rows without any content are left out.
    Raises DataError for a file that is missing, truncated, empty or not a table.
    """
    return _read_folder(path, wanted) if path.is_dir() else _read_file(table_files(path)[0], wanted)


def refuse_too_large(path: Path, wanted: Wanted | None = None) -> None:
    """Raise DataError for tables that this machine could not hold in memory; wanted: as in `read_table`."""
    needed = sum(_read_bytes(file, wanted) for file in table_files(path))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        raise DataError(
            f"reading it takes about {needed / 1e9:.0f} GB of memory, and there are {memory / 1e9:.0f} GB",
            do='give each party a Parquet file of its own, sorted by asset (kind = "given"), '
            "which is read in pieces",
            where=str(path),
        )


def locate(frame: pd.DataFrame, position: int, where: str) -> str:
    """Return the file and line of one row, by position; for a frame of other origin, `where` and the row."""
    if list(frame.index.names) != ["file", "line"]:
        return f"{where}, row {position + 1}"
    file, line = frame.index[position]
    return f"{file}, {'row' if is_columnar(file) else 'line'} {line}"


def origin(frame: pd.DataFrame, where: str) -> str:
    """Return the file that the frame's header stands in; for a frame of other origin, `where`."""
    if list(frame.index.names) != ["file", "line"] or frame.empty:
        return where
    return str(frame.index[0][0])


def columnar_names(path: Path) -> dict[str, str]:
    """Return the columns of a columnar file as stored, by their names without blanks; an index is no column.

    Raises DataError for two columns of one name, or names that are numbers.
    """
    stored = stored_names(path)
    named = [name.strip() for name in stored]
    _refuse_bad_header(named, path)
    return {
        name: raw
        for name, raw in zip(named, stored, strict=True)
        if name and not name.startswith("__index_level_")
    }


def table_files(path: Path) -> list[Path]:
    """Return the tables of a folder in order, or the file itself. Raises DataError where there is none."""
    if not path.is_dir():
        if not path.is_file():
            raise DataError("there is no such file or folder", do="check the path", where=str(path))
        return [path]
    endings = _TEXT_ENDINGS + ENDINGS
    paths = sorted(
        one
        for one in path.iterdir()
        if one.is_file() and one.name.lower().endswith(endings) and not one.name.startswith(".")
    )
    if not paths:
        raise DataError(
            "the folder holds no table",
            do="put .csv, .csv.gz, .parquet or .arrow files there",
            where=str(path),
        )
    return paths


def stem(path: Path) -> str:
    """Return the file's name without folder and ending: `pump-3` for `data/pump-3.csv.gz`."""
    lower = path.name.lower()
    ending = max((e for e in _TEXT_ENDINGS + ENDINGS if lower.endswith(e)), key=len, default="")
    return path.name[: len(path.name) - len(ending)]


def names_are_cells(names: Sequence[str]) -> bool:
    """Return whether at least half of the names are numbers or dates, as those of a file without header."""
    found = sum(re.fullmatch(f"{_NUMBER}|{_DATE}", name) is not None for name in names)
    return 0 < len(names) <= 2 * found


def no_column_names(names: Sequence[str], where: str) -> DataError:
    """Return the error for a table whose first line, `names`, is one of its rows."""
    what, cells = "the first line holds no column names", names[0].split() if names else []
    if len(cells) == _CMAPSS_COLUMNS or re.search(r"(train|test|RUL)_FD\d+\.txt", where):
        do = 'read C-MAPSS with a charter that says source = "cmapss", as `hansa charter init` writes it'
        return DataError(f"{what}; it is laid out like NASA's C-MAPSS", do=do, where=where)
    blanks = "put commas between the cells and " if len(cells) > 1 == len(names) else ""
    return DataError(what, do=f"{blanks}add a header line with names that begin with a letter", where=where)


def refuse_other_columns(path: Path, names: Sequence[str], first: Path, first_names: Sequence[str]) -> None:
    """Raise DataError where two files of one folder have not the same columns."""
    for one, other, place, partner in (
        (first_names, names, path, first.name),
        (names, first_names, first, path.name),
    ):
        lacking = [str(name) for name in one if name not in other]
        if lacking:
            raise DataError(
                f'there is no column "{lacking[0]}", which {partner} has',
                do="give all files of one folder the same columns",
                where=str(place),
            )


def _read_bytes(path: Path, wanted: Wanted | None) -> int:
    """Return about how much memory reading a table takes at its peak."""
    if is_columnar(path):
        columns = len(wanted(path) if wanted else stored_names(path))
        return _COPIES * 8 * stored_rows(path) * columns
    packed = _PACKED if path.name.lower().endswith(".gz") else 1
    return _COPIES * packed * path.stat().st_size


def _read_folder(folder: Path, wanted: Wanted | None) -> pd.DataFrame:
    paths = table_files(folder)
    frames = [_read_file(path, wanted) for path in paths]
    for path, frame in zip(paths, frames, strict=True):
        refuse_other_columns(path, list(frame.columns), paths[0], list(frames[0].columns))
    for path, frame in zip(paths, frames, strict=True):
        if FILE_COLUMN not in frame.columns:
            frame.insert(0, FILE_COLUMN, stem(path))
    return pd.concat(frames)


def _read_file(path: Path, wanted: Wanted | None) -> pd.DataFrame:
    if is_columnar(path):
        frame, lines = _read_columnar(path, wanted or columnar_names)
    else:
        frame, lines = _read_csv(path)
    if frame.empty:
        raise DataError("the table has no rows", do="check that the file is complete", where=str(path))
    frame.index = pd.MultiIndex.from_arrays([[str(path)] * len(frame), lines], names=["file", "line"])
    return frame


def _read_columnar(path: Path, wanted: Wanted) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    named = wanted(path)
    table = read_stored(path, list(named.values())).rename_columns(list(named))
    frame = table.to_pandas(ignore_metadata=True)
    return frame, np.arange(1, len(frame) + 1)


def _read_csv(path: Path) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    text = _decoded(path)
    separator = _separator(text)
    header = next(csv.reader(io.StringIO(text.lstrip(" \n"), newline=""), delimiter=separator), [])
    names = [name.strip() for name in header]
    _refuse_bad_header(names, path)
    lines = _record_lines(text, separator, len(names), path)
    keys = list(range(len(names)))  # header cells may be empty, and pandas would rename them
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            names=keys,
            header=0,
            index_col=False,
            dtype=str,
            na_filter=False,
        )
    except pd.errors.ParserError:
        frame = pd.DataFrame(columns=keys)
    if len(frame) != len(lines):
        raise DataError("quotes are opened and not closed", do="write the file again", where=str(path))
    named = [key for key in keys if names[key]]
    frame = frame[named].set_axis([names[key] for key in named], axis=1)[lines > 0]
    return _with_points(frame, separator), lines[lines > 0]


def _decoded(path: Path) -> str:
    """Return the file's text with line ends as \\n and without a byte-order mark."""
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as fault:
        raise DataError(
            "the file cannot be read to its end", do="copy or compress it again", where=str(path)
        ) from fault
    wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content[: fault.start].count(b"\n") + 1
        raise DataError(
            "the file is not UTF-8 text", do='save it as "CSV UTF-8"', where=f"{path}, line {line}"
        ) from fault
    if not text.strip():
        raise DataError("the file is empty", do="check that it was copied to its end", where=str(path))
    if "\0" in text:
        raise DataError("the file is not text", do="give a CSV, Parquet or Arrow file", where=str(path))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _separator(text: str) -> str:
    header = re.sub(r'"[^"]*"', "", text.lstrip(" \n").split("\n", 1)[0])
    return max(_SEPARATORS, key=header.count)  # a comma where there is none at all


def _refuse_bad_header(names: list[str], path: Path) -> None:
    named = [name for name in names if name]
    twice = next((name for name in named if named.count(name) > 1), None)
    blanks = named[0].split() if len(named) == 1 else []  # a row whose cells stand between blanks
    if all(re.fullmatch(_NUMBER, name) for name in blanks or named) or (twice and names_are_cells(named)):
        raise no_column_names(named, f"{path}, line 1")
    if twice is not None:
        raise DataError(f'two columns are named "{twice}"', do="rename one of them", where=f"{path}, line 1")


def _record_lines(text: str, separator: str, cells: int, path: Path) -> NDArray[np.int64]:
    """Return (records,) the line that each record after the header starts in; 0 where all cells are empty.

    Blank lines are no records. Raises DataError for a record with another number of cells than the header.
    """
    if '"' in text:
        starts, counts, empty = _quoted_records(text, separator)
    else:
        starts, counts, empty = _plain_records(text, separator)
    wrong = np.flatnonzero(counts[1:] != cells)
    if len(wrong):
        first = int(wrong[0]) + 1
        raise DataError(
            f"there are {counts[first]} cells where the header has {cells}",
            do="check that the line is complete and its text is quoted",
            where=f"{path}, line {starts[first]}",
        )
    return np.where(empty[1:], 0, starts[1:])  # (records,)


_Records = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]


def _plain_records(text: str, separator: str) -> _Records:
    blanks = " " if separator == "\t" else " \t"
    records = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip(blanks)]
    starts = np.array([number for number, _ in records], dtype=np.int64)
    counts = np.array([line.count(separator) + 1 for _, line in records], dtype=np.int64)
    empty = np.array([not line.strip(separator + " \t") for _, line in records], dtype=np.bool_)
    return starts, counts, empty


def _quoted_records(text: str, separator: str) -> _Records:
    starts, counts, empty = [], [], []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    start = 1
    try:
        for record in reader:
            if len(record) > 1 or (record and record[0].strip()):
                starts.append(start)
                counts.append(len(record))
                empty.append(not any(cell.strip() for cell in record))
            start = reader.line_num + 1
    except csv.Error:  # a cell without end; the caller sees records missing
        pass
    return np.array(starts, np.int64), np.array(counts, np.int64), np.array(empty, np.bool_)


def _with_points(frame: pd.DataFrame, separator: str) -> pd.DataFrame:
    """Return the frame with decimal commas as points. With points in the file, a comma stays what it is."""
    if separator == ",":
        return frame
    cells = {name: pa.array(frame[name], type=pa.string()) for name in frame.columns}
    if any(pc.any(pc.match_substring_regex(column, _DECIMAL_POINT)).as_py() for column in cells.values()):
        return frame
    for name, column in cells.items():
        with_comma = pc.match_substring_regex(column, _DECIMAL_COMMA)
        if pc.any(with_comma).as_py():
            point = pc.replace_substring(column, ",", ".", max_replacements=1)
            frame[name] = pc.if_else(with_comma, point, column).to_numpy(zero_copy_only=False)
    return frame
