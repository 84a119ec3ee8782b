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
Updates = Sequence[NDArray[np.float32]] | NDArray[np.float32]

_CHUNK = 32_000  # columns multiplied at a time, 4 MB of 32 parties; a power of two would share cache lines
_FAR = 4.0  # times the squared distance
_ROUNDING = 1e-13  # relative, of sums in float64


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
        """Return the table of means of updates; mixing: (means, parties), each row of sum 1."""
        new = -(mixing @ self.between @ mixing.T) / 2  # (means, means), but for a term of each row and column
        own = np.diagonal(new)
        both = own[:, None] + own[None, :]  # (means, means)
        between = both - 2 * new  # (means, means)
        between[between <= _ROUNDING * np.abs(both)] = 0.0  # equal means are equal
        return Table(_made_even(between), np.maximum(mixing @ self.lengths + own, 0.0))

    def scaled(self, factors: Floats) -> Table:
        """Return the table of updates times (parties,) factors from 0 to 1.

        Of one that is far longer than others a table hardly tells the direction: what it tells is held within
        what norms allow.
        """
        norms = factors * np.sqrt(self.lengths)  # (parties,)
        over = factors * self.lengths  # (parties,)
        between = np.outer(factors, factors) * self.between  # (parties, parties)
        between += np.subtract.outer(factors, factors) * np.subtract.outer(over, over)
        low, high = np.subtract.outer(norms, norms) ** 2, np.add.outer(norms, norms) ** 2
        return Table(_made_even(np.clip(between, low, high)), norms**2)

    def without(self, parties: Sequence[int]) -> Table:
        """Return the table of the other parties, in their order."""
        kept = np.ones(self.parties, bool)  # (parties,)
        kept[list(parties)] = False
        return Table(self.between[kept][:, kept], self.lengths[kept])


def table_of(updates: Updates) -> Table:
    """Return the table of updates; (dim,) each, finite.

    Squares are taken by columns that fit in the cache, in float32 within a piece of columns and in float64
    over pieces. Products that would cancel are taken of differences from one of the updates, which is
    chosen anew where most are far from it: no party can choose it, nor spoil what is told of others.
    """
    parties, dim = len(updates), len(updates[0])
    room = np.empty((parties, min(dim, _CHUNK)), np.float32)  # (parties, columns)
    between, lengths, reference = np.zeros((parties, parties)), np.zeros(parties), None
    for start in range(0, dim, _CHUNK):
        columns = slice(start, min(start + _CHUNK, dim))
        piece = _about(updates, columns, reference, room)
        better = _reference(piece, reference)
        if better != reference:
            reference, piece = better, _about(updates, columns, better, room)
        between += piece.between
        lengths += piece.lengths
    return Table(_made_even(between), lengths)


def table_of_products(products: Floats) -> Table:
    """Return the table of (parties, parties) inner products, as three servers compute them."""
    own = np.diagonal(products)
    between = own[:, None] + own[None, :] - 2 * products  # (parties, parties)
    return Table(_made_even((between + between.T) / 2), own.copy())


def _about(updates: Updates, columns: slice, reference: int | None, room: NDArray[np.float32]) -> Table:
    """Return the table of some columns, from products about the reference, or about no change where None."""
    if reference is None:
        products = _products(_as_rows(updates, columns, room))
        own = np.diagonal(products)
        return Table(own[:, None] + own[None, :] - 2 * products, own)
    origin, points = updates[reference][columns], room[:, : columns.stop - columns.start]
    if isinstance(updates, np.ndarray):
        np.subtract(updates[:, columns], origin, out=points)  # (parties, columns)
    else:
        for update, point in zip(updates, points, strict=True):
            np.subtract(update[columns], origin, out=point)  # (columns,)
    np.negative(origin, out=points[reference])  # the reference is the origin: its row is free for no change
    products = _products(points)
    own = np.diagonal(products)
    between = own[:, None] + own[None, :] - 2 * products  # (points, points)
    lengths = between[reference].copy()  # (parties,)
    lengths[reference] = own[reference]
    between[reference], between[:, reference] = own, own
    return Table(between, lengths)


def _as_rows(updates: Updates, columns: slice, room: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (parties, columns) of the updates, copied only where they do not lie in one array."""
    if isinstance(updates, np.ndarray):
        return updates[:, columns]
    points = room[:, : columns.stop - columns.start]  # (parties, columns)
    for update, point in zip(updates, points, strict=True):
        point[:] = update[columns]
    return points


def _products(points: NDArray[np.float32]) -> Floats:
    """Return (points, points) inner products; in float64 where the squares are past float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        products = (points @ points.T).astype(np.float64)  # (points, points)
    if not np.isfinite(products).all():
        wide = points.astype(np.float64)  # (points, columns)
        products = wide @ wide.T
    return products


def _reference(piece: Table, reference: int | None) -> int | None:
    """Return the party to take differences from: the one in use, or None, unless most are far from it.

    Far is more than twice as far as from the party that has the others nearest. Where no change is the
    reference, and updates are about as long, that is a cosine of 7/8 and more among most of them.
    """
    place = piece.parties // 2
    most = np.partition(piece.between, place, axis=1)[:, place]  # (parties,) median squared distance
    middle = int(most.argmin())
    used = np.partition(piece.lengths, place)[place] if reference is None else most[reference]
    return middle if used > _FAR * most[middle] else reference


def _made_even(between: Floats) -> Floats:
    """Return squared distances without what rounding left below 0, and on the diagonal."""
    np.fill_diagonal(between, 0.0)
    return np.maximum(between, 0.0, out=between)
