"""What each party brought, round by round, and what it is paid for that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core import seeds
from hansa.core.charter import Charter
from hansa.core.methods import BY_ROW, METHODS
from hansa.judging import gradient_scores
from hansa.judging.shares import FEWEST_ROUNDS, payment, shares_of
from hansa.judging.verdicts import Verdict

Floats = NDArray[np.float64]

MARKERS = 2
"""Parties that keep something back: nobody marks his own work."""

_BY_LABEL = "parties share predictions by label, and no party's network can be tried on another's assets"
_OWN_PARTS = "each party's network has parts of its own, without which no other party's model predicts"


class Earnings:
    """The value of each party in each round that was measured."""

    def __init__(self, charter: Charter, scenario: str) -> None:
        """Begin before the first round."""
        self._charter, self._scenario = charter, scenario
        self._names = [party.name for party in charter.roster]
        self.rounds: list[int] = []
        self.values: list[list[float]] = []  # (rounds, parties)

    @property
    def unmeasured(self) -> str:
        """Return why nothing is measured; empty where something is."""
        if METHODS[self._scenario].exchanges == "predictions":
            return "" if self._scenario in BY_ROW else _BY_LABEL
        return _OWN_PARTS if self._scenario in ("fedper", "fedrep", "own_scaling") else ""

    def due(self, round_: int) -> bool:
        """Return whether a round is measured."""
        return not self.unmeasured and (round_ - 1) % self._charter.reward.every == 0

    def note(self, round_: int, names: Sequence[str], values: Floats) -> None:
        """Take note of (names,) what parties brought to a round; the others brought nothing."""
        found = np.zeros(len(self._names))
        found[self._places(names)] = values
        self.rounds.append(round_)
        self.values.append(found.tolist())

    def take_back(self, round_: int) -> None:
        """Let rounds after this one count for nothing: their model was not adopted."""
        for place, measured in enumerate(self.rounds):
            if measured > round_:
                self.values[place] = [0.0] * len(self._names)

    def _places(self, names: Iterable[str]) -> list[int]:
        return [self._names.index(name) for name in names]

    def _voices(self, group: Sequence[str], verdicts: Sequence[Verdict]) -> int:
        """Return how many parties' parts copies had together in most rounds: one, where they counted once."""
        same = [one.figures.get("same", 1.0) > 1.0 for one in verdicts if one.party == group[0]]
        once = 2 * sum(same) > len(same)
        return max(1, len(group) - self._charter.defence.bad) if once else len(group)

    def found(
        self, findings: Sequence[Mapping[str, Any]], verdicts: Sequence[Verdict] = ()
    ) -> dict[str, Any]:
        """Return plain values: each party's mean, its interval and its credits; or why there are none.

        findings: plain values of what was found over rounds; groups of copies are paid one share together,
        whether or not the rule has counted them once, as verdicts say.
        """
        if self.unmeasured:
            return {"unmeasured": self.unmeasured}
        if len(self.rounds) < FEWEST_ROUNDS:
            return {"unmeasured": f"fewer than {FEWEST_ROUNDS} rounds were measured, which tell no interval"}
        reward = self._charter.reward
        shares = shares_of(np.array(self.values), seeds.generator(self._charter.seed, "intervals"))
        copies = [one["parties"] for one in findings if one["kind"] == "copies"]
        groups = [self._places(group) for group in copies]
        owed = shares.by("mean" if reward.pays == "mean" else "lower")  # (parties,)
        for group, places in zip(copies, groups, strict=True):
            owed[places] *= len(group) / self._voices(group, verdicts)
        paid = payment(owed, reward.credits, groups)
        each = zip(self._names, shares.mean, shares.lower, shares.upper, paid.credits, strict=True)
        scored = reward.measure != "shapley" and METHODS[self._scenario].exchanges == "weights"
        return {
            "rounds": list(self.rounds),
            "values": self.values,
            "parties": {
                name: {"share": float(mean), "lower": float(low), "upper": float(high), "credits": credits}
                for name, mean, low, high, credits in each
            },
            "why": paid.why,
            **({"note": gradient_scores.NOT_MEASURED} if scored else {}),
        }

    # --- what an interrupted run goes on with --------------------------------------------------------------

    def snapshot(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return plain values from which `restore` goes on; there are no arrays."""
        return {}, {"rounds": list(self.rounds), "values": [list(one) for one in self.values]}

    def restore(self, kept: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Go on where a snapshot was taken."""
        del kept
        self.rounds, self.values = list(values["rounds"]), [list(one) for one in values["values"]]
