"""Cells of one raw column as text, numbers or times, refused with their file and line.

A `Sheet` is a raw table with what a refusal must name: where it came from and whose it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hansa.core.charter import Party
from hansa.core.errors import DataError
from hansa.data.fleet import Floats
from hansa.data.tables import locate

MISSING_MARKS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL")
"""Texts that stand for a missing cell."""

Texts = NDArray[np.object_]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE | re.ASCII)
_FLAGS = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of a piece that are from one file."""

    first: int  # their first position in the piece
    file: str
    before: int  # rows of the file that stand before them


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A raw table, where it came from and the party that owns it."""

    frame: pd.DataFrame
    where: str
    party: Party | None
    parts: tuple[Part, ...] = ()  # where it is a piece of files, in their order

    def place(self, position: int) -> str:
        """Return the file and line of a row, by position."""
        for part in reversed(self.parts):
            if part.first <= position:
                return f"{part.file}, row {part.before + position - part.first + 1}"
        return locate(self.frame, position, self.where)


def texts(column: pd.Series) -> Texts:
    """Return (rows,) cells as stripped text, None where missing. Whole numbers have no decimal point."""
    codes, cells = coded_texts(column)
    result = np.empty(len(cells) + 1, dtype=object)  # the last one stands for code -1
    result[:-1] = cells
    return result[codes]


def coded_texts(column: pd.Series) -> tuple[NDArray[np.int64], list[str | None]]:
    """Return (rows,) the number of each cell's text, -1 where missing, and the texts.

    Each different cell is read once, as assets and categories repeat over many rows. Two cells may have
    one text, and a text may be None.
    """
    if pd.api.types.is_object_dtype(column.dtype):  # 1, 1.0 and True are equal, and different texts
        return np.arange(len(column)), _cell_texts(column)
    codes, cells = pd.factorize(column)
    return codes.astype(np.int64), _cell_texts(pd.Series(cells))


def all_missing(column: pd.Series) -> bool:
    """Return whether no cell holds anything."""
    return bool(column.isna().all()) or all(cell is None for cell in coded_texts(column)[1])


def parsed_numbers(column: pd.Series) -> tuple[Floats, NDArray[np.intp]]:
    """Return (rows,) numbers, NaN where missing, and the positions of cells that are no number.

    True and false are 1 and 0. Infinities are passed on, for the caller to refuse.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), np.empty(0, dtype=np.intp)
    fast = _cast_all(column)
    if fast is not None:
        return fast, np.empty(0, dtype=np.intp)
    cells = texts(column)
    numbers = [np.nan if cell is None else _number(cell) for cell in cells]
    bad = np.array([i for i, number in enumerate(numbers) if number is None], dtype=np.intp)
    return np.array([np.nan if number is None else number for number in numbers]), bad


def parsed_times(column: pd.Series) -> tuple[Floats, NDArray[np.intp]]:
    """Return (rows,) seconds since 1970 UTC, NaN where missing, and the positions that are no ISO time.

    A time without zone counts as UTC.
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(column.dtype):
        stamps = pd.to_datetime(column, utc=True)
        bad = np.empty(0, dtype=np.intp)
    else:
        cells = pd.Series(texts(column), dtype=object)
        stamps = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce")
        bad = np.flatnonzero(stamps.isna().to_numpy() & cells.notna().to_numpy())
    micros = stamps.dt.tz_localize(None).to_numpy().astype("datetime64[us]")  # (rows,)
    seconds = micros.astype(np.int64) / 1e6  # (rows,)
    seconds[np.isnat(micros)] = np.nan
    return seconds, bad


def is_stamped(column: pd.Series) -> bool:
    """Return whether the cells are calendar times: stored as such, or the first text is an ISO time."""
    if isinstance(column.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(column.dtype):
        return True
    if pd.api.types.is_numeric_dtype(column.dtype) or _cast_all(column) is not None:
        return False
    first = next((cell for cell in texts(column) if cell is not None), None)
    if first is None or _number(first) is not None:
        return False
    _, bad = parsed_times(pd.Series([first], dtype=object))
    return not len(bad)


def refuse_missing(sheet: Sheet, name: str, present: NDArray[np.bool_], do: str) -> None:
    """Raise DataError naming the first row whose cell is missing; present: (rows,)."""
    if not present.all():
        position = int(np.argmin(present))
        raise DataError(f'column "{name}" is empty', do=do, where=sheet.place(position))


def numbers(sheet: Sheet, name: str) -> Floats:
    """Return (rows,) finite numbers of the file's column, NaN where missing.

    Raises DataError naming file, line and column of a cell that is no number, or an infinite one.
    """
    column = sheet.frame[name]
    values, bad = parsed_numbers(column)
    if len(bad):
        position = int(bad[0])
        raise DataError(
            f'column "{name}" holds "{shown(column.iloc[position])}", which is not a number',
            do="correct the cell, or leave it empty where nothing was measured",
            where=sheet.place(position),
        )
    infinite = np.isinf(values)  # (rows,)
    if infinite.any():
        raise DataError(
            f'column "{name}" holds an infinite number',
            do="correct the cell, or leave it empty where nothing was measured",
            where=sheet.place(int(np.argmax(infinite))),
        )
    return values


def times(sheet: Sheet, name: str) -> Floats:
    """Return (rows,) seconds since 1970 UTC of the file's column, NaN where missing.

    Raises DataError naming file, line and column of a cell that is no ISO date or time.
    """
    column = sheet.frame[name]
    seconds, bad = parsed_times(column)
    if len(bad):
        position = int(bad[0])
        raise DataError(
            f'column "{name}" holds "{shown(column.iloc[position])}", which is not an ISO date or time',
            do="write it like 2024-01-31 or 2024-01-31T12:30:00",
            where=sheet.place(position),
        )
    return seconds


def is_number(cell: str) -> bool:
    """Return whether a text is a number; true and false are."""
    return _number(cell) is not None


def shown(cell: object) -> str:
    """Return a cell as a refusal shows it, shortened."""
    text = str(cell).strip()
    return text if len(text) <= 40 else text[:37] + "..."


def _cell_texts(column: pd.Series) -> list[str | None]:
    if pd.api.types.is_float_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)  # (rows,)
        return [None if np.isnan(v) else f"{v:.0f}" if v.is_integer() else repr(float(v)) for v in values]
    filled = column.astype(object).where(column.notna(), "")
    stripped = [str(value).strip() for value in filled]
    return [None if cell in MISSING_MARKS else cell for cell in stripped]


def _cast_all(column: pd.Series) -> Floats | None:
    """Return the numbers of a text column at once, or None where a cell needs a closer look."""
    try:
        cells = pc.utf8_trim_whitespace(pa.array(column, type=pa.string(), from_pandas=True))
        marks = pc.is_in(cells, value_set=pa.array(MISSING_MARKS))
        numbers = pc.cast(pc.if_else(marks, None, cells), pa.float64())
    except pa.ArrowException:
        return None
    values: Floats = numbers.to_numpy(zero_copy_only=False).copy()  # (rows,)
    return values


def _number(cell: str) -> float | None:
    if _NUMBER.fullmatch(cell):
        return float(cell)
    return _FLAGS.get(cell.lower())
