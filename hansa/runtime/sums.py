"""What each sum of a scenario is for, and how its numbers are written: both sides know it from the charter.

A party makes the occasion of a sum by itself, from what it is asked; nobody tells it what it takes part in.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from hansa.algorithms.statistics import MOST
from hansa.core.charter import MOST_SUMMED, Charter
from hansa.core.framing import frame
from hansa.core.messages import Ask, Terms
from hansa.core.methods import BY_ROW, METHODS
from hansa.crypto.lattice import WIDTH
from hansa.protection import packing
from hansa.protection.fixed_point import FixedPoint
from hansa.protection.occasion import Occasion
from hansa.protection.shared_form import SharedForm
from hansa.protection.shared_sketch import LEAST_SIZE

Floats = NDArray[np.float64]

CLIP = {64: 2.0**20, 56: 2.0**12, 32: 8.0}
"""The largest number in a party's term, by the bits of a word: what is larger left training long ago."""

ROWS: Mapping[str, int] = {"statistics": 3, "products": 2}
"""Numbers of each cell of a kind of statistics: count, sum and sum of squares; count and sum."""

_SUPPORT = "support of "
_ROWS = "rows"
"""What terms of several kinds hold, unchanged: how many rows a party has."""

_WIDTHS = {"masked": 64, "shared": 64, "encrypted": WIDTH}
_STATISTIC_BITS = 192


def is_statistic(value: Any, size: int) -> TypeGuard[Floats]:
    """Return whether a value is (size,) numbers that a sum of statistics may hold, or add up to."""
    return (
        isinstance(value, np.ndarray)
        and value.dtype == np.float64
        and value.shape == (size,)
        and bool((np.abs(value) <= MOST_SUMMED * MOST).all())  # what is no number is not
    )


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """What one party adds to a sum."""

    row: Floats  # (numbers,), or (1 + numbers,) with its weight first
    numbers: int
    weight: int = 1  # that servers multiply its shares by


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of one scenario."""

    charter: Charter
    scenario: str
    parties: int

    @property
    def weighed(self) -> bool:
        """Return whether parties count for different weights: their rows."""
        return METHODS[self.scenario].exchanges == "weights"

    @property
    def most(self) -> float:
        """Return what a party may count for."""
        return float(self.charter.protection.most_rows) if self.weighed else 1.0

    def form_of(self, why: Mapping[str, Any]) -> FixedPoint:
        """Return how the numbers of a sum without products are written; why: what it is for."""
        return self.form if why["model"] else self.statistic_form

    def occasion(self, roster: bytes, why: Mapping[str, Any], number: int, numbers: int) -> Occasion:
        """Return the occasion of a sum; number: of its first step. numbers: of a term, its weight apart."""
        named: dict[str, Any] = {"roster": roster, "number": number, **why}
        named["cohort"] = self.charter.protection.cohort
        if self.has_products(why, numbers):
            norm = self.charter.protection.norm or 2.0 * math.sqrt(numbers)
            named |= {"unchanging": False, "form": SharedForm(self.parties, norm), "size": numbers}
        else:
            form = self.form_of(why)
            named |= {"form": form, "size": (numbers + bool(why["model"])) * form.words}
        return Occasion(**named)

    def has_products(self, why: Mapping[str, Any], numbers: int) -> bool:
        """Return whether three servers multiply the vectors of a sum: not those that tell who has what."""
        alike = self.weighed and bool(why["model"]) and not why["cells"]
        return self.charter.secrecy == "shared" and alike and numbers >= LEAST_SIZE

    def term_of(self, why: Mapping[str, Any], terms: Terms, name: str) -> Term:
        """Return what a party adds to a sum; raises PartyError for what no sum can hold."""
        numbers = packing.size(terms)
        if self.has_products(why, numbers):
            weight = packing.whole_weight(terms, self.most, name)
            return Term(packing.flat(terms.values, name), numbers, weight)
        return Term(self.row(terms, name), numbers)

    @property
    def statistic_form(self) -> FixedPoint:
        """Return how statistics are written."""
        width = _WIDTHS[self.charter.secrecy]
        return FixedPoint(self.parties, MOST, width, -(-_STATISTIC_BITS // width))

    @property
    def form(self) -> FixedPoint:
        """Return how the numbers of terms are written."""
        masked = self.charter.secrecy == "masked"
        width = self.charter.protection.width if masked else _WIDTHS[self.charter.secrecy]
        return FixedPoint(self.parties, CLIP[width], width)

    def of_statistic(self, kind: str, cells: str) -> dict[str, Any]:
        """Return what a sum of statistics is for; cells: the kind that told which cells count."""
        same = _ROWS if cells else ""
        return {"kind": kind, "round": 0, "model": "", "unchanging": True, "same": same, "cells": cells}

    def of_kind(self, kind: str) -> dict[str, Any]:
        """Return what a sum of a kind of statistics, or of who has which of its cells, is for."""
        support = kind.startswith(_SUPPORT)
        return self.of_statistic(kind, "" if support else f"{_SUPPORT}{kind}")

    def of_ask(self, ask: Ask) -> dict[str, Any]:
        """Return what a sum of the answers to an ask is for."""
        model = hashlib.sha256(frame(ask)).hexdigest()
        return self.of_model(ask.opening or "training", int(ask.round), model)

    def of_model(self, kind: str, round_: int, model: str) -> dict[str, Any]:
        """Return what a sum of a kind of answers is for; model: the digest of what was asked."""
        cells = self.cells(kind)
        return {
            "kind": kind,
            "round": round_,
            "model": model,
            "unchanging": self.weighed or bool(cells) or kind == "support",
            "same": _ROWS if self.weighed else "",
            "cells": cells,
        }

    def cells(self, kind: str) -> str:
        """Return the kind of the sum that told which cells of a kind of terms count, if any did."""
        if METHODS[self.scenario].framed:
            return "support of statistics"
        by_label = METHODS[self.scenario].exchanges == "predictions" and self.scenario not in BY_ROW
        return "support" if by_label and kind != "support" else ""

    def row(self, terms: Terms, name: str) -> Floats:
        """Return (1 + numbers,) a party's term as one row; raises PartyError for what no sum can hold."""
        row = packing.weighed(terms, self.most, name)
        packing.check_within(row, self.form.clip, name)
        return row
