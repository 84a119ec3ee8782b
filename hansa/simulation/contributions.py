"""What each party brought to a scenario's rounds, by the assets that the others keep back, in one process.

Where parties exchange changes of weights, a coalition's model is the common model and its members' parts of
the round's step; where they share rows, the mean of its members' predictions of them. Everything else is not
measured, and the result says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core import seeds
from hansa.core.errors import PartyError
from hansa.core.messages import Ask
from hansa.core.methods import METHODS
from hansa.judging.shapley import MOST_EXACT, estimated, exact
from hansa.judging.validators import marked_by_others
from hansa.runtime.earnings import MARKERS, Earnings
from hansa.runtime.judged import Weighed
from hansa.runtime.kept_back import loss_of
from hansa.runtime.marks import coalitions, marks, scores
from hansa.runtime.validators import validators_of
from hansa.simulation.batched import BatchedParties
from hansa.simulation.cohort import Cohort
from hansa.simulation.gate import check_tested
from hansa.simulation.judged import JudgedSums, Valued

Floats = NDArray[np.float64]


class Contributions(Earnings):
    """The value of each party in each round that was measured."""

    def __init__(self, cohort: Cohort, parties: BatchedParties) -> None:
        """Take the parties and what they keep back."""
        super().__init__(cohort.charter, cohort.scenario)
        self._cohort, self._parties = cohort, parties
        self._sees = parties.sees([np.asarray(rows.x) for rows in cohort.kept_back])
        if not self.unmeasured:
            check_tested(cohort, MARKERS, "reward")
        by_weight = METHODS[cohort.scenario].exchanges == "weights" and not self.unmeasured
        kept_back = dict(zip(self._names, cohort.kept_back, strict=True)) if by_weight else {}
        self._validators = validators_of(cohort.charter, cohort.scenario, kept_back) if by_weight else None
        if self._validators is not None and cohort.charter.secrecy != "open" and cohort.judge is not None:
            cohort.judge.targets = self._directions

    def measure(self, round_: int, state: Any, judge: JudgedSums) -> None:
        """Take note of what each party brought to a round; state: the coordinator's, after it.

        Where too few parties were left to be weighed, nobody brought anything.
        """
        if not self.due(round_):
            return
        names: Sequence[str] = ()
        brought = np.zeros(0)
        if judge.valued is not None and any(judge.valued.weights.values()):
            names, brought = list(judge.valued.weights), self._by_products(judge.valued)
        elif judge.weighed is not None and judge.weighed.weights.any():
            by_row, names = self._validators is None, judge.weighed.names
            try:
                brought = self._by_row(state, judge.weighed) if by_row else self._by_weight(judge.weighed)
            except PartyError:  # a coalition's model has no finite loss: the round brought nothing
                brought = np.zeros(len(names))
        self.note(round_, names, brought)

    def _by_weight(self, weighed: Weighed) -> Floats:
        """Return (good,) values from models, or from products with the validators' gradients."""
        assert self._validators is not None
        found = marks(self._charter, self._validators, weighed.ask, weighed.terms())
        return marked_by_others(found, _owners(self._validators.owners, weighed.names))

    def _by_products(self, valued: Valued) -> Floats:
        """Return (good,) scores from what three servers found."""
        names, (table, validators) = list(valued.weights), valued.table()
        found = scores(self._charter, table, np.array(list(valued.weights.values())))
        return marked_by_others(found, _owners(validators, names))

    def _directions(self, ask: Ask) -> dict[str, NDArray[np.float64]]:
        """Return the direction that each validator holds, in rounds that are measured."""
        assert self._validators is not None
        if ask.opening or not self.due(int(ask.round)):
            return {}
        found = self._validators.downhill(ask.shared).astype(np.float64)  # (validators, dim)
        return dict(zip(self._validators.owners, found, strict=True))

    def _by_row(self, state: Any, weighed: Weighed) -> Floats:
        """Return (good,) Shapley values of the error of mean predictions; rows and labels are everybody's."""
        outputs = self._parties.predict(self._cohort.algorithm.ask(state), on=self._sees)
        place = {name: number for number, name in enumerate(self._names)}
        seen = np.stack([outputs[place[name]] for name in weighed.names])  # (good, rows)
        rows = self._cohort.kept_back[0]
        blind = np.full(seen.shape[1], np.asarray(rows.y).mean())  # (rows,), in place of nobody's prediction

        def utility(masks: Any) -> Floats:
            found = []
            for mask in masks:
                inside = [party for party in range(len(seen)) if mask >> party & 1]
                own = seen[inside].mean(axis=0) if inside else blind
                found.append(-loss_of(own, rows, self._charter.task))
            return np.array(found)

        if len(seen) <= MOST_EXACT:
            return exact(utility(range(1 << len(seen))))
        rng = seeds.generator(self._charter.seed, "coalitions", int(weighed.ask.round))
        return estimated(len(seen), utility, coalitions(len(seen)), rng).values


def _owners(validators: Sequence[str], names: Sequence[str]) -> list[int | None]:
    """Return the place of each validator among some parties; None: it is none of them."""
    return [names.index(one) if one in names else None for one in validators]
