"""A Parquet or Arrow table that memory need not hold: pieces of whole assets, checked like a whole table.

All rows of an asset must stand together, in any order of time; from the end of one file of a folder
they may go on at the beginning of the next. Then a piece knows all that a label, a held cell or a
feature of its assets needs, and pieces can be treated one by one.
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
from hansa.data.cells import Part, Sheet
from hansa.data.columnar import is_columnar, stored_batches, stored_rows
from hansa.data.columns import indicators, placed_fleet
from hansa.data.fleet import Fleet
from hansa.data.outcome_cells import OutcomeCells
from hansa.data.readings import asset_cells, find
from hansa.data.tables import FILE_COLUMN, columnar_names, refuse_other_columns, stem, table_files

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
    party: Party | None = None  # none: the table has the charter's names, units and sensors
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

    def wanted(self, path: Path, beside: str = "") -> dict[str, str]:
        """Return the columns of one of its files that the charter needs, as stored, by their names.

        beside: one more that is read if it is there. Raises DataError for one that is not there.
        """
        named = columnar_names(path)
        found = dict.fromkeys([*_found(self, path, list(named)), *({beside} & named.keys())])
        return {name: named[name] for name in found}

    def outline(self) -> LargeTable:
        """Return the table with the columns alone that tell the remaining life of each asset."""
        label = self.schema.label.column
        kept = [
            column
            for column in self.schema.columns
            if column.role in ("asset", "time", "target") or column.name == label
        ]
        schema = replace(self.schema, columns=tuple(kept), missing="hold")
        party = None if self.party is None else replace(self.party, sensors=())
        return replace(self, schema=schema, party=party)


def are_columnar(path: Path) -> bool:
    """Return whether a file, or every table of a folder, can be read in pieces."""
    return all(is_columnar(one) for one in table_files(path))


def pieces(
    table: LargeTable, prepared: bool = False, cells: int = 0, told: Told = lambda rows: None
) -> Iterator[Fleet]:
    """Yield the table's assets in the order of the file, a few whole ones at a time, sorted by time.

    prepared: whether their rows will be turned into inputs, which may be wide. cells: rows times numbers
    of a piece, PIECE_CELLS by default; an asset of more is a piece of its own. Which assets follow which
    does not depend on the size of pieces: they are never put into natural order.
    Raises what `fleet_from_table` raises, naming the row of the file; and DataError for an asset whose
    rows do not stand together, or that is too long.
    """
    across = max(table.columns(), table.width if prepared else 0)
    rows, longest = max(1, (cells or PIECE_CELLS) // across), ASSET_CELLS // max(table.columns(), table.width)
    outcomes = OutcomeCells(table.schema.label.failed)
    for sheet in _sheets(table, rows, longest):
        yield placed_fleet(sheet, table.schema, natural=False, outcomes=outcomes)[0]
        told(len(sheet.frame))
    if table.schema.task == "failure" and table.rows():
        target = next(column.name for column in table.schema.columns if column.role == "target")
        named = dict(table.party.columns if table.party else ()).get(target, target)
        outcomes.refuse_none(named, str(table.path))


def _sheets(table: LargeTable, rows: int, longest: int) -> Iterator[Sheet]:
    """Yield sheets of whole assets of about so many rows; longest: rows of an asset, at most."""
    asset = next(column for column in table.schema.columns if column.role == "asset")
    seen: set[str] = set()
    rest: Sheet | None = None
    for batch in _batches(table, rows):
        sheet = batch if rest is None else _continued(rest, batch)
        names, code = asset_cells(sheet, asset, FILE_COLUMN)  # (assets,), (rows,)
        starts = np.r_[0, np.flatnonzero(np.diff(code)) + 1]  # (runs,), where each run of one asset begins
        cut = int(starts[-1])
        _refuse_scattered(sheet, [names[code[start]] for start in starts], starts, seen)
        too_long = np.flatnonzero(np.diff(starts, append=len(sheet.frame)) > longest)
        if len(too_long):
            raise DataError(
                f"its asset has more than {longest:,} rows, more than are read at once",
                do="split its history into several assets, or ignore columns",
                where=sheet.place(int(starts[too_long[0]])),
            )
        if cut:
            yield replace(sheet, frame=sheet.frame.iloc[:cut])
        seen.discard(names[code[cut]])  # it goes on in the next batch
        rest = _after(sheet, cut)
    if rest is not None:
        yield rest


def _continued(rest: Sheet, batch: Sheet) -> Sheet:
    """Return the rows of two sheets that follow one another."""
    more = [replace(part, first=part.first + len(rest.frame)) for part in batch.parts]
    if rest.parts[-1].file == batch.where:
        more = []
    frame = pd.concat([rest.frame, batch.frame], ignore_index=True)
    return replace(batch, frame=frame, parts=(*rest.parts, *more))


def _after(sheet: Sheet, cut: int) -> Sheet:
    """Return the rows from a position on."""
    ends = [part.first for part in sheet.parts[1:]] + [len(sheet.frame)]
    parts = tuple(
        Part(max(0, part.first - cut), part.file, part.before + max(0, cut - part.first))
        for part, end in zip(sheet.parts, ends, strict=True)
        if end > cut
    )
    return replace(sheet, frame=sheet.frame.iloc[cut:].reset_index(drop=True), parts=parts)


def _batches(table: LargeTable, rows: int) -> Iterator[Sheet]:
    """Yield the rows of all files in their order, so many at a time."""
    paths = table_files(table.path)
    first = list(table.wanted(paths[0]))
    for path in paths:
        before, wanted = 0, table.wanted(path)
        refuse_other_columns(path, list(wanted), paths[0], first)
        for batch in stored_batches(path, list(wanted.values()), rows):
            frame = batch.rename_columns(list(wanted)).to_pandas(ignore_metadata=True, split_blocks=True)
            if table.path.is_dir() and FILE_COLUMN not in frame.columns:
                frame.insert(0, FILE_COLUMN, stem(path))
            yield Sheet(frame, str(path), table.party, (Part(0, str(path), before),))
            before += len(frame)


def _found(table: LargeTable, path: Path, names: list[str]) -> list[str]:
    """Return the needed columns' names in the file. Raises DataError for one that is not there."""
    sheet = Sheet(pd.DataFrame(columns=names), str(path), table.party)
    by_file = table.path.is_dir() or FILE_COLUMN in names
    found = []
    for column in _needed(table.schema, table.party):
        mapped = dict(table.party.columns if table.party else ()).get(column.name, column.name)
        if column.role == "asset" and mapped not in names and by_file:
            found += [FILE_COLUMN] if FILE_COLUMN in names else []
        else:
            found.append(find(sheet, column.name))
    return list(dict.fromkeys(found))


def _needed(schema: Data, party: Party | None) -> list[Column]:
    """Return the columns that a fleet is made of, in the order in which they are looked for."""
    label = schema.label.column
    listed = {column.name for column in schema.columns}
    more = [Column(label, "target")] if label and label not in listed else []
    own = set(party.sensors if party else ())
    return sorted(
        (
            column
            for column in (*schema.columns, *more)
            if column.name == label
            or column.role in ("asset", "time", "setting", "category")
            or (column.role == "target" and schema.label.source == "target")
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
