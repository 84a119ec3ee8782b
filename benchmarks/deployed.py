"""The rows of the topic `deployed`: companies on their own machines."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import deployed_flower, deployed_kills, deployed_many, deployed_rounds, deployed_run
from benchmarks.measure import Row


def rows() -> Iterator[Row]:
    """Yield every row; three quarters of an hour, most of it runs that are killed."""
    yield from deployed_rounds.rows()
    yield from deployed_run.rows()
    yield from deployed_many.rows()
    yield from deployed_flower.rows(deployed_rounds.fast_round())
    yield from deployed_kills.rows()
