"""Updates that are one and the same: whoever sends them, together they count once.

Nobody can copy an update that is not shown before all are committed to. Parties whose updates coincide have
one source, be it one mind with many names, and a rule that counted each would be outvoted by it.
"""

from __future__ import annotations

import numpy as np

from hansa.judging.table import Floats, Table

NEAR = 0.1
"""Times the usual distance between two updates: nearer ones are one."""

_SAME = 0.003  # of an update's length: what is nearer is one even where most coincide


def once_each(table: Table, apart: int | None = None) -> Floats:
    """Return (sources, parties) what makes one update of those that coincide: their mean; each row sums to 1.

    apart: the place of a party that is never one with others.
    """
    shorter = np.minimum(table.lengths[:, None], table.lengths[None, :])  # (parties, parties), squared
    near = table.between <= np.maximum(_SAME**2 * shorter, NEAR**2 * _usual(table))  # (parties, parties)
    if apart is not None:
        near[apart] = near[:, apart] = np.arange(table.parties) == apart
    sources, left = [], list(range(table.parties))
    while left:
        group, reached = [left[0]], [left[0]]
        while reached:
            others = [one for one in left if near[reached[-1], one] and one not in group]
            reached = reached[:-1] + others
            group += others
        left = [one for one in left if one not in group]
        sources.append(np.isin(np.arange(table.parties), group) / len(group))  # (parties,)
    return np.stack(sources)


def _usual(table: Table) -> float:
    """Return the squared distance that is usual between two updates; 0 where most are one with others.

    Of a party's distances it is the lower quartile, which no minority far away can raise; over parties the
    median.
    """
    if table.parties < 2:
        return 0.0
    apart = np.sort(table.between, axis=1)[:, 1:]  # (parties, others), without the 0 to itself
    return float(np.median(np.quantile(apart, 0.25, axis=1, method="lower")))
