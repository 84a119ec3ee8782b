"""The records of a simulation: read or made as the charter says, restricted to its schema."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hansa.core import seeds
from hansa.core.charter import Charter, Party
from hansa.core.errors import CharterError, DataError, PartyError
from hansa.core.tasks import TASKS
from hansa.data.cmapss import read_cmapss
from hansa.data.fleet import Dataset, Fleet
from hansa.data.matching import check_aligned, shared_rows, split_alike
from hansa.data.partition import Share, deal
from hansa.data.simulated import simulate_fleet
from hansa.runtime.large_fleet import LargeDataset, LargeShare, Tell, large_table, open_large, untold
from hansa.runtime.spool import Spools

STREAM_ABOVE_MB = 64.0
"""A party's Parquet or Arrow table is read in pieces where its numbers take more memory than this.

Reading and dealing a table takes several copies of it, and other parties have tables too.
"""

STREAM_VARIABLE = "HANSA_STREAM_ABOVE_MB"
"""Environment variable that takes the place of `STREAM_ABOVE_MB`."""

_INSTEAD = {  # of what needs all rows at hand
    "labsync": 'write name = "labsync_mean" under [algorithm], which is equal to it in expectation',
    "hyfdca": 'write name = "aligned" under [algorithm], with hidden = [] under [network] for a linear model',
    "trees": 'write name = "fedavg" under [algorithm]',
}

_MANY_ENGINES = 4000  # to draw fewer takes less than two seconds


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What all parties hold together; `own` where each brought a file of its own."""

    name: str
    train: Fleet | None  # None where each party brought its own
    test: Fleet | None
    own: tuple[Dataset | LargeDataset, ...] = ()  # partition `given`: one a party, in roster order
    spools: Spools = field(default_factory=lambda: Spools(untold))
    matched: tuple[NDArray[np.int64], ...] = ()  # of each own table, its rows' numbers among shared ones

    def shares(self, charter: Charter, kind: str) -> list[Share | LargeShare]:
        """Return what each party holds under a partition."""
        if self.train is None:
            numbers = self.matched or [None] * len(self.own)
            return [_whole(*one) for one in zip(charter.roster, self.own, numbers, strict=True)]
        return list(deal(self.train, charter, kind))

    def tests(self, charter: Charter) -> list[Fleet]:
        """Return the assets that each party is judged on: the same for all unless each brought its own."""
        if self.test is None:
            return [data.test for data in self.own]
        return [self.test] * charter.parties

    def streamed(self, charter: Charter) -> tuple[str, ...]:
        """Return the parties whose rows memory need not hold."""
        pairs = zip(charter.roster, self.own, strict=True) if self.own else ()
        return tuple(party.name for party, data in pairs if isinstance(data, LargeDataset))


def open_world(charter: Charter, data: Path | None, tell: Tell = untold) -> World:
    """Return the records that the charter names.

    data: folder of the C-MAPSS files, or the folder that a table's paths start from. tell: how far the
    reading of a large table is.
    Raises DataError for files that are missing or wrong, CharterError where they do not fit.
    """
    if charter.data.source == "simulated":
        if charter.data.engines >= _MANY_ENGINES:
            tell(f"drawing a fleet of {charter.data.engines:,} engines", 0.0)
        return _simulated(charter)
    if data is None and charter.data.source == "cmapss":
        raise DataError("no data folder was given", do="pass --data DIR or set HANSA_DATA", where="C-MAPSS")
    if charter.data.source == "cmapss":
        assert data is not None
        gaps = charter.data.missing == "hold"
        return world_of(read_cmapss(data, charter.data.subset, gaps=gaps), charter)
    return _tables(charter, data or Path(), tell)


def world_of(dataset: Dataset, charter: Charter) -> World:
    """Return the world of a dataset, restricted to the sensors of the charter.

    Raises CharterError for a sensor that the dataset has not, or for more parties than assets.
    """
    sensors = [column.name for column in charter.data.columns if column.role == "sensor"]
    unknown = [name for name in sensors if name not in dataset.train.sensor_names]
    if unknown:
        raise CharterError(
            f"{dataset.name} has no sensor {unknown[0]!r}",
            do=f"use {dataset.train.sensor_names[0]} to {dataset.train.sensor_names[-1]}",
            where=f"columns.{unknown[0]}",
        )
    settings = [column.name for column in charter.data.columns if column.role == "setting"]
    train, test = (
        fleet.take_sensors(sensors).take_settings(settings) for fleet in (dataset.train, dataset.test)
    )
    world = World(dataset.name, train, test)
    _check_parties(world.train, charter)
    return world


def _simulated(charter: Charter) -> World:
    rng = seeds.generator(charter.seed, "fleet")
    dataset = simulate_fleet(charter.data.engines, charter.data.test_engines, rng)
    return world_of(dataset, charter)


def _check_parties(fleet: Fleet | None, charter: Charter) -> None:
    assets = len(fleet.asset_names) if fleet else 0
    if charter.parties > assets:
        raise CharterError(
            f"{charter.parties} parties cannot share {assets} assets",
            do=f"lower parties to {assets} or less",
            where="parties",
        )


def _tables(charter: Charter, folder: Path, tell: Tell) -> World:
    if charter.partition.kind == "given" and _matches_rows(charter):
        return _matched(charter, [_whole_table(party, charter, folder) for party in charter.roster], tell)
    if charter.partition.kind == "given":
        own = tuple(_own_table(party, charter, folder, tell) for party in charter.roster)
        return World("own tables", None, None, own, Spools(tell))
    dataset = _halves(charter.data.file, charter, folder, None)
    _check_parties(dataset.train, charter)
    return World(charter.data.file, dataset.train, dataset.test)


def _matches_rows(charter: Charter) -> bool:
    return charter.same_rows or charter.algorithm.name == "mixed"


def _own_table(party: Party, charter: Charter, folder: Path, tell: Tell) -> Dataset | LargeDataset:
    if not _is_large(folder / party.data, charter, party):
        return _halves(party.data, charter, folder, party)
    if charter.algorithm.name in _INSTEAD:
        raise _row_by_row(charter, party)
    return open_large(folder / party.data, charter, party, tell)


def _whole_table(party: Party, charter: Charter, folder: Path) -> Fleet:
    if _is_large(folder / party.data, charter, party):
        raise _row_by_row(charter, party)
    return _read(party.data, charter, folder, party)


def _halves(file: str, charter: Charter, folder: Path, party: Party | None) -> Dataset:
    from hansa.data.labels import split_test

    fleet = _read(file, charter, folder, party)
    if charter.data.test_file and party is None:
        return Dataset(file, fleet, _read(charter.data.test_file, charter, folder, None))
    rng = seeds.generator(charter.seed, "test", *([party.name] if party else []))
    classes = TASKS[charter.task].classes
    return Dataset(file, *split_test(fleet, charter.data.test_share, rng, classes))


def _read(file: str, charter: Charter, folder: Path, party: Party | None) -> Fleet:
    from hansa.data.columns import fleet_from_table
    from hansa.data.pieces import LargeTable, are_columnar
    from hansa.data.tables import read_table, refuse_too_large

    path = folder / file
    table = LargeTable(path, charter.data, party)
    wanted = (lambda one: table.wanted(one, charter.partition.by)) if are_columnar(path) else None
    refuse_too_large(path, wanted)
    return fleet_from_table(read_table(path, wanted), charter, party, str(path))


def _is_large(path: Path, charter: Charter, party: Party) -> bool:
    from hansa.data.pieces import are_columnar

    if not are_columnar(path):
        return False
    table = large_table(path, charter, party)
    return 8 * table.rows() * max(table.columns(), table.width) > _stream_above_bytes()


def _stream_above_bytes() -> float:
    text = os.environ.get(STREAM_VARIABLE, "") or str(STREAM_ABOVE_MB)
    try:
        megabytes = float(text)
    except ValueError as fault:
        raise DataError(
            f'{STREAM_VARIABLE} is "{text}", which is no number',
            do=f"give megabytes, for instance {STREAM_ABOVE_MB:g}",
        ) from fault
    if math.isnan(megabytes) or megabytes < 0:
        raise DataError(
            f'{STREAM_VARIABLE} is "{text}", which is no size',
            do=f"give megabytes, for instance {STREAM_ABOVE_MB:g}, or 0 for every Parquet and Arrow table",
        )
    return megabytes * (1 << 20)


def _row_by_row(charter: Charter, party: Party) -> PartyError:
    name = charter.algorithm.name
    return PartyError(
        f"its table is too large to be held in memory, and {name} needs all rows at hand",
        do=_INSTEAD.get(name, 'write name = "labsync_mean" under [algorithm]'),
        where=party.name,
    )


def _matched(charter: Charter, fleets: Sequence[Fleet], tell: Tell) -> World:
    """Return the world of parties whose tables have rows in common, told by asset and time."""
    shared = shared_rows(fleets)
    if charter.algorithm.name != "mixed":
        check_aligned([party.name for party in charter.roster], shared, charter.algorithm.name)
    elif (shared[0] < 0).all():
        raise DataError(
            "no row is at every party, and mixed learns from shared rows, too",
            do='write name = "labsync_mean" under [algorithm], or check how assets and times are written',
            where=charter.name,
        )
    rng = seeds.generator(charter.seed, "test")
    halves = split_alike(fleets, charter.data.test_share, rng, TASKS[charter.task].classes)
    own = tuple(Dataset(party.data, *one) for party, one in zip(charter.roster, halves, strict=True))
    learnt = tuple(shared_rows([train for train, _ in halves]))
    return World("own tables", None, None, own, Spools(tell), learnt)


def _whole(
    party: Party, data: Dataset | LargeDataset, number: NDArray[np.int64] | None
) -> Share | LargeShare:
    if isinstance(data, LargeDataset):
        return LargeShare(party.name, data.train)
    return Share(party.name, data.train, np.full(data.train.rows, -1) if number is None else number)
