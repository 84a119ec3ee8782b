"""The sums of one scenario under the secrecy that its charter asks for, with all nodes in one process.

The nodes are the machines of `hansa.protection`, and every message between them is carried as bytes: what a
deployed coordinator would see is what this process hands to its coordinator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest
from hansa.core.messages import Ask, Terms, Totals
from hansa.core.methods import BY_ROW, METHODS
from hansa.crypto.signing import Source
from hansa.protection import packing
from hansa.protection.fixed_point import FixedPoint
from hansa.protection.occasion import Occasion
from hansa.simulation.masked_sums import masked_sum
from hansa.simulation.nodes import Broker, delivered, enrolled
from hansa.transport.memory import frame

Floats = NDArray[np.float64]

CLIP = {64: 2.0**20, 32: 8.0}
"""The largest number in a party's term, by the bits of a word: what is larger left training long ago."""

MOST = 2.0**100
"""The largest statistic: sums of squares of readings stay far below."""


class ProtectedSums:
    """What a coordinator learns of its parties: sums, and nothing else."""

    def __init__(self, charter: Charter, scenario: str, names: Sequence[str], source: Source) -> None:
        """Enrol the parties of a scenario; source: of keys and masks."""
        self._charter, self._scenario = charter, scenario
        self.cohort = charter.protection.cohort  # parties that a cell needs
        self.nodes = enrolled(names, f"{charter_digest(charter)} {scenario}", source)
        self.traffic: dict[str, dict[str, list[int]]] = {}  # kind to party to bytes up and down, of one sum
        self._asked = 0  # sums

    def enough(self, kind: str, has: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """Return (cells,) where as many parties as a cohort have a cell; has: (cells,) of each party."""
        form = FixedPoint(len(self.nodes.names), 1.0)
        support = self._statistic(f"support of {kind}", form, [own.astype(np.float64) for own in has], "")
        return support > self.cohort - 0.5

    def statistics(self, kind: str, terms: Sequence[Floats]) -> Floats:
        """Return (numbers,) the sum of what parties add to cells that enough of them have.

        terms: (numbers,) each, up to MOST; what `enough` of this kind does not tell of is 0.
        """
        form = FixedPoint(len(self.nodes.names), MOST, 64, 3)
        return self._statistic(kind, form, terms, f"support of {kind}")

    def totals(self, ask: Ask, terms: Mapping[str, Terms]) -> Totals:
        """Return the weighted sums of the terms of those who answer."""
        protection, method = self._charter.protection, METHODS[self._scenario]
        most = float(protection.most_rows) if method.exchanges == "weights" else 1.0
        form = FixedPoint(len(self.nodes.names), CLIP[protection.width], protection.width)
        rows = {name: packing.weighed(own, most, name) for name, own in terms.items()}
        kind, cells = ask.opening or "training", self._cells(ask)
        occasion = Occasion(
            roster=self.nodes.roster.digest,
            round=int(ask.round),
            number=self._next(),
            kind=kind,
            model=hashlib.sha256(frame(ask)).hexdigest(),
            form=form,
            size=form.words * len(next(iter(rows.values()))),
            cohort=self.cohort,
            unchanging=method.exchanges == "weights" or bool(cells) or kind == "support",
            cells=cells,
        )
        return packing.totals(self._opened(occasion, rows), most, next(iter(terms.values())))

    def bytes_of(self, party: str, kinds: Sequence[str]) -> tuple[int, int]:
        """Return how many bytes a party sends and gets for one sum of each kind; "" is training."""
        found = [self.traffic.get(kind or "training", {}).get(party, [0, 0]) for kind in kinds]
        return sum(up for up, _ in found), sum(down for _, down in found)

    def _cells(self, ask: Ask) -> str:
        """Return the kind of the sum that told which cells of these terms enough parties have, if any did."""
        if METHODS[self._scenario].framed:
            return "support of statistics"
        by_label = METHODS[self._scenario].exchanges == "predictions" and self._scenario not in BY_ROW
        return "support" if by_label and ask.opening != "support" else ""

    def _statistic(self, kind: str, form: FixedPoint, terms: Sequence[Floats], cells: str) -> Floats:
        occasion = Occasion(
            roster=self.nodes.roster.digest,
            round=0,
            number=self._next(),
            kind=kind,
            model="",
            form=form,
            size=form.words * len(terms[0]),
            cohort=self.cohort,
            unchanging=True,
            cells=cells,
        )
        return self._opened(occasion, dict(zip(self.nodes.names, terms, strict=True)))

    def _opened(self, occasion: Occasion, rows: Mapping[str, Floats]) -> Floats:
        """Return (numbers,) the sum of the parties' rows; raises what any node found fault with."""
        words = {name: occasion.form.encoded(row) for name, row in rows.items()}
        total, _ = masked_sum(self.nodes, occasion, words, self._weighing(occasion.kind))
        for fault in self.nodes.trouble:
            raise fault
        return occasion.form.decoded(total)

    def _weighing(self, kind: str) -> Broker:
        """Return who carries messages, and weighs those of a kind's first sum: later ones are as long."""
        if kind in self.traffic:
            return delivered
        found = self.traffic[kind] = {name: [0, 0] for name in self.nodes.names}

        def weighed(step: str, node: str, message: bytes) -> bytes:
            found[node][step.startswith("ask ")] += len(message)
            return message

        return weighed

    def _next(self) -> int:
        self._asked += 1
        return self._asked
