"""What one party makes of the federated statistics: its inputs, scaled as all agreed.

A sensor that too few parties have in a regime is scaled there as in its other regimes. One that too few have
in all of them is scaled by each party alone where networks are its own; it is no input where they are common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hansa.algorithms import statistics
from hansa.algorithms.statistics import MOST, Moments, Scale
from hansa.core.charter import Charter
from hansa.core.errors import PartyError
from hansa.core.methods import METHODS
from hansa.data.columns import column_of, indicators
from hansa.data.partition import Share
from hansa.data.prepare import Inputs
from hansa.runtime.large_fleet import LargeShare

Flags = NDArray[np.bool_]


def values_of(charter: Charter) -> list[str]:
    """Return the sensors that are values of categories."""
    return [name for one in charter.data.columns if one.role == "category" for name in indicators(one)]


def scales_alone(charter: Charter, scenario: str) -> bool:
    """Return whether each party scales its readings by itself, or by what the charter says."""
    return scenario in ("isolated", "isolated_mean", "centralised") or charter.preparation.scaling == "range"


def check_sums(share: Share | LargeShare, squares: NDArray[np.float64]) -> None:
    """Raise PartyError where (regimes, sensors) sums of squares are too large to be summed."""
    too_large = ~(squares < MOST).all(axis=0)  # (sensors,)
    if too_large.any():
        raise PartyError(
            f"readings of {share.fleet.sensor_names[int(too_large.argmax())]} are too large to be summed",
            do="give the column a range in the charter, so that the line is named, or correct the file",
            where=share.party,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Union:
    """The sensors of all parties of a scenario."""

    charter: Charter
    scenario: str
    names: Sequence[str]
    known: Flags  # (sensors,), of which enough parties have something

    def scale(self, totals: Moments, own: Moments) -> Scale:
        """Return what scales a party's readings, of all sensors; own: its term."""
        scale = statistics.scale(totals)
        if self.known.all() or METHODS[self.scenario].exchanges != "predictions":
            return scale
        alone = statistics.scale(own)
        mean = np.where(self.known, scale.mean, alone.mean)
        return Scale(mean, np.where(self.known, scale.deviation, alone.deviation))

    def inputs(self, share: Share | LargeShare, scale: Scale, columns: Sequence[int]) -> Inputs:
        """Return a party's preparation; columns: (own,) its sensors among all."""
        made = _inputs_of(self.charter, share, scale.mean[:, columns], scale.deviation[:, columns])
        if METHODS[self.scenario].exchanges == "weights":  # 0 is what an input of nothing reads
            made = replace(made, deviation=np.where(self.known[columns], made.deviation, np.inf))
        if not METHODS[self.scenario].framed:
            return made
        frame = _in_order(self.charter, self._framed())
        kept = [place for place, name in enumerate(made.sensors) if name in frame]
        if not kept:
            raise PartyError(
                "too few other parties have any of its sensors",
                do="leave it out, or let it learn by predictions: labsync_mean in [algorithm]",
                where=share.party,
            )
        sensors = tuple(made.sensors[place] for place in kept)
        return replace(
            made, sensors=sensors, mean=made.mean[:, kept], deviation=made.deviation[:, kept], frame=frame
        )

    def _framed(self) -> list[str]:
        """Return the sensors of the common network; values of a category stay together."""
        values = values_of(self.charter)
        return [name for name, here in zip(self.names, self.known, strict=True) if here or name in values]


def _in_order(charter: Charter, names: Sequence[str]) -> tuple[str, ...]:
    """Return sensors in the order of the charter's columns; a category's values follow one another."""
    columns = [column.name for column in charter.data.columns]
    return tuple(sorted(names, key=lambda name: (columns.index(column_of(name, columns)), names.index(name))))


def _inputs_of(
    charter: Charter, share: Share | LargeShare, mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> Inputs:
    if charter.preparation.scaling == "range":
        ranges = {column.name: (column.low, column.high) for column in charter.data.columns}
        known = [ranges.get(name, (0.0, 1.0)) for name in share.fleet.sensor_names]  # a category is 0 or 1
        low, high = np.array(known, dtype=float).T  # (sensors,)
        mean = np.broadcast_to(low, mean.shape)  # (regimes, sensors)
        deviation = np.broadcast_to(np.where(high > low, high - low, np.inf), mean.shape)
    lookups = _lookups(charter)
    found = np.isin(share.fleet.sensor_names, [name for names in lookups for name in names])  # (sensors,)
    return Inputs(
        sensors=share.fleet.sensor_names,
        settings=share.fleet.setting_names,
        regimes=charter.data.regimes,
        mean=np.where(found, 0.0, mean),  # what is looked up stays 0 or 1
        deviation=np.where(found, 1.0, deviation),
        preparation=charter.preparation,
        flags=charter.data.missing == "hold",
        lookups=lookups,
    )


def _lookups(charter: Charter) -> tuple[tuple[str, ...], ...]:
    """Return the sensors of each category that the network looks up."""
    if not charter.network.embedding:
        return ()
    return tuple(indicators(column) for column in charter.data.columns if column.role == "category")
