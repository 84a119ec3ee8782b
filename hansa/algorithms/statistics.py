"""Federated statistics: means and deviations per regime and sensor from sums, never pooled rows.

The terms are n, sum x and sum x^2; a sensor that a party does not have counts nothing. Float64
throughout: with |mean| up to 1e6 deviations, the variance keeps at least three digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST = 2.0**100
"""The largest statistic: sums of squares of readings stay far below."""

_CONSTANT = 1e-7  # a deviation below this share of the mean is rounding: the sensor is constant


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over rows, per regime and sensor; a party's term, and their sum over parties."""

    count: Floats  # (regimes, sensors)
    total: Floats  # (regimes, sensors)
    square: Floats  # (regimes, sensors)


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """What turns a reading into a z-score."""

    mean: Floats  # (regimes, sensors)
    deviation: Floats  # (regimes, sensors), infinite where the sensor never varies or was never seen


def moments(readings: Floats, regime: NDArray[np.integer], regimes: int) -> Moments:
    """Return one party's term; readings: (rows, sensors), NaN where missing; regime: (rows,)."""
    order = np.argsort(regime, kind="stable")  # (rows,)
    ends = np.searchsorted(regime[order], np.arange(regimes + 1))  # (regimes + 1,)
    columns = np.ascontiguousarray(readings[order].T)  # (sensors, rows)
    known = np.isfinite(columns)  # (sensors, rows)
    values = np.where(known, columns, 0.0)  # (sensors, rows)
    with np.errstate(over="ignore"):  # an overflow stays in the sums as infinity, for the caller to refuse
        return Moments(*(_sums(part, ends) for part in (known, values, values**2)))


def _sums(columns: NDArray[Any], ends: NDArray[np.integer]) -> Floats:
    """Return (regimes, sensors) sums over the rows of each regime; columns: (sensors, rows), by regime.

    Along rows that lie side by side NumPy adds in pairs, so that rounding hardly grows with their number:
    a constant sensor must not seem to vary because there are many rows.
    """
    regimes = pairwise(ends)
    return np.stack([columns[:, start:end].sum(axis=1, dtype=np.float64) for start, end in regimes])


def spread(part: Moments, columns: Sequence[int], sensors: int) -> Moments:
    """Return the term over all parties' sensors: zero but for the `columns` that this party owns."""

    def place(values: Floats) -> Floats:
        wide = np.zeros((values.shape[0], sensors))  # (regimes, sensors)
        wide[:, columns] = values
        return wide

    return Moments(place(part.count), place(part.total), place(part.square))


def total(terms: Sequence[Moments]) -> Moments:
    """Return the sums over parties, added in the order given."""
    return Moments(
        sum((term.count for term in terms[1:]), terms[0].count),
        sum((term.total for term in terms[1:]), terms[0].total),
        sum((term.square for term in terms[1:]), terms[0].square),
    )


def completed(totals: Moments, enough: NDArray[np.bool_]) -> Moments:
    """Return the sums with those over a sensor's other regimes where too few parties have it in one.

    enough: (regimes, sensors), where enough have it; the totals are 0 elsewhere.
    """

    def filled(part: Floats) -> Floats:
        return np.where(enough, part, part.sum(axis=0))

    return Moments(filled(totals.count), filled(totals.total), filled(totals.square))


def scale(totals: Moments) -> Scale:
    """Return means and population deviations from the sums."""
    count = np.maximum(totals.count, 1.0)
    mean = totals.total / count
    deviation = np.sqrt(np.maximum(totals.square / count - mean**2, 0.0))
    constant = deviation <= _CONSTANT * np.maximum(np.abs(mean), 1e-12)
    return Scale(mean, np.where(constant, np.inf, deviation))
