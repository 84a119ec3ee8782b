"""The rows about judging and paying: rules, whole runs, contributions, attacks, and the ledger."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import judge_attacks, judge_ledger, judge_rules, judge_runs, judge_shares
from benchmarks.measure import Row


def rows() -> Iterator[Row]:
    """Yield every row; half an hour."""
    for part in (judge_rules, judge_runs, judge_shares, judge_attacks, judge_ledger):
        yield from part.rows()
