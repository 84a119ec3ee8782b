"""Speed of Algorithm 2: all maps of eight parties, 1,000,000 rows together."""

from __future__ import annotations

from typing import Any

import numpy as np

from hansa.algorithms.labsync import label_maps


def test_a_million_rows_of_eight_parties(benchmark: Any) -> None:
    """Measure all eight maps of 1,000,000 rows together."""
    rng = np.random.default_rng(0)
    labels = [rng.integers(0, 121, size=125_000) for _ in range(8)]
    maps = benchmark(label_maps, labels)
    assert [one.shape for one in maps] == [(125_000, 8)] * 8


def test_a_million_rows_in_each_of_eight_parties(benchmark: Any) -> None:
    """Measure all eight maps of 8,000,000 rows together."""
    rng = np.random.default_rng(0)
    labels = [rng.integers(0, 121, size=1_000_000) for _ in range(8)]
    maps = benchmark.pedantic(label_maps, (labels,), rounds=1)
    assert [one.shape for one in maps] == [(1_000_000, 8)] * 8
