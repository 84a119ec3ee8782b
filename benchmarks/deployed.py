"""The rows of the topic `deployed`: companies on their own machines."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import deployed_many, deployed_rounds, deployed_run
from benchmarks.measure import Row


def rows() -> Iterator[Row]:
    """Yield every row."""
    yield from deployed_rounds.rows()
    yield from deployed_run.rows()
    yield from deployed_many.rows()
