"""What parties are judged by: how far their updates are from one another, and from no change at all.

A `Table` holds squared distances, not products. Products of updates that share a large offset cancel when
distances are made of them; distances do not, and products about any point follow from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CHUNK = 1 << 15  # columns that are multiplied at a time: with 32 parties, 4 MiB


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Squared distances among the updates of parties, and from each to no change.

    What a rule makes of it is (parties,) weights w >= 0 with sum w <= 1: the aggregate is sum_i w_i u_i, and
    what lacks in the weights counts for no change.
    """

    between: Floats  # (parties, parties)
    lengths: Floats  # (parties,) squared norms

    @property
    def parties(self) -> int:
        """Return how many parties are judged."""
        return len(self.lengths)

    @property
    def products(self) -> Floats:
        """Return (parties, parties) inner products; they cancel where updates share a large offset."""
        return (self.lengths[:, None] + self.lengths[None, :] - self.between) / 2

    def from_point(self, weights: Floats) -> Floats:
        """Return (parties,) squared distances of the updates from the point sum_i w_i u_i.

        weights: (parties,), any; 1 - sum w of them counts for no change.
        """
        rest = 1.0 - weights.sum()
        to_all = self.between @ weights + rest * self.lengths  # (parties,)
        spread = weights @ (self.between @ weights) / 2 + rest * (weights @ self.lengths)  # ()
        return np.maximum(to_all - spread, 0.0)

    def mixed(self, mixing: Floats) -> Table:
        """Return the table of means of updates; mixing: (parties, parties), each row a mean, of sum 1."""
        new = (
            -mixing @ self.between @ mixing.T / 2
        )  # (parties, parties), but for a term of each row and column
        own = np.diagonal(new)
        between = np.maximum(own[:, None] + own[None, :] - 2 * new, 0.0)  # (parties, parties)
        np.fill_diagonal(between, 0.0)
        return Table(between, np.maximum(mixing @ self.lengths + own, 0.0))

    def without(self, parties: Sequence[int]) -> Table:
        """Return the table of the other parties, in their order."""
        kept = np.delete(np.arange(self.parties), list(parties))
        return Table(self.between[np.ix_(kept, kept)], self.lengths[kept])


def table_of(updates: Sequence[NDArray[np.float32]] | NDArray[np.float32]) -> Table:
    """Return the table of updates; (dim,) each, finite.

    Products are taken of differences from the first update, by columns that fit in the cache, in float32
    within a chunk of columns and in float64 over them; no change is one more point of theirs.
    """
    rows = len(updates)
    points = np.empty((rows + 1, _CHUNK), np.float32)  # (points, columns), the last one no change
    products = np.zeros((rows + 1, rows + 1))
    for start in range(0, len(updates[0]), _CHUNK):
        reference = updates[0][start : start + _CHUNK]
        chunk = points[:, : len(reference)]  # (points, columns)
        for place in range(rows):
            np.subtract(updates[place][start : start + _CHUNK], reference, out=chunk[place])
        np.negative(reference, out=chunk[rows])
        products += chunk @ chunk.T
    return _of_products(products)


def table_of_products(products: Floats) -> Table:
    """Return the table of (parties, parties) inner products, as three servers compute them."""
    parties = len(products)
    about = np.zeros((parties + 1, parties + 1))  # (points, points), the last one no change
    about[:parties, :parties] = products
    return _of_products(about)


def _of_products(products: Floats) -> Table:
    """Return the table of (points, points) products about any one point; the last point is no change."""
    own = np.diagonal(products)
    between = np.maximum(own[:, None] + own[None, :] - 2 * products, 0.0)  # (points, points)
    between = (between + between.T) / 2
    np.fill_diagonal(between, 0.0)
    return Table(between[:-1, :-1], between[:-1, -1].copy())
