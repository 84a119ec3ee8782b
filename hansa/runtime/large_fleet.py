"""A party whose table memory need not hold: what is known of it after one look, and its pieces.

The file is read twice before anything is trained: the columns that tell each asset's life, to draw the
test, and then all columns, to check every cell and to gather the sums that a federation asks for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hansa.algorithms import statistics
from hansa.algorithms.statistics import Moments
from hansa.core import seeds
from hansa.core.charter import Charter, Party
from hansa.core.errors import DataError
from hansa.core.tasks import TASKS
from hansa.data import tally
from hansa.data.fleet import Fleet, joined
from hansa.data.labels import failed_assets, known_lives, test_assets
from hansa.data.pieces import LargeTable, pieces
from hansa.data.prepare import features_of_a_row, regime_count, regime_of
from hansa.data.tally import Tally
from hansa.data.targets import target_of

TEST_ROWS = 200_000
"""The test is held in memory, so a large party keeps no more rows for it than this, or one asset."""

TEST_NUMBERS = 1 << 23
"""Rows of the test times numbers of a row, at most."""

Tell = Callable[[str, float], None]
"""Called with what is being done beside the rounds and the share of it that is done; 0: it only begins."""


def untold(what: str, done: float) -> None:
    """Tell nobody."""
    del what, done


@dataclass(frozen=True, slots=True, eq=False)
class LargeFleet:
    """What a large party learns from: counts and sums of it in memory, its rows in the file."""

    table: LargeTable
    kept_apart: frozenset[str]  # names of the assets of the test
    setting_names: tuple[str, ...]
    sensor_names: tuple[str, ...]
    tally: Tally
    moments: Moments  # per regime and sensor
    digest: str  # of all records, those of the test too

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return self.tally.rows

    def pieces(self, tell: Tell, what: str = "preparing") -> Iterator[Fleet]:
        """Yield its assets, a few at a time; what: what is being done with them."""
        told = _share_told(self.table, what, tell)
        for piece in pieces(self.table, prepared=True, told=told):
            own = _split(piece, self.kept_apart)[0]
            if own is not None:
                yield own

    def __repr__(self) -> str:
        """Return its size and its columns in one line."""
        return (
            f"LargeFleet({self.tally.assets} assets, {self.rows} rows, "
            f"settings {', '.join(self.setting_names) or 'none'}, sensors {', '.join(self.sensor_names)})"
        )


@dataclass(frozen=True, slots=True)
class LargeShare:
    """What one party holds, where memory need not hold it."""

    party: str
    fleet: LargeFleet


@dataclass(frozen=True, slots=True)
class LargeDataset:
    """Assets to learn from, in the file, and assets to be judged on, in memory."""

    name: str
    train: LargeFleet
    test: Fleet


def large_table(path: Path, charter: Charter, party: Party) -> LargeTable:
    """Return a party's table, with the width of its prepared rows."""
    table = LargeTable(path, charter.data, party)
    flags = charter.data.missing == "hold"
    return replace(table, width=features_of_a_row(table.sensors(), charter.preparation, flags))


def open_large(path: Path, charter: Charter, party: Party, tell: Tell) -> LargeDataset:
    """Return what a party holds in a Parquet or Arrow table, read twice and held never.

    The assets of the test are drawn as from a table in memory whose assets are in the order of the file
    (one that is held has them in natural order), and are no more than `TEST_ROWS` rows. Draw and digest
    do not depend on the pieces. Raises DataError as `fleet_from_table` and `split_test` do.
    """
    table = large_table(path, charter, party)
    kept_apart = _test_names(table, charter, tell)
    gathered = _Gathered(charter)
    tested: list[Fleet] = []
    for piece in pieces(table, told=_share_told(table, "checking", tell)):
        own, test = _split(piece, kept_apart)
        gathered.digest(piece)
        if own is not None:
            gathered.add(own)
        tested += [test] if test is not None else []
    if not tested or not gathered.tallies:
        raise changed(path)
    first = tested[0]
    fleet = LargeFleet(
        table,
        kept_apart,
        first.setting_names,
        first.sensor_names,
        tally.total(gathered.tallies),
        gathered.moments(),
        gathered.hexdigest(),
    )
    return LargeDataset(party.data, fleet, joined(tested))


def changed(path: Path) -> DataError:
    """Return the error for a table whose rows are not those that were read before."""
    return DataError(
        "the table has changed since it was checked",
        do="leave it as it is while the run reads it, and start again",
        where=str(path),
    )


def _test_names(table: LargeTable, charter: Charter, tell: Tell) -> frozenset[str]:
    names: list[str] = []
    known: list[NDArray[np.bool_]] = []  # (assets of a piece,) each
    failed: list[NDArray[np.bool_]] = []  # (assets of a piece,) each
    rows: list[NDArray[np.int64]] = []  # (assets of a piece,) each
    outline = table.outline()
    for piece in pieces(outline, told=_share_told(table, "reading lives", tell)):
        names += piece.asset_names
        known.append(known_lives(piece))
        failed.append(failed_assets(piece))
        rows.append(np.bincount(piece.asset))
    if not names:
        raise DataError("the table has no rows", do="check that the file is complete", where=str(table.path))
    rng = seeds.generator(charter.seed, "test", _owner(table))
    classes = np.concatenate(failed) if TASKS[charter.task].classes else None
    drawn = test_assets(np.concatenate(known), charter.data.test_share, rng, classes)  # (wanted,)
    most = min(TEST_ROWS, TEST_NUMBERS // max(table.columns(), table.width))
    fits = np.cumsum(np.concatenate(rows)[drawn]) <= most  # (wanted,)
    return frozenset(names[asset] for asset in drawn[: max(1, int(fits.sum()))])


def _split(piece: Fleet, kept_apart: frozenset[str]) -> tuple[Fleet | None, Fleet | None]:
    """Return the assets to learn from and those of the test, None where there are none."""
    apart = np.array([name in kept_apart for name in piece.asset_names])  # (assets,)
    if not apart.any():
        return piece, None
    own = None if apart.all() else piece.take_assets(np.flatnonzero(~apart))
    return own, piece.take_assets(np.flatnonzero(apart))


class _Gathered:
    """Sums over pieces."""

    def __init__(self, charter: Charter) -> None:
        self._target = target_of(charter.data)
        self._regimes = charter.data.regimes
        self._columns = [hashlib.sha256() for _ in range(5)]
        self._assets = 0
        self._sums: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []  # sum and what it lost
        self.tallies: list[Tally] = []

    def digest(self, piece: Fleet) -> None:
        """Take all records of a piece."""
        arrays = (
            piece.asset + np.int64(self._assets),
            piece.time,
            piece.settings,
            piece.sensors,
            piece.remaining,
        )
        self._assets += len(piece.asset_names)
        for column, array in zip(self._columns, arrays, strict=True):
            column.update(np.ascontiguousarray(array).reshape(-1).data)

    def add(self, own: Fleet) -> None:
        """Take the assets to learn from."""
        self.tallies = [tally.total([*self.tallies, tally.tally(own, self._target, self._regimes)])]
        regime = regime_of(own, self._regimes)
        found = statistics.moments(own.sensors, regime, regime_count(self._regimes))
        terms = (found.count, found.total, found.square)  # (regimes, sensors) each
        before = self._sums or [(np.zeros_like(term), np.zeros_like(term)) for term in terms]
        self._sums = [_added(*kept, term) for kept, term in zip(before, terms, strict=True)]

    def moments(self) -> Moments:
        """Return the sums, exact but for one rounding."""
        return Moments(*(whole + lost for whole, lost in self._sums))

    def hexdigest(self) -> str:
        """Return the digest of all records, whatever their pieces were."""
        return hashlib.sha256(b"".join(column.digest() for column in self._columns)).hexdigest()


def _added(
    whole: NDArray[np.float64], lost: NDArray[np.float64], term: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sum and what rounding took from it, so far.

    A constant sensor must not seem to vary because there are many pieces. Source: Neumaier, ZAMM 54 (1974).
    """
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow is refused by those who use the sums
        after = whole + term
        larger = np.abs(whole) >= np.abs(term)
        slip = np.where(larger, (whole - after) + term, (term - after) + whole)
        return after, lost + slip


def _share_told(table: LargeTable, what: str, tell: Tell) -> Callable[[int], None]:
    rows, done = table.rows(), 0

    def told(more: int) -> None:
        nonlocal done
        done += more
        tell(f"{_owner(table)}: {what}, {done:,} of {rows:,} rows", done / rows)

    return told


def _owner(table: LargeTable) -> str:
    assert table.party is not None  # a table that is dealt is held in memory
    return table.party.name
