"""From records to inputs: regimes, scaling, missing cells, causal features.

`Inputs` holds all that a new row needs to become the network's input: it is saved with the model and
replayed by it, so that scoring never looks at the statistics of the new file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hansa.core.charter import Preparation, Regimes
from hansa.data.fleet import Fleet, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """How one party turns its records into its network's inputs."""

    sensors: tuple[str, ...]
    settings: tuple[str, ...]
    regimes: Regimes
    mean: Floats  # (regimes, sensors)
    deviation: Floats  # (regimes, sensors), infinite where a sensor does not vary
    preparation: Preparation
    flags: bool  # whether missing cells are held, and flagged where readings are not made into components
    frame: tuple[str, ...] = ()  # sensors that the network's inputs stand for, in order; empty: its own
    fill: Floats | None = None  # (sensors, frame), what the own readings say of the frame's; none: 0
    projection: Floats | None = None  # (sensors, components), of features "pca"
    lookups: tuple[tuple[str, ...], ...] = ()  # sensors of each category that the network looks up

    def of(self, fleet: Fleet) -> NDArray[np.float32]:
        """Return (rows, features), float32; the fleet must have these sensors and settings.

        A sensor of the frame that the party does not have is 0, the mean, in each of its features, or
        what `fill` makes of the party's own. What is looked up is not flagged: where it is missing, and was
        never seen before, all values are 0. Age comes last.
        """
        own = fleet.take_sensors(self.sensors)
        z, missing = self._scaled(own)  # (rows, sensors) each
        features = _features(z, own.asset, self.preparation)  # (rows, features)
        if self.projection is not None:
            features = z @ self.projection  # (rows, components)
        elif self.flags:
            flagged = missing[:, self._flagged(self.sensors)].astype(np.float64)  # (rows, flagged)
            features = np.concatenate([features, flagged], axis=1)
        if self.frame:
            features = self._framed(features)  # (rows, features)
        if self.preparation.age:
            features = np.column_stack([features, _age(own) / self.preparation.age])
        return features.astype(np.float32)

    def scaled(self, fleet: Fleet) -> Floats:
        """Return (rows, sensors) z-scores, missing cells held: what components are taken of."""
        return self._scaled(fleet.take_sensors(self.sensors))[0]

    def _scaled(self, own: Fleet) -> tuple[Floats, NDArray[np.bool_]]:
        """Return (rows, sensors) z-scores, and which of them were missing and are held."""
        regime = regime_of(own, self.regimes)  # (rows,)
        z = (own.sensors - self.mean[regime]) / self.deviation[regime]  # (rows, sensors)
        missing = ~np.isfinite(z)  # (rows, sensors)
        if missing.any():
            z = _hold(z, own.asset)
        clip = self.preparation.clip
        return (np.clip(z, -clip, clip) if clip else z), missing

    @property
    def features(self) -> int:
        """Return how many features a row has."""
        if self.projection is not None:
            return self.projection.shape[1] + (self.preparation.age > 0)
        known = self.frame or self.sensors
        unflagged = len(known) - len(self._flagged(known)) if self.flags else 0
        return features_of_a_row(len(known), self.preparation, self.flags) - unflagged

    @property
    def shape(self) -> tuple[int, int, int, tuple[tuple[int, int], ...]]:
        """Return a row's sensors, readings of each, columns beside (flags and age), and what is looked up."""
        if self.projection is not None:
            return self.projection.shape[1], 1, int(self.preparation.age > 0), ()
        known, readings = self.frame or self.sensors, _readings(self.preparation)
        lookups = tuple((known.index(names[0]), len(names)) for names in self.lookups)
        return len(known), readings, self.features - len(known) * readings, lookups

    @property
    def has(self) -> NDArray[np.float32]:
        """Return (features,) 1 where the party has the feature, 0 where it stands for nothing."""
        known = self.frame or self.sensors
        own = np.isin(known, self.sensors)  # (sensors,)
        each = np.tile(own if self.fill is None else np.ones_like(own), _readings(self.preparation))
        if self.flags:
            each = np.append(each, own[self._flagged(known)])
        return np.append(each, [1.0] if self.preparation.age else []).astype(np.float32)

    def _flagged(self, sensors: Sequence[str]) -> list[int]:
        """Return where the sensors stand whose missing cells are flagged: all that are not looked up."""
        unflagged = {name for names in self.lookups for name in names}
        return [place for place, name in enumerate(sensors) if name not in unflagged]

    def _framed(self, features: Floats) -> Floats:
        """Return the features of the party's sensors at their places in the frame, and of those it lacks."""
        rows, frame = len(features), len(self.frame)
        wide = np.zeros((rows, int(self.features - (self.preparation.age > 0))))
        first = [self.frame.index(name) for name in self.sensors]
        readings, own = _readings(self.preparation), len(self.sensors)
        at_frame = np.zeros((own, frame))
        at_frame[np.arange(own), first] = 1.0
        # A feature is a mean over readings, so that what fills the readings fills it.
        fill = at_frame if self.fill is None else self.fill  # (own, frame)
        told = features[:, : readings * own].reshape(rows, readings, own) @ fill
        wide[:, : readings * frame] = told.reshape(rows, readings * frame)
        if self.flags:
            flag = {self.frame[place]: number for number, place in enumerate(self._flagged(self.frame))}
            flags = [readings * frame + flag[self.sensors[place]] for place in self._flagged(self.sensors)]
            wide[:, flags] = features[:, readings * own :]
        return wide


def features_of_a_row(sensors: int, preparation: Preparation, flags: bool) -> int:
    """Return how many features a row of so many sensors becomes; flags: whether missing cells are flagged.

    Of components, which the statistics tell: how many at most.
    """
    return sensors * (_readings(preparation) + flags) + (preparation.age > 0)


def _readings(preparation: Preparation) -> int:
    """Return how many readings of a sensor a row holds."""
    return {"raw": 1, "pca": 1, "ewma": len(preparation.spans), "window": preparation.window}[
        preparation.features
    ]


def regime_count(regimes: Regimes) -> int:
    """Return how many regimes there are."""
    if regimes.kind == "centres":
        return len(regimes.centres)
    if regimes.kind == "bins":
        return int(np.prod([len(edges) + 1 for _, edges in regimes.bins]))
    return 1


def regime_of(fleet: Fleet, regimes: Regimes) -> NDArray[np.int64]:
    """Return (rows,) the regime of each row: the nearest centre, the cell of bins, or 0.

    Distances weigh each setting by the spread of the centres, so that units do not matter.
    """
    if regimes.kind == "centres":
        centres = np.asarray(regimes.centres)  # (regimes, settings)
        spread = np.maximum(np.ptp(centres, axis=0), 1e-12)  # (settings,)
        gap = (fleet.settings[:, None, :] - centres) / spread  # (rows, regimes, settings)
        return (gap**2).sum(axis=2).argmin(axis=1)  # (rows,)
    cell = np.zeros(fleet.rows, dtype=np.int64)  # (rows,)
    if regimes.kind == "bins":
        for name, edges in regimes.bins:
            values = fleet.settings[:, fleet.setting_names.index(name)]  # (rows,)
            cell = cell * (len(edges) + 1) + np.searchsorted(edges, values, side="right")
    return cell


def _hold(z: Floats, asset: NDArray[np.int32]) -> Floats:
    """Return z with each gap filled by the asset's last value, else 0, the federated mean."""
    row = np.arange(len(z))[:, None]  # (rows, 1)
    first = np.searchsorted(asset, asset)[:, None]  # (rows, 1), the asset's first row
    last_seen = np.maximum.accumulate(np.where(np.isfinite(z), row, -1), axis=0)  # (rows, sensors)
    held = np.take_along_axis(z, np.maximum(last_seen, 0), axis=0)  # (rows, sensors)
    return np.where(last_seen >= first, held, 0.0)


def _age(own: Fleet) -> Floats:
    """Return (rows,) the time since the asset's first row."""
    return own.time - own.time[np.searchsorted(own.asset, own.asset)]


def _features(z: Floats, asset: NDArray[np.int32], preparation: Preparation) -> Floats:
    if preparation.features == "ewma":
        return np.concatenate([_ewma(z, asset, span) for span in preparation.spans], axis=1)
    if preparation.features == "window":
        first = np.searchsorted(asset, asset)  # (rows,), the asset's first row
        row = np.arange(len(z))
        lags = [z[np.maximum(row - lag, first)] for lag in range(preparation.window)]
        return np.concatenate(lags, axis=1)  # (rows, sensors * window)
    return z


def _ewma(z: Floats, asset: NDArray[np.int32], span: float) -> Floats:
    """Return (rows, sensors) exponentially weighted means of each asset's rows so far."""
    start = np.r_[True, asset[1:] != asset[:-1]]  # (rows,)
    keep = 1.0 - 2.0 / (span + 1.0)
    age = np.arange(len(z)) - np.maximum.accumulate(np.where(start, np.arange(len(z)), 0))  # (rows,)
    total, weight = z.copy(), np.ones(len(z))
    for step in range(1, int(age.max()) + 1):
        now = np.flatnonzero(age == step)
        total[now] += keep * total[now - 1]
        weight[now] += keep * weight[now - 1]
    return total / weight[:, None]
