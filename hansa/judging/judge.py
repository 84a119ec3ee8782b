"""One round judged: who is too far from the crowd, what each party counts for, and a verdict on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hansa.core.charter import DefenceChoice
from hansa.core.defences import DEFENCES
from hansa.judging import defence
from hansa.judging.arrival import Flaw
from hansa.judging.table import Table
from hansa.judging.verdicts import ACCEPTED, LESS, REJECTED, Verdict

FAR = 10.0
"""Times the usual distance from the crowd's middle at which an update is no update of this model any more.

Honest parties with other assets than all others' stay well below it (`make measure TOPIC=judge`). What is
nearer and bad is left to the rule, which weighs and does not accuse.
"""

_LESS = 0.9  # of an even part: who gets less is down-weighted

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a round's updates count for."""

    weights: Mapping[str, float]  # by party, at most 1 together; none: too few are left to bear bad ones
    verdicts: tuple[Verdict, ...]
    bad: int = 0  # how many of those who count may still be bad, as the rule sees it


@dataclass(frozen=True, slots=True)
class Judge:
    """The charter's rule at work."""

    choice: DefenceChoice
    checks: tuple[str, ...]  # what the level of secrecy lets the coordinator check

    def judged(
        self,
        round_: int,
        stated: Mapping[str, float],
        table: Table,
        flaws: Mapping[str, Flaw],
        summed: Table | None,
    ) -> Judged:
        """Return what each party counts for in a round.

        stated: what each party whose update arrived says that it counts for, in the table's order. summed:
        the table of updates summed over rounds, where the rule looks at it. flaws: of the others' messages.
        """
        names = list(stated)
        times = from_the_middle(table)  # (parties,)
        far = [
            place
            for place in np.argsort(-times)[: self.choice.bad]
            if times[place] > FAR and names[place] != self.choice.trusted
        ]
        found = dict(flaws)
        for place in far:
            what = f"it is {times[place]:.3g} times as far from the others' middle as is usual"
            found[names[place]] = Flaw("distance", what)
        verdicts = self.flawed(round_, found)
        bad = self._bears(len(names) - len(far), len(found))
        if bad is None or (self.choice.trusted and self.choice.trusted not in names):
            return Judged({}, tuple(verdicts))
        good = [name for name in names if name not in found]
        weights = self._weights(names, far, stated, table if summed is None else summed, bad)
        for name, weight in zip(good, weights, strict=True):
            figures = {"distance": float(times[names.index(name)])}
            verdicts.append(self._weighed(round_, name, float(weight), len(good), figures))
        return Judged(dict(zip(good, weights.tolist(), strict=True)), tuple(verdicts), bad)

    def flawed(self, round_: int, flaws: Mapping[str, Flaw]) -> list[Verdict]:
        """Return the verdicts on messages that are no updates."""
        return [
            Verdict(round_, name, REJECTED, 0.0, flaw.what, flaw.check, self.checks)
            for name, flaw in flaws.items()
        ]

    def _bears(self, good: int, gone: int) -> int | None:
        """Return how many bad parties the rule can bear among those left; None: fewer than there may be."""
        rule, bad = DEFENCES[self.choice.rule], self.choice.bad
        fits = [one for one in range(max(bad - gone, 0), bad + 1) if rule.least(one) <= good]
        return max(fits) if fits and good else None

    def _weights(
        self, names: Sequence[str], far: Sequence[int], stated: Mapping[str, float], table: Table, bad: int
    ) -> Floats:
        """Return (good,) weights, at most 1 together; even ones where the rule works number by number."""
        good = [name for place, name in enumerate(names) if place not in far]
        rule = DEFENCES[self.choice.rule]
        if self.choice.rule == "mean":
            rows = np.array([stated[name] for name in good])  # (good,)
            return rows / rows.sum() if rows.sum() else rows
        if rule.needs == "updates":
            return np.full(len(good), 1.0 / len(good))
        trusted = good.index(self.choice.trusted) if self.choice.trusted in good else None
        left = table.without(far)
        return defence.weights(self.choice.rule, self.choice.before, left, bad, trusted)

    def _weighed(
        self, round_: int, name: str, weight: float, good: int, figures: Mapping[str, float]
    ) -> Verdict:
        title, less = DEFENCES[self.choice.rule].title, weight < _LESS / good
        if self.choice.rule == "mean":
            reason, less = f"it counts for its rows, {weight:.1%} of all", False
        else:
            reason = f"{title} gives it {weight:.1%} of the aggregate; an even part is {1 / good:.1%}"
        return Verdict(
            round_, name, LESS if less else ACCEPTED, weight, reason, self.choice.rule, self.checks, figures
        )


def from_the_middle(table: Table) -> Floats:
    """Return (parties,) distances from the geometric median, as multiples of the median such distance.

    Where most parties are at one point, the yardstick is the least distance that is not 0.
    """
    weights = defence.weights("geometric_median", "none", table, 0)
    away = np.sqrt(table.from_point(weights))  # (parties,)
    usual = float(np.median(away)) or float(min((one for one in away if one), default=1.0))
    return away / usual
