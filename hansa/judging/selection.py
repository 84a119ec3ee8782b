"""Rules that take the mean of some parties' updates, chosen by distance.

Each returns (parties,) weights of sum 1. `bad` is how many parties may send anything. Where two parties tie,
what tells them apart is how far they are from others and how long, never their place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hansa.judging.table import Floats, Table

_Flags = NDArray[np.bool_]

_AS_FAR = 1 + 1e-6  # squared distances and their sums tie within that: they were measured in float32


def krum(table: Table, bad: int) -> Floats:
    """Return the weight 1 of the update that is closest to its parties - bad - 2 nearest others.

    Source: Blanchard et al., NeurIPS 2017, section 4.
    """
    weights = np.zeros(table.parties)  # (parties,)
    weights[_best(table, bad)] = 1.0
    return weights


def multi_krum(table: Table, bad: int) -> Floats:
    """Return the mean of the parties - bad updates that Krum likes best.

    Source: Blanchard et al., NeurIPS 2017, section 5; as many as Allouah et al., AISTATS 2023, take.
    """
    return least(_krum_scores(table, bad), table.parties - bad)


def krum_set(table: Table, bad: int) -> list[int]:
    """Return the parties - 2 bad parties that Krum takes one after the other, each gone once it is taken.

    Source: El Mhamdi et al., ICML 2018, section 4, the first step of Bulyan.
    """
    left = list(range(table.parties))
    taken: list[int] = []
    for _ in range(table.parties - 2 * bad):
        place = _best(table.without(taken), bad)
        taken.append(left.pop(place))
    return sorted(taken)


def monna(table: Table, bad: int, trusted: int) -> Floats:
    """Return the mean of the parties - bad updates nearest to that of a trusted party, which is one of them.

    Source: Farhadkhani et al., ICML 2023, section 3.
    """
    return least(table.between[trusted], table.parties - bad)


def mda(table: Table, bad: int) -> Floats:
    """Return the mean of the parties - bad updates of least diameter: of which no two are far apart.

    A diameter will do where all pairs that are further apart can be parted by leaving `bad` parties out; the
    least is found by halving, exactly. Of sets with the same diameter one without the most remote parties is
    taken. Source: El Mhamdi et al., ICML 2018, section 2 ("Brute").
    """
    remote = _total(table.between)  # (parties,)
    diameters = np.unique(table.between)  # (diameters,) rising, the last of which needs nobody left out
    low, high = 0, len(diameters) - 1
    while low < high:
        middle = (low + high) // 2
        if _parting(table.between > _AS_FAR * diameters[middle], remote, bad) is None:
            low = middle + 1
        else:
            high = middle
    out = _parting(table.between > _AS_FAR * diameters[high], remote, bad)
    assert out is not None
    score = remote + np.where(np.isin(np.arange(table.parties), out), np.inf, 0.0)  # (parties,)
    return least(score, table.parties - bad)


def least(scores: Floats, count: int) -> Floats:
    """Return the mean of the `count` parties of least scores; those that tie for the last places share.

    scores: (..., parties), and so are the means.
    """
    last = np.partition(scores, count - 1)[..., count - 1, None]  # (..., 1)
    below = scores < last / _AS_FAR  # (..., parties)
    level = (scores <= last * _AS_FAR) & ~below  # (..., parties)
    share = (count - below.sum(axis=-1, keepdims=True)) / level.sum(axis=-1, keepdims=True)  # (..., 1)
    return (below + level * share) / count  # (..., parties)


def _best(table: Table, bad: int) -> int:
    """Return the party that Krum takes; ties go by the distances to all, then by length."""
    best = np.arange(table.parties)  # (parties,), then fewer
    for key in (_krum_scores(table, bad), _total(table.between), table.lengths):
        best = best[key[best] <= _AS_FAR * key[best].min()]
    return int(best[0])


def _krum_scores(table: Table, bad: int) -> Floats:
    """Return (parties,) sums of the squared distances to the nearest others, one of them at least."""
    nearest = np.sort(table.between, axis=1)  # (parties, parties), a party itself first
    return nearest[:, 1 : 1 + max(table.parties - bad - 2, 1)].sum(axis=1)  # (parties,)


def _total(between: Floats) -> Floats:
    """Return (parties,) sums of distances to all, added from the least so that places do not matter."""
    return np.sort(between, axis=1).sum(axis=1)


def _parting(far: _Flags, remote: Floats, most: int) -> list[int] | None:
    """Return at most so many parties without whom no two are far, or None; far: (parties, parties).

    Branches on the party with the most far ones: either it goes, or all of those do. Where each has one far
    one at most, the more remote of the two goes.
    """
    degrees = far.sum(axis=1)  # (parties,)
    first = int(np.lexsort((-remote, -degrees))[0])
    if degrees[first] == 0:
        return []
    if degrees.sum() > 2 * most * degrees[first]:  # no `most` parties reach so many pairs
        return None
    for gone in [[first], np.flatnonzero(far[first]).tolist()][: 1 if degrees[first] == 1 else 2]:
        rest = _parting(_left(far, gone), remote, most - len(gone)) if len(gone) <= most else None
        if rest is not None:
            return [*gone, *rest]
    return None


def _left(far: _Flags, gone: Sequence[int]) -> _Flags:
    """Return (parties, parties) pairs that are far, without those of parties that are gone."""
    left = far.copy()
    left[gone], left[:, gone] = False, False
    return left
