"""The sums of one scenario whose parties are judged: what arrives is checked, compared and weighed.

Parties commit to their updates and then show them, as separate machines will: a message is bytes, and what is
no update of the round is out of it. Under shared secrecy three servers check, and know distances alone.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.core import arrays
from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest
from hansa.core.defences import DEFENCES
from hansa.core.errors import AbortedError
from hansa.core.messages import Ask, Terms, Totals
from hansa.core.methods import METHODS
from hansa.judging import defence
from hansa.judging.arrival import SALT_BYTES, Arrivals, Bounds, Flaw, Update, commitment
from hansa.judging.judge import Judge
from hansa.judging.table import Table, table_of, table_of_products
from hansa.judging.verdicts import CHECKS, Verdict
from hansa.protection import packing
from hansa.protection.shared_form import capped
from hansa.protection.shared_products import Table as Products
from hansa.simulation.protected import ProtectedSums
from hansa.simulation.views import view_of
from hansa.transport.memory import frame

Tamper = Callable[[Ask, Mapping[str, Terms]], Mapping[str, Terms]]
"""What bad parties make of everybody's terms, which some attacks know: the terms that are sent."""
Numbers = NDArray[np.float32]

_PARTS = 1 << 20  # a weight of a shared sum is so many parts of all


@dataclass(slots=True)
class _Memory:
    """What judging remembers from round to round."""

    seen: dict[str, set[bytes]] = field(default_factory=dict)  # digests of each party's messages
    summed: dict[str, Numbers] = field(default_factory=dict)  # (dim,) each party's updates, added over rounds
    last: dict[str, NDArray[Any]] = field(default_factory=dict)  # the last totals' arrays, by name


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
        self._charter, self._scenario, self._sums, self._tamper = charter, scenario, sums, tamper
        self._judge = Judge(charter.defence, CHECKS[charter.secrecy])
        self._task = f"{charter_digest(charter)} {scenario}"
        self._memory = _Memory()
        self.verdicts: list[Verdict] = []
        self.kept: list[int] = []  # rounds in which too few were left, so that the last model stayed

    def totals(self, ask: Ask, terms: Mapping[str, Terms]) -> Totals:
        """Return the sums over those who answer an ask, each weighed as the charter's rule says."""
        sent = self._tamper(ask, terms) if self._tamper else terms
        if self._charter.defence.rule == "none":
            return _added(sent)
        like = next(iter(terms.values()))
        judged = self._shown if self._sums is None else self._hidden
        totals = judged(ask, like, sent)
        if totals is None:
            self.kept.append(int(ask.round))
            return self._as_it_was(like)
        if METHODS[self._scenario].exchanges == "predictions":
            self._memory.last = arrays.flatten(totals)
        return totals

    def _as_it_was(self, like: Terms) -> Totals:
        """Return totals that leave everything as it was: the last predictions, or no change of weights."""
        nothing = Totals(jax.tree.map(np.zeros_like, like.values), jnp.zeros(()))
        return arrays.restore(nothing, self._memory.last) if self._memory.last else nothing

    # --- updates that members show ---------------------------------------------------------------------

    def _shown(self, ask: Ask, like: Terms, sent: Mapping[str, Terms]) -> Totals | None:
        updates, flaws = self._arrived(ask, like, sent)
        if not updates:
            self.verdicts += self._judge.flawed(int(ask.round), flaws)
            return None
        names = list(updates)
        view = view_of(self._scenario, ask, like.values, np.stack([one.values for one in updates.values()]))
        filled = view.filled()  # (parties, dim)
        stated = {name: update.weight for name, update in updates.items()}
        judged = self._judge.judged(
            int(ask.round), stated, table_of(filled), flaws, self._since_the_start(names, filled)
        )
        self.verdicts += judged.verdicts
        if not judged.weights:
            return None
        good = [names.index(name) for name in judged.weights]
        view, filled = view.of(good), filled[good]
        scale = self._scale([stated[name] for name in judged.weights])
        weights = scale * np.array(list(judged.weights.values()))  # (good,)
        rule = self._charter.defence
        number_by_number = DEFENCES[rule.rule].needs == "updates"
        common = defence.aggregate(rule.rule, filled, rule.bad) if number_by_number else None  # (dim,)
        found = view.summed(weights, common)  # (numbers,)
        return Totals(
            packing.shaped(found.astype(np.float64), like.values), jax.device_put(np.float32(scale))
        )

    def _arrived(
        self, ask: Ask, like: Terms, sent: Mapping[str, Terms]
    ) -> tuple[dict[str, Update], dict[str, Flaw]]:
        """Return the updates that are such, and what is wrong with the other messages, by party."""
        schema = {name: (leaf.shape, leaf.dtype) for name, leaf in arrays.flatten(like).items()}
        most = float(self._charter.protection.most_rows)
        bounds = Bounds(self._task, schema, self._charter.protection.norm or math.inf, most)
        round_ = int(ask.round)
        arrivals = Arrivals(bounds, round_, self._memory.seen)
        shown = {}
        for name, terms in sent.items():
            salt, message = os.urandom(SALT_BYTES), frame(terms)
            shown[name] = salt, message
            digest = hashlib.sha256(message).digest()
            arrivals.commit(name, commitment(self._task, round_, name, salt, digest))
        updates: dict[str, Update] = {}
        flaws: dict[str, Flaw] = {}
        for name, (salt, message) in shown.items():
            found = arrivals.reveal(name, salt, message)
            if isinstance(found, Flaw):
                flaws[name] = found
            else:
                updates[name] = found
                self._memory.seen.setdefault(name, set()).add(found.digest)
        return updates, flaws

    def _since_the_start(self, names: list[str], filled: Numbers) -> Table | None:
        """Return the table of all rounds' updates together, where the rule looks at it."""
        if not DEFENCES[self._charter.defence.rule].remembers:
            return None
        summed = self._memory.summed
        for name, own in zip(names, filled, strict=True):
            summed[name] = summed[name] + own if name in summed else own.copy()  # (dim,)
        return table_of([summed[name] for name in names])

    def _scale(self, stated: Sequence[float]) -> float:
        """Return what all weights together are written as: rows, or parties where these count alike."""
        by_weight = METHODS[self._scenario].exchanges == "weights"
        return float(max(sum(stated), 1.0)) if by_weight else float(len(stated))

    # --- updates that three servers hold ---------------------------------------------------------------

    def _hidden(self, ask: Ask, like: Terms, sent: Mapping[str, Terms]) -> Totals | None:
        del like
        assert self._sums is not None
        cohort, counted_for = self._charter.protection.cohort, [1.0]

        def weigh(products: Products) -> Mapping[str, int]:
            stated = dict(zip(products.names, map(float, products.stated), strict=True))
            flaws = {
                name: Flaw("length", "the servers threw it out, or it has no rows")
                for name in sent
                if name not in stated
            }
            judged = self._judge.judged(int(ask.round), stated, table_of_products(products.gram), flaws, None)
            self.verdicts += judged.verdicts
            counted_for[0] = sum(judged.weights.values())  # what lacks to 1 counts for no change
            counted = {name: round(_PARTS * weight) for name, weight in judged.weights.items()}
            if sum(weight > 0 for weight in counted.values()) < cohort:
                raise _TooFewError("too few parties are left", do="see their verdicts", where="defence")
            return capped(counted, Fraction(1, cohort))

        try:
            totals = self._sums.totals(ask, sent, weigh)
            return Totals(totals.values, totals.weight / np.float32(counted_for[0]))
        except _TooFewError:
            return None

    # --- what an interrupted run goes on with ------------------------------------------------------------

    def snapshot(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return arrays and plain values from which `restore` goes on to the same bits."""
        memory = self._memory
        kept = {f"summed/{name}": one for name, one in memory.summed.items()}
        kept |= {f"last/{name}": leaf for name, leaf in memory.last.items()}
        seen = {name: sorted(one.hex() for one in found) for name, found in memory.seen.items()}
        verdicts = [verdict.value() for verdict in self.verdicts]
        return kept, {"seen": seen, "verdicts": verdicts, "kept": list(self.kept)}

    def restore(self, kept: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Go on where a snapshot was taken."""
        memory = self._memory
        memory.summed = {name: one for place, name, one in _parted(kept) if place == "summed"}
        memory.last = {name: one for place, name, one in _parted(kept) if place == "last"}
        memory.seen = {name: set(map(bytes.fromhex, found)) for name, found in values["seen"].items()}
        self.verdicts = [Verdict.of(one) for one in values["verdicts"]]
        self.kept = list(values["kept"])


def _parted(kept: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, str, NDArray[Any]]]:
    for whole, one in kept.items():
        place, _, name = whole.partition("/")
        yield place, name, one


class _TooFewError(AbortedError):
    """Raised where the rule leaves too few parties for a sum."""


def _added(sent: Mapping[str, Terms]) -> Totals:
    """Return the plain weighted sums."""
    weights = [one.weight for one in sent.values()]
    return Totals(
        arrays.weighted_sum([one.values for one in sent.values()], weights), sum(weights[1:], weights[0])
    )
