"""The sums of one scenario whose parties are judged: what arrives is checked, compared and weighed.

Parties commit to their updates and then show them, as separate machines will, and what is no update of the
round is out of it. Under shared secrecy three servers check, and know distances alone.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.core import arrays
from hansa.core.charter import Charter, DefenceChoice
from hansa.core.charter_digest import charter_digest
from hansa.core.defences import DEFENCES
from hansa.core.errors import AbortedError
from hansa.core.messages import Ask, Terms, Totals
from hansa.core.methods import METHODS
from hansa.judging import defence
from hansa.judging.arrival import SALT_BYTES, Arrivals, Bounds, Flaw, Update, commitment, digest_of
from hansa.judging.judge import Judge, Judged
from hansa.judging.table import Table, table_of, table_of_products
from hansa.judging.verdicts import CHECKS
from hansa.protection.shared_form import capped
from hansa.protection.shared_products import Table as Products
from hansa.simulation.protected import VALIDATING, ProtectedSums
from hansa.simulation.remembered import Remembered, table_of_some
from hansa.simulation.views import View, view_of

Tamper = Callable[[Ask, Mapping[str, Terms]], Mapping[str, Terms]]
"""What bad parties make of everybody's terms, which some attacks know: the terms that are sent."""
Numbers = NDArray[np.float32]
Floats = NDArray[np.float64]

_THROWN_OUT = "the servers threw it out, or it has no rows"
_PARTS = 1 << 20  # a weight of a shared sum is so many parts of all


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

    def common(self) -> Numbers:
        """Return (dim,) the common model before the round."""
        leaves = jax.tree.leaves(self.ask.shared)
        return np.concatenate([np.asarray(leaf, np.float32).reshape(-1) for leaf in leaves])


@dataclass(frozen=True, slots=True, eq=False)
class Valued:
    """What three servers found of a round: products of updates and of the directions that validators hold."""

    products: Products
    weights: Mapping[str, float]  # of the parties that counted

    def table(self) -> tuple[Table, list[str]]:
        """Return the table of the parties that counted, then of the directions, and whose these are."""
        names = self.products.names
        owners = [name.removesuffix(VALIDATING) for name in names if name.endswith(VALIDATING)]
        chosen = [names.index(name) for name in (*self.weights, *(one + VALIDATING for one in owners))]
        return table_of_products(self.products.gram[np.ix_(chosen, chosen)]), owners


class JudgedSums:
    """What a coordinator that judges makes of its parties' terms: sums by a rule, and verdicts."""

    def __init__(
        self,
        charter: Charter,
        scenario: str,
        sums: ProtectedSums | None = None,
        tamper: Tamper | None = None,
    ) -> None:
        """Take the sums of shared secrecy, or none where members show their updates; tamper: a red team's."""
        if charter.judges and charter.defence.rule == "none":  # checked, and weighed by rows
            charter = replace(charter, defence=DefenceChoice("mean"))
        self._charter, self._scenario, self._sums, self._tamper = charter, scenario, sums, tamper
        self.checks = CHECKS[charter.secrecy]
        self._judge = Judge(charter.defence, self.checks)
        self._task = f"{charter_digest(charter)} {scenario}"
        self.memory = Remembered(tuple(party.name for party in charter.roster))
        self.weighed: Weighed | None = None  # the last round's updates, where members show them
        self.targets: Callable[[Ask], Mapping[str, Floats]] | None = None  # of validators, where nobody does
        self.valued: Valued | None = None  # what servers found of the last round's updates and these

    def totals(self, ask: Ask, terms: Mapping[str, Terms]) -> Totals:
        """Return the sums over those who answer an ask, each weighed as the charter's rule says."""
        sent = self._tamper(ask, terms) if self._tamper else terms
        if self._charter.defence.rule == "none":
            return _added(sent)
        like = next(iter(terms.values()))
        self.weighed = self.valued = None
        judged = self._shown if self._sums is None else self._hidden
        totals = judged(ask, like, sent)
        if totals is None:
            self.memory.kept.append(int(ask.round))
            return self._as_it_was(ask, like)
        return totals

    def _as_it_was(self, ask: Ask, like: Terms) -> Totals:
        """Return totals that change nothing: the predictions that were sent out, or no change of weights."""
        if METHODS[self._scenario].exchanges == "predictions" and not ask.opening:
            return Totals(ask.shared, jnp.zeros(()))
        return Totals(jax.tree.map(jnp.zeros_like, like.values), jnp.zeros(()))

    # --- updates that members show ---------------------------------------------------------------------

    def _shown(self, ask: Ask, like: Terms, sent: Mapping[str, Terms]) -> Totals | None:
        updates, flaws = self._arrived(ask, like, sent)
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
        if METHODS[self._scenario].exchanges == "weights":
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

    def _arrived(
        self, ask: Ask, like: Terms, sent: Mapping[str, Terms]
    ) -> tuple[dict[str, Update], dict[str, Flaw]]:
        """Return the updates that are such, and what is wrong with the other messages, by party."""
        schema = {name: (leaf.shape, leaf.dtype) for name, leaf in arrays.flatten(like).items()}
        changes = METHODS[self._scenario].exchanges == "weights"  # predictions may stay the same, and count 1
        most = float(self._charter.protection.most_rows) if changes else 1.0
        bounds = Bounds(self._task, schema, self._charter.protection.norm or math.inf, most)
        round_ = int(ask.round)
        arrivals = Arrivals(bounds, round_, self.memory.seen if changes else {})
        shown = {}
        for name, terms in sent.items():
            salt, own = os.urandom(SALT_BYTES), _named(schema, terms)
            shown[name] = salt, own
            arrivals.commit(name, commitment(self._task, round_, name, salt, digest_of(own)))
        updates: dict[str, Update] = {}
        flaws: dict[str, Flaw] = {}
        for name, (salt, own) in shown.items():
            found = arrivals.reveal(name, salt, own)
            if isinstance(found, Flaw):
                flaws[name] = found
            else:
                updates[name] = found
                self.memory.seen.setdefault(name, set()).add(found.digest)
        return updates, flaws

    def _scale(self, stated: Sequence[float]) -> float:
        """Return what all weights together are written as: rows, or parties where these count alike."""
        by_weight = METHODS[self._scenario].exchanges == "weights"
        return float(max(sum(stated), 1.0)) if by_weight else float(len(stated))

    # --- updates that three servers hold ---------------------------------------------------------------

    def _hidden(self, ask: Ask, like: Terms, sent: Mapping[str, Terms]) -> Totals | None:
        del like
        assert self._sums is not None
        counted_for = [1.0]  # what the weights sum to; what lacks counts for no change

        def weigh(products: Products) -> Mapping[str, int]:
            judged = self._judged_by(products, int(ask.round), list(sent))
            counted_for[0] = sum(judged.weights.values())
            counted = {name: round(_PARTS * weight) for name, weight in judged.weights.items()}
            cohort = self._charter.protection.cohort
            if sum(weight > 0 for weight in counted.values()) < cohort:
                raise _TooFewError("too few parties are left", do="see their verdicts", where="defence")
            return capped(counted, Fraction(1, cohort))

        try:
            totals = self._sums.totals(ask, sent, weigh, self.targets(ask) if self.targets else None)
        except _TooFewError:
            self.valued = None
            return None
        return Totals(totals.values, totals.weight / np.float32(counted_for[0]))

    def _judged_by(self, products: Products, round_: int, sent: Sequence[str]) -> Judged:
        """Return what each party counts for by the products that three servers found."""
        names = [name for name in products.names if not name.endswith(VALIDATING)]
        inside = [products.names.index(name) for name in names]
        gram = products.gram[np.ix_(inside, inside)]  # (parties, parties)
        stated = {name: float(products.stated[place]) for name, place in zip(names, inside, strict=True)}
        flaws = {name: Flaw("length", _THROWN_OUT) for name in sent if name not in stated}
        judged = self._judge.judged(round_, stated, table_of_products(gram), flaws, None)
        self.memory.verdicts += judged.verdicts
        self.memory.tables.append(table_of_products(table_of_some(sent, names, gram)))
        self.valued = Valued(products, judged.weights) if self.targets and judged.weights else None
        return judged


def _named(names: Collection[str], terms: Terms) -> dict[str, NDArray[Any]]:
    """Return the arrays of a party's terms by the round's names; where it has other parts, by its own."""
    leaves = jax.tree.leaves(terms)
    if len(leaves) != len(names):
        return arrays.flatten(terms)
    return {name: np.asarray(leaf) for name, leaf in zip(names, leaves, strict=True)}


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


class _TooFewError(AbortedError):
    """Raised where the rule leaves too few parties for a sum."""


def _added(sent: Mapping[str, Terms]) -> Totals:
    """Return the plain weighted sums."""
    weights = [one.weight for one in sent.values()]
    return Totals(
        arrays.weighted_sum([one.values for one in sent.values()], weights), sum(weights[1:], weights[0])
    )
