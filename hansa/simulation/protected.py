"""The sums of one scenario under the secrecy that its charter asks for, with all nodes in one process.

The nodes are the machines of `hansa.protection`, and every message between them is carried as bytes: what a
deployed coordinator would see is what this process hands to its coordinator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest
from hansa.core.errors import AbortedError, CharterError, MessageError
from hansa.core.messages import Ask, Terms, Totals
from hansa.crypto.masks import Words
from hansa.crypto.signing import Source
from hansa.protection import packing
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.fixed_point import FixedPoint
from hansa.protection.occasion import Occasion
from hansa.protection.shared_form import SharedForm
from hansa.protection.shared_sketch import LEAST_SIZE
from hansa.runtime.sums import Sums
from hansa.simulation import encrypted_sums, shared_sums
from hansa.simulation.masked_sums import masked_sum
from hansa.simulation.nodes import Broker, Nodes, delivered, enrolled
from hansa.simulation.shared_sums import Rule

Floats = NDArray[np.float64]

VALIDATING = " (validating)"
"""What a party's name as a validator ends with, in a sum that values what the others brought."""


@dataclass(frozen=True, slots=True)
class _Level:
    """How words are summed under one level of secrecy."""

    servers: Sequence[str]
    summed: Callable[[Nodes, Occasion, Mapping[str, Words], Broker], tuple[Words, tuple[str, ...]]]


_LEVELS = {
    "masked": _Level((COORDINATOR,), masked_sum),
    "shared": _Level(shared_sums.SERVERS, shared_sums.plain_sum),
    "encrypted": _Level(encrypted_sums.SERVERS, encrypted_sums.encrypted_sum),
}


class Meter:
    """Carries messages, and weighs those of the first sum of each kind: later ones are as long."""

    def __init__(self, names: Sequence[str]) -> None:
        """Take the parties."""
        self._names = names
        self._known: dict[str, dict[str, list[int]]] = {}  # kind to party to bytes up and down

    def carrier(self, kind: str) -> Broker:
        """Return who carries the messages of a sum."""
        if kind in self._known:
            return delivered
        found = self._known[kind] = {name: [0, 0] for name in self._names}

        def weighed(step: str, node: str, message: bytes) -> bytes:
            _, _, to = step.partition("result for ")
            if to in found or (node in found and step.startswith("ask ")):
                found[to or node][1] += len(message)
            elif node in found:
                found[node][0] += len(message)
            return message

        return weighed

    def bytes_of(self, party: str, kinds: Sequence[str]) -> tuple[int, int]:
        """Return how many bytes a party sends and gets for one sum of each kind, as a validator too."""
        known = [self._known[kind] for kind in kinds if kind in self._known]
        found = [one[name] for one in known for name in (party, party + VALIDATING) if name in one]
        return sum(up for up, _ in found), sum(down for _, down in found)


class ProtectedSums:
    """What a coordinator learns of its parties: sums, and what the level says."""

    def __init__(self, charter: Charter, scenario: str, names: Sequence[str], source: Source) -> None:
        """Enrol the parties of a scenario; source: of keys and masks."""
        self._charter = charter
        self._sums = Sums(charter, scenario, len(names))
        self._level = _LEVELS[charter.secrecy]
        self._cohort = charter.protection.cohort  # parties that a cell needs
        task = f"{charter_digest(charter)} {scenario}"
        self.nodes = enrolled(names, task, source, self._level.servers)
        self._valuing = self.nodes  # of sums with products
        if charter.secrecy == "shared" and charter.reward.measure != "none":
            twins = [*names, *(name + VALIDATING for name in names)]
            self._valuing = enrolled(twins, f"{task} valued", source, self._level.servers)
        self.meter = Meter(self._valuing.names)
        self._asked = 0  # sums

    def enough(self, kind: str, has: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """Return (cells,) where as many parties as a cohort have a cell; has: (cells,) of each party."""
        terms = [own.astype(np.float64) for own in has]
        return self._statistic(f"support of {kind}", terms, "") > self._cohort - 0.5

    def statistics(self, kind: str, terms: Sequence[Floats]) -> Floats:
        """Return (numbers,) the sum of what parties add to cells that enough of them have.

        terms: (numbers,) each, up to MOST; what `enough` of this kind does not tell of is 0.
        """
        return self._statistic(kind, terms, f"support of {kind}")

    def totals(
        self,
        ask: Ask,
        terms: Mapping[str, Terms],
        weigh: Rule | None = None,
        beside: Mapping[str, Floats] | None = None,
    ) -> Totals:
        """Return the weighted sums of the terms of those who answer.

        weigh: a rule over the products of updates, in place of stated weights; three servers compute them for
        updates of LEAST_SIZE numbers or more alone. beside: by party, the vector that it holds as a
        validator, which is multiplied by all updates, under its name and VALIDATING, and is in no sum.
        Raises CharterError for a rule where there are no products.
        """
        why, like = self._sums.of_ask(ask), next(iter(terms.values()))
        if self._sums.has_products(why, packing.size(like)):
            return self._with_products(why | {"unchanging": False}, terms, weigh, beside or {})
        if weigh is not None:
            raise CharterError(
                f"a rule needs products of updates, and those of {packing.size(like)} numbers tell them",
                do=f'let the network have {LEAST_SIZE} numbers, or write secrecy = "open"',
                where="defence",
            )
        rows = {name: packing.weighed(own, self._sums.most, name) for name, own in terms.items()}
        return packing.totals(self._opened(why, self._sums.form, rows), self._sums.most, like)

    def _with_products(
        self,
        why: Mapping[str, Any],
        terms: Mapping[str, Terms],
        weigh: Rule | None,
        beside: Mapping[str, Floats],
    ) -> Totals:
        """Return sums over three servers, who see weights: the largest are cut to a cohort's part."""
        like = next(iter(terms.values()))
        most, numbers = float(self._charter.protection.most_rows), packing.size(like)
        weights = {name: packing.whole_weight(own, most, name) for name, own in terms.items()}
        counted = [name for name in terms if weights[name]]
        rows = {name: (packing.flat(terms[name].values, name), weights[name]) for name in counted}
        if not rows:  # nobody counts for anything: there is no sum
            return packing.totals(np.zeros(1 + numbers), 1.0, like)
        if len(rows) < self._cohort:
            raise AbortedError(
                f"{len(rows)} parties count for anything, and a sum is over {self._cohort}",
                do='give parties rows to learn from, or write secrecy = "masked"',
                where=str(why["kind"]),
            )
        norm = self._charter.protection.norm or 2.0 * math.sqrt(numbers)
        rows |= {name + VALIDATING: (vector, 0) for name, vector in beside.items()}
        nodes = self._valuing
        occasion = self._occasion(why, SharedForm(len(nodes.names), norm), numbers, nodes)
        with self._faults_raised(nodes, judged=weigh is not None):
            found = shared_sums.shared_sum(
                nodes, occasion, rows, self.meter.carrier(occasion.kind), weigh=weigh
            )
        return packing.totals(np.append(sum(found.weights.values()), found.total), 1.0, like)

    def _statistic(self, kind: str, terms: Sequence[Floats], cells: str) -> Floats:
        why = self._sums.of_statistic(kind, cells)
        return self._opened(why, self._sums.statistic_form, dict(zip(self.nodes.names, terms, strict=True)))

    def _opened(self, why: Mapping[str, Any], form: FixedPoint, rows: Mapping[str, Floats]) -> Floats:
        """Return (numbers,) the sum of the parties' rows; raises what any node found fault with."""
        for name, row in rows.items():
            packing.check_within(row, form.clip, name)
        words = {name: form.encoded(row) for name, row in rows.items()}
        occasion = self._occasion(why, form, len(next(iter(words.values()))), self.nodes)
        with self._faults_raised(self.nodes):
            total, _ = self._level.summed(self.nodes, occasion, words, self.meter.carrier(occasion.kind))
        return form.decoded(total)

    def _occasion(
        self, why: Mapping[str, Any], form: FixedPoint | SharedForm, size: int, nodes: Nodes
    ) -> Occasion:
        self._asked += 1
        digest = nodes.roster.digest
        return Occasion(roster=digest, number=self._asked, form=form, size=size, cohort=self._cohort, **why)

    @contextmanager
    def _faults_raised(self, nodes: Nodes, *, judged: bool = False) -> Iterator[None]:
        """Raise the first thing that any node found fault with: in one process nobody drops out by chance.

        judged: whether who was thrown out of a sum gets a verdict, and the run goes on.
        """
        try:
            yield
        except AbortedError as ended:
            raise (ended if judged else (nodes.trouble or [ended])[0]) from ended
        if judged:
            nodes.trouble[:] = [one for one in nodes.trouble if not isinstance(one, MessageError)]
        for fault in nodes.trouble:
            raise fault
