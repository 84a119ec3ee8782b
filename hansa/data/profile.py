"""What one raw column holds: numbers, dates or text, how many are missing, and their spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hansa.data import cells
from hansa.data.fleet import Floats

MOST_VALUES = 20
"""A text column with more values than this is no category."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """One raw column, read as what it seems to hold."""

    name: str
    kind: str  # number, date, text, mixed (numbers with other cells between them) or empty
    values: Floats  # (rows,), numbers or seconds since 1970; NaN where missing and for text
    codes: NDArray[np.int64]  # (rows,), number of the value in order of appearance; -1 where missing
    listed: tuple[str, ...]  # the values of a text column, in order of appearance

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return len(self.codes)

    @property
    def missing(self) -> float:
        """Return the share of missing cells."""
        return float((self.codes < 0).mean())

    @property
    def distinct(self) -> int:
        """Return the number of values, the missing ones apart."""
        return int(self.codes.max(initial=-1)) + 1

    @property
    def complete(self) -> bool:
        """Return whether no cell is missing."""
        return self.missing == 0

    @property
    def whole(self) -> bool:
        """Return whether the column holds whole numbers only."""
        known = self.values[~np.isnan(self.values)]
        return self.kind == "number" and bool((known == np.round(known)).all())

    @property
    def flag(self) -> bool:
        """Return whether the column holds 0 and 1 only."""
        return self.kind == "number" and set(self.values[~np.isnan(self.values)]) <= {0.0, 1.0}

    def line(self) -> str:
        """Return the column's missing share, distinct values and spread, for a person."""
        parts = [f"{self.missing:.1%} missing", f"{self.distinct} distinct"]
        known = self.values[~np.isnan(self.values)]  # (known,)
        if self.kind == "number" and len(known):
            parts.append(f"min {known.min():.6g}, mean {known.mean():.6g}, max {known.max():.6g}")
        if self.kind == "date" and len(known):
            first, last = pd.to_datetime([known.min(), known.max()], unit="s")
            parts.append(f"from {first.isoformat()} to {last.isoformat()}")
        if self.kind in ("text", "mixed"):
            parts.append("text" if self.kind == "text" else "numbers and other cells")
        return ", ".join(parts)


def profile(name: str, column: pd.Series) -> Profile:
    """Return what a raw column holds; numbers with one other cell, or one in ten, are `mixed`."""
    kind, values = _kind(column)
    if kind in ("text", "mixed"):
        codes, listed = pd.factorize(cells.texts(column))
        return Profile(name, kind, values, codes.astype(np.int64), tuple(listed))
    codes, _ = pd.factorize(values)
    return Profile(name, kind, values, codes.astype(np.int64), ())


def _kind(column: pd.Series) -> tuple[str, Floats]:
    nothing = np.full(len(column), np.nan)  # (rows,)
    if cells.is_stamped(column):
        seconds, bad = cells.parsed_times(column)
        return ("text", nothing) if len(bad) else ("date", seconds)
    numbers, bad = cells.parsed_numbers(column)
    present = len(bad) + int((~np.isnan(numbers)).sum())
    wrong = len(bad) + int(np.isinf(numbers).sum())
    if not present:
        return "empty", nothing
    if not wrong:
        return "number", numbers
    few = wrong < 0.1 * present or (wrong == 1 and present > 2)
    return ("mixed" if few else "text"), nothing
