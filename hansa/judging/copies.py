"""Updates that are one and the same: whoever sends them, together they count once.

Nobody can copy an update that is not shown before all are committed to. Parties whose updates coincide have
one source, be it one mind with many names, and a rule that counted each would be outvoted by it. More than
the bad parties together are not of one mind: each beyond these has a voice.
"""

from __future__ import annotations

from statistics import median

import numpy as np
from numpy.typing import NDArray

from hansa.judging.table import Floats, Table

NEAR = 0.1
"""Times the usual distance between two updates: nearer ones are one."""


def once_each(table: Table, bad: int, apart: int | None = None) -> Floats:
    """Return (voices, parties) means of updates that coincide, one for each voice; each row sums to 1.

    bad: so many parties at most are of one mind: of a group of g the voices are g - bad, and one at least.
    apart: the place of a party that is never one with others.
    """
    near = table.between <= NEAR**2 * _usual(table)  # (parties, parties)
    if apart is not None:
        near[apart] = near[:, apart] = False
    np.fill_diagonal(near, True)
    one = _reached(near)  # (parties, parties)
    first = np.flatnonzero(one.argmax(axis=1) == np.arange(table.parties))  # (groups,), of each its first
    sizes = one[first].sum(axis=1)  # (groups,)
    return np.repeat(one[first] / sizes[:, None], np.maximum(sizes - bad, 1), axis=0)  # (voices, parties)


def _reached(near: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (parties, parties) whether one comes to the other by steps between those that are near."""
    further = near.astype(np.float32) @ near.astype(np.float32) > 0  # (parties, parties)
    return near if (further == near).all() else _reached(further)


def _usual(table: Table) -> float:
    """Return the squared distance that is usual between two updates; below 0 where most are one with others.

    Of a party's distances it is the lower quartile, which no minority far away can raise; over parties the
    median. Where that is 0, most coincide, and nothing tells copies from agreement.
    """
    if table.parties < 2:
        return -1.0
    quarter = 1 + (table.parties - 2) // 4  # of the sorted others, after the 0 to itself
    return median(np.sort(table.between, axis=1)[:, quarter].tolist()) or -1.0
