"""What parties are paid: their mean contribution over rounds, how sure it is, and whole credits of a pool.

Intervals are bootstrapped over rounds by percentiles, which never leave what was seen and leave a party that
brought 0 in every round at exactly 0. BCa would need the skew of the rounds, which a dozen rounds do not
tell. Plain percentiles are too narrow for few rounds: they are widened as a t-interval is.

Source: Hesterberg, "What teachers should know about the bootstrap", The American Statistician 2015.
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
_FEWEST_ROUNDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Contributions over rounds, in the unit of the utility."""

    mean: Floats  # (parties,)
    lower: Floats  # (parties,) lower end of the interval of the mean
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
    """Return the parties' means over rounds with 95 % intervals; contributions: (rounds, parties), finite.

    Rounds are drawn whole, as the parties' contributions to one round hang together, and taken to be alike:
    an interval says what the mean of as many other rounds of the kind might have been.
    Raises CharterError for a single round, of which no interval can be made.
    """
    rounds = len(contributions)
    if rounds < _FEWEST_ROUNDS:
        raise CharterError("one round tells no interval", do=f"judge {_FEWEST_ROUNDS} rounds at least")
    counts = rng.multinomial(rounds, np.full(rounds, 1 / rounds), size=_DRAWS)  # (draws, rounds)
    means = counts @ contributions / rounds  # (draws, parties)
    tail = _tail(rounds)
    lower, upper = np.quantile(means, [tail, 1 - tail], axis=0)  # (parties,) each
    return Shares(contributions.mean(axis=0), lower, upper)


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
