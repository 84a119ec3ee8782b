"""A party's raw table as a fleet in the charter's schema: its names, units, ranges and label."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hansa.core.charter import Charter, Column, Data, Label, Party
from hansa.core.errors import DataError
from hansa.data import cells, labels
from hansa.data.cells import Sheet
from hansa.data.fleet import Fleet, Floats
from hansa.data.outcome_cells import OutcomeCells
from hansa.data.readings import (
    FILL,
    HOLD,
    Clock,
    asset_cells,
    clock,
    complete_readings,
    failure_times,
    find,
    readings,
)
from hansa.data.tables import FILE_COLUMN, origin
from hansa.data.units import converted

OTHER = "other"
"""Stands for every value of a category that the charter does not list."""


def fleet_from_table(
    frame: pd.DataFrame,
    charter: Charter,
    party: Party | None = None,
    where: str = "the table",
    labelled: bool = True,
) -> Fleet:
    """Return the rows of a raw table as a fleet, sorted by asset and time.

    frame: as `read_table` returns it, or any frame with one row per asset and time. party: whose names
    and units the table has; none: the charter's. where: what to call a frame that was not read from a
    file. labelled: False leaves the label's column unread and the remaining life unknown.
    Sensors are NaN where missing, if the charter holds missing cells; a missing setting is then held at
    the asset's last value. A category is one sensor per value, 0 or 1, named `NAME=value`. The column that
    the charter deals by is a trait, if the table has it.
    Raises DataError naming file, line and column, and CharterError for a unit.
    """
    sheet = Sheet(frame, where, party)
    fleet, rows = placed_fleet(sheet, charter.data, labelled)
    by = charter.partition.by
    return replace(fleet, traits=_trait(sheet, by, fleet, rows)) if by in frame.columns else fleet


def fleet_from_sheet(sheet: Sheet, schema: Data, labelled: bool = True) -> Fleet:
    """Return what `fleet_from_table` does, for those who have a schema but no charter."""
    return placed_fleet(sheet, schema, labelled)[0]


def placed_fleet(
    sheet: Sheet,
    schema: Data,
    labelled: bool = True,
    natural: bool = True,
    outcomes: OutcomeCells | None = None,
) -> tuple[Fleet, NDArray[np.intp]]:
    """Return the fleet of a sheet, and (rows,) where in the table each of its rows stands.

    natural: whether assets are in natural order (2 before 10), else in the order of the table. outcomes: what
    the cells of a target of failures were in the pieces before; none: the sheet is a whole table.
    """
    if sheet.frame.empty:
        raise DataError("the table has no rows", do="give rows", where=sheet.where)
    asset_names, asset = _assets(sheet, _column(schema, "asset"), natural)
    now = _clock(sheet, schema)
    order = np.lexsort((now.time, asset))  # (rows,)
    refuse_repeats(sheet, schema, asset[order], now.time[order], order)
    setting_names, settings = _settings(sheet, schema, asset, order)
    sensor_names, sensors = _sensors(sheet, schema)
    remaining = np.full(len(asset), np.nan)  # (rows,)
    kept = np.ones(len(asset), dtype=bool)  # (rows,)
    if labelled:
        remaining, kept = _remaining(sheet, schema, asset, now, outcomes)
    rows = order[kept[order]]  # (kept rows,), positions in the table
    fleet = Fleet(
        asset_names=asset_names,
        asset=asset[rows],
        time=now.time[rows],
        settings=settings[rows],
        sensors=sensors[rows],
        remaining=remaining[rows],
        setting_names=setting_names,
        sensor_names=sensor_names,
    )
    return fleet, rows


def _trait(sheet: Sheet, name: str, fleet: Fleet, rows: NDArray[np.intp]) -> dict[str, NDArray[np.str_]]:
    """Return (assets,) the text that a column has in all rows of each asset, by the column's name.

    rows: where in the table the fleet's rows stand.
    """
    codes, texts = cells.coded_texts(sheet.frame[name])  # (rows of the table,), (different,)
    present = np.array([text is not None for text in texts] + [False])  # (different + 1,)
    cells.refuse_missing(sheet, name, present[codes], FILL)
    words = np.array([text or "" for text in texts])[codes][rows]  # (rows,)
    first = np.searchsorted(fleet.asset, np.arange(len(fleet.asset_names)))  # (assets,)
    differs = np.flatnonzero(words != words[first][fleet.asset])  # (different rows,)
    if len(differs):
        asset = fleet.asset_names[fleet.asset[differs[0]]]
        raise DataError(
            f'column "{name}" differs from an earlier row of the same asset, {asset}',
            do="give all rows of an asset one value: whose it is",
            where=sheet.place(int(rows[differs[0]])),
        )
    return {name: words[first]}


def refuse_repeats(
    sheet: Sheet, schema: Data, asset: NDArray[np.integer], time: Floats, order: NDArray[np.intp]
) -> None:
    """Raise DataError for a second row of one asset at one time; asset and time: (rows,) in order."""
    repeated = np.flatnonzero((np.diff(asset) == 0) & (np.diff(time) == 0))  # (repeats,)
    if len(repeated):
        first, second = sorted((int(order[repeated[0]]), int(order[repeated[0] + 1])))
        keys = [column.name for column in schema.columns if column.role in ("asset", "time")]
        names = " and ".join(f'"{name}"' for name in sorted(keys, key=keys.index))
        raise DataError(
            f"the row has the same {names} as {sheet.place(first)}",
            do="remove one of the two rows",
            where=sheet.place(second),
        )


def _column(schema: Data, role: str) -> Column:
    return next(column for column in schema.columns if column.role == role)


def _clock(sheet: Sheet, schema: Data) -> Clock:
    """Return when each row was recorded; 0 where the charter has no column of times: one row an asset."""
    if any(column.role == "time" for column in schema.columns):
        return clock(sheet, _column(schema, "time"))
    return Clock(np.zeros(len(sheet.frame)), "", stamped=False)


def _assets(sheet: Sheet, column: Column, natural: bool) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return the names in their order and (rows,) the index of each row's asset."""
    found, code = asset_cells(sheet, column, FILE_COLUMN)
    if not natural:
        return found, code.astype(np.int32)
    order = sorted(range(len(found)), key=lambda number: _natural(found[number]))
    rank = np.empty(len(found), dtype=np.int32)  # (assets,)
    rank[order] = np.arange(len(found), dtype=np.int32)
    return tuple(found[number] for number in order), rank[code]


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    parts = re.split(r"([0-9]+)", name)  # text, number, text, number, ...
    return [(int(part) if i % 2 else -1, part) for i, part in enumerate(parts)], name


def _settings(
    sheet: Sheet, schema: Data, asset: NDArray[np.int32], order: NDArray[np.intp]
) -> tuple[tuple[str, ...], Floats]:
    """Return the settings' names and their (rows, settings) readings, none missing."""
    columns = [column for column in schema.columns if column.role == "setting"]
    values = np.zeros((len(asset), len(columns)))  # (rows, settings)
    for position, column in enumerate(columns):
        if schema.missing == "hold":
            held = _held(readings(sheet, column), asset, order)  # (rows,)
            do = "fill the cell: the asset has no earlier value to hold"
            cells.refuse_missing(sheet, find(sheet, column.name), ~np.isnan(held), do)
            values[:, position] = held
        else:
            values[:, position] = complete_readings(sheet, column, HOLD)
    return tuple(column.name for column in columns), values


def _held(values: Floats, asset: NDArray[np.int32], order: NDArray[np.intp]) -> Floats:
    """Return (rows,) values where a missing one is the asset's last before it, if there is one."""
    held = np.empty_like(values)
    held[order] = pd.Series(values[order]).groupby(asset[order]).ffill().to_numpy()
    return held


def _sensors(sheet: Sheet, schema: Data) -> tuple[tuple[str, ...], Floats]:
    """Return the names and the (rows, sensors) readings of the party's sensors, in the charter's order."""
    own = set(sheet.party.sensors) if sheet.party else set()
    named = [
        (name, values)
        for column in schema.columns
        if column.role in ("sensor", "category")
        for name, values in _sensor(sheet, column, schema.missing == "hold", own)
    ]
    values = [one for _, one in named]
    matrix = np.stack(values, axis=1) if values else np.zeros((len(sheet.frame), 0))  # (rows, sensors)
    return tuple(name for name, _ in named), matrix


def _sensor(sheet: Sheet, column: Column, hold: bool, own: set[str]) -> Iterator[tuple[str, Floats]]:
    """Yield the sensors of one column that the party owns; own: names of sensors, empty for all."""
    if column.role == "sensor":
        if not own or column.name in own:
            yield column.name, readings(sheet, column) if hold else complete_readings(sheet, column, HOLD)
        return
    category = _category(sheet, column, hold)  # (rows,)
    missing = np.array([cell is None for cell in category])  # (rows,)
    for name in indicators(column):  # categories are every party's
        value = name.removeprefix(f"{column.name}=")
        yield name, np.where(missing, np.nan, (category == value).astype(np.float64))


def indicators(column: Column) -> tuple[str, ...]:
    """Return the names of the sensors that a category becomes."""
    values = column.values if OTHER in column.values else (*column.values, OTHER)
    return tuple(f"{column.name}={value}" for value in values)


def column_of(sensor: str, columns: Collection[str]) -> str:
    """Return the name of the column that a sensor comes from; a category's sensors are called NAME=value."""
    return sensor if sensor in columns else sensor.split("=")[0]


def _category(sheet: Sheet, column: Column, hold: bool) -> NDArray[np.object_]:
    """Return (rows,) one of the charter's values or `other`; None where missing."""
    name = find(sheet, column.name)
    codes, texts = cells.coded_texts(sheet.frame[name])  # (rows,), (different,)
    listed = set(column.values)
    kinds = np.empty(len(texts) + 1, dtype=object)  # (different + 1,), the last one stands for a missing cell
    kinds[:-1] = [text if text is None or text in listed else OTHER for text in texts]
    if not hold:
        present = np.array([kind is not None for kind in kinds])  # (different + 1,)
        cells.refuse_missing(sheet, name, present[codes], HOLD)
    return kinds[codes]


def _remaining(
    sheet: Sheet, schema: Data, asset: NDArray[np.int32], now: Clock, outcomes: OutcomeCells | None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return (rows,) remaining life, NaN where not known, and (rows,) which rows precede the failure."""
    label = schema.label
    everything = np.ones(len(asset), dtype=bool)  # (rows,)
    if label.source == "target":
        return _target(sheet, schema, now, outcomes), everything
    column = _label_column(schema, label)
    if label.source == "failed_at":
        stated = failure_times(sheet, column, _column(schema, "time"), now)  # (rows,)
        failure = labels.failure_of_asset(asset, stated, find(sheet, column.name), sheet.place)
        return labels.remaining_until(failure, now.time, sheet.place), everything
    failure = labels.first_crossing(asset, now.time, readings(sheet, column), label.below, label.above)
    return failure - now.time, ~(now.time > failure)


def _label_column(schema: Data, label: Label) -> Column:
    unlisted = Column(label.column, "target")
    return next((column for column in schema.columns if column.name == label.column), unlisted)


def _target(sheet: Sheet, schema: Data, now: Clock, outcomes: OutcomeCells | None) -> Floats:
    """Return (rows,) what the target column states: a life in time units, a price, or 1 for a failure."""
    stated = _column(schema, "target")
    if schema.task == "failure":
        return _failed(sheet, find(sheet, stated.name), schema.label.failed, outcomes)
    if schema.task == "price":
        return complete_readings(sheet, stated, FILL)
    column = replace(stated, unit=stated.unit or now.unit)
    remaining = complete_readings(sheet, column, FILL)  # (rows,)
    labels.refuse_negative(remaining, find(sheet, column.name), sheet.place)
    if not now.unit:
        return remaining
    where = f'the target "{column.name}" and the time column'
    return converted(remaining, column.unit, now.unit, where=where)


def _failed(sheet: Sheet, name: str, failed: str, outcomes: OutcomeCells | None) -> Floats:
    """Return (rows,) 1 where the cell says that the asset failed, else 0."""
    if outcomes is not None:
        return outcomes.read(sheet, name)
    whole = OutcomeCells(failed)
    says = whole.read(sheet, name)  # (rows,)
    whole.refuse_none(name, origin(sheet.frame, sheet.where))
    return says
