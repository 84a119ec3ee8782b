"""The records of a simulation: read or made as the charter says, restricted to its schema."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hansa.core import seeds
from hansa.core.charter import Charter, Party
from hansa.core.errors import CharterError, DataError
from hansa.data.cmapss import read_cmapss
from hansa.data.fleet import Dataset, Fleet
from hansa.data.partition import Share, deal
from hansa.data.simulated import simulate_fleet


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What all parties hold together; `own` where each brought a file of its own."""

    name: str
    train: Fleet | None  # None where each party brought its own
    test: Fleet | None
    own: tuple[Dataset, ...] = ()  # partition `given`: one a party, in roster order

    def shares(self, charter: Charter, kind: str) -> list[Share]:
        """Return what each party holds under a partition."""
        if self.train is None:
            return [_whole(party, data.train) for party, data in zip(charter.roster, self.own, strict=True)]
        return deal(self.train, charter, kind)

    def tests(self, charter: Charter) -> list[Fleet]:
        """Return the assets that each party is judged on: the same for all unless each brought its own."""
        if self.test is None:
            return [data.test for data in self.own]
        return [self.test] * charter.parties


def open_world(charter: Charter, data: Path | None) -> World:
    """Return the records that the charter names.

    data: folder of the C-MAPSS files, or the folder that a table's paths start from.
    Raises DataError for files that are missing or wrong, CharterError where they do not fit.
    """
    if charter.data.source == "simulated":
        return _simulated(charter)
    if data is None and charter.data.source == "cmapss":
        raise DataError("no data folder was given", do="pass --data DIR or set HANSA_DATA", where="C-MAPSS")
    if charter.data.source == "cmapss":
        assert data is not None
        gaps = charter.data.missing == "hold"
        return world_of(read_cmapss(data, charter.data.subset, gaps=gaps), charter)
    return _tables(charter, data or Path())


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


def _tables(charter: Charter, folder: Path) -> World:
    from hansa.data.columns import fleet_from_table
    from hansa.data.labels import split_test
    from hansa.data.tables import read_table

    def read(file: str, party: Party | None) -> Fleet:
        path = folder / file
        return fleet_from_table(read_table(path), charter, party, str(path))

    def halves(file: str, party: Party | None, *names: str) -> Dataset:
        fleet = read(file, party)
        if charter.data.test_file and party is None:
            return Dataset(file, fleet, read(charter.data.test_file, None))
        rng = seeds.generator(charter.seed, "test", *names)
        return Dataset(file, *split_test(fleet, charter.data.test_share, rng))

    if charter.partition.kind == "given":
        own = tuple(halves(party.data, party, party.name) for party in charter.roster)
        return World("own tables", None, None, own)
    dataset = halves(charter.data.file, None)
    _check_parties(dataset.train, charter)
    return World(charter.data.file, dataset.train, dataset.test)


def _whole(party: Party, fleet: Fleet) -> Share:
    return Share(party.name, fleet, np.full(fleet.rows, -1))
