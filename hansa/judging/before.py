"""What is done to updates before a rule sees them.

Each returns the table that the rule sees, and the (parties, parties) matrix that mixes updates so: weights of
what the rule sees, times the matrix, are weights of parties.
"""

from __future__ import annotations

from math import floor

import numpy as np

from hansa.judging.centres import shrunk
from hansa.judging.selection import least
from hansa.judging.table import Floats, Table


def nearest_neighbours(table: Table, bad: int) -> tuple[Table, Floats]:
    """Return what makes of each update the mean of the parties - bad nearest to it.

    An update is the nearest to itself. Source: Allouah et al., AISTATS 2023, section 3 (NNM).
    """
    mixing = least(table.between, table.parties - bad)  # (parties, parties)
    return table.mixed(mixing), mixing


def longest_clipped(table: Table, bad: int) -> tuple[Table, Floats]:
    """Return what makes the longest updates as short as the longest of the others.

    These are floor(2 bad (parties - bad) / parties). Source: Allouah et al., ICLR 2025, section 3 (ARC).
    """
    parties = table.parties
    norms = np.sqrt(table.lengths)  # (parties,)
    count = floor(2 * bad * (parties - bad) / parties)
    radius = np.sort(norms)[parties - count - 1]
    factors = shrunk(norms, float(radius))  # (parties,)
    return table.scaled(factors), np.diag(factors)
