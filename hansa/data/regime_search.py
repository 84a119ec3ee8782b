"""Operating regimes found in the settings: few points that machines switch between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hansa.data.fleet import Floats

MOST_REGIMES = 12

_GAP = 0.03  # of a setting's range: values closer than this are one point, wider points are none
_LEAST_SHARE = 0.01  # of the rows: a rarer point is chance, and too few rows to normalise by


def levels(values: Floats) -> NDArray[np.int64] | None:
    """Return (rows,) the number of the point that each value lies at, None where there are no points.

    values: (rows,), none missing. Two to twelve points, each narrow and far from the next.
    """
    ordered = np.sort(values)  # (rows,)
    span = ordered[-1] - ordered[0]
    if span <= 0:
        return None
    jumps = np.flatnonzero(np.diff(ordered) > _GAP * span)  # (points - 1,)
    starts, ends = np.r_[0, jumps + 1], np.r_[jumps, len(ordered) - 1]  # (points,), (points,)
    narrow = ordered[ends] - ordered[starts] <= _GAP * span  # (points,)
    if not 2 <= len(starts) <= MOST_REGIMES or not narrow.all():
        return None
    return np.searchsorted(ordered[starts], values, side="right") - 1  # (rows,)


def centres(settings: Floats) -> tuple[tuple[float, ...], ...]:
    """Return the mean of the settings at each joint point, in ascending order; empty where there are none.

    settings: (rows, settings), each with `levels`. More than twelve joint points, or one that is rare,
    are no regimes.
    """
    points = np.stack([_levels_of(column) for column in settings.T], axis=1)  # (rows, settings)
    joint, point = np.unique(points, axis=0, return_inverse=True)
    counts = np.bincount(point.ravel())  # (points,)
    if not 2 <= len(joint) <= MOST_REGIMES or counts.min() < max(2.0, _LEAST_SHARE * len(settings)):
        return ()
    means = [settings[point.ravel() == one].mean(axis=0) for one in range(len(joint))]
    return tuple(tuple(float(f"{value:.5g}") for value in mean) for mean in means)


def switches(point: NDArray[np.int64], asset: NDArray[np.int64]) -> bool:
    """Return whether assets go back and forth between points, rather than wander from one to the next.

    point, asset: (rows,), in the order of the table. Wear makes a reading drift; a setting is as likely
    late in an asset's rows as early.
    """
    order = np.argsort(asset, kind="stable")
    ordered, owner = point[order], asset[order]  # (rows,), (rows,)
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)  # (rows,), row number within the asset
    late = 2 * rank >= np.bincount(owner)[owner]  # (rows,)
    size = int(point.max()) + 1
    shares = [np.bincount(ordered[half], minlength=size) / max(1, half.sum()) for half in (~late, late)]
    within = np.diff(owner) == 0  # (rows - 1,)
    if not within.any() or np.abs(shares[0] - shares[1]).max() >= 0.1:
        return False
    return bool((np.diff(ordered) != 0)[within].mean() > 0.2)


def _levels_of(values: Floats) -> NDArray[np.int64]:
    found = levels(values)
    return np.zeros(len(values), dtype=np.int64) if found is None else found
