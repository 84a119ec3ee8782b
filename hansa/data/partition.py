"""Dealing one set of assets to the parties of a simulation, in every partition of the field.

- horizontal: other assets, all sensors; vertical: all assets, other sensors; hybrid: other assets and
  other sensors; mixed: some assets at every party, the rest dealt, other sensors.
- Assets are shuffled by the seed and party j of J takes j::J, or they are dealt unevenly: sorted by
  fault mode or by regime and cut in equal blocks, cut in blocks of very different size, or by whose a
  column of the table says they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hansa.core import seeds
from hansa.core.charter import Charter
from hansa.core.errors import CharterError
from hansa.data.fleet import Fleet
from hansa.data.prepare import regime_of


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """What one party holds."""

    party: str
    fleet: Fleet  # its assets and sensors
    shared_row: NDArray[np.int64]  # (rows,), number of a row that every party has; -1 for its own

    def __repr__(self) -> str:
        """Return whose it is, its size and its columns in one line."""
        shared = int((self.shared_row >= 0).sum())
        return f"Share({self.party}: {self.fleet!r}{f', {shared} rows shared' if shared else ''})"


def deal(fleet: Fleet, charter: Charter, kind: str) -> list[Share]:
    """Return each party's share, in the order of the roster; kind: as `Partition.kind`."""
    suites = sensor_suites(fleet, charter, kind)
    everywhere, dealt = _assets(fleet, charter, kind)
    number = _shared_rows(fleet, everywhere)  # (rows,)
    shares = []
    for party, suite, own in zip(charter.roster, suites, dealt, strict=True):
        assets = np.concatenate([everywhere, own])  # (assets of the party,)
        held = fleet.take_assets(assets).take_sensors(suite)
        shares.append(Share(party.name, held, number[fleet.rows_of(assets)]))
    return shares


def sensor_suites(fleet: Fleet, charter: Charter, kind: str) -> list[tuple[str, ...]]:
    """Return each party's sensors: its own choice, else drawn by the seed; all of them if horizontal.

    Categories are no sensors to be dealt: every party has them.
    """
    if kind == "horizontal":
        return [fleet.sensor_names] * charter.parties
    categories = tuple(f"{column.name}=" for column in charter.data.columns if column.role == "category")
    sensors = [name for name in fleet.sensor_names if not name.startswith(categories)]
    count = charter.partition.sensors_per_party or len(sensors)
    suites = []
    for party in charter.roster:
        rng = seeds.generator(charter.seed, party.name, "sensors")
        drawn = [sensors[i] for i in rng.choice(len(sensors), size=count, replace=False)]
        chosen = set(party.sensors or drawn)
        suites.append(tuple(name for name in fleet.sensor_names if name in chosen or name not in sensors))
    return suites


def skew_rank(fleet: Fleet, charter: Charter) -> NDArray[np.float64]:
    """Return (assets,) the number by which the deals `fault_mode` and `regime` sort the assets."""
    return {"fault_mode": _fault_rank, "regime": _regime_rank}[charter.partition.deal](fleet, charter)


def owners(test: Fleet, train: Fleet, charter: Charter) -> NDArray[np.int64] | None:
    """Return (assets,) the place in the roster of the party that the deal would give each test asset.

    None where the deal makes no party's assets another kind than the others'.
    """
    partition, parties = charter.partition, charter.parties
    if partition.kind not in ("horizontal", "hybrid"):
        return None
    if partition.deal == "column" and partition.by in test.traits:
        values, place = _places(train.traits[partition.by])
        known = dict(zip(values.tolist(), place.tolist(), strict=True))
        found = [known.get(value, parties - 1) for value in test.traits[partition.by].tolist()]
        return np.minimum(np.array(found, np.int64), parties - 1)
    if partition.deal not in ("fault_mode", "regime"):
        return None
    owner = np.empty(len(test.asset_names), np.int64)
    for party, own in enumerate(np.array_split(np.argsort(skew_rank(test, charter), kind="stable"), parties)):
        owner[own] = party
    return owner


def _places(value: NDArray[np.str_]) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Return the values of (assets,), and of each its place: 0 for the most frequent; ties by name."""
    values, assets = np.unique(value, return_counts=True)
    place = np.empty(len(values), np.int64)  # (values,)
    place[np.argsort(-assets, kind="stable")] = np.arange(len(values))
    return values, place


def _assets(fleet: Fleet, charter: Charter, kind: str) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Return the assets that every party has, and those of each party."""
    parties, assets = charter.parties, len(fleet.asset_names)
    nobody = np.zeros(0, dtype=np.int64)
    if kind == "vertical":
        return np.arange(assets), [nobody] * parties
    if parties > assets:
        raise CharterError(
            f"{parties} parties cannot share {assets} assets", do="lower parties", where="parties"
        )
    order = seeds.generator(charter.seed, "assets").permutation(assets)  # (assets,)
    shared = round(charter.partition.shared_assets * assets) if kind == "mixed" else 0
    everywhere, rest = order[:shared], order[shared:]
    return everywhere, _deal(rest, fleet, charter)


def _deal(order: NDArray[np.int64], fleet: Fleet, charter: Charter) -> list[NDArray[np.int64]]:
    parties, how = charter.parties, charter.partition.deal
    if how == "shuffled":
        return [order[j::parties] for j in range(parties)]
    if how == "fleet_size":
        # Sizes fall geometrically from the first party to the last, eight to one; none is empty if it can.
        weight = np.geomspace(8.0, 1.0, parties)  # (parties,)
        cuts = np.round(np.cumsum(weight / weight.sum())[:-1] * max(len(order) - parties, 0)).astype(int)
        return np.split(order, cuts + np.arange(1, parties))
    if how == "column":
        return _by_column(order, fleet, charter)
    rank = skew_rank(fleet, charter)  # (assets,)
    return np.array_split(order[np.argsort(rank[order], kind="stable")], parties)


def _by_column(order: NDArray[np.int64], fleet: Fleet, charter: Charter) -> list[NDArray[np.int64]]:
    """Return each party's assets: those of the most frequent value, of the next; the last has all left."""
    by, parties = charter.partition.by, charter.parties
    if by not in fleet.traits:
        do = "name a column of the file as by in [partition]"
        raise CharterError(f'the assets have no "{by}" to deal them by', do=do, where="partition")
    own = fleet.traits[by][order]  # (assets,)
    values, place = _places(own)
    if len(values) < parties:
        what = f'column "{by}" has {len(values)} different values and there are {parties} parties'
        raise CharterError(what, do=f"lower parties to {len(values)} or less", where="parties")
    owner = np.minimum(place[np.searchsorted(values, own)], parties - 1)  # (assets,)
    return [order[owner == party] for party in range(parties)]


def _regime_rank(fleet: Fleet, charter: Charter) -> NDArray[np.float64]:
    """Return (assets,) the mean number of the regime in which each asset works."""
    regime = regime_of(fleet, charter.data.regimes)  # (rows,)
    return np.bincount(fleet.asset, regime) / np.bincount(fleet.asset)


def _fault_rank(fleet: Fleet, charter: Charter) -> NDArray[np.float64]:
    """Return (assets,) a number that sorts by fault mode: the trait, else the way readings drift."""
    if "fault_mode" in fleet.traits:
        return np.unique(fleet.traits["fault_mode"], return_inverse=True)[1].astype(np.float64)
    regime = regime_of(fleet, charter.data.regimes)
    drift = np.stack([_late_drift(fleet.sensors[:, c], fleet, regime) for c in range(fleet.sensors.shape[1])])
    # Centring takes away the wear that all share; what is left varies most from one mode to the other.
    centred = drift.T - drift.T.mean(axis=0)  # (assets, sensors)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    return centred @ directions[0]


def _late_drift(
    readings: NDArray[np.float64], fleet: Fleet, regime: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return (assets,) mean z-score over the last tenth of each history, per regime."""
    z = np.zeros(fleet.rows)
    for one in np.unique(regime):
        inside = (regime == one) & np.isfinite(readings)  # (rows,)
        values = readings[inside]
        deviation = values.std() if len(values) else 0.0
        if deviation > 1e-9 * np.abs(values).max(initial=0.0):  # otherwise rounding of a constant
            z[inside] = (values - values.mean()) / deviation
    late = fleet.seen_for() <= 0.1 * (fleet.seen_for() + fleet.time)  # (rows,)
    z = np.where(late, z, 0.0)
    return np.bincount(fleet.asset, z) / np.maximum(np.bincount(fleet.asset, late), 1)


def _shared_rows(whole: Fleet, everywhere: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (rows,) a running number over the rows of shared assets, the same at every party; else -1."""
    shared = np.isin(whole.asset, everywhere)  # (rows,)
    return np.where(shared, np.cumsum(shared) - 1, -1)
