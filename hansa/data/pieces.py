"""A Parquet or Arrow table that memory need not hold: pieces of whole assets, checked like a whole table.

All rows of an asset must stand together in one file, in any order of time. Then a piece knows all that
a label, a held cell or a feature of its assets needs, and pieces can be treated one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hansa.core.charter import Column, Data, Party
from hansa.core.errors import DataError
from hansa.data.cells import Sheet
from hansa.data.columnar import is_columnar, stored_batches, stored_rows
from hansa.data.columns import indicators, placed_fleet
from hansa.data.fleet import Fleet
from hansa.data.readings import asset_cells, find
from hansa.data.tables import FILE_COLUMN, columnar_names, stem, table_files

PIECE_CELLS = 1 << 20
"""Rows times columns of a piece: 8 MiB as numbers, of which reading and preparing take several copies."""

ASSET_CELLS = 1 << 23
"""Rows times columns of the longest asset: 64 MiB as numbers. A longer one is refused."""

_ORDER = {"asset": 0, "time": 1, "setting": 2, "sensor": 3, "category": 3, "target": 4, "ignore": 4}

Told = Callable[[int], None]
"""Called with the number of rows read since the last call."""


@dataclass(frozen=True, slots=True)
class LargeTable:
    """A Parquet or Arrow file, or a folder of them, and how the charter reads it."""

    path: Path
    schema: Data
    party: Party
    width: int = 0  # numbers that a row is turned into

    def rows(self) -> int:
        """Return the number of rows that the files state."""
        return sum(stored_rows(path) for path in table_files(self.path))

    def columns(self) -> int:
        """Return how many columns the charter needs."""
        return len(_needed(self.schema, self.party))

    def sensors(self) -> int:
        """Return how many sensors its fleet has; a category is one for each of its values."""
        needed = _needed(self.schema, self.party)
        return sum(
            {"sensor": 1, "category": len(indicators(column))}.get(column.role, 0) for column in needed
        )

    def outline(self) -> LargeTable:
        """Return the table with the columns alone that tell the remaining life of each asset."""
        label = self.schema.label.column
        kept = [
            column
            for column in self.schema.columns
            if column.role in ("asset", "time", "target") or column.name == label
        ]
        schema = replace(self.schema, columns=tuple(kept), missing="hold")
        return replace(self, schema=schema, party=replace(self.party, sensors=()))


def are_columnar(path: Path) -> bool:
    """Return whether a file, or every table of a folder, can be read in pieces."""
    return all(is_columnar(one) for one in table_files(path))


def pieces(
    table: LargeTable, prepared: bool = False, cells: int = 0, told: Told = lambda rows: None
) -> Iterator[Fleet]:
    """Yield the table's assets in the order of the file, a few whole ones at a time, sorted by time.

    prepared: whether their rows will be turned into inputs, which may be wide. cells: rows times numbers
    of a piece, PIECE_CELLS by default; an asset of more is a piece of its own. Inside a piece assets are
    in natural order.
    Raises what `fleet_from_table` raises, naming the row of the file; and DataError for an asset whose
    rows do not stand together, or that is too long.
    """
    across = max(table.columns(), table.width if prepared else 0)
    rows, longest = max(1, (cells or PIECE_CELLS) // across), ASSET_CELLS // max(table.columns(), table.width)
    seen: set[str] = set()
    for path in table_files(table.path):
        for sheet in _sheets(table, path, rows, longest, seen):
            yield placed_fleet(sheet, table.schema)[0]
            told(len(sheet.frame))


def _sheets(table: LargeTable, path: Path, rows: int, longest: int, seen: set[str]) -> Iterator[Sheet]:
    """Yield sheets of whole assets of about so many rows; seen: the assets so far, which are added to.

    longest: rows of an asset, at most.
    """
    asset = next(column for column in table.schema.columns if column.role == "asset")
    rest, before = None, 0
    for batch in _batches(table, path, rows):
        held = batch if rest is None else pd.concat([rest, batch], ignore_index=True)
        sheet = Sheet(held, str(path), table.party, before)
        names, code = asset_cells(sheet, asset, FILE_COLUMN)  # (assets,), (rows,)
        starts = np.r_[0, np.flatnonzero(np.diff(code)) + 1]  # (runs,), where each run of one asset begins
        cut = int(starts[-1])
        _refuse_scattered(sheet, [names[code[start]] for start in starts], starts, seen)
        too_long = np.flatnonzero(np.diff(starts, append=len(held)) > longest)
        if len(too_long):
            raise DataError(
                f"its asset has more than {longest:,} rows, more than are read at once",
                do="split its history into several assets, or ignore columns",
                where=sheet.place(int(starts[too_long[0]])),
            )
        if cut:
            yield replace(sheet, frame=held.iloc[:cut])
        seen.discard(names[code[cut]])  # it goes on in the next batch
        rest, before = held.iloc[cut:].reset_index(drop=True), before + cut
    if rest is not None:
        yield Sheet(rest, str(path), table.party, before)
        seen.add(names[code[cut]])


def _batches(table: LargeTable, path: Path, rows: int) -> Iterator[pd.DataFrame]:
    named = columnar_names(path)
    found = _found(table, path, list(named))
    for batch in stored_batches(path, [named[name] for name in found], rows):
        frame = batch.rename_columns(found).to_pandas(ignore_metadata=True, split_blocks=True)
        if table.path.is_dir() and FILE_COLUMN not in frame.columns:
            frame.insert(0, FILE_COLUMN, stem(path))
        yield frame


def _found(table: LargeTable, path: Path, names: list[str]) -> list[str]:
    """Return the needed columns' names in the file. Raises DataError for one that is not there."""
    sheet = Sheet(pd.DataFrame(columns=names), str(path), table.party)
    by_file = table.path.is_dir() or FILE_COLUMN in names
    found = []
    for column in _needed(table.schema, table.party):
        mapped = dict(table.party.columns).get(column.name, column.name)
        if column.role == "asset" and mapped not in names and by_file:
            found += [FILE_COLUMN] if FILE_COLUMN in names else []
        else:
            found.append(find(sheet, column.name))
    return list(dict.fromkeys(found))


def _needed(schema: Data, party: Party) -> list[Column]:
    """Return the columns that a fleet is made of, in the order in which they are looked for."""
    label = schema.label.column
    listed = {column.name for column in schema.columns}
    more = [Column(label, "target")] if label and label not in listed else []
    own = set(party.sensors)
    return sorted(
        (
            column
            for column in (*schema.columns, *more)
            if column.name == label
            or column.role not in ("ignore", "sensor")
            or (column.role == "sensor" and (not own or column.name in own))
        ),
        key=lambda column: _ORDER[column.role],
    )


def _refuse_scattered(sheet: Sheet, runs: Sequence[str], starts: NDArray[np.intp], seen: set[str]) -> None:
    """Raise DataError for a run of rows whose asset stood further up already; seen: takes the assets."""
    for name, start in zip(runs, starts, strict=True):
        if name in seen:
            raise DataError(
                "its asset stands further up already, with other assets between, "
                "and a table of this size is read an asset at a time",
                do="sort the file by asset",
                where=sheet.place(int(start)),
            )
        seen.add(name)
