"""What each party brought to a scenario's rounds, by the assets that the others keep back.

Where parties exchange changes of weights, a coalition's model is the common model and its members' parts of
the round's step; where they share rows, the mean of its members' predictions of them. Everything else is not
measured, and the result says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core import seeds
from hansa.core.errors import PartyError
from hansa.core.messages import Ask
from hansa.core.methods import BY_ROW, METHODS
from hansa.judging import gradient_scores
from hansa.judging.coalitions import Game
from hansa.judging.shapley import MOST_EXACT, estimated, exact
from hansa.judging.shares import FEWEST_ROUNDS, payment, shares_of
from hansa.judging.table import Table, table_of
from hansa.judging.validators import marked_by_others
from hansa.judging.verdicts import Verdict
from hansa.simulation.batched import BatchedParties
from hansa.simulation.cohort import Cohort
from hansa.simulation.gate import check_tested, loss_of
from hansa.simulation.judged import JudgedSums, Valued, Weighed
from hansa.simulation.validators import validators_of

Floats = NDArray[np.float64]

_MARKERS = 2  # nobody marks his own work
_A_PARTY = 6  # coalitions that a guided estimate may try for each party
_BY_LABEL = "parties share predictions by label, and no party's network can be tried on another's assets"
_OWN_PARTS = "each party's network has parts of its own, without which no other party's model predicts"


class Contributions:
    """The value of each party in each round that was measured."""

    def __init__(self, cohort: Cohort, parties: BatchedParties) -> None:
        """Take the parties and what they keep back."""
        self._cohort, self._parties = cohort, parties
        self._reward = cohort.charter.reward
        self._names = [member.name for member in cohort.members]
        self._sees = parties.sees([np.asarray(rows.x) for rows in cohort.kept_back])
        if not self.unmeasured:
            check_tested(cohort, _MARKERS, "reward")
        by_weight = METHODS[cohort.scenario].exchanges == "weights" and not self.unmeasured
        self._validators = validators_of(cohort) if by_weight else None
        if self._validators is not None and cohort.charter.secrecy != "open" and cohort.judge is not None:
            cohort.judge.targets = self._directions
        self.rounds: list[int] = []
        self.values: list[list[float]] = []  # (rounds, parties)

    @property
    def unmeasured(self) -> str:
        """Return why nothing is measured; empty where something is."""
        scenario = self._cohort.scenario
        if METHODS[scenario].exchanges == "predictions":
            return "" if scenario in BY_ROW else _BY_LABEL
        return _OWN_PARTS if scenario in ("fedper", "fedrep", "own_scaling") else ""

    def measure(self, round_: int, state: Any, judge: JudgedSums) -> None:
        """Take note of what each party brought to a round; state: the coordinator's, after it.

        Where too few parties were left to be weighed, nobody brought anything.
        """
        if self.unmeasured or not self._due(round_):
            return
        found = np.zeros(len(self._names))
        if judge.valued is not None and any(judge.valued.weights.values()):
            found[self._places(judge.valued.weights)] = self._by_products(judge.valued)
        elif judge.weighed is not None and judge.weighed.weights.any():
            by_row = self._validators is None
            try:
                brought = self._by_row(state, judge.weighed) if by_row else self._by_weight(judge.weighed)
            except PartyError:  # a coalition's model has no finite loss: the round brought nothing
                brought = np.zeros(len(judge.weighed.names))
            found[self._places(judge.weighed.names)] = brought
        self.rounds.append(round_)
        self.values.append(found.tolist())

    def take_back(self, round_: int) -> None:
        """Let rounds after this one count for nothing: their model was not adopted."""
        for place, measured in enumerate(self.rounds):
            if measured > round_:
                self.values[place] = [0.0] * len(self._names)

    def _places(self, names: Iterable[str]) -> list[int]:
        return [self._names.index(name) for name in names]

    # --- changes of weights ------------------------------------------------------------------------------

    def _by_weight(self, weighed: Weighed) -> Floats:
        """Return (good,) values from models, or from products with the validators' gradients."""
        assert self._validators is not None
        owners = [
            weighed.names.index(one) if one in weighed.names else None for one in self._validators.owners
        ]
        terms = weighed.terms()  # (good, dim)
        if self._reward.measure == "shapley":
            game = Game(weighed.common(), terms, partial(self._validators.losses, weighed.ask.shared))
            return marked_by_others(self._shapley(game, int(weighed.ask.round)), owners)
        targets = self._validators.downhill(weighed.ask.shared)  # (validators, dim)
        table = table_of(np.concatenate([terms, targets]))
        return self._scores(table, np.ones(len(terms)), owners)

    def _by_products(self, valued: Valued) -> Floats:
        """Return (good,) scores from what three servers found."""
        names = list(valued.weights)
        table, validators = valued.table()
        owners = [names.index(one) if one in names else None for one in validators]
        return self._scores(table, np.array(list(valued.weights.values())), owners)

    def _scores(self, table: Table, weights: Floats, owners: Sequence[int | None]) -> Floats:
        """Return (parties,) scores by the others' directions; table: of the parties, then of these."""
        rows, whole = np.arange(len(weights), table.parties), weights.sum()
        found = []
        for row in rows:
            one = table.without(rows[rows != row].tolist())  # of the parties and one direction
            if self._reward.measure == "quadratic":
                bowl = gradient_scores.at_step(one, weights)
                found.append(whole**2 * gradient_scores.quadratic(bowl, weights))
            else:
                found.append(whole * gradient_scores.first_order(one, weights))
        return marked_by_others(np.stack(found), owners)  # of the step itself: scores are of shares of it

    def _directions(self, ask: Ask) -> dict[str, NDArray[np.float64]]:
        """Return the direction that each validator holds, in rounds that are measured."""
        assert self._validators is not None
        if ask.opening or not self._due(int(ask.round)):
            return {}
        found = self._validators.downhill(ask.shared).astype(np.float64)  # (validators, dim)
        return dict(zip(self._validators.owners, found, strict=True))

    def _due(self, round_: int) -> bool:
        return (round_ - 1) % self._reward.every == 0

    def _shapley(self, game: Game, round_: int) -> Floats:
        """Return (validators, good) Shapley values, exact where parties are few."""
        parties = len(game.terms)
        if parties <= MOST_EXACT:
            return exact(game.utilities().T)
        assert self._validators is not None
        known: dict[int, Floats] = {}

        def utility(validator: int, masks: Sequence[int]) -> Floats:
            new = [mask for mask in masks if mask not in known]
            known.update(zip(new, game.utility(new), strict=True) if new else ())
            return np.array([known[mask][validator] for mask in masks])

        found = []
        for validator in range(len(self._validators.owners)):  # the same orders for all: few models besides
            rng = seeds.generator(self._cohort.charter.seed, "coalitions", round_)
            found.append(estimated(parties, partial(utility, validator), _A_PARTY * parties, rng).values)
        return np.stack(found)

    # --- predictions of shared rows ----------------------------------------------------------------------

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
                found.append(-loss_of(own, rows, self._cohort.charter.task))
            return np.array(found)

        if len(seen) <= MOST_EXACT:
            return exact(utility(range(1 << len(seen))))
        rng = seeds.generator(self._cohort.charter.seed, "coalitions", int(weighed.ask.round))
        return estimated(len(seen), utility, _A_PARTY * len(seen), rng).values

    @property
    def _scored(self) -> bool:
        """Return whether values are scores from products, and not of models or predictions."""
        return self._reward.measure != "shapley" and self._validators is not None

    def _voices(self, group: Sequence[str], verdicts: Sequence[Verdict]) -> int:
        """Return how many parties' parts copies had together in most rounds: one, where they counted once."""
        same = [one.figures.get("same", 1.0) > 1.0 for one in verdicts if one.party == group[0]]
        once = 2 * sum(same) > len(same)
        return max(1, len(group) - self._cohort.charter.defence.bad) if once else len(group)

    # --- what is paid -----------------------------------------------------------------------------------

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
        shares = shares_of(np.array(self.values), seeds.generator(self._cohort.charter.seed, "intervals"))
        copies = [one["parties"] for one in findings if one["kind"] == "copies"]
        groups = [self._places(group) for group in copies]
        owed = shares.by("mean" if self._reward.pays == "mean" else "lower")  # (parties,)
        for group, places in zip(copies, groups, strict=True):
            owed[places] *= len(group) / self._voices(group, verdicts)
        paid = payment(owed, self._reward.credits, groups)
        each = zip(self._names, shares.mean, shares.lower, shares.upper, paid.credits, strict=True)
        return {
            "rounds": list(self.rounds),
            "values": self.values,
            "parties": {
                name: {"share": float(mean), "lower": float(low), "upper": float(high), "credits": credits}
                for name, mean, low, high, credits in each
            },
            "why": paid.why,
            **({"note": gradient_scores.NOT_MEASURED} if self._scored else {}),
        }

    # --- what an interrupted run goes on with --------------------------------------------------------------

    def snapshot(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return plain values from which `restore` goes on; there are no arrays."""
        return {}, {"rounds": list(self.rounds), "values": [list(one) for one in self.values]}

    def restore(self, kept: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Go on where a snapshot was taken."""
        del kept
        self.rounds, self.values = list(values["rounds"]), [list(one) for one in values["values"]]
