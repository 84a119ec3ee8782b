"""What each rule against bad updates is: what it looks at, how many parties it needs, its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Defence:
    """One rule; of n parties it bears a number of bad ones."""

    title: str
    source: str
    needs: str = "table"  # table: distances between updates; updates: the updates themselves
    per_bad: int = 2  # it needs per_bad * bad + more parties
    more: int = 1
    one: bool = False  # whether it picks a single party's update
    trusted: bool = False  # whether it needs a party that all trust
    remembers: bool = False  # whether it looks at updates summed over rounds

    def least(self, bad: int) -> int:
        """Return how many parties it needs to bear so many bad ones."""
        return self.per_bad * bad + self.more


DEFENCES: Mapping[str, Defence] = {
    "mean": Defence("Mean", "McMahan et al., AISTATS 2017", per_bad=0),
    "geometric_median": Defence("Geometric median", "x"),
    "median": Defence("Median", "x", needs="updates"),
}
BEFORE = ("none", "nnm", "arc")
