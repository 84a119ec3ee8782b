"""A fleet: the histories of assets that one party, or a whole simulation, holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """Rows of asset histories, sorted by asset and then by time."""

    asset_names: tuple[str, ...]
    asset: NDArray[np.int32]  # (rows,), index into asset_names, never decreasing
    time: Floats  # (rows,), in the charter's time unit
    settings: Floats  # (rows, settings)
    sensors: Floats  # (rows, sensors), NaN where missing
    remaining: Floats  # (rows,), uncapped remaining life; NaN where it is not known
    setting_names: tuple[str, ...]
    sensor_names: tuple[str, ...]
    traits: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)  # (assets,) each

    def __repr__(self) -> str:
        """Return its size and its columns in one line."""
        return (
            f"Fleet({len(self.asset_names)} assets, {self.rows} rows, "
            f"settings {', '.join(self.setting_names) or 'none'}, sensors {', '.join(self.sensor_names)})"
        )

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return len(self.asset)

    def seen_for(self) -> Floats:
        """Return (rows,) time until the asset's last row: a lower bound of its remaining life."""
        last = np.full(len(self.asset_names), -np.inf)
        np.maximum.at(last, self.asset, self.time)
        return last[self.asset] - self.time

    def rows_of(self, assets: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]:
        """Return where the rows of the assets at these indexes stand, in ascending order of index."""
        kept = np.unique(np.asarray(assets, dtype=np.int32))  # (kept,)
        first, behind = np.searchsorted(self.asset, kept), np.searchsorted(self.asset, kept, side="right")
        lengths = behind - first  # (kept,)
        shift = first - (np.cumsum(lengths) - lengths)  # (kept,), from the place among the rows kept
        return np.repeat(shift, lengths) + np.arange(lengths.sum())  # (rows kept,)

    def take_assets(self, assets: Sequence[int] | NDArray[np.integer]) -> Fleet:
        """Return the fleet of the assets at these indexes, in ascending order of index.

        The work grows with the rows that are kept, not with those of the fleet. They are copies: a view would
        keep the whole fleet, or a whole piece of a large table, in memory.
        """
        kept = np.unique(np.asarray(assets, dtype=np.int32))  # (kept,)
        rows = self.rows_of(kept)
        return replace(
            self,
            asset_names=tuple(self.asset_names[i] for i in kept),
            asset=np.searchsorted(kept, self.asset[rows]).astype(np.int32),
            time=self.time[rows],
            settings=self.settings[rows],
            sensors=self.sensors[rows],
            remaining=self.remaining[rows],
            traits={name: values[kept] for name, values in self.traits.items()},
        )

    def take_sensors(self, names: Sequence[str]) -> Fleet:
        """Return the fleet with these sensors only, in the order given."""
        if tuple(names) == self.sensor_names:
            return self
        columns = [self.sensor_names.index(name) for name in names]
        return replace(self, sensors=self.sensors[:, columns], sensor_names=tuple(names))

    def take_settings(self, names: Sequence[str]) -> Fleet:
        """Return the fleet with these settings only, in the order given."""
        if tuple(names) == self.setting_names:
            return self
        columns = [self.setting_names.index(name) for name in names]
        return replace(self, settings=self.settings[:, columns], setting_names=tuple(names))


def joined(fleets: Sequence[Fleet]) -> Fleet:
    """Return the assets of all fleets, one after the other; same settings and sensors, no asset in two."""
    before = np.cumsum([0, *(len(fleet.asset_names) for fleet in fleets)])  # (fleets + 1,)
    assets = [fleet.asset + np.int32(start) for fleet, start in zip(fleets, before[:-1], strict=True)]
    return replace(
        fleets[0],
        asset_names=tuple(name for fleet in fleets for name in fleet.asset_names),
        asset=np.concatenate(assets),
        time=np.concatenate([fleet.time for fleet in fleets]),
        settings=np.concatenate([fleet.settings for fleet in fleets]),
        sensors=np.concatenate([fleet.sensors for fleet in fleets]),
        remaining=np.concatenate([fleet.remaining for fleet in fleets]),
        traits={},
    )


@dataclass(frozen=True, slots=True)
class Dataset:
    """Assets to learn from and assets to be judged on."""

    name: str
    train: Fleet
    test: Fleet
