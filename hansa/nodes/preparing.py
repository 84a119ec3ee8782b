"""One party on its way to its first round: what it adds to statistics, and what it makes of their sums."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hansa.algorithms import components, lacking, statistics
from hansa.algorithms.components import Products
from hansa.algorithms.statistics import Moments
from hansa.core import seeds
from hansa.core.charter import Charter, Party
from hansa.core.methods import BY_ROW
from hansa.data.columns import column_of, indicators
from hansa.data.partition import Share
from hansa.data.prepare import Inputs
from hansa.data.targets import target_of
from hansa.models.network import Shape
from hansa.models.rows import Rows
from hansa.runtime.brought import check_network
from hansa.runtime.holdings import holding
from hansa.runtime.kept_back import kept_rows
from hansa.runtime.large_fleet import LargeShare
from hansa.runtime.learning import algorithm_of, network_of
from hansa.runtime.oversampling import oversampled
from hansa.runtime.party import Member
from hansa.runtime.preparation import check_known, dressed, parts
from hansa.runtime.scaling import Union, check_sums, scales_alone, values_of
from hansa.runtime.spool import Spools

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Preparing:
    """A party's records between reading and training."""

    def __init__(self, charter: Charter, party: Party, share: Share | LargeShare, spools: Spools) -> None:
        """Take a party's share; raises PartyError where nothing can be learnt from it."""
        self._charter, self._scenario, self._party = charter, charter.algorithm.name, party
        self._share, self._spools = share, spools
        self._holding = holding(parts(share, charter)[0], charter, spools)
        check_known(party.name, int(self._holding.learnt().sum()))
        check_network(charter, self._scenario, [self._holding])
        self._names = tuple(sorted(sensors_of(charter)))
        self._known: Flags = np.ones(len(self._names), bool)  # (sensors,), what enough parties have
        self._inputs: Inputs | None = None

    @property
    def name(self) -> str:
        """Return the party's name."""
        return self._party.name

    @property
    def inputs(self) -> Inputs:
        """Return the preparation, once it is scaled."""
        assert self._inputs is not None
        return self._inputs

    @property
    def scaled(self) -> bool:
        """Return whether the preparation is known."""
        return self._inputs is not None

    @property
    def shape(self) -> Shape:
        """Return what a row of inputs consists of."""
        return Shape(*self.inputs.shape)

    @property
    def keys(self) -> int:
        """Return how many keys predictions are shared under, as far as this party knows."""
        by_label, shared = target_of(self._charter.data).keys, self._holding.shared_rows
        if self._scenario in BY_ROW:
            return shared
        return by_label + shared if self._scenario == "mixed" else by_label

    @property
    def possible_keys(self) -> range:
        """Return how many keys all parties together may have."""
        rows = self._charter.protection.most_rows
        if self._scenario in BY_ROW:
            return range(self.keys, rows + 1)
        return range(self.keys, self.keys + (rows if self._scenario == "mixed" else 0) + 1)

    # --- readings: n, sum x, sum x^2 -------------------------------------------------------------------

    def readings(self) -> Floats:
        """Return (3, regimes, sensors) the party's term."""
        share = self._holding.share
        columns = [self._names.index(name) for name in share.fleet.sensor_names]
        term = statistics.spread(self._holding.moments(), columns, len(self._names))
        check_sums(share, term.square[:, columns])
        return np.stack([term.count, term.total, term.square])

    def has_readings(self) -> Flags:
        """Return (regimes, sensors) where the party has something; of a category, what it saw."""
        count, _, square = self.readings()
        return np.where(np.isin(self._names, values_of(self._charter)), square, count) > 0

    def scale(self, totals: Floats, enough: Flags | None) -> None:
        """Scale by (3 x numbers,) sums; enough: (numbers,) what enough parties have; None: open."""
        own = Moments(*self.readings())
        summed = Moments(*totals.reshape(3, *own.count.shape))
        if enough is not None:
            enough = enough.reshape(own.count.shape)
            summed = statistics.completed(summed, enough)
        self._known = np.any(summed.count > 0 if enough is None else enough, axis=0)
        every = Union(self._charter, self._scenario, self._names, self._known)
        scales = statistics.scale(own) if self._alone else every.scale(summed, own)
        share = self._holding.share
        columns = [self._names.index(name) for name in share.fleet.sensor_names]
        self._inputs = every.inputs(share, scales, columns)

    @property
    def _alone(self) -> bool:
        return scales_alone(self._charter, self._scenario)

    # --- products of two readings ----------------------------------------------------------------------

    @property
    def pairs(self) -> int:
        """Return of how many pairs products are summed."""
        return int(self._pairs()[1].shape[1])

    def products(self) -> Floats:
        """Return (2, pairs) counts and sums of products of the party's scaled readings."""
        sensors, pairs, _ = self._pairs()
        columns = [sensors.index(name) for name in self.inputs.sensors]
        own = components.term(*self._holding.products(self.inputs), columns, pairs, len(sensors))
        return np.stack([own.count, own.total])

    def turn(self, totals: Floats) -> None:
        """Go on from (2 x pairs,) the sums: to components, or to what stands for sensors that are lacking."""
        sensors, pairs, group = self._pairs()
        columns = [sensors.index(name) for name in self.inputs.sensors]
        summed = Products(*np.split(totals, 2))
        if self._charter.preparation.features == "pca":
            most = self._charter.preparation.components
            projection = components.directions(summed, pairs, group, columns, most)
            self._inputs = replace(self.inputs, projection=projection)
        elif len(columns) < len(sensors):
            self._inputs = replace(self.inputs, fill=lacking.fill(summed, pairs, len(sensors), columns))

    def _pairs(self) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
        """Return the sensors whose pairs are summed, (2, pairs) these, and (sensors,) their groups."""
        if self._charter.preparation.features != "pca":
            frame = list(self.inputs.frame)
            return frame, components.pairs_of(np.zeros(len(frame), np.int64)), np.zeros(len(frame), np.int64)
        named = {column.name: column.group for column in self._charter.data.columns}
        sensors = [name for name, known in zip(self._names, self._known, strict=True) if known]
        own = [named[column_of(name, named)] for name in sensors]
        order = sorted(set(own))
        group = np.array([order.index(one) for one in own], np.int64)
        return sensors, components.pairs_of(group), group

    # --- the first round -------------------------------------------------------------------------------

    def member(self, keys: int) -> Member:
        """Return the party ready to join; keys: that predictions are shared under, of all parties."""
        charter, scenario, party = self._charter, self._scenario, self._party
        algorithm = algorithm_of(charter, scenario, keys, protected=charter.secrecy != "open")
        rows = oversampled(charter, party.name, self._holding.rows(self.inputs, charter, scenario))
        fresh = network_of(charter, scenario, party, self.shape)
        network = dressed(scenario, fresh, self.inputs)
        return Member(party.name, algorithm, rows, network, seeds.key(charter.seed, party.name, "batches"))

    def kept_back(self) -> Rows:
        """Return the rows that the party keeps out of its training, as its network sees them."""
        return kept_rows(self._charter, self._scenario, self._share, self.inputs, self._spools)


def sensors_of(charter: Charter) -> list[str]:
    """Return all sensors of a charter's schema; a category's are its values."""
    found = []
    for column in charter.data.columns:
        if column.role == "sensor":
            found.append(column.name)
        elif column.role == "category":
            found += indicators(column)
    return found
