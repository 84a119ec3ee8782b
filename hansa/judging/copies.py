"""Updates that are one and the same: whoever sends them, together they count once.

Nobody can copy an update that is not shown before all are committed to. Parties whose updates coincide have
one source, be it one mind with many names, and a rule that counted each would be outvoted by it. More than
the bad parties together are not of one mind: each beyond these has a voice.
"""

from __future__ import annotations

import numpy as np

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
        near[apart] = near[:, apart] = np.arange(table.parties) == apart
    voices, left = [], list(range(table.parties))
    while left:
        group, reached = [left[0]], [left[0]]
        while reached:
            others = [one for one in left if near[reached[-1], one] and one not in group]
            reached = reached[:-1] + others
            group += others
        left = [one for one in left if one not in group]
        together = np.isin(np.arange(table.parties), group) / len(group)  # (parties,)
        voices += [together] * max(1, len(group) - bad)
    return np.stack(voices)


def _usual(table: Table) -> float:
    """Return the squared distance that is usual between two updates; below 0 where most are one with others.

    Of a party's distances it is the lower quartile, which no minority far away can raise; over parties the
    median. Where that is 0, most coincide, and nothing tells copies from agreement.
    """
    if table.parties < 2:
        return -1.0
    apart = np.sort(table.between, axis=1)[:, 1:]  # (parties, others), without the 0 to itself
    return float(np.median(np.quantile(apart, 0.25, axis=1, method="lower"))) or -1.0
