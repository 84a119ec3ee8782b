"""One round judged: who is too far from the crowd, what each party counts for, and a verdict on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from numpy.typing import NDArray

from hansa.core.charter import DefenceChoice
from hansa.core.defences import DEFENCES
from hansa.judging import defence
from hansa.judging.arrival import Flaw
from hansa.judging.copies import once_each
from hansa.judging.table import Table
from hansa.judging.verdicts import ACCEPTED, LESS, REJECTED, Verdict

FAR = 10.0
"""Times the usual distance from the others at which an update is no update of this model any more.

Honest parties with other assets than all others' stay well below it (`make measure TOPIC=judge`). What is
nearer and bad is left to the rule, which weighs and does not accuse.
"""

_AGREED = 0.01  # of the median update's length
_LESS = 0.9  # of an even part: who gets less is down-weighted

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a round's updates count for."""

    weights: Mapping[str, float]  # by party, at most 1 together; none: too few are left to bear bad ones
    verdicts: tuple[Verdict, ...]
    bad: int = 0  # how many of the sources may still be bad, as the rule sees it
    once: Floats = field(default_factory=lambda: np.zeros((0, 0)))  # (sources, parties) what counts once


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
        every = once_each(table, self.choice.bad, self._apart(names))  # (sources, parties)
        voices = from_the_others(table.mixed(every))  # (voices,)
        times = voices[(every > 0).argmax(axis=0)]  # (parties,)
        far = [
            place
            for place in np.argsort(-times)[: self.choice.bad]
            if times[place] > FAR and names[place] != self.choice.trusted
        ]
        found = dict(flaws)
        for place in far:
            what = f"it is {times[place]:.3g} times as far from the others as is usual"
            found[names[place]] = Flaw("distance", what)
        verdicts = self.flawed(round_, found)
        good = [name for name in names if name not in found]
        left = (table if summed is None else summed).without(far)
        once = every if not far else once_each(table.without(far), self.choice.bad, self._apart(good))
        if self.choice.rule == "mean":
            once = np.eye(len(good))  # (sources, good): everybody counts for his rows
        bad = self._bears(len(once), len(found) + len(good) - len(once))
        many = 2 * len(good) > len(names) + len(flaws)
        if bad is None or not many or (self.choice.trusted and self.choice.trusted not in good):
            return Judged({}, (*verdicts, *(self._idle(round_, name) for name in good)))
        weights = self._by_rule(left, good, stated, once, bad).tolist()
        same = (once[once.argmax(axis=0)] > 0).tolist()  # (good, good), of one source
        distances = np.delete(times, far).tolist()  # (good,)
        for place, name in enumerate(good):
            others = [other for other, one in zip(good, same[place], strict=True) if one and other != name]
            figures = {"distance": distances[place], "same": float(1 + len(others))}
            verdicts.append(self._weighed(round_, name, weights[place], 1 / len(good), others, figures))
        return Judged(dict(zip(good, weights, strict=True)), tuple(verdicts), bad, once)

    def flawed(self, round_: int, flaws: Mapping[str, Flaw]) -> list[Verdict]:
        """Return the verdicts on messages that are no updates."""
        return [
            Verdict(round_, name, REJECTED, 0.0, flaw.what, flaw.check, self.checks)
            for name, flaw in flaws.items()
        ]

    def _idle(self, round_: int, name: str) -> Verdict:
        what = "too few parties are left for the rule: the last model stays"
        return Verdict(round_, name, LESS, 0.0, what, self.choice.rule, self.checks)

    def _bears(self, good: int, gone: int) -> int | None:
        """Return how many bad parties the rule can bear among those left; None: fewer than there may be."""
        rule, bad = DEFENCES[self.choice.rule], self.choice.bad
        fits = [one for one in range(max(bad - gone, 0), bad + 1) if rule.least(one) <= good]
        return max(fits) if fits and good else None

    def _apart(self, names: Sequence[str]) -> int | None:
        """Return the place of the party that all trust."""
        return names.index(self.choice.trusted) if self.choice.trusted in names else None

    def _by_rule(
        self, table: Table, good: Sequence[str], stated: Mapping[str, float], once: Floats, bad: int
    ) -> Floats:
        """Return (good,) weights, at most 1 together; even ones where the rule works number by number.

        once: (sources, good) the sources of updates, each of which counts once.
        """
        choice = self.choice
        if choice.rule == "mean":
            rows = np.array([stated[name] for name in good])  # (good,)
            return rows / rows.sum() if rows.sum() else rows
        if DEFENCES[choice.rule].needs == "updates":
            return np.full(len(once), 1.0 / len(once)) @ once
        trusted = int(once[:, good.index(choice.trusted)].argmax()) if choice.trusted else None
        return defence.weights(choice.rule, choice.before, table.mixed(once), bad, trusted) @ once

    def _weighed(  # noqa: PLR0913 - what was found of one party, and what it is held against
        self,
        round_: int,
        name: str,
        weight: float,
        even: float,
        same: Sequence[str],
        figures: Mapping[str, float],
    ) -> Verdict:
        title, less = DEFENCES[self.choice.rule].title, weight < _LESS * even
        if self.choice.rule == "mean":
            reason, less = f"it counts for its rows, {weight:.1%} of all", False
        else:
            reason = f"{title} gives it {weight:.1%} of the aggregate; an even part is {even:.1%}"
        if DEFENCES[self.choice.rule].needs == "updates":
            reason = f"{title} works number by number, and tells no part of a party"
        if same:
            reason += f"; with {', '.join(same)}, whose update is the same, it counts once"
        return Verdict(
            round_, name, LESS if less else ACCEPTED, weight, reason, self.choice.rule, self.checks, figures
        )


def from_the_others(table: Table) -> Floats:
    """Return (parties,) each party's median distance to the others, over the median party's.

    Where most parties agree to a hundredth of an update, distances tell agreement and not who is far: what is
    returned are lengths over the median one.
    """
    norms = np.sqrt(table.lengths)  # (parties,)
    apart = np.sort(np.sqrt(table.between), axis=1)[:, 1:]  # (parties, others), without the 0 to itself
    middle = (
        table.parties - 2
    ) // 2  # of the others: the lower one, so that half of them being far tells nothing
    own = apart[:, middle] if table.parties > 1 else np.zeros(1)  # (parties,)
    usual, length = median(own.tolist()), median(norms.tolist())
    if usual > _AGREED * length:
        return own / usual
    return norms / (length or float(min((one for one in norms if one), default=1.0)))
