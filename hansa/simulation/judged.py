"""The sums of one simulated scenario whose parties are judged, with all of them in one process.

Members that show their updates commit to them first, as separate machines do. Under shared secrecy three
servers check, and know distances alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from hansa.core import arrays
from hansa.core.charter import Charter
from hansa.core.errors import AbortedError
from hansa.core.messages import Ask, Terms, Totals
from hansa.judging.arrival import SALT_BYTES, Flaw, Update, commitment, digest_of
from hansa.judging.judge import Judged
from hansa.judging.table import Table, table_of_products
from hansa.protection.shared_form import capped
from hansa.protection.shared_products import Table as Products
from hansa.runtime.judged import Floats, JudgedRounds, schema_of
from hansa.runtime.remembered import table_of_some
from hansa.simulation.protected import VALIDATING, ProtectedSums

Tamper = Callable[[Ask, Mapping[str, Terms]], Mapping[str, Terms]]
"""What bad parties make of everybody's terms, which some attacks know: the terms that are sent."""

_THROWN_OUT = "the servers threw it out, or it has no rows"
_PARTS = 1 << 20  # a weight of a shared sum is so many parts of all


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


class JudgedSums(JudgedRounds):
    """What a coordinator that judges makes of its parties' terms: sums by a rule, and verdicts."""

    def __init__(
        self,
        charter: Charter,
        scenario: str,
        sums: ProtectedSums | None = None,
        tamper: Tamper | None = None,
    ) -> None:
        """Take the sums of shared secrecy, or none where members show their updates; tamper: a red team's."""
        super().__init__(charter, scenario)
        self._sums, self._tamper = sums, tamper
        self.targets: Callable[[Ask], Mapping[str, Floats]] | None = None  # of validators, where nobody does
        self.valued: Valued | None = None  # what servers found of the last round's updates and these

    def totals(self, ask: Ask, terms: Mapping[str, Terms]) -> Totals:
        """Return the sums over those who answer an ask, each weighed as the charter's rule says."""
        sent = self._tamper(ask, terms) if self._tamper else terms
        if self._charter.defence.rule == "none":
            return _added(sent)
        like = next(iter(terms.values()))
        if self._sums is None:
            return self.judged(ask, like, *self._arrived(ask, like, sent))
        self.valued = None
        totals = self._hidden(ask, sent)
        return self.as_it_was(ask, like) if totals is None else totals

    def _arrived(
        self, ask: Ask, like: Terms, sent: Mapping[str, Terms]
    ) -> tuple[dict[str, Update], dict[str, Flaw]]:
        """Return the updates that are such, and what is wrong with the other messages, by party."""
        names, arrivals, round_ = list(schema_of(like)), self.arrivals(ask, like), int(ask.round)
        shown = {}
        for name, terms in sent.items():
            salt, own = os.urandom(SALT_BYTES), _named(names, terms)
            shown[name] = salt, own
            arrivals.commit(name, commitment(self.task, round_, name, salt, digest_of(own)))
        updates: dict[str, Update] = {}
        flaws: dict[str, Flaw] = {}
        for name, (salt, own) in shown.items():
            found = arrivals.reveal(name, salt, own)
            if isinstance(found, Flaw):
                flaws[name] = found
            else:
                updates[name] = found
        return updates, flaws

    # --- updates that three servers hold ---------------------------------------------------------------

    def _hidden(self, ask: Ask, sent: Mapping[str, Terms]) -> Totals | None:
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


class _TooFewError(AbortedError):
    """Raised where the rule leaves too few parties for a sum."""


def _added(sent: Mapping[str, Terms]) -> Totals:
    """Return the plain weighted sums."""
    weights = [one.weight for one in sent.values()]
    return Totals(
        arrays.weighted_sum([one.values for one in sent.values()], weights), sum(weights[1:], weights[0])
    )
