"""Rounds of one scenario whose parties are judged: what arrives is checked, compared and weighed.

Parties commit to their updates and then show them, and what is no update of the round is out of it. Who
carries commitments and updates is another's business: a simulation, or the coordinator of separate machines.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.core import arrays
from hansa.core.charter import Charter, DefenceChoice
from hansa.core.charter_digest import charter_digest
from hansa.core.defences import DEFENCES
from hansa.core.messages import Ask, Terms, Totals
from hansa.core.methods import METHODS
from hansa.judging import defence
from hansa.judging.arrival import Arrivals, Bounds, Flaw, Schema, Update
from hansa.judging.judge import Judge
from hansa.judging.table import table_of
from hansa.judging.verdicts import CHECKS
from hansa.runtime.remembered import Remembered
from hansa.runtime.views import View, view_of

Numbers = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """What the updates of a round counted for, for those who value what each party brought."""

    ask: Ask
    names: list[str]  # of those who counted
    view: View  # of theirs
    weights: Floats  # (names,), of sum 1 at most

    def terms(self) -> Numbers:
        """Return (names, dim) what each party added to the common model."""
        numbers = self.view.numbers  # (names, dim)
        parts = self.weights.astype(np.float32)[:, None]  # (names, 1)
        if self.view.has is None:
            return parts * numbers
        own = parts * self.view.has  # (names, dim), of those that have a number
        shares = np.divide(own, own.sum(axis=0), out=np.zeros_like(own), where=own > 0)  # (names, dim)
        return np.where(self.view.has, numbers, np.float32(0.0)) * shares


class JudgedRounds:
    """The charter's rule over updates that members show, and what it remembers from round to round."""

    def __init__(self, charter: Charter, scenario: str) -> None:
        """Begin before the first round."""
        self.task = task_of(charter, scenario)
        if charter.judges and charter.defence.rule == "none":  # checked, and weighed by rows
            charter = replace(charter, defence=DefenceChoice("mean"))
        self._charter, self._scenario = charter, scenario
        self.checks = CHECKS[charter.secrecy]
        self._judge = Judge(charter.defence, self.checks)
        self.memory = Remembered(tuple(party.name for party in charter.roster))
        self.weighed: Weighed | None = None  # the last round's updates, where members show them

    @property
    def _by_weight(self) -> bool:
        """Return whether updates are changes of weights; predictions may stay the same, and count 1."""
        return METHODS[self._scenario].exchanges == "weights"

    def arrivals(self, ask: Ask, like: Terms) -> Arrivals:
        """Return what takes the commitments and the updates of a round; like: their shape."""
        most = float(self._charter.protection.most_rows) if self._by_weight else 1.0
        bounds = Bounds(self.task, schema_of(like), self._charter.protection.norm or math.inf, most)
        return Arrivals(bounds, int(ask.round), self.memory.seen if self._by_weight else {})

    def judged(
        self, ask: Ask, like: Terms, updates: Mapping[str, Update], flaws: Mapping[str, Flaw]
    ) -> Totals:
        """Return the sums over a round's updates, each weighed as the rule says.

        flaws: what is wrong with the messages of others. Where too few are left, the last model stays.
        """
        self.weighed = None
        for name, update in updates.items():
            self.memory.seen.setdefault(name, set()).add(update.digest)
        totals = self._weighed(ask, like, updates, flaws)
        return self.as_it_was(ask, like) if totals is None else totals

    def as_it_was(self, ask: Ask, like: Terms) -> Totals:
        """Return totals that change nothing: the predictions that were sent out, or no change of weights."""
        self.memory.kept.append(int(ask.round))
        if METHODS[self._scenario].exchanges == "predictions" and not ask.opening:
            return Totals(ask.shared, jnp.zeros(()))
        return Totals(jax.tree.map(jnp.zeros_like, like.values), jnp.zeros(()))

    def _weighed(
        self, ask: Ask, like: Terms, updates: Mapping[str, Update], flaws: Mapping[str, Flaw]
    ) -> Totals | None:
        if not updates:
            self.memory.verdicts += self._judge.flawed(int(ask.round), flaws)
            return None
        names = list(updates)
        view = view_of(self._scenario, ask, like.values, _stacked(list(updates.values())))
        filled = view.filled()  # (parties, dim)
        stated = {name: update.weight for name, update in updates.items()}
        shown = dict(zip(names, filled, strict=True))
        summed = self.memory.add_up(shown) if DEFENCES[self._charter.defence.rule].remembers else None
        judged = self._judge.judged(int(ask.round), stated, table_of(filled), flaws, summed)
        self.memory.verdicts += judged.verdicts
        if self._by_weight:
            self.memory.keep_table(shown, judged.weights)
        if not judged.weights:
            return None
        good = [names.index(name) for name in judged.weights]
        view, weights = view.of(good), np.array(list(judged.weights.values()))  # (good,)
        self.weighed = Weighed(ask, list(judged.weights), view, weights)
        scale = self._scale([stated[name] for name in judged.weights])
        rule = self._charter.defence
        common = None  # (dim,) where the rule works number by number
        if DEFENCES[rule.rule].needs == "updates":
            sources = np.asarray(judged.once, np.float32) @ filled[good]  # (sources, dim)
            common = defence.aggregate(rule.rule, rule.before, sources, judged.bad)
        found = view.summed(scale * weights, common)  # (numbers,)
        whole: Any = np.float32(scale)  # NumPy's, as the values are
        return Totals(_shaped(found, like.values), whole)

    def _scale(self, stated: Sequence[float]) -> float:
        """Return what all weights together are written as: rows, or parties where these count alike."""
        return float(max(sum(stated), 1.0)) if self._by_weight else float(len(stated))


def task_of(charter: Charter, scenario: str) -> str:
    """Return what a commitment is good for: a charter's scenario."""
    return f"{charter_digest(charter)} {scenario}"


def schema_of(like: Terms) -> Schema:
    """Return the arrays that a party's update has."""
    return {name: (leaf.shape, leaf.dtype) for name, leaf in arrays.flatten(like).items()}


def _shaped(numbers: Numbers, like: Any) -> Any:
    """Return (numbers,) as a tree of the shape of `like`; compiled code takes NumPy's arrays as they are."""
    leaves, structure = jax.tree.flatten(like)
    made, start = [], 0
    for leaf in leaves:
        made.append(numbers[start : start + leaf.size].reshape(leaf.shape))
        start += leaf.size
    return jax.tree.unflatten(structure, made)


def _stacked(updates: Sequence[Update]) -> Numbers:
    """Return (updates, numbers)."""
    rows = np.empty((len(updates), updates[0].size), np.float32)  # (updates, numbers)
    for row, update in zip(rows, updates, strict=True):
        update.into(row)
    return rows
