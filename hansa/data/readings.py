"""One column of the charter, found in a party's table, in the charter's unit and within its range."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hansa.core.charter import Column
from hansa.core.errors import DataError
from hansa.data import cells
from hansa.data.cells import Sheet
from hansa.data.fleet import Floats
from hansa.data.tables import origin
from hansa.data.units import can_convert, converted

HOLD = 'fill the cell, or write missing = "hold" under [data] of the charter'
FILL = "fill the cell, or remove the row"


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """When each row was recorded."""

    time: Floats  # (rows,), in `unit`; counted from 1970 UTC where the file holds dates
    unit: str
    stamped: bool  # whether the file holds dates


def find(sheet: Sheet, name: str) -> str:
    """Return the name that a column of the charter has in the party's table.

    Raises DataError naming the file, the column, the nearest column of the file and the remedy.
    """
    mapped = dict(sheet.party.columns).get(name, name) if sheet.party else name
    if mapped not in sheet.frame.columns:
        raise _missing_column(sheet, name, mapped)
    return mapped


def readings(sheet: Sheet, column: Column) -> Floats:
    """Return (rows,) finite readings in the charter's unit, NaN where missing.

    Raises DataError for a cell that is no number or out of range, CharterError for a unit.
    """
    values = cells.numbers(sheet, find(sheet, column.name))
    values = converted(values, _unit_of(sheet, column), column.unit, where=_title(sheet, column.name))
    _refuse_outside(sheet, column, values)
    return values


def complete_readings(sheet: Sheet, column: Column, do: str) -> Floats:
    """Return (rows,) readings as `readings` does, all present; do: the remedy where one is not."""
    values = readings(sheet, column)
    cells.refuse_missing(sheet, find(sheet, column.name), ~np.isnan(values), do)
    return values


def clock(sheet: Sheet, column: Column) -> Clock:
    """Return the time of every row: the numbers of the column, or its dates as days (or its unit).

    Raises DataError where a time is missing, or where dates cannot be expressed in the charter's unit.
    """
    name = find(sheet, column.name)
    if not cells.is_stamped(sheet.frame[name]):
        return Clock(complete_readings(sheet, column, FILL), column.unit, stamped=False)
    unit = column.unit or "day"
    if not can_convert("s", unit):
        raise DataError(
            f'column "{name}" holds dates, which the charter\'s unit "{unit}" cannot count',
            do=f'write unit = "day" in [columns.{_key(column.name)}], or give numbers in the file',
            where=sheet.place(0),
        )
    seconds = cells.times(sheet, name)  # (rows,)
    cells.refuse_missing(sheet, name, ~np.isnan(seconds), FILL)
    return Clock(converted(seconds, "s", unit, where=name), unit, stamped=True)


def failure_times(sheet: Sheet, column: Column, time_column: Column, now: Clock) -> Floats:
    """Return (rows,) the time of failure on the same clock as the rows, NaN where the cell is empty.

    Where neither charter nor party states its unit, the column is in the unit of the time column.
    Raises DataError where one of the two columns holds dates and the other numbers.
    """
    name = find(sheet, column.name)
    raw = sheet.frame[name]
    if cells.all_missing(raw):
        return np.full(len(raw), np.nan)
    if cells.is_stamped(raw) != now.stamped:
        one, other = ("dates", "numbers") if now.stamped else ("numbers", "dates")
        raise DataError(
            f'column "{find(sheet, time_column.name)}" holds {one} and column "{name}" holds {other}',
            do="write both on the same clock",
            where=origin(sheet.frame, sheet.where),
        )
    if now.stamped:
        return converted(cells.times(sheet, name), "s", now.unit, where=name)
    units = dict(sheet.party.units) if sheet.party else {}
    unit = units.get(column.name) or units.get(time_column.name) or column.unit or now.unit
    values = converted(cells.numbers(sheet, name), unit, now.unit, where=_title(sheet, column.name))
    _refuse_outside(sheet, replace(column, unit=now.unit), values)
    return values


def asset_cells(sheet: Sheet, column: Column, fallback: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the assets' names in order of appearance, and (rows,) the number of each row's asset.

    fallback: the column that is read where the table has no such column.
    Raises DataError where a cell is empty, or where the table has neither.
    """
    name = asset_name(sheet, column, fallback)
    codes, texts = cells.coded_texts(sheet.frame[name])  # (rows,), (different,)
    present = np.array([text is not None for text in texts] + [False])  # (different + 1,)
    cells.refuse_missing(sheet, name, present[codes], FILL)
    number: dict[str, int] = {}
    # Programs write whole numbers as 7.0 once a column had a gap; it is still asset 7.
    whole = [re.sub(r"^(\d+)[.]0+$", r"\1", text or "") for text in texts]
    merged = [number.setdefault(text, len(number)) for text in whole]
    return tuple(number), np.array(merged, dtype=np.int64)[codes]


def asset_name(sheet: Sheet, column: Column, fallback: str) -> str:
    """Return the name of the column that tells the assets; fallback: read where the table has no such one.

    Raises DataError where the table has neither.
    """
    mapped = dict(sheet.party.columns).get(column.name, column.name) if sheet.party else column.name
    lacking = mapped not in sheet.frame.columns and fallback in sheet.frame.columns
    return fallback if lacking else find(sheet, column.name)


def _missing_column(sheet: Sheet, name: str, mapped: str) -> DataError:
    names = [str(one) for one in sheet.frame.columns]
    folded = {one.casefold(): one for one in reversed(names)}
    near = difflib.get_close_matches(mapped.casefold(), folded, 1, cutoff=0.4)
    nearest = folded[near[0]] if near else None
    listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    hint = f'the nearest is "{nearest}"' if nearest else f"it has {listed}"
    renamed = f', the charter\'s "{name}"' if mapped != name else ""
    value = json.dumps(nearest or "its name in the file", ensure_ascii=False)
    do = "add it to the file, write in the charter the name that it has there"
    if sheet.party:
        do = f"write {_key(name)} = {value} under [party.{_key(sheet.party.name)}.columns]"
    return DataError(
        f'there is no column "{mapped}"{renamed}; {hint}',
        do=f"{do}, or rename the column in the file",
        where=origin(sheet.frame, sheet.where),
    )


def _unit_of(sheet: Sheet, column: Column) -> str:
    stated = dict(sheet.party.units).get(column.name) if sheet.party else None
    return stated or column.unit


def _title(sheet: Sheet, name: str) -> str:
    return f'party {sheet.party.name}, column "{name}"' if sheet.party else f'column "{name}"'


def _refuse_outside(sheet: Sheet, column: Column, values: Floats) -> None:
    low = -np.inf if column.low is None else column.low
    high = np.inf if column.high is None else column.high
    outside = (values < low) | (values > high)  # (rows,), False where missing
    if not outside.any():
        return
    position = int(np.argmax(outside))
    name, unit = find(sheet, column.name), f" {column.unit}" if column.unit else ""
    raise DataError(
        f'column "{name}" holds {_as_written(sheet, name, position, values[position])}{unit}, '
        f"outside the charter's range {low:.10g} to {high:.10g}",
        do=f"correct the cell or its unit, or widen range in [columns.{_key(column.name)}]",
        where=sheet.place(position),
    )


def _as_written(sheet: Sheet, name: str, position: int, value: float) -> str:
    """Return the cell's own text, or the number that it was converted to."""
    cell = sheet.frame[name].iloc[[position]]  # (1,)
    if cells.parsed_numbers(cell)[0][0] == value:
        return cells.shown(cells.texts(cell)[0])
    return f"{value:.10g}"


def _key(name: str) -> str:
    """Return the name as a TOML key."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)
