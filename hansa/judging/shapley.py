"""What each party brought to a round: the Shapley value of a game, exact or estimated from few coalitions.

A coalition is a bit mask: bit i says whether party i is in it. A party's value is its mean gain, over all
orders in which parties may join, at the moment when it joins.

Source: Shapley, "A value for n-person games", 1953; Liu et al., "GTG-Shapley", ACM TIST 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import comb

import numpy as np
from numpy.typing import NDArray

from hansa.core.errors import CharterError

Floats = NDArray[np.float64]

Utility = Callable[[Sequence[int]], Floats]
"""masks of coalitions -> (coalitions,) what each of them is worth."""

MOST_EXACT = 14  # parties: 16,384 models a round

_NEAR = 0.01  # share of v(all) - v(none): a coalition that lacks no more is as good as all
_IDLE = 10  # cycles of orders that ask for nothing new, and then more of them would not either


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """Shapley values, and what they cost."""

    values: Floats  # (parties,), their sum is v(all) - v(none)
    models: int  # distinct coalitions that were evaluated, the empty and the full one among them


def exact(utilities: Floats) -> Floats:
    """Return (..., parties) Shapley values of games with (..., 2^parties) utilities, by mask.

    They are sums of differences, so that a party that changes no utility gets 0 and nothing near it.
    Raises CharterError for more than 14 parties.
    """
    coalitions = utilities.shape[-1]
    parties = coalitions.bit_length() - 1
    if coalitions != 1 << parties:
        raise ValueError(f"{coalitions} utilities are not one for each coalition")
    check_few(parties)
    games = utilities.reshape(-1, coalitions)  # (games, coalitions)
    weights = _weights(parties)  # (coalitions / 2,)
    found = np.empty((len(games), parties))
    for party in range(parties):
        pairs = games.reshape(len(games), -1, 2, 1 << party)  # (games, higher bits, this bit, lower bits)
        gains = (pairs[:, :, 1] - pairs[:, :, 0]).reshape(len(games), -1)  # (games, coalitions / 2)
        found[:, party] = gains @ weights
    return found.reshape(*utilities.shape[:-1], parties)


def estimated(parties: int, utility: Utility, budget: int, rng: np.random.Generator) -> Estimate:
    """Return Shapley values from the utilities of at most `budget` distinct coalitions.

    Orders are drawn in cycles in which every party leads once, as the first to join gains most. An order ends
    when what is left to gain is at most 1 % of the whole. A party's gains are averaged for each place in
    the order, and over places; what lacks in the sum is dealt in proportion to the estimates, so that 0 stays
    0. Where the budget pays for all coalitions, the values are exact.
    Raises CharterError for a budget that does not pay for a single cycle's leaders.
    """
    if parties <= MOST_EXACT and 1 << parties <= budget:
        return Estimate(exact(utility(range(1 << parties))), 1 << parties)
    if budget < parties + 2:
        raise CharterError(
            f"{budget} models cannot tell {parties} parties apart",
            do=f"allow at least {parties + 2}",
        )
    game = _Sampled(parties, utility, budget)
    idle = 0
    while len(game.known) < budget and idle < _IDLE:
        before = len(game.known)
        game.run(_orders(parties, rng))
        idle = idle + 1 if len(game.known) == before else 0
    return Estimate(game.values(), len(game.known))


def check_few(parties: int) -> None:
    """Raise CharterError where the coalitions of so many parties are too many to evaluate all."""
    if not 1 <= parties <= MOST_EXACT:
        raise CharterError(
            f"{parties} parties have too many coalitions to evaluate all of them",
            do=f"estimate the values from some, or judge {MOST_EXACT} parties at most",
        )


@dataclass(slots=True)
class _Sampled:
    """A game of which some coalitions are known."""

    parties: int
    utility: Utility
    budget: int
    known: dict[int, float] = field(default_factory=dict)  # by mask
    gains: Floats = field(init=False)  # (parties, places), sums
    counts: Floats = field(init=False)  # (parties, places), how many gains were summed

    def __post_init__(self) -> None:
        self.gains = np.zeros((self.parties, self.parties))
        self.counts = np.zeros((self.parties, self.parties))
        self._learn([0, self._full])

    @property
    def _full(self) -> int:
        return (1 << self.parties) - 1

    @property
    def _whole(self) -> float:
        return self.known[self._full] - self.known[0]

    def run(self, orders: NDArray[np.int64]) -> None:
        """Go through (orders, places) orders side by side, until each has ended or the budget is spent."""
        masks = dict.fromkeys(range(len(orders)), 0)  # of the orders that go on
        for place in range(self.parties):
            after = {order: mask | 1 << int(orders[order, place]) for order, mask in masks.items()}
            self._learn(list(after.values()))
            for order, mask in masks.items():
                if after[order] in self.known:
                    self._count(orders[order], place, self.known[after[order]] - self.known[mask])
            masks = {
                order: mask for order, mask in after.items() if self._goes_on(orders[order], place, mask)
            }

    def values(self) -> Floats:
        """Return (parties,) the mean over places of the mean gains there."""
        met = self.counts > 0  # (parties, places)
        means = self.gains / np.where(met, self.counts, 1.0)  # (parties, places), 0 where nothing was met
        found = means.sum(axis=1) / met.sum(axis=1)  # (parties,)
        sizes = np.abs(found)
        if not sizes.any():
            sizes = np.ones(self.parties)
        return found + (self._whole - found.sum()) * sizes / sizes.sum()

    def _learn(self, masks: Sequence[int]) -> None:
        """Evaluate what is new of the masks, as far as the budget goes."""
        new = [mask for mask in dict.fromkeys(masks) if mask not in self.known]
        new = new[: self.budget - len(self.known)]
        if new:
            self.known |= zip(new, self.utility(new).tolist(), strict=True)

    def _count(self, order: NDArray[np.int64], place: int, gain: float) -> None:
        self.gains[order[place], place] += gain
        self.counts[order[place], place] += 1

    def _goes_on(self, order: NDArray[np.int64], place: int, mask: int) -> bool:
        """Return whether an order has more to tell; who joins a coalition as good as all gains nothing."""
        if mask not in self.known:
            return False
        if abs(self.known[self._full] - self.known[mask]) > _NEAR * abs(self._whole):
            return True
        for later in range(place + 1, self.parties):
            self._count(order, later, 0.0)
        return False


def _orders(parties: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (orders, places) one order for each party, which leads it."""
    orders = rng.permuted(np.tile(np.arange(parties), (parties, 1)), axis=1)  # (orders, places)
    for leader in range(parties):
        place = int(np.flatnonzero(orders[leader] == leader)[0])
        orders[leader, [0, place]] = orders[leader, [place, 0]]
    return rng.permutation(orders)  # where the budget ends is not always at the same parties' cost


def _weights(parties: int) -> Floats:
    """Return (2^(parties - 1),) the share of orders in which exactly these others came before a party."""
    by_size = np.array([1 / (parties * comb(parties - 1, size)) for size in range(parties)])  # (sizes,)
    sizes = np.bitwise_count(np.arange(1 << (parties - 1)))  # (coalitions / 2,)
    return by_size[sizes]
