"""What a scenario asks of one party's records, whether memory holds them or not.

The one place that tells the two kinds apart: everything after it asks a holding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hansa.algorithms import statistics
from hansa.algorithms.statistics import Moments
from hansa.core.charter import Charter, Regimes
from hansa.core.methods import BY_ROW
from hansa.data import tally
from hansa.data.partition import Share
from hansa.data.prepare import Inputs, regime_count, regime_of
from hansa.data.tally import Counts, Tally
from hansa.data.targets import Labels, Target, labels, target_of
from hansa.models.rows import Rows, Stream
from hansa.runtime.large_fleet import LargeShare
from hansa.runtime.spool import Spools


class Holding(Protocol):
    """One party's records under a scenario."""

    @property
    def share(self) -> Share | LargeShare:
        """Return the records."""

    @property
    def shared_rows(self) -> int:
        """Return how many rows every party has."""

    def learnt(self) -> Counts:
        """Return (keys,) the rows that can be learnt from, by the key of their label."""

    def tally(self) -> Tally:
        """Return what is counted of the records."""

    def moments(self) -> Moments:
        """Return the sums over readings that scaling needs."""

    def products(self, inputs: Inputs) -> tuple[NDArray[np.float64], int]:
        """Return (sensors, sensors) the sums of products of two scaled readings, and of how many rows."""

    def rows(self, inputs: Inputs, charter: Charter, scenario: str) -> Rows | Stream:
        """Return what the party learns from."""


def holding(share: Share | LargeShare, charter: Charter, spools: Spools) -> Holding:
    """Return the holding of a share; spools: where prepared rows go that memory need not hold."""
    if isinstance(share, LargeShare):
        return OnDisk(share, spools)
    target = target_of(charter.data)
    return InMemory(share, target, charter.data.regimes, labels(share.fleet, target))


@dataclass(frozen=True, slots=True, eq=False)
class InMemory:
    """Records that memory holds."""

    share: Share
    target: Target
    regimes: Regimes
    labels: Labels

    @property
    def shared_rows(self) -> int:
        """Return how many rows every party has."""
        return int(self.share.shared_row.max(initial=-1)) + 1

    def learnt(self) -> Counts:
        """Return (keys,) the rows that can be learnt from, by the key of their label."""
        return tally.learnt_rows(self.labels, self.target)

    def tally(self) -> Tally:
        """Return what is counted of the records."""
        return tally.tally(self.share.fleet, self.target, self.regimes)

    def moments(self) -> Moments:
        """Return the sums over readings that scaling needs."""
        fleet = self.share.fleet
        return statistics.moments(fleet.sensors, regime_of(fleet, self.regimes), regime_count(self.regimes))

    def products(self, inputs: Inputs) -> tuple[NDArray[np.float64], int]:
        """Return (sensors, sensors) the sums of products of two scaled readings, and of how many rows."""
        z = inputs.scaled(self.share.fleet)  # (rows, sensors)
        return z.T @ z, len(z)

    def rows(self, inputs: Inputs, charter: Charter, scenario: str) -> Rows:
        """Return the rows with a label."""
        known = self.labels.known  # (rows,)
        columns: tuple[Any, ...] = (  # NumPy's: a block of parties goes to the device as one
            inputs.of(self.share.fleet)[known],
            self.labels.share[known],
            np.ones(int(known.sum()), np.float32),
            self._key(scenario)[known].astype(np.int32),
        )
        return Rows(*columns)

    def _key(self, scenario: str) -> NDArray[np.int64]:
        """Return (rows,) the key under which each row's prediction is shared."""
        shared = self.share.shared_row  # (rows,)
        if scenario in BY_ROW:
            return shared
        if scenario == "mixed":
            return np.where(shared >= 0, self.target.keys + shared, self.labels.bin)
        return self.labels.bin.astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class OnDisk:
    """Records that memory need not hold; they are a party's own, so that keys are labels."""

    share: LargeShare
    spools: Spools

    @property
    def shared_rows(self) -> int:
        """Return 0."""
        return 0

    def learnt(self) -> Counts:
        """Return (keys,) the rows that can be learnt from, by the key of their label."""
        return self.share.fleet.tally.learnt

    def tally(self) -> Tally:
        """Return what is counted of the records."""
        return self.share.fleet.tally

    def moments(self) -> Moments:
        """Return the sums over readings that scaling needs."""
        return self.share.fleet.moments

    def products(self, inputs: Inputs) -> tuple[NDArray[np.float64], int]:
        """Return (sensors, sensors) the sums of products of two scaled readings, and of how many rows.

        The file is read once more: the means, which keep the sums exact, are known only now.
        """
        product, rows = np.zeros((len(inputs.sensors), len(inputs.sensors))), 0
        for piece in self.share.fleet.pieces(self.spools.tell, "summing products"):
            z = inputs.scaled(piece)  # (rows of the piece, sensors)
            product, rows = product + z.T @ z, rows + len(z)
        return product, rows

    def rows(self, inputs: Inputs, charter: Charter, scenario: str) -> Stream:
        """Return the rows with a label, in blocks on disk."""
        del scenario
        return self.spools.stream(self.share, inputs, charter)
