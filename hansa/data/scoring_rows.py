"""New rows for a saved model: read in the model's own schema, with neither charter nor labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hansa.core.charter import Column, Data, Party
from hansa.core.errors import DataError
from hansa.data.cells import Sheet
from hansa.data.cmapss import is_cmapss_text, read_cmapss_rows
from hansa.data.columns import placed_fleet
from hansa.data.fleet import Fleet
from hansa.data.tables import FILE_COLUMN, origin, read_table
from hansa.data.units import is_known

_OF_A_PARTY = ("sensor", "category")  # another party's model may do without; the other roles are everyone's


@dataclass(frozen=True, slots=True)
class Schema:
    """What a model reads."""

    owner: Party  # the model's name and sensors, and the names and units that the owner's files have
    columns: tuple[Column, ...]  # by the charter's names
    time_unit: str  # of a time column that states none
    holds: bool  # whether empty cells are held at the asset's last value


def read_rows(path: Path) -> pd.DataFrame:
    """Return the rows of a file or folder: tables with a header, or NASA's 26 numbers a line without one.

    Index: levels `file` and `line`. Raises DataError for what is missing, truncated or neither.
    """
    return read_cmapss_rows(path) if is_cmapss_text(path) else read_table(path)


def fleet_to_score(frame: pd.DataFrame, schema: Schema, where: str) -> tuple[Fleet, NDArray[np.intp]]:
    """Return the rows as a fleet of unknown remaining life, by asset and time, and where each stood.

    where: what to call a frame that was not read from a file.
    Raises DataError naming the file, the column and the model's owner for a column that is missing.
    """
    sheet = Sheet(frame, where, schema.owner)
    unit = schema.time_unit if is_known(schema.time_unit) else ""
    columns = tuple(
        replace(column, unit=column.unit or unit) if column.role == "time" else column
        for column in schema.columns
        if _is_read(column, schema.owner)
    )
    for column in columns:
        _refuse_absent(sheet, column)
    read = Data(source="table", columns=columns, missing="hold" if schema.holds else "refuse")
    return placed_fleet(sheet, read, labelled=False)


def _is_read(column: Column, owner: Party) -> bool:
    indicators = f"{column.name}="  # what a category's sensors are named
    return column.role != "category" or any(name.startswith(indicators) for name in owner.sensors)


def _refuse_absent(sheet: Sheet, column: Column) -> None:
    owner = sheet.party
    assert owner is not None
    name = dict(owner.columns).get(column.name, column.name)
    by_file = column.role == "asset" and FILE_COLUMN in sheet.frame.columns
    if name not in sheet.frame.columns and not by_file:
        what = "an asset" if column.role == "asset" else f"a {column.role}"
        other = ", or take with --party a model that does without it"
        raise DataError(
            f'there is no column "{name}", {what} that the model of {owner.name} reads',
            do="add the column or rename it" + (other if column.role in _OF_A_PARTY else ""),
            where=origin(sheet.frame, sheet.where),
        )
