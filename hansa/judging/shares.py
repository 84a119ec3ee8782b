"""What parties are paid: their share of what all brought over rounds, how sure it is, and whole credits.

A share is a party's contribution to all rounds together over everybody's. Early rounds bring much more than
late ones, to everybody, so that rounds drawn anew would tell how many early ones were drawn and little of
parties. Intervals are therefore of a wild bootstrap: what a party brought to a round beyond its share of that
round is drawn with either sign, enlarged by as much as the round itself pulled the share to it. A party that
brought 0 in every round has 0 exactly. Percentiles are too narrow for few rounds: they are widened as a
t-interval is.

Source: Wu, "Jackknife, bootstrap and other resampling methods in regression analysis", Annals of Statistics
1986, section 7; MacKinnon and White, J. Econometrics 1985 (HC3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit  # type: ignore[import-untyped]

from hansa.core.errors import CharterError

Floats = NDArray[np.float64]

Rule = Literal["mean", "lower"]
"""What is paid for: the mean contribution, or the lower end of its interval."""

NOBODY = "Nothing is paid: no party's contribution is above 0."
PAID = "The whole pool is paid."

_CONFIDENCE = 0.95
_DRAWS = 10_000
_MOST_PULL = 0.95  # of one round: what it hides of its own error is then counted 20 times
FEWEST_ROUNDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Parties' shares of what was brought over the rounds; those above 0 sum to 1. Below 0 is harm."""

    mean: Floats  # (parties,)
    lower: Floats  # (parties,) lower end of the interval of the share
    upper: Floats  # (parties,)

    def by(self, rule: Rule) -> Floats:
        """Return (parties,) what a rule pays for, never below 0."""
        return np.maximum(self.mean if rule == "mean" else self.lower, 0.0)


@dataclass(frozen=True, slots=True)
class Payment:
    """Credits of one pool."""

    credits: tuple[int, ...]  # of each party; they sum to the pool, or all are 0
    why: str  # one sentence


def shares_of(contributions: Floats, rng: np.random.Generator) -> Shares:
    """Return the parties' shares with 95 % intervals; contributions: (rounds, parties), finite.

    All are 0 where all rounds together brought nothing.
    Raises CharterError for a single round, of which no interval can be made.
    """
    rounds, parties = contributions.shape
    if rounds < FEWEST_ROUNDS:
        raise CharterError("one round tells no interval", do=f"judge {FEWEST_ROUNDS} rounds at least")
    sums = contributions.sum(axis=0)  # (parties,)
    brought = contributions[:, sums > 0].sum(axis=1)  # (rounds,), by those who did not harm
    total = brought.sum()
    if total <= 0:
        return Shares(np.zeros(parties), np.zeros(parties), np.zeros(parties))
    mean = sums / total  # (parties,)
    pull = np.clip(brought / total, 0.0, _MOST_PULL)  # (rounds,), leverage
    beyond = (contributions - np.outer(brought, mean)) / (1.0 - pull)[:, None] / total  # (rounds, parties)
    signs = rng.choice([-1.0, 1.0], size=(_DRAWS, rounds))  # (draws, rounds)
    tail = _tail(rounds)
    low, high = np.quantile(signs @ beyond, [tail, 1 - tail], axis=0)  # (parties,) each
    return Shares(mean, mean + low, mean + high)


def payment(owed: Floats, pool: int, groups: Sequence[Sequence[int]] = ()) -> Payment:
    """Return whole credits in proportion to what is owed; largest remainders make them sum to the pool.

    owed: (parties,), finite; what is below 0 counts for 0. groups: parties that are copies of one another: a
    group is owed the mean of its members, as if it were one party, and shares it evenly. No party is in two.
    Of equal remainders the first party's is the larger.
    Raises CharterError for a pool below 0.
    """
    if pool < 0:
        raise CharterError(f"a pool of {pool} credits cannot be paid", do="give 0 or more", where="pool")
    together = _together(len(owed), groups)
    each = [max(Fraction(0), _mean([Fraction(float(owed[party])) for party in one])) for one in together]
    if not any(each):
        return Payment((0,) * len(owed), NOBODY)
    found = [0] * len(owed)
    for members, paid in zip(together, _dealt(each, pool), strict=True):
        for party, part in zip(members, _dealt([Fraction(1)] * len(members), paid), strict=True):
            found[party] = part
    return Payment(tuple(found), PAID)


def _tail(rounds: int) -> float:
    """Return the share of draws beyond each end, as much smaller as t and n - 1 make an interval wider."""
    wider = (rounds / (rounds - 1)) ** 0.5 * stdtrit(rounds - 1, (1 - _CONFIDENCE) / 2)
    return float(ndtr(wider))


def _together(parties: int, groups: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the groups, and every other party as a group of one, by their first member."""
    grouped = [party for group in groups for party in group]
    if len(set(grouped)) != len(grouped):
        raise ValueError("a party is in two groups")
    alone = [[party] for party in range(parties) if party not in grouped]
    return sorted(alone + [sorted(group) for group in groups if group])


def _mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, start=Fraction(0)) / len(values)


def _dealt(owed: Sequence[Fraction], pool: int) -> list[int]:
    """Return integers that sum to the pool, each within 1 of its share; owed: not negative, not all 0."""
    total = sum(owed, start=Fraction(0))
    exact = [pool * one / total for one in owed]
    whole = [one.numerator // one.denominator for one in exact]
    left = pool - sum(whole)
    order = sorted(range(len(owed)), key=lambda place: (whole[place] - exact[place], place))
    for place in order[:left]:
        whole[place] += 1
    return whole
