"""Rules that look at each coordinate by itself, and so need the updates in clear: (parties, dim) in float32.

Each returns (dim,) float32. Updates are ordered by a sorting network, by pieces of columns that stay in the
cache; the result is that of sorting, to the last bit for the median, to float32's rounding for means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, reduce

import numpy as np
from numpy.typing import NDArray

from hansa.judging.networks import Floats32, compared, network

_COLUMNS = 20_000  # at a time: 2.6 MB of 32 parties


def median(updates: Floats32) -> Floats32:
    """Return the median of each coordinate; of an even number, the mean of the middle two.

    Source: Yin et al., ICML 2018, section 3.
    """
    middle = _middle(len(updates))
    steps = network(len(updates), frozenset(), frozenset(middle))
    return _by_columns(updates, lambda block, room: _mean(compared(block, steps, room), middle))


def trimmed_mean(updates: Floats32, bad: int) -> Floats32:
    """Return the mean of each coordinate without its `bad` least and `bad` greatest; parties > 2 bad.

    Source: Yin et al., ICML 2018, section 3.
    """
    kept = range(bad, len(updates) - bad)
    steps = network(len(updates), frozenset(), frozenset(kept))
    return _by_columns(updates, lambda block, room: _mean(compared(block, steps, room), kept))


def meamed(updates: Floats32, bad: int) -> Floats32:
    """Return the mean of each coordinate's parties - bad numbers nearest to its median; parties > bad.

    In order, those `kept` lie side by side. So of the places first, first + kept, first + 2 kept and so on
    one is among them: the nearest, or the lesser of two as near. Source: Xie et al., arXiv
    1802.10116, section 4.
    """
    parties = len(updates)
    kept, middle = parties - bad, _middle(parties)
    sure = range(bad, kept)  # without a rival
    steps = network(parties, frozenset(range(parties)) - {*sure} | {*middle}, frozenset(sure))

    def around(block: Floats32, room: Floats32) -> Floats32:
        rows = compared(block, steps, room)
        centre = _mean(rows, middle)  # (columns,)
        nearest = [reduce(partial(_nearer, centre), rows[first::kept]) for first in range(kept)]
        return _sum(nearest) / np.float32(kept)  # (columns,)

    return _by_columns(updates, around)


def _nearer(centre: Floats32, low: Floats32, high: Floats32) -> Floats32:
    """Return (columns,) which of two is nearer to the centre; high: at least low."""
    return np.where(centre - low <= high - centre, low, high)  # (columns,)


def _by_columns(updates: Floats32, rule: Callable[[Floats32, Floats32], Floats32]) -> Floats32:
    """Return (dim,) what a rule makes of one piece of columns after the other, given room of one more row."""
    parties, dim = updates.shape
    room = np.empty((parties + 1, min(dim, _COLUMNS)), np.float32)  # (parties + 1, columns)
    found = np.empty(dim, np.float32)  # (dim,)
    for columns in _pieces(dim):
        width = columns.stop - columns.start
        found[columns] = rule(updates[:, columns], room[:, :width])  # (columns,)
    return found


def _pieces(dim: int) -> Iterator[slice]:
    for start in range(0, dim, _COLUMNS):
        yield slice(start, min(start + _COLUMNS, dim))


def _middle(parties: int) -> range:
    """Return the places in order whose mean is the median: one, or two."""
    return range((parties - 1) // 2, parties // 2 + 1)


def _mean(rows: list[Floats32], places: range) -> Floats32:
    return _sum([rows[place] for place in places]) / np.float32(len(places))  # (columns,)


def _sum(rows: list[NDArray[np.float32]]) -> Floats32:
    total = rows[0].copy()  # (columns,)
    for row in rows[1:]:
        total += row
    return total
