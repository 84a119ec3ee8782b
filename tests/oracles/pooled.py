"""What federated statistics must equal: all parties' rows in one place, one sensor after another."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def pooled_scale(
    readings: Sequence[NDArray[np.float64]],
    regime: Sequence[NDArray[np.int64]],
    columns: Sequence[Sequence[int]],
    regimes: int,
    sensors: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (regimes, sensors) means and population deviations; NaN where nobody saw the sensor."""
    mean, deviation = np.full((regimes, sensors), np.nan), np.full((regimes, sensors), np.nan)
    for place in range(regimes):
        for sensor in range(sensors):
            seen = [
                value
                for own, where, having in zip(readings, regime, columns, strict=True)
                if sensor in having
                for value in own[where == place, list(having).index(sensor)]
                if not np.isnan(value)
            ]
            if seen:
                mean[place, sensor], deviation[place, sensor] = np.mean(seen), np.std(seen)
    return mean, deviation
