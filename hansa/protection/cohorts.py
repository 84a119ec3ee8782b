"""Whose sums may be opened one after the other, where parties add the same to each of them.

What stays the same from sum to sum (a number of rows, a count) can be solved for: two sums whose cohorts
differ by one party tell what that one adds, and so do four whose cohorts differ by two in a circle.
"""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

Row = dict[str, Fraction]


def told_by_sums(cohorts: Collection[frozenset[str]]) -> str | None:
    """Return a party whose own addend the sums over these cohorts tell, or None: solved exactly."""
    solved: dict[str, Row] = {}  # by the party that no other row has
    for cohort in cohorts:
        _solve(solved, {name: Fraction(1) for name in sorted(cohort)})
    return next((name for name, row in solved.items() if len(row) == 1), None)


def _solve(solved: dict[str, Row], row: Row) -> None:
    """Add an equation to those solved; each has one party that no other has."""
    for name, other in solved.items():
        if name in row:
            row = _less(row, other, row[name])
    if not row:
        return
    lead = next(iter(row))
    row = {name: value / row[lead] for name, value in row.items()}
    for name, other in solved.items():
        if lead in other:
            solved[name] = _less(other, row, other[lead])
    solved[lead] = row


def _less(row: Row, other: Row, times: Fraction) -> Row:
    """Return row - times * other, without what vanishes."""
    names = dict.fromkeys((*row, *other))
    found = {name: row.get(name, Fraction(0)) - times * other.get(name, Fraction(0)) for name in names}
    return {name: value for name, value in found.items() if value}
